//! The trust client: from sources that nobody believes to documents that were
//! verified, in the fixed order of reference/trust.md 2.3. It fetches and
//! checks; it writes nothing. What should be remembered is handed back as text,
//! for a run to write when everything else was right too.
//!
//! - [`refresh`]: root, head and channel as they are now
//! - [`choose`]: which release that means for this machine; pure
//! - [`release`], [`parts`]: the documents below the channel, by their pins
//! - [`show`]: what is remembered; nothing is fetched

mod choose;
mod container;
mod heads;
mod refuse;
mod show;
mod state;

pub use choose::{Choice, Consent, Held, Wish, choose, notices};
pub use refuse::Error;
pub use show::{remembered, show};
pub use state::{Known, Memory};

use crate::error::Error as Any;
use crate::source::{Sources, Worst};
use crate::stamp::Stamped;
use heads::{Candidate, Tags};
use offgrid_manifest::verify::{self, LARGE_MAX, SMALL_MAX, Verified};
use offgrid_manifest::{
    Channel, Head, Id, Parts, Pin, Release, Root, Time, Version, layout, release::Component,
};

/// How many roots may follow one another in one refresh (TUF 5.3.3).
const STEPS_MAX: u32 = 1024;

/// The largest remembered state, in bytes.
pub fn state_max() -> u64 {
    container::SIZE_MAX
}

/// How strict to be about the time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Staleness {
    /// `--accept-stale` was given.
    pub accepted: bool,
    /// A folder was named on the command line: expiry is a warning.
    pub kit: bool,
}

/// What a refresh begins with.
pub struct Inquiry<'a> {
    /// The root of trust.
    pub stamped: &'a Stamped,
    /// What is on disk.
    pub known: Known<'a>,
    /// Which channel.
    pub channel: &'a Id,
    /// How strict to be about the time.
    pub stale: Staleness,
    /// What this machine's clock says, once for the whole command.
    pub clock: Time,
}

/// What is trusted now.
#[derive(Debug, Clone)]
pub struct Trusted {
    /// The root.
    pub root: Verified<Root>,
    /// The head.
    pub head: Verified<Head>,
    /// The channel that was asked for.
    pub channel: Verified<Channel>,
    /// What to remember.
    pub memory: Memory,
    /// Whether that is something else than before.
    pub changed: bool,
    /// Whether what was remembered could not be believed and is to be kept aside.
    pub damaged: bool,
    /// The time that everything was compared with.
    pub now: Time,
    /// What people should know.
    pub warnings: Vec<Warning>,
}

/// Something that is not as it should be and stops nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// A stable name: `W_EQUIVOCATION` and so on.
    pub code: &'static str,
    /// In words.
    pub what: String,
}

/// Why nothing new is trusted.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub error: Box<Any>,
    /// Roots that were verified nevertheless, to be remembered: a key that was
    /// called back stays called back (reference/trust.md 2.3, step 2).
    pub learned: Option<Box<Learned>>,
}

/// What there is to remember in spite of a refusal.
#[derive(Debug)]
pub struct Learned {
    /// With the roots that were verified.
    pub memory: Memory,
    /// As [`Trusted::damaged`].
    pub damaged: bool,
}

impl<E: Into<Any>> From<E> for Refused {
    fn from(error: E) -> Refused {
        Refused { error: Box::new(error.into()), learned: None }
    }
}

/// Root, head and channel as they are now.
///
/// # Errors
/// Every E_ code of DESIGN 4 that the bytes or the time deserve.
pub fn refresh(inquiry: &Inquiry<'_>, sources: &Sources) -> Result<Trusted, Refused> {
    let (old, damaged) = Memory::load(inquiry.stamped, &inquiry.known)?;
    let now = old.time(inquiry.clock);
    let mut client = Client {
        inquiry,
        sources,
        now,
        memory: old.clone(),
        walked: false,
        warnings: old.remarks(damaged, inquiry.clock, now),
    };
    if let Some((_, channel)) = old.stored(inquiry.channel) {
        sources.learn(&channel.mirrors);
    }
    match client.heads(&old) {
        Ok((head, channel)) => Ok(Trusted {
            root: client.memory.root.clone(),
            head,
            channel,
            changed: damaged || client.memory.differs(&old),
            damaged,
            now,
            memory: client.memory,
            warnings: client.warnings,
        }),
        Err(error) => {
            let further = client.memory.root.version > old.root.version;
            let memory = client.memory;
            let learned = further.then(|| Box::new(Learned { memory, damaged }));
            Err(Refused { error: Box::new(error), learned })
        }
    }
}

/// One refresh under way.
struct Client<'a> {
    inquiry: &'a Inquiry<'a>,
    sources: &'a Sources,
    now: Time,
    /// Grows by roots alone until everything is right.
    memory: Memory,
    walked: bool,
    warnings: Vec<Warning>,
}

type Taken = (Verified<Head>, Verified<Channel>);

impl Client<'_> {
    /// Asks a few sources for their heads, and more of them until one has a head
    /// that is right to the end. One source that lies is no error while another
    /// one tells the truth (A10).
    fn heads(&mut self, old: &Memory) -> Result<Taken, Any> {
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
            for (head, tags) in self.verified(found, &mut worst) {
                let digest = head.digest();
                match self.take(head) {
                    Ok((head, channel)) => {
                        // A source with another head of the same number has not this one.
                        let tags = if head.digest() == digest { tags } else { Tags::new() };
                        self.memory.probed(self.inquiry.clock);
                        self.memory.remember(&head, &channel, tags);
                        return Ok((head, channel));
                    }
                    Err(error) => worst.add(error),
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
        self.check_root()
    }

    /// Whether the root may vouch for anything new, and this program may go on.
    fn check_root(&self) -> Result<(), Any> {
        let root = &self.memory.root;
        if root.expires < self.now {
            return Err(Error::RootExpired { expires: root.expires, now: self.now }.into());
        }
        let own: Version = env!("CARGO_PKG_VERSION").parse()?;
        if root.min_bootstrap > own {
            return Err(Error::Outdated { needs: root.min_bootstrap.clone(), own }.into());
        }
        Ok(())
    }

    /// The heads that the trusted keys have signed, the newest first.
    fn verified(&self, found: Vec<Candidate>, worst: &mut Worst) -> Vec<(Verified<Head>, Tags)> {
        let mut heads: Vec<(Verified<Head>, Tags)> = Vec::new();
        for candidate in found {
            match candidate.verify(&self.memory, self.sources) {
                Ok(head) => heads.push((head, candidate.tags)),
                Err(error) => worst.add(error),
            }
        }
        heads.sort_by_key(|(head, _)| std::cmp::Reverse(head.version));
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
        // A thief of the head key may sign a time far ahead, so that every true head
        // would look expired; what the offline keys signed bounds how far. Whoever
        // accepts documents that have expired accepts a head over them.
        let end = channel.expires.min(root.expires);
        let Staleness { accepted, kit } = self.inquiry.stale;
        if head.issued > end && !accepted && !kit {
            let what = "the documents under the head".to_owned();
            return Err(Error::Frozen { what, expires: end, now: head.issued }.into());
        }
        self.expire(&channel, &head)?;
        Ok((head, channel))
    }

    /// Two heads of one version: the one that was seen first stays, the other one
    /// is kept as evidence (A4, A17).
    fn first_seen(&mut self, head: Verified<Head>) -> Verified<Head> {
        let stored = self.memory.head().filter(|stored| stored.version == head.version).cloned();
        let Some(stored) = stored.filter(|stored| stored.bytes() != head.bytes()) else {
            return head;
        };
        let what = format!(
            "a source has another head {} than the one that was seen first; that one is kept. \
             Somebody may be showing different people different releases",
            head.version
        );
        self.warnings.push(Warning { code: "W_EQUIVOCATION", what });
        self.memory.testify(&head);
        stored
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

/// Verifies a document by a signature file of any source: a source that has the
/// right document and a bad signature must not hide a good one.
fn signed<T>(
    sources: &Sources,
    path: &str,
    check: impl Fn(&[u8]) -> Result<T, Any>,
) -> Result<T, Any> {
    sources.small(path, offgrid_manifest::signature::SIZE_MAX as u64, |bytes| check(&bytes))
}

/// A release by its pin in the channel.
///
/// # Errors
/// `E_HASH`, `E_SIG_THRESHOLD`, and those of a document.
pub fn release(
    trusted: &Trusted,
    sources: &Sources,
    version: &Version,
    pin: Pin,
) -> Result<Verified<Release>, Any> {
    let path = layout::release(version, &pin.sha256);
    sources.small(&path, LARGE_MAX, |bytes| {
        signed(sources, &layout::signature(&path), |signature| {
            let release = verify::release(&trusted.root, version, pin, &bytes, signature);
            Ok(release.map_err(|error| error.at(&path))?)
        })
    })
}

/// The parts of one component of a verified release.
///
/// # Errors
/// `E_HASH`, `E_TREE`, and those of a document.
pub fn parts(component: &Component, sources: &Sources) -> Result<Verified<Parts>, Any> {
    let path = layout::blob(&component.parts.sha256);
    sources.small(&path, LARGE_MAX, |bytes| {
        Ok(verify::parts(component, &bytes).map_err(|error| error.at(&path))?)
    })
}
