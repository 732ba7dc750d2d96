//! Why keys cannot be made or used.

use crate::disk;
use offgrid_manifest::{Code, Id};
use std::path::PathBuf;

/// Why keys cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing writes over a key.
    #[error("there are keys already: `{}`", .0.display())]
    Exists(PathBuf),
    /// The folder is not known.
    #[error("the folder of the keys is not known")]
    NoFolder,
    /// Not enough of a role's keys are there.
    #[error("{have} of {need} needed keys are in `{dir}`")]
    TooFew {
        /// Found.
        have: usize,
        /// The role's threshold.
        need: usize,
        /// Looked in here.
        dir: String,
        /// The keys that would do.
        names: String,
    },
    /// A public key that has to be there.
    #[error("there is no `{name}.pub` in `{dir}`")]
    NoPublic {
        /// Its name.
        name: String,
        /// Looked in here.
        dir: String,
    },
    /// A key of the right name with other bytes than the root says.
    #[error("`{}` is not the key that the root names `{name}`", path.display())]
    Stranger {
        /// Its file.
        path: PathBuf,
        /// Its name in the root.
        name: Id,
    },
    /// Others may read a secret key.
    #[error("`{}` may be read by others than its owner", .0.display())]
    Exposed(PathBuf),
    /// Others may enter the folder in which keys are to be made.
    #[error("others than its owner may enter the folder `{}`", .0.display())]
    Open(PathBuf),
    /// A password is needed and nobody can be asked.
    #[error("`{}` needs a password, and there is no terminal to ask on", .0.display())]
    NoTerminal(PathBuf),
    /// The two passwords differ, or are empty.
    #[error("{0}")]
    Password(&'static str),
    /// minisign refuses.
    #[error("could not use the key `{}`", path.display())]
    Minisign {
        /// The key's file.
        path: PathBuf,
        /// minisign's reason.
        source: minisign::PError,
    },
    /// A file operation.
    #[error(transparent)]
    Disk(#[from] disk::Error),
    /// What was signed does not verify.
    #[error(transparent)]
    Document(#[from] offgrid_manifest::Error),
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Exists(_)
            | Error::NoFolder
            | Error::TooFew { .. }
            | Error::NoPublic { .. }
            | Error::Stranger { .. }
            | Error::Password(_)
            | Error::Minisign { .. } => Code::Usage,
            Error::Exposed(_) | Error::Open(_) => Code::Perm,
            Error::NoTerminal(_) => Code::NeedsConsent,
            Error::Disk(error) => error.code(),
            Error::Document(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Error::Exists(_) => "name an empty folder with --keys".into(),
            Error::NoFolder => "name it with --keys or OFFGRID_DEPOT_KEYS".into(),
            Error::TooFew { need, names, .. } => {
                format!("name the folders that have {need} of {names} with --keys")
            }
            Error::NoPublic { .. } => "name the folder that has it with --keys".into(),
            Error::Stranger { .. } => "name the folder of this depot's keys with --keys".into(),
            Error::Exposed(path) => format!("chmod 600 {}", path.display()),
            Error::Open(path) => format!("chmod 700 {}", path.display()),
            Error::NoTerminal(_) => "name a file with --password-file".into(),
            Error::Minisign { .. } => "is it the right password? type it again, or name another \
                                       file with --password-file"
                .into(),
            Error::Disk(error) => return error.hint(),
            Error::Password(_) | Error::Document(_) => return None,
        })
    }
}
