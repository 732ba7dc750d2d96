//! Why nothing was built.

use super::{source, spec};
use crate::{address, depot, disk, stamp, trust};
use offgrid_manifest::{Code, Id, Target, Version};
use std::path::PathBuf;

/// Why nothing was built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// release.toml.
    #[error(transparent)]
    Spec(#[from] spec::Error),
    /// A source of a component.
    #[error("the component `{name}` for {target} could not be collected")]
    Source {
        /// The component.
        name: Id,
        /// Its target.
        target: Target,
        /// Why.
        source: Box<source::Error>,
    },
    /// Things that do not fit together.
    #[error("{0}")]
    Wrong(String),
    /// A setup file without a stamp.
    #[error("`{}` is not stamped", .0.display())]
    Unstamped(PathBuf),
    /// A setup file with a root of another depot.
    #[error("`{}` is stamped with a root that is not in this depot", .0.display())]
    ForeignRoot(PathBuf),
    /// This release is out with other bytes.
    #[error("release {0} was signed with other contents")]
    Published(Version),
    /// A setup file.
    #[error(transparent)]
    Stamp(#[from] stamp::Error),
    /// A source in the stamp of one.
    #[error(transparent)]
    Address(#[from] address::Error),
    /// The depot's roots.
    #[error(transparent)]
    Trust(#[from] trust::Error),
    /// The depot's folder.
    #[error(transparent)]
    Depot(#[from] depot::Error),
    /// The new documents.
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
            Error::Spec(error) => error.code(),
            Error::Source { source, .. } => source.code(),
            Error::Wrong(_) | Error::Published(_) => Code::Usage,
            Error::Unstamped(_) => Code::Unstamped,
            Error::ForeignRoot(_) => Code::UntrustedBinary,
            Error::Stamp(error) => error.code(),
            Error::Address(error) => error.code(),
            Error::Trust(error) => error.code(),
            Error::Depot(error) => error.code(),
            Error::Document(error) => error.code(),
            Error::Disk(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Spec(error) => error.hint(),
            Error::Source { source, .. } => source.hint(),
            Error::Unstamped(_) => Some("stamp it first with `offgrid-depot stamp`".into()),
            Error::ForeignRoot(_) => Some("stamp it again with --root DEPOT/root/<n>.json".into()),
            Error::Published(_) => Some("a release never changes: take the next number".into()),
            Error::Stamp(error) => error.hint(),
            Error::Address(error) => error.hint(),
            Error::Trust(error) => error.hint(),
            Error::Depot(error) => error.hint(),
            Error::Disk(error) => error.hint(),
            Error::Wrong(_) | Error::Document(_) => None,
        }
    }
}
