//! Why something could not be signed or written.

use crate::{depot, disk, keys, stamp, trust};
use offgrid_manifest::{Code, Digest, Id, Time, Version};

/// Why something could not be signed or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No release document.
    #[error("release {0} is not built")]
    NotBuilt(Version),
    /// A folder of a release, or a document in it, that is not what it should be.
    #[error("{0}")]
    Wrong(String),
    /// The root is too old to vouch for anything.
    #[error("the root expired at {0}")]
    RootExpired(Time),
    /// A blob of the release.
    #[error("the blob {0} is missing or damaged")]
    Blob(Digest),
    /// The same bytes are signed as something else.
    #[error("`{0}` is signed already, as something else")]
    SignedOtherwise(String),
    /// The channel is signed, and the head's keys are elsewhere.
    #[error("channel {channel} {version} is signed, but no head names it")]
    NoHead {
        /// The channel.
        channel: Id,
        /// Its new version.
        version: u64,
        /// The depot, as it was typed.
        depot: String,
        /// What is missing.
        source: keys::Error,
    },
    /// Nothing comes after the number.
    #[error("{0} has come to a version that nobody counts to; somebody else may have signed it")]
    TooHigh(String),
    /// No such channel.
    #[error("there is no channel `{name}`; there is {known}")]
    NoChannel {
        /// As it was typed.
        name: Id,
        /// Those that are.
        known: String,
    },
    /// The head of a depot that has none.
    #[error("nothing is published yet")]
    Nothing,
    /// Keys.
    #[error(transparent)]
    Keys(#[from] keys::Error),
    /// The bootstrappers.
    #[error(transparent)]
    Stamp(#[from] stamp::Error),
    /// The depot's state.
    #[error(transparent)]
    Trust(#[from] trust::Error),
    /// The depot's folder.
    #[error(transparent)]
    Depot(#[from] depot::Error),
    /// A document.
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
            Error::NotBuilt(_)
            | Error::Wrong(_)
            | Error::NoChannel { .. }
            | Error::TooHigh(_)
            | Error::Nothing => Code::Usage,
            Error::RootExpired(_) => Code::RootExpired,
            Error::Blob(_) => Code::Hash,
            Error::SignedOtherwise(_) => Code::Name,
            Error::NoHead { source, .. } => source.code(),
            Error::Keys(error) => error.code(),
            Error::Stamp(error) => error.code(),
            Error::Trust(error) => error.code(),
            Error::Depot(error) => error.code(),
            Error::Document(error) => error.code(),
            Error::Disk(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Error::NotBuilt(_) | Error::Blob(_) => {
                "build it with `offgrid-depot build release.toml --depot DIR`".into()
            }
            Error::SignedOtherwise(_) => "take another version for the setup".into(),
            Error::RootExpired(_) => {
                "renew it with `offgrid-depot rotate DIR`, where the root keys are".into()
            }
            Error::NoHead { channel, version, depot, .. } => format!(
                "type `offgrid-depot head {depot} --take {channel}={version}` where the head key is"
            ),
            Error::TooHigh(_) => {
                "rotate its keys: see docs/TRUST.md, \"the day a key is stolen\"".into()
            }
            Error::NoChannel { .. } => "name one of them with --channel NAME".into(),
            Error::Nothing => "begin with `offgrid-depot publish`".into(),
            Error::Keys(error) => return error.hint(),
            Error::Stamp(error) => return error.hint(),
            Error::Trust(error) => return error.hint(),
            Error::Depot(error) => return error.hint(),
            Error::Disk(error) => return error.hint(),
            Error::Wrong(_) | Error::Document(_) => return None,
        })
    }
}
