//! Why nothing was published.

use crate::{address, sign};
use offgrid_manifest::{Channel, Code, Version};

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Things that do not fit together.
    #[error("{0}")]
    Wrong(String),
    /// The release was withdrawn.
    #[error("release {0} was yanked")]
    Yanked(Version),
    /// The other channel does not have it.
    #[error("release {version} is not in the channel `{channel}`; there is {known}")]
    NotListed {
        /// As asked for.
        version: Version,
        /// Where.
        channel: String,
        /// Those that are.
        known: String,
    },
    /// An older release than the current one.
    #[error("release {to} is older than {from}, which the channel offers")]
    Downgrade {
        /// Offered now.
        from: Version,
        /// Asked for.
        to: Version,
    },
    /// A mirror.
    #[error(transparent)]
    Address(#[from] address::Error),
    /// Signing and writing.
    #[error(transparent)]
    Sign(#[from] sign::Error),
}

impl Error {
    /// For a release that this channel does not list.
    pub(crate) fn not_listed(channel: &Channel, version: &Version) -> Error {
        let known: Vec<String> = channel.releases.keys().rev().map(Version::to_string).collect();
        let (channel, known) = (channel.name.to_string(), known.join(", "));
        Error::NotListed { version: version.clone(), channel, known }
    }

    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Wrong(_) | Error::Downgrade { .. } => Code::Usage,
            Error::NotListed { .. } => Code::NotListed,
            Error::Yanked(_) => Code::Yanked,
            Error::Address(error) => error.code(),
            Error::Sign(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Downgrade { .. } => Some("if it is meant: --allow-downgrade".into()),
            Error::Yanked(_) => Some("build a new release".into()),
            Error::NotListed { .. } => Some("name one of them with --release V".into()),
            Error::Address(error) => error.hint(),
            Error::Sign(error) => error.hint(),
            Error::Wrong(_) => None,
        }
    }
}
