//! Why there is no new root.

use crate::{disk, keys, sign, trust};
use offgrid_manifest::{Code, Id};

/// Why there is no new root.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A key that is not in the root.
    #[error("there is no key `{name}` in root {root}; there is {known}")]
    NoKey {
        /// As typed.
        name: Id,
        /// The newest root.
        root: u64,
        /// Those that are.
        known: String,
    },
    /// A name or a key that some root has had already.
    #[error("{0}")]
    Used(String),
    /// Thresholds that cannot be met.
    #[error("{threshold} of {keys} {role} keys is no threshold; 1 to 8 keys are possible")]
    Threshold {
        /// The role.
        role: &'static str,
        /// How many there would be.
        keys: usize,
        /// How many would have to sign.
        threshold: usize,
    },
    /// More signatures than a file may hold.
    #[error("root {0} and the one before need more than 8 signatures together")]
    Blocks(u64),
    /// A floor below the one that holds.
    #[error("the floor of {what} is {floor} already; {asked} is lower")]
    Lower {
        /// `head` or `channel stable`.
        what: String,
        /// In the newest root.
        floor: u64,
        /// As typed.
        asked: u64,
    },
    /// A floor above everything that there is.
    #[error("{what} is at {now}; with the floor {asked} clients would refuse it")]
    Above {
        /// `head` or `channel stable`.
        what: String,
        /// Its version.
        now: u64,
        /// As typed.
        asked: u64,
    },
    /// A number that only a thief counts up to.
    #[error("{what} is at {version}, which nobody counts to; that may be a thief's")]
    Stolen {
        /// `head` or `channel stable`.
        what: String,
        /// Its version.
        version: u64,
        /// What to type.
        hint: String,
    },
    /// Starting again with the keys that clients know.
    #[error("clients start again only when the head keys change")]
    SameKeys,
    /// A channel that the head does not name.
    #[error("there is no channel `{0}`")]
    NoChannel(Id),
    /// Nothing to raise.
    #[error("nothing would be raised")]
    Nothing,
    /// It would expire before it begins.
    #[error("a root that expires at {0} is of no use")]
    Expires(offgrid_manifest::Time),
    /// Keys.
    #[error(transparent)]
    Keys(#[from] keys::Error),
    /// Signing and writing.
    #[error(transparent)]
    Sign(#[from] sign::Error),
    /// The depot's state.
    #[error(transparent)]
    Trust(#[from] trust::Error),
    /// The depot's folder.
    #[error(transparent)]
    Depot(#[from] crate::depot::Error),
    /// The new root.
    #[error(transparent)]
    Document(#[from] offgrid_manifest::Error),
    /// A file operation.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::NoKey { .. }
            | Error::Used(_)
            | Error::Threshold { .. }
            | Error::Blocks(_)
            | Error::Lower { .. }
            | Error::Above { .. }
            | Error::Stolen { .. }
            | Error::SameKeys
            | Error::NoChannel(_)
            | Error::Nothing
            | Error::Expires(_) => Code::Usage,
            Error::Keys(error) => error.code(),
            Error::Sign(error) => error.code(),
            Error::Trust(error) => error.code(),
            Error::Depot(error) => error.code(),
            Error::Document(error) => error.code(),
            Error::Disk(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Error::NoKey { .. } => "name one of them with --remove NAME".into(),
            Error::Used(_) => "take another name, or a new key".into(),
            Error::Threshold { role, .. } => {
                format!("add keys with --new {role}, or type --threshold {role}=K")
            }
            Error::Blocks(_) => "change fewer root keys at once, in several rotations".into(),
            Error::Lower { floor, .. } => format!("name {floor} or a higher number"),
            Error::Above { now, .. } => format!("name {now} or a lower number, or `current`"),
            Error::Stolen { hint, .. } => hint.clone(),
            Error::SameKeys => "add --new head --remove with the name of the stolen key".into(),
            Error::NoChannel(_) => "name one that the head names".into(),
            Error::Nothing => "name a floor with --head N or --channel NAME=N; to renew the root, \
                               type `offgrid-depot rotate DIR`"
                .into(),
            Error::Expires(_) => "name a later time with --expires".into(),
            Error::Keys(error) => return error.hint(),
            Error::Sign(error) => return error.hint(),
            Error::Trust(error) => return error.hint(),
            Error::Depot(error) => return error.hint(),
            Error::Disk(error) => return error.hint(),
            Error::Document(_) => return None,
        })
    }
}
