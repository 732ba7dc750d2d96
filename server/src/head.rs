//! `head`: the same channels under a head that is valid for another 14 days.
//! Signs with the head key alone; everything else stays as it is.

use crate::depot::Depot;
use crate::keys::Keyring;
use crate::sign::{self, Session, SignedHead, next_head, write_head};
use crate::trust::{self, State};
use offgrid_manifest::{Code, Id, Time, Verified, layout, verify};

/// What is mentioned when it expires within this time, in seconds.
const SOON: u64 = 30 * 86_400;

/// A channel document that the head shall name from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Take {
    /// The channel.
    pub channel: Id,
    /// Its version.
    pub version: u64,
}

/// What came out.
#[derive(Debug)]
pub struct Headed {
    /// The head.
    pub head: SignedHead,
    /// The newest root, which it names.
    pub root: u64,
    /// Remarks.
    pub notes: Vec<String>,
}

/// Why the old head stands.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A channel document that clients would refuse.
    #[error("channel {channel} {version} is older than {least}, which clients have seen")]
    Older {
        /// The channel.
        channel: Id,
        /// As asked for.
        version: u64,
        /// At least this.
        least: u64,
    },
    /// The release keys have changed and the channel is not signed by the new ones.
    #[error("channel {channel} {version} is not signed by the release keys of root {root}")]
    Unsigned {
        /// The channel.
        channel: Id,
        /// Its version.
        version: u64,
        /// The newest root.
        root: u64,
        /// The depot, as it was typed.
        depot: String,
    },
    /// The depot's state.
    #[error(transparent)]
    Trust(#[from] trust::Error),
    /// Signing and writing.
    #[error(transparent)]
    Sign(#[from] sign::Error),
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Older { .. } => Code::Usage,
            Error::Unsigned { .. } => Code::SigThreshold,
            Error::Trust(error) => error.code(),
            Error::Sign(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Older { channel, least, .. } => {
                Some(format!("take the newest: --take {channel}={least} or later"))
            }
            Error::Unsigned { channel, depot, .. } => Some(format!(
                "where the release keys are, type \
                 `offgrid-depot rollout {depot} --channel {channel} --no-head`"
            )),
            Error::Trust(error) => error.hint(),
            Error::Sign(error) => error.hint(),
        }
    }
}

/// Signs and writes the next head.
///
/// # Errors
/// Then the old head stands.
pub fn run(depot: &Depot, ring: &mut Keyring, take: &[Take], now: Time) -> Result<Headed, Error> {
    let mut session = Session::open(depot, ring, now)?;
    for Take { channel: name, version } in take {
        let channel = trust::channel(depot, &session.state.roots, name, *version)?;
        let floor = session.state.root.floors.channel.get(name).copied().unwrap_or(0);
        let least = session.state.pins.get(name).map_or(floor, |pin| pin.version.max(floor));
        if *version < least {
            let (channel, version) = (name.clone(), *version);
            return Err(Error::Older { channel, version, least });
        }
        session.state.take(channel);
    }
    if session.state.channels.is_empty() {
        return Err(sign::Error::Nothing.into());
    }
    let State { root, .. } = &session.state;
    for (name, pin) in &session.state.pins {
        let place = layout::channel(name, pin.version);
        let (bytes, file) = trust::signed(depot, &place, verify::LARGE_MAX)?;
        if verify::channel(root, name, pin, &bytes, &file).is_err() {
            return Err(Error::Unsigned {
                channel: name.clone(),
                version: pin.version,
                root: root.version,
                depot: depot.dir().display().to_string(),
            });
        }
    }
    let version = next_head(depot, &session.state)?;
    let pins = session.state.pins.clone();
    let head = write_head(depot, session.ring, root, version, pins, now)?;
    let mut notes = sign::void(&session.state);
    notes.extend(soon(depot, &session.state, now));
    Ok(Headed { head, root: session.state.root.version, notes })
}

/// What else has to be renewed before long, and how.
fn soon(depot: &Depot, state: &State, now: Time) -> Vec<String> {
    let dir = depot.dir().display();
    let near = |expires: Time| expires <= now.plus(SOON);
    let mut notes = Vec::new();
    for (name, channel) in state.channels.iter().filter(|(_, channel)| near(channel.expires)) {
        notes.push(format!(
            "channel {name} expires at {}; renew it with `offgrid-depot rollout {dir} --channel \
             {name}`",
            channel.expires
        ));
    }
    let root: &Verified<_> = &state.root;
    if near(root.expires) {
        let expires = root.expires;
        notes.push(format!(
            "the root expires at {expires}; renew it with `offgrid-depot rotate {dir}`"
        ));
    }
    notes
}
