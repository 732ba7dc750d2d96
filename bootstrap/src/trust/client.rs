//! One refresh under way: the fixed order of reference/trust.md 2.3, steps 2 to 5.
//! Only roots are taken in before everything is right.

use super::heads::{self, Candidate, Shown, Tags};
use super::state::Memory;
use super::{Error, Inquiry, Staleness, Warning, signed};
use crate::error::Error as Any;
use crate::source::{Sources, Worst};
use offgrid_manifest::verify::{self, LARGE_MAX, SMALL_MAX, Verified};
use offgrid_manifest::{Channel, Head, Id, Time, layout};

/// How many roots may follow one another in one refresh (TUF 5.3.3).
const STEPS_MAX: u32 = 1024;

/// One refresh under way.
pub(super) struct Client<'a> {
    pub(super) inquiry: &'a Inquiry<'a>,
    pub(super) sources: &'a Sources,
    pub(super) now: Time,
    /// Grows by roots alone until everything is right.
    pub(super) memory: Memory,
    pub(super) walked: bool,
    pub(super) warnings: Vec<Warning>,
}

type Taken = (Verified<Head>, Verified<Channel>);

impl Client<'_> {
    /// Asks a few sources for their heads, and more of them until one has a head
    /// that is right to the end. One source that lies is no error while another
    /// one tells the truth (A10).
    pub(super) fn heads(&mut self, old: &Memory) -> Result<Taken, Any> {
        let Inquiry { channel, .. } = self.inquiry;
        let (sources, now) = (self.sources, self.now);
        let tag = |source: &str| old.tag(source, now, channel);
        let mut worst = Worst::default();
        let mut asked = 0;
        loop {
            let answers = sources.heads(layout::HEAD, SMALL_MAX, asked, &tag);
            if sources.stop().is_set() {
                return Err(crate::run::Error::Interrupted.into());
            }
            if answers.is_empty() {
                return Err(worst.into_error());
            }
            asked += answers.len();
            let known = old.stored(channel);
            if heads::all_same(&answers)
                && let Some((head, channel)) = known
            {
                self.check_root()?;
                self.expire(&channel, &head)?;
                return Ok((head, channel));
            }
            let found = heads::candidates(answers, old, &mut worst);
            if found.is_empty() {
                continue;
            }
            self.walk_roots()?;
            let heads = self.verified(found, &mut worst);
            self.compare(&heads);
            for Shown { source, head, tags } in heads {
                let digest = head.digest();
                match self.take(head) {
                    Ok((head, channel)) => {
                        // A source with another head of the same number has not this one.
                        let tags = if head.digest() == digest { tags } else { Tags::new() };
                        self.memory.probed(self.inquiry.clock);
                        self.memory.remember(&head, &channel, tags);
                        return Ok((head, channel));
                    }
                    Err(error) => {
                        sources.remark(format!("{source}: {error}"));
                        worst.add(error);
                    }
                }
            }
        }
    }

    /// Goes from root to root until there is no next one (A15).
    fn walk_roots(&mut self) -> Result<(), Any> {
        let steps = if self.walked { 0 } else { STEPS_MAX };
        for _ in 0..steps {
            let path = layout::root(self.memory.root.version + 1);
            let current = self.memory.root.clone();
            let next = self.sources.optional(&path, SMALL_MAX, |bytes| {
                signed(self.sources, &layout::signature(&path), |signature| {
                    Ok(verify::next_root(&current, &bytes, signature).map_err(|e| e.at(&path))?)
                })
            })?;
            match next {
                Some(next) => self.memory.advance(next),
                None => break,
            }
        }
        self.walked = true;
        // A time that was signed with a key that is called back now counts no longer.
        self.now = self.memory.time(self.inquiry.clock);
        self.check_root()
    }

    /// Whether the root may vouch for anything new.
    fn check_root(&self) -> Result<(), Any> {
        let root = &self.memory.root;
        if root.expires < self.now {
            return Err(Error::RootExpired { expires: root.expires, now: self.now }.into());
        }
        Ok(())
    }

    /// The heads that the trusted keys have signed, the newest first.
    fn verified(&self, found: Vec<Candidate>, worst: &mut Worst) -> Vec<Shown> {
        let mut heads: Vec<Shown> = Vec::new();
        for candidate in found {
            match candidate.verify(&self.memory, self.sources) {
                Ok(head) => {
                    let Candidate { source, tags, .. } = candidate;
                    heads.push(Shown { source, head, tags });
                }
                Err(error) => {
                    self.sources.remark(format!("{}: {error}", candidate.source));
                    worst.add(error);
                }
            }
        }
        heads.sort_by_key(|shown| std::cmp::Reverse(shown.head.version));
        heads
    }

    /// Everything that has to be right about a head, and its channel.
    fn take(&mut self, head: Verified<Head>) -> Result<Taken, Any> {
        let seen = self.memory.head_mark();
        if head.version < seen {
            let what = "head".to_owned();
            return Err(Error::Rollback { what, found: head.version, seen }.into());
        }
        let head = self.first_seen(head);
        let root = &self.memory.root;
        if head.root_version > root.version {
            let (wanted, have) = (head.root_version, root.version);
            return Err(Error::RootWithheld { wanted, have }.into());
        }
        let channel = self.channel(&head)?;
        let end = channel.expires.min(root.expires);
        self.expire(&channel, &head)?;
        // A thief of the head key may sign a time far ahead, so that every true head
        // would look expired; what the offline keys signed bounds how far. Whoever
        // accepts documents that have expired accepts a head over them.
        let Staleness { accepted, kit } = self.inquiry.stale;
        if head.issued > end && !accepted && !kit {
            let what = "what the head names".to_owned();
            return Err(Error::Frozen { what, expires: end, now: head.issued }.into());
        }
        Ok((head, channel))
    }

    /// Two heads of one version, from one source yesterday and today or from two
    /// sources: both are kept as evidence (A4, A17).
    fn compare(&mut self, heads: &[Shown]) {
        let all = || heads.iter().map(|shown| &shown.head);
        for head in all() {
            let first = all().find(|first| first.version == head.version);
            let stored = self.memory.head().filter(|stored| stored.version == head.version);
            if stored.or(first).is_none_or(|first| first.bytes() == head.bytes()) {
                continue;
            }
            let what = format!(
                "a source has another head {} than the one that was seen first; that one is \
                 kept. Somebody may be showing different people different releases",
                head.version
            );
            self.warnings.push(Warning { code: "W_EQUIVOCATION", what });
            self.memory.testify(head);
        }
    }

    /// Of two heads of one version the one that was seen first stays.
    fn first_seen(&self, head: Verified<Head>) -> Verified<Head> {
        let stored = self.memory.head().filter(|stored| stored.version == head.version);
        stored.cloned().unwrap_or(head)
    }

    fn channel(&self, head: &Head) -> Result<Verified<Channel>, Any> {
        let (name, memory) = (self.inquiry.channel, &self.memory);
        let Some(pin) = head.channels.get(name) else {
            let known: Vec<&str> = head.channels.keys().map(Id::as_str).collect();
            let known = known.join(", ");
            return Err(Error::NoChannel { name: name.to_string(), known }.into());
        };
        let seen = memory.channel_mark(name);
        if pin.version < seen {
            let what = format!("channel {name}");
            return Err(Error::Rollback { what, found: pin.version, seen }.into());
        }
        if let Some(stored) = memory.pinned(name, pin) {
            return Ok(stored);
        }
        let path = layout::channel(name, pin.version);
        self.sources.small(&path, LARGE_MAX, |bytes| {
            signed(self.sources, &layout::signature(&path), |signature| {
                let channel = verify::channel(&memory.root, name, pin, &bytes, signature);
                Ok(channel.map_err(|error| error.at(&path))?)
            })
        })
    }

    /// Refuses expired documents, or warns where that is allowed (DESIGN 4).
    fn expire(&mut self, channel: &Channel, head: &Head) -> Result<(), Error> {
        let (now, stale) = (self.now, self.inquiry.stale);
        let documents = [
            ("head".to_owned(), head.expires),
            (format!("channel {}", channel.name), channel.expires),
        ];
        for (what, expires) in documents {
            if expires >= now {
                continue;
            }
            if !stale.accepted && !stale.kit {
                return Err(Error::Frozen { what, expires, now });
            }
            let days = now.days_since(expires);
            let what = format!("{what} expired {days} days ago, on {expires}; there may be news");
            self.warnings.push(Warning { code: "W_STALE", what });
        }
        Ok(())
    }
}
