//! Why nothing was published.

use crate::{address, depot, disk, keys, stamp, trust};
use offgrid_manifest::{Code, Digest, Time, Version};

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No release document.
    #[error("release {0} is not built")]
    NotBuilt(Version),
    /// Things that do not fit together.
    #[error("{0}")]
    Wrong(String),
    /// The release was withdrawn.
    #[error("release {0} was yanked")]
    Yanked(Version),
    /// An older release than the current one.
    #[error("release {to} is older than {from}, which the channel offers")]
    Downgrade {
        /// Offered now.
        from: Version,
        /// Asked for.
        to: Version,
    },
    /// The root is too old to vouch for anything.
    #[error("the root expired at {0}")]
    RootExpired(Time),
    /// A blob of the release.
    #[error("the blob {0} is missing or damaged")]
    Blob(Digest),
    /// The same bytes are signed as something else.
    #[error("`{0}` is signed already, as something else")]
    SignedOtherwise(String),
    /// A mirror.
    #[error(transparent)]
    Address(#[from] address::Error),
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
            Error::NotBuilt(_) | Error::Wrong(_) | Error::Downgrade { .. } => Code::Usage,
            Error::Yanked(_) => Code::Yanked,
            Error::RootExpired(_) => Code::RootExpired,
            Error::Blob(_) => Code::Hash,
            Error::SignedOtherwise(_) => Code::Name,
            Error::Address(error) => error.code(),
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
        match self {
            Error::NotBuilt(_) | Error::Blob(_) => {
                Some("build it with `offgrid-depot build release.toml --depot DIR`".into())
            }
            Error::Downgrade { .. } => Some("if it is meant: --allow-downgrade".into()),
            Error::Yanked(_) => Some("build a new release".into()),
            Error::SignedOtherwise(_) => Some("take another version for the setup".into()),
            Error::Address(error) => error.hint(),
            Error::Keys(error) => error.hint(),
            Error::Stamp(error) => error.hint(),
            Error::Trust(error) => error.hint(),
            Error::Depot(error) => error.hint(),
            Error::Disk(error) => error.hint(),
            Error::Wrong(_) | Error::RootExpired(_) | Error::Document(_) => None,
        }
    }
}
