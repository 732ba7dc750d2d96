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
mod client;
mod container;
mod heads;
mod held;
mod refuse;
mod show;
mod state;

pub use choose::{Choice, Consent, Held, Wish, choose, notices};
pub use refuse::Error;
pub use show::{channel_of, may_return, remembered, show};
pub use state::{Known, Memory};

use crate::error::Error as Any;
use crate::source::Sources;
use crate::stamp::Stamped;
use client::Client;
use offgrid_manifest::verify::{self, LARGE_MAX, Verified};
use offgrid_manifest::{
    Channel, Head, Id, Parts, Pin, Release, Root, Time, Version, layout, release::Component,
};

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
            now: client.now,
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

/// Whether a program of this version may go on under this root. Apart from
/// [`refresh`], because an update first tries to bring a newer one.
///
/// # Errors
/// `E_SCHEMA`.
pub fn check_age(root: &Root, own: &Version) -> Result<(), Error> {
    if root.min_bootstrap > *own {
        return Err(Error::Outdated { needs: root.min_bootstrap.clone(), own: own.clone() });
    }
    Ok(())
}

/// Verifies a document by a signature file of any source: a source that has the
/// right document and a bad signature must not hide a good one. Where no source has
/// any, nobody signed it.
fn signed<T>(
    sources: &Sources,
    path: &str,
    check: impl Fn(&[u8]) -> Result<T, Any>,
) -> Result<T, Any> {
    let max = offgrid_manifest::signature::SIZE_MAX as u64;
    sources.there(path, max, |bytes| check(&bytes))?.ok_or_else(|| {
        let message = format!("{path}: there is no such signature");
        offgrid_manifest::Error::new(offgrid_manifest::Code::SigThreshold, message).into()
    })
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
