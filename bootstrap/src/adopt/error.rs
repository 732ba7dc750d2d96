//! Why an installation of others is not taken over, and what to type next.

use offgrid_manifest::Code;
use std::path::PathBuf;

/// Why an installation of others is not taken over.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It has what ours needs, and nobody said what is to become of it.
    #[error("the makers' own installation of OffGrid LLM has {what}, which the service needs")]
    Taken {
        /// "the name offgrid-llm.service"
        what: String,
    },
    /// It is not this user's to take over.
    #[error("what is there of the makers' own installation cannot be taken over by {who}: {what}")]
    OtherScope {
        /// "one user"
        who: &'static str,
        /// What is there.
        what: String,
        /// For whom it would be installed then.
        flag: &'static str,
    },
    /// Something is where theirs is to wait.
    #[error("`{}` is in the way: what is in `{}` is to wait there", kept.display(), path.display())]
    InTheWay {
        /// The place.
        path: PathBuf,
        /// Where it is to wait.
        kept: PathBuf,
    },
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Taken { .. } => Code::NeedsConsent,
            Error::OtherScope { .. } => Code::Perm,
            Error::InTheWay { .. } => Code::State,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Error::Taken { .. } => {
                "--adopt yes takes it over, keeps its models and lets uninstall \
                                    bring it back; --service none installs beside it"
                    .into()
            }
            Error::OtherScope { flag, .. } => {
                format!("install with {flag} to take it over, or leave it as it is with --adopt no")
            }
            Error::InTheWay { kept, .. } => {
                format!("move `{}` away and type the same command again", kept.display())
            }
        })
    }
}
