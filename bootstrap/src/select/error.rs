//! Why nothing could be selected.

use offgrid_manifest::{Code, Id, Target};

/// Why no variant was chosen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This kind of machine is not one that releases are made for.
    #[error("releases are not made for this kind of machine ({machine})")]
    NoTarget {
        /// What it is.
        machine: String,
    },
    /// The release has nothing for it.
    #[error("release {version} has nothing for {target}; it has {known}")]
    NothingFor {
        /// The release.
        version: String,
        /// What this machine is.
        target: Target,
        /// Targets of the release.
        known: String,
    },
    /// The release has something for it, but nothing fits.
    #[error("no variant of release {version} fits this machine: {reasons}")]
    NothingFits {
        /// The release.
        version: String,
        /// Every variant with its reasons.
        reasons: String,
        /// What to type for the libraries that are all that is missing.
        install: Option<String>,
    },
    /// A variant that was asked for by name and is not there.
    #[error("release {version} has no variant `{wanted}` for {target}; it has {known}")]
    NoVariant {
        /// The release.
        version: String,
        /// As asked for.
        wanted: Id,
        /// What this machine is.
        target: Target,
        /// Those that are.
        known: String,
    },
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::NoVariant { .. } => Code::Usage,
            _ => Code::Unsupported,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Error::NoVariant { .. } => "name one of them with --variant ID".into(),
            Error::NothingFits { install: Some(install), .. } => {
                format!("{install}; then try again (`offgrid-setup plan --explain`: every reason)")
            }
            Error::NothingFits { .. } => {
                "type `offgrid-setup plan --explain` to see every reason".into()
            }
            _ => "type `offgrid-setup detect` to see what was found".into(),
        })
    }
}
