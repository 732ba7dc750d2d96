//! What the client remembers: the newest documents that were verified, and the
//! marks below which nothing is taken. Verified again each time it is read; a
//! damaged file is as good as none, because the stamp's own floors still hold
//! (reference/trust.md 2.7, F5).

use super::container::{Container, Holders, Stored};
use super::held::number;
use crate::schema::Error;
use crate::stamp::Stamped;
use offgrid_manifest::head::ChannelPin;
use offgrid_manifest::root::Floors;
use offgrid_manifest::verify::{self, Verified};
use offgrid_manifest::{Channel, Digest, Head, Id, Root, Time};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The root is asked for at least this often, in seconds.
const PROBE_AFTER: u64 = 24 * 3600;

/// What is on disk to remember from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// The bytes of `state/trust.json`.
    pub memory: Option<&'a [u8]>,
    /// The bytes of the live slot's `channel.json`.
    pub installed: Option<&'a [u8]>,
}

/// What the client remembers.
#[derive(Debug, Clone)]
pub struct Memory {
    /// The newest root.
    pub root: Verified<Root>,
    /// The digests of the stamped root and of every one after it.
    pub chain: Vec<Digest>,
    head: Option<Verified<Head>>,
    channels: BTreeMap<Id, Verified<Channel>>,
    pub(super) container: Container,
    /// What the stamp says; it holds for ever.
    stamped: Floors,
    /// What the installed release says; it falls with the keys that signed it.
    installed: Floors,
    /// When the program was stamped.
    since: Time,
}

impl Memory {
    /// What the stamp and the installed release alone know.
    fn fresh(stamped: &Stamped, installed: Option<&[u8]>) -> Memory {
        #[derive(Deserialize)]
        struct Mark {
            name: Id,
            version: u64,
        }
        let mut floors = Floors::default();
        // Verified when it was installed; a number in it can only raise a floor.
        let mark = installed.and_then(|bytes| serde_json::from_slice::<Mark>(bytes).ok());
        if let Some(Mark { name, version }) = mark {
            floors.channel.insert(name, version);
        }
        Memory {
            root: stamped.root.clone(),
            chain: vec![stamped.root.digest()],
            head: None,
            channels: BTreeMap::new(),
            container: Container::default(),
            stamped: stamped.stamp.floors.clone(),
            installed: floors,
            since: stamped.stamp.issued,
        }
    }

    /// Reads the file's bytes and verifies everything in them again. What cannot
    /// be believed is forgotten; whether something was is the second value.
    ///
    /// # Errors
    /// `E_SCHEMA` for a file of a newer program.
    pub(super) fn load(stamped: &Stamped, known: &Known<'_>) -> Result<(Memory, bool), Error> {
        let fresh = || Memory::fresh(stamped, known.installed);
        let Some(bytes) = known.memory else { return Ok((fresh(), false)) };
        let Some(container) = Container::read(bytes)? else { return Ok((fresh(), true)) };
        let mut memory = fresh();
        let good = memory.replay(container);
        Ok(if good { (memory, false) } else { (fresh(), true) })
    }

    /// Verifies stored documents from the stamped root on. Whether all roots were
    /// good; a head or channel of keys that are trusted no longer is dropped.
    fn replay(&mut self, container: Container) -> bool {
        let before = Holders::of(&self.root);
        self.container = container;
        for stored in std::mem::take(&mut self.container.roots) {
            let (document, signature) = stored.bytes();
            match verify::next_root(&self.root, document, signature) {
                Ok(next) => self.follow(next),
                // A newer program may be stamped with a later root than the first
                // of the stored ones.
                Err(_) if known(&self.root, document) => {}
                Err(_) => return false,
            }
        }
        let now = Holders::of(&self.root);
        if before.release != now.release {
            self.installed.channel.clear();
        }
        // A newer program may begin with a root that this state has never seen.
        if let Some(then) = self.container.holders.replace(now) {
            self.pass_on(&then);
        }
        let head = self.container.head.as_ref().and_then(|stored| {
            let (document, signature) = stored.bytes();
            verify::head(&self.root, document, signature).ok()
        });
        let Some(head) = head else { return true };
        for (name, stored) in &self.container.channels {
            let Some(pin) = head.channels.get(name) else { continue };
            let (document, signature) = stored.bytes();
            if let Ok(channel) = verify::channel(&self.root, name, pin, document, signature) {
                self.channels.insert(name.clone(), channel);
            }
        }
        self.head = Some(head);
        true
    }

    fn follow(&mut self, next: Verified<Root>) {
        self.container.roots.push(Stored::of(&next));
        self.chain.push(next.digest());
        self.root = next;
    }

    /// When a source was last asked for everything.
    pub(super) fn checked(&self) -> Option<Time> {
        (self.container.probed > 0).then(|| Time::from_unix(self.container.probed))
    }

    /// The time to compare with: the clock, but never earlier than a time that
    /// somebody signed. Only signed times raise it, so that a clock that once ran
    /// ahead locks nobody out (reference/trust.md finding 8, F4).
    pub(super) fn time(&self, clock: Time) -> Time {
        let issued = Time::from_unix(self.container.issued);
        clock.max(self.since).max(issued).max(self.root.issued)
    }

    /// The tag to ask with, when a "same as before" would end the check: the
    /// stored documents must be good and the root asked for within a day.
    pub(super) fn tag(&self, source: &str, now: Time, channel: &Id) -> Option<String> {
        let probed = Time::from_unix(self.container.probed);
        // A look at a time that is still to come was a clock that ran ahead.
        let due = now < probed || now > probed.plus(PROBE_AFTER);
        let head = self.head.as_ref()?;
        let stored = self.channels.get(channel)?;
        let usable = head.expires >= now && self.root.expires >= now;
        // A newer program or root may have brought floors above what is stored.
        let above =
            head.version >= self.head_mark() && stored.version >= self.channel_mark(channel);
        if due || !usable || !above {
            return None;
        }
        self.tag_of(source).cloned()
    }

    /// The tag by which a source last knew the stored head.
    pub(super) fn tag_of(&self, source: &str) -> Option<&String> {
        self.container.tags.get(source)
    }

    /// The stored head and channel.
    pub(super) fn stored(&self, channel: &Id) -> Option<(Verified<Head>, Verified<Channel>)> {
        Some((self.head.clone()?, self.channels.get(channel)?.clone()))
    }

    /// The stored head.
    pub(super) fn head(&self) -> Option<&Verified<Head>> {
        self.head.as_ref()
    }

    /// Every stored channel.
    pub(super) fn channels(&self) -> &BTreeMap<Id, Verified<Channel>> {
        &self.channels
    }

    /// The stored channel, when it is the one that a head pins.
    pub(super) fn pinned(&self, name: &Id, pin: &ChannelPin) -> Option<Verified<Channel>> {
        let stored = self.channels.get(name)?;
        let same = stored.version == pin.version && stored.digest() == pin.sha256;
        same.then(|| stored.clone())
    }

    /// The lowest head that is still taken: the highest of all that say so.
    pub(super) fn head_mark(&self) -> u64 {
        let all = [&self.container.marks, &self.stamped, &self.installed, &self.root.floors];
        all.iter().map(|floors| floors.head).max().unwrap_or(0)
    }

    /// The same of a channel.
    pub(super) fn channel_mark(&self, name: &Id) -> u64 {
        let all = [&self.container.marks, &self.stamped, &self.installed, &self.root.floors];
        all.iter().filter_map(|floors| floors.channel.get(name)).copied().max().unwrap_or(0)
    }

    /// Every name that has a mark or a floor.
    pub(super) fn marked(&self) -> impl Iterator<Item = &Id> {
        let all = [&self.container.marks, &self.stamped, &self.installed, &self.root.floors];
        all.into_iter().flat_map(|floors| floors.channel.keys())
    }

    /// Takes the next root. Marks of a role whose keys changed are dropped: that
    /// is how a depot recovers from a thief who counted ahead (A6). The root's own
    /// floors stand in for them.
    pub(super) fn advance(&mut self, next: Verified<Root>) {
        let then = Holders::of(&self.root);
        self.follow(next);
        // A threshold may have risen too: what is stored has to stand by itself.
        let head = self.head.take();
        self.head = head.filter(|h| verify::head(&self.root, h.bytes(), h.signature()).is_ok());
        let root = &self.root;
        let pins = self.head.as_ref().map(|head| head.channels.clone()).unwrap_or_default();
        self.channels.retain(|name, channel| {
            let pin = pins.get(name);
            let (bytes, signature) = (channel.bytes(), channel.signature());
            pin.is_some_and(|pin| verify::channel(root, name, pin, bytes, signature).is_ok())
        });
        self.container.holders = Some(Holders::of(&self.root));
        self.pass_on(&then);
    }

    /// Drops what was remembered of a role whose keys are not those of `then` any
    /// more.
    fn pass_on(&mut self, then: &Holders) {
        let now = Holders::of(&self.root);
        if then.head != now.head {
            self.container.marks.head = 0;
        }
        if then.release != now.release {
            self.container.marks.channel.clear();
            self.installed.channel.clear();
        }
        if *then != now {
            // A thief may have signed a time far ahead as well as a number.
            let times = self.channels.values().map(|channel| channel.issued);
            let times = times.chain(self.head.as_ref().map(|head| head.issued));
            self.container.issued = times.max().map_or(0, Time::unix);
        }
    }

    pub(super) fn probed(&mut self, now: Time) {
        self.container.probed = now.unix();
    }

    /// Takes in what was verified.
    pub(super) fn remember(
        &mut self,
        head: &Verified<Head>,
        channel: &Verified<Channel>,
        tags: BTreeMap<String, String>,
    ) {
        let container = &mut self.container;
        container.holders = Some(Holders::of(&self.root));
        container.marks.head = container.marks.head.max(head.version);
        let mark = container.marks.channel.entry(channel.name.clone()).or_default();
        *mark = (*mark).max(channel.version);
        // No further ahead than what the offline keys signed.
        let head_issued = head.issued.min(channel.expires).min(self.root.expires);
        let issued = [head_issued, channel.issued, self.root.issued].map(Time::unix);
        container.issued = issued.into_iter().fold(container.issued, u64::max);
        container.head = Some(Stored::of(head));
        container.channels.insert(channel.name.clone(), Stored::of(channel));
        container.tags = tags;
    }

    /// Keeps a head that has the number of another one.
    pub(super) fn testify(&mut self, head: &Verified<Head>) {
        self.container.testify(Stored::of(head));
    }

    /// How many such heads are kept.
    pub(super) fn evidence(&self) -> usize {
        self.container.evidence.len()
    }

    /// Whether this is worth writing: another document, mark or tag, or a day
    /// since the last look at the root.
    pub(super) fn differs(&self, other: &Memory) -> bool {
        self.container != other.container
    }

    /// The file's text.
    pub fn text(&self) -> String {
        self.container.written()
    }
}

/// Whether a stored root is one that the trusted root already replaced.
fn known(root: &Verified<Root>, document: &[u8]) -> bool {
    number(document).is_some_and(|old| old <= root.version)
}
