//! `state/trust.json`: the newest documents that were verified, with their
//! signatures, and the marks below which nothing is taken. Verified again each
//! time it is read; a damaged file is as good as none, because the stamp's own
//! floors still hold (reference/trust.md 2.7, F5).

use crate::stamp::Stamped;
use offgrid_manifest::root::Floors;
use offgrid_manifest::verify::{self, Verified};
use offgrid_manifest::{Channel, Code, Head, Id, Root, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The largest state file, in bytes.
pub(super) const SIZE_MAX: u64 = 16 * 1024 * 1024;
/// The root is asked for at least this often, in seconds.
const PROBE_AFTER: u64 = 24 * 3600;
const SCHEMA: u64 = 1;

/// A document as text with its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stored {
    document: String,
    signature: String,
}

/// The file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Container {
    schema: u64,
    /// Every root after the stamped one, in order.
    roots: Vec<Stored>,
    head: Option<Stored>,
    channels: BTreeMap<Id, Stored>,
    /// Marks; they only rise.
    marks: Floors,
    /// Newest signed time.
    issued: u64,
    /// When the next root was last asked for.
    probed: u64,
    /// By which tag which source knows the head.
    tags: BTreeMap<String, String>,
}

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
    head: Option<Verified<Head>>,
    channels: BTreeMap<Id, Verified<Channel>>,
    container: Container,
    floors: Floors,
}

fn store<T>(document: &Verified<T>) -> Stored {
    // Documents and signatures are JSON and base64: always text.
    Stored {
        document: String::from_utf8_lossy(document.bytes()).into_owned(),
        signature: String::from_utf8_lossy(document.signature()).into_owned(),
    }
}

impl Memory {
    /// What the stamp and the installed release alone know.
    fn fresh(stamped: &Stamped, installed: Option<&[u8]>) -> Memory {
        #[derive(Deserialize)]
        struct Mark {
            name: Id,
            version: u64,
        }
        let container = Container { schema: SCHEMA, ..Container::default() };
        let mut floors = stamped.stamp.floors.clone();
        // Verified when it was installed; a number in it can only raise a floor.
        let mark = installed.and_then(|bytes| serde_json::from_slice::<Mark>(bytes).ok());
        if let Some(Mark { name, version }) = mark {
            let floor = floors.channel.entry(name).or_default();
            *floor = (*floor).max(version);
        }
        Memory {
            root: stamped.root.clone(),
            head: None,
            channels: BTreeMap::new(),
            container,
            floors,
        }
    }

    /// Reads the file's bytes and verifies everything in them again. What cannot
    /// be believed is forgotten, and said so.
    ///
    /// # Errors
    /// `E_SCHEMA` for a file of a newer program: forgetting its marks would open
    /// the way back behind them.
    pub(super) fn load(
        stamped: &Stamped,
        known: &Known<'_>,
    ) -> Result<(Memory, Vec<String>), offgrid_manifest::Error> {
        #[derive(Deserialize)]
        struct Opening {
            schema: u64,
        }
        let mut memory = Memory::fresh(stamped, known.installed);
        let Some(bytes) = known.memory else { return Ok((memory, Vec::new())) };
        let forgotten = "the remembered trust state could not be read and was forgotten".to_owned();
        match serde_json::from_slice::<Opening>(bytes) {
            Ok(Opening { schema }) if schema > SCHEMA => {
                let message =
                    format!("trust.json has schema {schema}, this program knows {SCHEMA}");
                return Err(offgrid_manifest::Error::new(Code::Schema, message));
            }
            _ => {}
        }
        let Ok(container) = serde_json::from_slice::<Container>(bytes) else {
            return Ok((memory, vec![forgotten]));
        };
        if container.schema != SCHEMA || !memory.replay(&container) {
            return Ok((Memory::fresh(stamped, known.installed), vec![forgotten]));
        }
        memory.container = container;
        Ok((memory, Vec::new()))
    }

    /// Verifies stored documents from the stamped root on. Whether all were good.
    fn replay(&mut self, container: &Container) -> bool {
        for stored in &container.roots {
            let (document, signature) = (stored.document.as_bytes(), stored.signature.as_bytes());
            match verify::next_root(&self.root, document, signature) {
                Ok(next) => self.root = next,
                // A newer program may be stamped with a later root than the first
                // of the stored ones.
                Err(_) if known(&self.root, document) => {}
                Err(_) => return false,
            }
        }
        let Some(stored) = &container.head else { return true };
        let (document, signature) = (stored.document.as_bytes(), stored.signature.as_bytes());
        let Ok(head) = verify::head(&self.root, document, signature) else { return false };
        for (name, stored) in &container.channels {
            let Some(pin) = head.channels.get(name) else { continue };
            let (document, signature) = (stored.document.as_bytes(), stored.signature.as_bytes());
            if let Ok(channel) = verify::channel(&self.root, name, pin, document, signature) {
                self.channels.insert(name.clone(), channel);
            }
        }
        self.head = Some(head);
        true
    }

    /// When a source was last asked for everything.
    pub(super) fn checked(&self) -> Option<Time> {
        (self.container.probed > 0).then(|| Time::from_unix(self.container.probed))
    }

    /// The newest time that anybody signed.
    pub(super) fn newest_issued(&self) -> Time {
        Time::from_unix(self.container.issued).max(self.root.issued)
    }

    /// The tag to ask with, when a "same as before" would end the check: the
    /// stored head must be good and the root asked for within a day.
    pub(super) fn tag(&self, source: &str, now: Time, channel: &Id) -> Option<String> {
        let due = Time::from_unix(self.container.probed).plus(PROBE_AFTER);
        let usable = self.head.as_ref().is_some_and(|head| head.expires >= now);
        if !usable || now > due || !self.channels.contains_key(channel) {
            return None;
        }
        self.container.tags.get(source).cloned()
    }

    /// The stored head and channel.
    pub(super) fn stored(&self, channel: &Id) -> Option<(Verified<Head>, Verified<Channel>)> {
        Some((self.head.clone()?, self.channels.get(channel)?.clone()))
    }

    pub(super) fn stored_head(&self) -> Option<&Verified<Head>> {
        self.head.as_ref()
    }

    /// The lowest head that is still taken: the highest of all that say so.
    pub(super) fn head_mark(&self) -> u64 {
        self.container.marks.head.max(self.floors.head).max(self.root.floors.head)
    }

    /// The same of a channel.
    pub(super) fn channel_mark(&self, name: &Id) -> u64 {
        let all = [&self.container.marks, &self.floors, &self.root.floors];
        all.iter().filter_map(|floors| floors.channel.get(name)).copied().max().unwrap_or(0)
    }

    /// Takes the next root. Marks of a role whose keys changed are dropped: that
    /// is how a depot recovers from a thief who counted ahead (A6).
    pub(super) fn advance(&mut self, next: Verified<Root>) {
        let keys = |root: &Root, role: fn(&Root) -> &offgrid_manifest::Role| {
            let mut keys: Vec<[u8; 32]> =
                root.keys_of(role(root)).iter().map(|key| *key.raw()).collect();
            keys.sort_unstable();
            keys
        };
        if keys(&self.root, |root| &root.roles.head) != keys(&next, |root| &root.roles.head) {
            self.container.marks.head = 0;
            self.floors.head = 0;
            self.head = None;
        }
        if keys(&self.root, |root| &root.roles.release) != keys(&next, |root| &root.roles.release) {
            self.container.marks.channel.clear();
            self.floors.channel.clear();
            self.channels.clear();
        }
        self.container.roots.push(store(&next));
        self.root = next;
    }

    pub(super) fn probed(&mut self, now: Time) {
        self.container.probed = now.unix();
    }

    /// Takes in what was verified.
    pub(super) fn remember(
        &mut self,
        head: &Verified<Head>,
        channel: &Verified<Channel>,
        source: &str,
        tag: Option<String>,
    ) {
        let container = &mut self.container;
        container.marks.head = container.marks.head.max(head.version);
        let mark = container.marks.channel.entry(channel.name.clone()).or_default();
        *mark = (*mark).max(channel.version);
        let issued = [head.issued, channel.issued, self.root.issued].map(Time::unix);
        container.issued = issued.into_iter().fold(container.issued, u64::max);
        container.head = Some(store(head));
        container.channels.insert(channel.name.clone(), store(channel));
        match tag {
            Some(tag) => container.tags = [(source.to_owned(), tag)].into(),
            None => container.tags.clear(),
        }
    }

    /// Whether this is worth writing: another document, mark or tag, or a day
    /// since the last look at the root.
    pub(super) fn differs(&self, other: &Memory) -> bool {
        self.container != other.container
    }

    /// The file's text.
    pub fn text(&self) -> String {
        serde_json::to_string(&self.container).unwrap_or_default()
    }
}

/// Whether a stored root is one that the trusted root already replaced.
fn known(root: &Verified<Root>, document: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Opening {
        version: u64,
    }
    serde_json::from_slice::<Opening>(document).is_ok_and(|old| old.version <= root.version)
}
