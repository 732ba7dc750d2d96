//! Signs documents and writes them, in the one order in which a depot may change:
//! signatures of releases and programs, the channel, install scripts, the head's
//! signature, the head. Each file is complete and durable before the next;
//! whatever fails, the old head stands and names a complete state.
//!
//! Decides nothing about what a document says; a signed document is never edited.

mod error;
mod head;
pub(crate) mod ready;
pub(crate) mod release;
pub(crate) mod scripts;

pub use error::Error;
pub use head::SignedHead;
pub(crate) use head::{next_head, write_head};

use crate::depot::{self, Depot, Lock};
use crate::keys::Keyring;
use crate::trust::State;
use offgrid_manifest::head::ChannelPin;
use offgrid_manifest::json::INTEGER_MAX;
use offgrid_manifest::{Channel, Digest, Id, Root, Time, Verified, Version, layout, signature};
use std::collections::BTreeMap;

const CHANNEL_DAYS: u64 = 180;
/// The channel that the install scripts follow where there is one.
pub(crate) const STABLE: &str = "stable";

/// What came out of a new channel document.
#[derive(Debug)]
pub struct Published {
    /// The channel.
    pub channel: Id,
    /// Its new version.
    pub channel_version: u64,
    /// The release that it offers.
    pub release: Version,
    /// The new head; `None` when it was left to somebody else.
    pub head: Option<SignedHead>,
    /// Remarks.
    pub notes: Vec<String>,
}

/// One command at work on a depot: nobody else writes meanwhile.
pub(crate) struct Session<'a> {
    pub(crate) depot: &'a Depot,
    pub(crate) ring: &'a mut Keyring,
    pub(crate) state: State,
    pub(crate) now: Time,
    _lock: Lock,
}

impl<'a> Session<'a> {
    /// # Errors
    /// `E_LOCKED`, `E_ROOT_EXPIRED`, or why the depot cannot be believed.
    pub(crate) fn open(
        depot: &'a Depot,
        ring: &'a mut Keyring,
        now: Time,
    ) -> Result<Session<'a>, Error> {
        let lock = depot.lock()?;
        let state = State::read(depot)?;
        if state.root.expires <= now {
            return Err(Error::RootExpired(state.root.expires));
        }
        Ok(Session { depot, ring, state, now, _lock: lock })
    }

    /// A channel of the head.
    ///
    /// # Errors
    /// `E_USAGE` when there is no such channel.
    pub(crate) fn channel(&self, name: &Id) -> Result<&Verified<Channel>, Error> {
        let known = || -> Vec<&str> { self.state.channels.keys().map(Id::as_str).collect() };
        self.state.channels.get(name).ok_or_else(|| match self.state.head {
            Some(_) => Error::NoChannel { name: name.clone(), known: known().join(", ") },
            None => Error::Nothing,
        })
    }

    /// Publishes a channel document: everything that it lists is signed, then it,
    /// then the head that pins it. `with_head` false leaves the head as it is.
    ///
    /// # Errors
    /// Then the old head stands.
    pub(crate) fn offer(&mut self, channel: &Channel, with_head: bool) -> Result<Published, Error> {
        let mut notes = void(&self.state);
        let (depot, State { root, roots, .. }) = (self.depot, &self.state);
        let current = release::sign_all(depot, self.ring, roots, channel)?;
        let pin = write_channel(depot, self.ring, root, channel)?;
        let followed = follows(self.state.channels.keys(), &channel.name);
        if followed {
            scripts::write(depot, root, &current)?;
        } else {
            notes.push(format!("the install scripts follow `{STABLE}`; they stay as they are"));
        }
        if current.setup.targets.is_empty() {
            let what = "the release has no setup file: the install scripts can install nothing";
            notes.push(what.into());
        }
        ready::channel(depot, root, &channel.name, &pin)?;
        let head = if with_head { Some(self.pin(&channel.name, pin)?) } else { None };
        if head.is_none() {
            let (dir, name, n) = (depot.dir().display(), &channel.name, channel.version);
            notes.push(format!(
                "nobody sees it yet; where the head key is, type \
                 `offgrid-depot head {dir} --take {name}={n}`"
            ));
        }
        Ok(Published {
            channel: channel.name.clone(),
            channel_version: channel.version,
            release: channel.current.clone(),
            head,
            notes,
        })
    }

    /// The head that pins one more channel document.
    fn pin(&mut self, name: &Id, pin: ChannelPin) -> Result<SignedHead, Error> {
        let version = next_head(self.depot, &self.state)?;
        let mut channels = self.state.pins.clone();
        channels.insert(name.clone(), pin);
        let root = &self.state.root;
        write_head(self.depot, self.ring, root, version, channels, self.now).map_err(|error| {
            match error {
                Error::Keys(source @ crate::keys::Error::TooFew { .. }) => Error::NoHead {
                    channel: name.clone(),
                    version: pin.version,
                    depot: self.depot.dir().display().to_string(),
                    source,
                },
                other => other,
            }
        })
    }
}

/// A remark when the head that was there counts for nothing.
pub(crate) fn void(state: &State) -> Vec<String> {
    let Some(version) = state.void else { return Vec::new() };
    let named: Vec<String> =
        state.pins.iter().map(|(name, pin)| format!("{name} {}", pin.version)).collect();
    let named = named.join(", ");
    vec![format!(
        "head {version} was signed by a key that is not in the root any more and above its floor: \
         it counts for nothing; the channels are the newest that lie here: {named}"
    )]
}

/// Whether the install scripts are those of this channel's current release.
pub(crate) fn follows<'a>(mut known: impl Iterator<Item = &'a Id>, name: &Id) -> bool {
    name.as_str() == STABLE || !known.any(|known| known.as_str() == STABLE)
}

/// The channel document that follows `old`, saying the same for another 180 days.
/// A number that a failed run, or somebody else, has used is not used again.
///
/// # Errors
/// `E_USAGE` when there is no next number.
pub(crate) fn successor(
    depot: &Depot,
    root: &Root,
    old: &Channel,
    now: Time,
) -> Result<Channel, Error> {
    let floor = root.floors.channel.get(&old.name).copied().unwrap_or(0);
    let mut version = old.version.max(floor.saturating_sub(1)) + 1;
    while depot.path(&layout::channel(&old.name, version)).exists() {
        version += 1;
    }
    if version > INTEGER_MAX {
        return Err(Error::TooHigh(format!("channel {}", old.name)));
    }
    let expires = now.plus(CHANNEL_DAYS * 86_400);
    Ok(Channel { version, issued: now, expires, ..old.clone() })
}

/// A channel that says nothing yet; its successor is version 1.
pub(crate) fn empty(name: &Id, current: &Version, now: Time) -> Channel {
    Channel {
        schema: 1,
        kind: "offgrid/channel".into(),
        name: name.clone(),
        version: 0,
        issued: now,
        expires: now,
        current: current.clone(),
        critical: false,
        minimum_safe: None,
        rollout: None,
        releases: BTreeMap::new(),
        yanked: BTreeMap::new(),
        mirrors: Vec::new(),
        must_understand: Vec::new(),
    }
}

/// Writes a channel document with its signature.
///
/// # Errors
/// Too few keys, or a file operation.
pub(crate) fn write_channel(
    depot: &Depot,
    ring: &mut Keyring,
    root: &Root,
    channel: &Channel,
) -> Result<ChannelPin, Error> {
    let bytes = depot::document(channel);
    let Channel { name, version, .. } = channel;
    let (sha256, size) = (Digest::of(&bytes), bytes.len() as u64);
    let place = layout::channel(name, *version);
    let comment = signature::comment("offgrid/channel", name.as_str(), version, &sha256);
    let file = ring.sign(root, &root.roles.release, &bytes, &comment)?;
    depot.put(&layout::signature(&place), file.as_bytes())?;
    depot.put(&place, &bytes)?;
    Ok(ChannelPin { version: *version, sha256, size })
}
