//! Why a source of a component is refused.

use crate::disk;
use offgrid_manifest::{Code, Digest};
use std::io;
use std::path::PathBuf;

/// Why a source is refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An archive without a digest.
    #[error("the archive `{}` needs its sha256", .0.display())]
    NoDigest(PathBuf),
    /// Other bytes than release.toml says.
    #[error("`{}` has the digest {found}, not {wanted}", path.display())]
    Digest {
        /// The source.
        path: PathBuf,
        /// In release.toml.
        wanted: Digest,
        /// Of the file.
        found: Digest,
    },
    /// Another size than release.toml says: half a download.
    #[error("`{}` has {found} bytes, not {wanted}", path.display())]
    Size {
        /// The source.
        path: PathBuf,
        /// In release.toml.
        wanted: u64,
        /// Of the file.
        found: u64,
    },
    /// An entry that may not be.
    #[error("`{}`: the entry `{}` is {why}", path.display(), entry.escape_default())]
    Entry {
        /// The source.
        path: PathBuf,
        /// Its name in the source.
        entry: String,
        /// What it is.
        why: &'static str,
    },
    /// A name that may not be.
    #[error("`{}`: a name is refused", path.display())]
    Name {
        /// The source.
        path: PathBuf,
        /// Which and why.
        source: offgrid_manifest::Error,
    },
    /// More than anybody can mean.
    #[error("`{}` unpacks to more than is allowed", .0.display())]
    Bomb(PathBuf),
    /// The archive's own format.
    #[error("could not read the archive `{}`", path.display())]
    Broken {
        /// The archive.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// `keep` or `drop`.
    #[error("a pattern of keep or drop is wrong")]
    Glob(#[from] globset::Error),
    /// A `keep` that fits nothing.
    #[error("`{}`: keep = `{glob}` fits nothing in it", path.display())]
    Unused {
        /// The source.
        path: PathBuf,
        /// The pattern.
        glob: String,
    },
    /// A file operation.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::NoDigest(_) | Error::Glob(_) | Error::Unused { .. } => Code::Usage,
            Error::Digest { .. } => Code::Hash,
            Error::Size { .. } => Code::Size,
            Error::Entry { .. } => Code::Entry,
            Error::Name { source, .. } => source.code(),
            Error::Bomb(_) => Code::Bomb,
            Error::Broken { .. } => Code::Entry,
            Error::Disk(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::NoDigest(_) => Some("copy it from where the archive's makers publish it".into()),
            Error::Size { .. } => Some("fetch it again".into()),
            Error::Digest { .. } => {
                Some("fetch it again, and compare with its makers' page".into())
            }
            Error::Disk(error) => error.hint(),
            _ => None,
        }
    }
}
