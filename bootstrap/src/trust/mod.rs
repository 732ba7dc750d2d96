//! The trust client: from sources that nobody believes to documents that were
//! verified, in the fixed order of reference/trust.md 2.3. It fetches and
//! checks; it writes nothing. What should be remembered is handed back as text,
//! for a run to write when everything else was right too.

mod refuse;
mod state;

pub use refuse::Error;
pub use state::{Known, Memory};

use crate::error::Error as Any;
use crate::source::{Fresh, Sources};
use crate::stamp::Stamped;
use offgrid_manifest::verify::{self, LARGE_MAX, SMALL_MAX, Verified};
use offgrid_manifest::{
    Channel, Code, Head, Id, Parts, Release, Root, Time, Version, layout, release::Component,
};

/// The largest remembered state, in bytes.
pub fn state_max() -> u64 {
    state::SIZE_MAX
}

/// What is remembered of a channel, for `status`; nothing is fetched.
///
/// # Errors
/// `E_SCHEMA` for the state of a newer program.
pub fn remembered(
    stamped: &Stamped,
    known: &Known<'_>,
    channel: &Id,
) -> Result<serde_json::Value, Any> {
    let (memory, _) = Memory::load(stamped, known)?;
    let stored = memory.stored(channel);
    let (head, channel) = stored.as_ref().map_or((None, None), |(h, c)| (Some(h), Some(c)));
    let expires = head.zip(channel).map(|(head, channel)| head.expires.min(channel.expires));
    Ok(serde_json::json!({
        "checked": memory.checked(),
        "trust": {
            "root": memory.root.version,
            "head": head.map(|head| head.version),
            "channel": channel.map(|channel| channel.version),
            "expires": expires,
        },
    }))
}

/// How strict to be about the time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Staleness {
    /// `--accept-stale` was given.
    pub accepted: bool,
    /// A folder was named on the command line: expiry is a warning.
    pub kit: bool,
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
    /// What people should know.
    pub warnings: Vec<String>,
}

/// Root, head and channel as they are now.
///
/// # Errors
/// Every E_ code of DESIGN 4 that the bytes or the time deserve.
pub fn refresh(
    stamped: &Stamped,
    known: &Known<'_>,
    sources: &Sources,
    channel: &Id,
    stale: Staleness,
    clock: Time,
) -> Result<Trusted, Any> {
    let (old, mut warnings) = Memory::load(stamped, known)?;
    // Only signed times raise the lower bound: a clock that once ran ahead must
    // not lock us out (reference/trust.md, finding 8).
    let now = clock.max(stamped.stamp.issued).max(old.newest_issued());
    let mut new = old.clone();
    let tag = old.tag(&sources.shown(), now, channel);
    // One source that lies is no error while another one tells the truth: each
    // answer is checked to its end before it is taken.
    let (head, document) = sources.head(layout::HEAD, SMALL_MAX, tag.as_deref(), |fresh| {
        new = old.clone();
        let (bytes, tag) = match fresh {
            Fresh::New(bytes, tag) => (bytes, tag),
            // Only asked for when both are there; see Memory::tag.
            Fresh::Same => {
                let (head, document) = old.stored(channel).ok_or(crate::source::Error::Nowhere)?;
                expire(&document, &head, stale, now, &mut warnings)?;
                return Ok((head, document));
            }
        };
        walk_roots(&mut new, sources)?;
        new.probed(now);
        if new.root.expires < now {
            return Err(Error::RootExpired { expires: new.root.expires, now }.into());
        }
        let head = take_head(&new, sources, bytes, &mut warnings)?;
        if head.root_version > new.root.version {
            let (wanted, have) = (head.root_version, new.root.version);
            return Err(Error::RootWithheld { wanted, have }.into());
        }
        let document = take_channel(&new, sources, channel, &head)?;
        expire(&document, &head, stale, now, &mut warnings)?;
        new.remember(&head, &document, &sources.shown(), tag);
        Ok((head, document))
    })?;
    let changed = new.differs(&old);
    Ok(Trusted { root: new.root.clone(), head, channel: document, memory: new, changed, warnings })
}

/// Goes from root to root until there is no next one (reference/trust.md A15).
fn walk_roots(memory: &mut Memory, sources: &Sources) -> Result<(), Any> {
    for _ in 0..1024 {
        let path = layout::root(memory.root.version + 1);
        let current = memory.root.clone();
        let next = sources.optional(&path, SMALL_MAX, |bytes| {
            signed(sources, &layout::signature(&path), |signature| {
                Ok(verify::next_root(&current, &bytes, signature).map_err(|e| e.at(&path))?)
            })
        })?;
        match next {
            Some(next) => memory.advance(next),
            None => break,
        }
    }
    Ok(())
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

fn take_head(
    memory: &Memory,
    sources: &Sources,
    bytes: Vec<u8>,
    warnings: &mut Vec<String>,
) -> Result<Verified<Head>, Any> {
    let path = layout::head_signature(&offgrid_manifest::Digest::of(&bytes));
    let head = signed(sources, &path, |signature| {
        let head = verify::head(&memory.root, &bytes, signature);
        Ok(head.map_err(|error| error.at(layout::HEAD))?)
    });
    let head = head.map_err(|error| match error {
        // The name of the signature is made from the head: without one, nobody
        // signed this head.
        Any::Source(crate::source::Error::Absent { .. }) => {
            let message = "head.json: there is no signature of this head";
            offgrid_manifest::Error::new(Code::SigThreshold, message).into()
        }
        other => other,
    })?;
    let seen = memory.head_mark();
    if head.version < seen {
        let what = "head".to_owned();
        return Err(Error::Rollback { what, found: head.version, seen }.into());
    }
    // Two heads of one version: the one that was seen first stays.
    match memory.stored_head() {
        Some(stored) if stored.version == head.version => {
            if stored.bytes() != head.bytes() {
                let what = "the source has another head";
                warnings.push(format!("{what} {}; the first one is kept", head.version));
            }
            Ok(stored.clone())
        }
        _ => Ok(head),
    }
}

fn take_channel(
    memory: &Memory,
    sources: &Sources,
    name: &Id,
    head: &Head,
) -> Result<Verified<Channel>, Any> {
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
    let path = layout::channel(name, pin.version);
    sources.small(&path, LARGE_MAX, |bytes| {
        signed(sources, &layout::signature(&path), |signature| {
            let channel = verify::channel(&memory.root, name, pin, &bytes, signature);
            Ok(channel.map_err(|error| error.at(&path))?)
        })
    })
}

/// Refuses expired documents, or warns where that is allowed (DESIGN 4).
fn expire(
    channel: &Channel,
    head: &Head,
    stale: Staleness,
    now: Time,
    warnings: &mut Vec<String>,
) -> Result<(), Error> {
    let documents =
        [("head".to_owned(), head.expires), (format!("channel {}", channel.name), channel.expires)];
    for (what, expires) in documents {
        if expires >= now {
            continue;
        }
        if !stale.accepted && !stale.kit {
            return Err(Error::Frozen { what, expires, now });
        }
        let days = now.days_since(expires);
        warnings.push(format!("{what} expired {days} days ago, on {expires}; there may be news"));
    }
    Ok(())
}

/// The release of this number, or the current one.
///
/// # Errors
/// `E_NOT_LISTED`, `E_YANKED`, and those of a document.
pub fn release(
    trusted: &Trusted,
    sources: &Sources,
    wanted: Option<&Version>,
) -> Result<Verified<Release>, Any> {
    let channel = &trusted.channel;
    let version = wanted.unwrap_or(&channel.current);
    let Some(pin) = channel.releases.get(version) else {
        let known: Vec<String> = channel.releases.keys().rev().map(Version::to_string).collect();
        let (channel, known) = (channel.name.to_string(), known.join(", "));
        return Err(Error::NotListed { version: version.clone(), channel, known }.into());
    };
    if let Some(yank) = channel.yanked.get(version) {
        let reason = yank.reason.escape_default().to_string();
        return Err(Error::Yanked { version: version.clone(), reason }.into());
    }
    let path = layout::release(version, &pin.sha256);
    sources.small(&path, LARGE_MAX, |bytes| {
        signed(sources, &layout::signature(&path), |signature| {
            let release = verify::release(&trusted.root, version, *pin, &bytes, signature);
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
