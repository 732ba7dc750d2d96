//! Why a slot could not be filled, and what to do about it.

use crate::report::units;
use offgrid_manifest::Code;
use std::path::PathBuf;

/// Why a slot could not be filled.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What is in staging is not the signed tree.
    #[error("the unpacked tree is not the signed one: {problem}")]
    Tree {
        /// The first difference.
        problem: String,
    },
    /// Not enough room.
    #[error(
        "{} are needed in `{}`, {} are free",
        units::bytes(*needed), path.display(), units::bytes(*free)
    )]
    Space {
        /// On which file system.
        path: PathBuf,
        /// Bytes.
        needed: u64,
        /// Bytes.
        free: u64,
    },
    /// A worker thread died.
    #[error("a part of this program failed while it downloaded")]
    Worker,
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Tree { .. } => Code::Tree,
            Error::Space { .. } => Code::Nospace,
            Error::Worker => Code::State,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Tree { .. } => crate::error::hint_of(Code::Hash),
            Error::Space { .. } => {
                Some("make room there, or choose another place with --prefix DIR".into())
            }
            Error::Worker => None,
        }
    }
}
