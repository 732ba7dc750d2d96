//! Why an engine is not used.

use crate::child::{Ended, Said};
use offgrid_manifest::Code;
use std::path::PathBuf;

/// What speaks against one, in words that follow its name and a colon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody wants another engine than the release's.
    #[error("nobody asked for it; --reuse-llama does")]
    Unasked,
    /// Another one was taken, or named.
    #[error("another one is used")]
    Other,
    /// It looked right, and generated nothing.
    #[error("it did not prove itself")]
    Unproved,
    /// It is a part of another program (reference/gpu.md 4.1).
    #[error("it belongs to {0}, and is not ours to use")]
    Theirs(&'static str),
    /// As above, but a stock llama.cpp, which somebody may name.
    #[error("it belongs to {0}, which replaces it unasked; name it with --llama-server")]
    Lent(&'static str),
    /// For root, PATH is what somebody else may have written (reference/trust.md L10).
    #[error(
        "it was found through PATH, and nothing of PATH runs as root; name it with --llama-server"
    )]
    ThroughPath,
    /// The program of many words.
    #[error("it is the one program `llama`, and the app needs `llama-server`")]
    Unified,
    /// Nobody but snapd can start it with its libraries.
    #[error("it only starts through snapd, in a sandbox of its own")]
    Snap,
    /// A folder, a pipe.
    #[error("it is no file")]
    NotAFile,
    /// It was, when it was tried out.
    #[error("it is not there any more")]
    Gone,
    /// It cannot be looked at.
    #[error("it cannot be looked at: {0}")]
    Unseen(String),
    /// A path that no document can hold.
    #[error("its name is not plain text")]
    OddName,
    /// Text that a shell would read.
    #[error("it is a script, not a program")]
    Script,
    /// Neither ELF, nor Mach-O, nor PE.
    #[error("it is no program")]
    NotAProgram,
    /// A program of another kind of computer.
    #[error("it is a program for {found}, and this is {here}")]
    OtherMachine {
        /// "linux-aarch64".
        found: String,
        /// The same of this machine.
        here: String,
    },
    /// It runs with the rights of somebody else.
    #[error("it is setuid or setgid")]
    Setuid,
    /// Somebody else could exchange it; names what and who.
    #[error("{0}")]
    Exchangeable(String),
    /// Its bytes are somebody else's to give.
    #[error("it lies on another computer, or on a file system that a program makes up")]
    Remote,
    /// It did not run.
    #[error("{ran} could not be started: {why}")]
    Start {
        /// "`--version`".
        ran: &'static str,
        /// Why, in the system's words.
        why: String,
    },
    /// It did not end as it should.
    #[error("{ran} {ended}{}", last(.said))]
    Ended {
        /// "`--version`".
        ran: &'static str,
        /// How.
        ended: Ended,
        /// Its last words.
        said: Option<Said>,
    },
    /// The command was stopped meanwhile.
    #[error("it was not tried to the end")]
    Stopped,
    /// It says nothing of a version that llama.cpp would say.
    #[error("it does not say which llama.cpp it is{}", last(.0))]
    NoVersion(Option<Said>),
    /// A llama.cpp that the app does not work with (reference/gpu.md 4.3).
    #[error(
        "it is build b{build} of llama.cpp, and the app is known to work with b{oldest} to b{newest}"
    )]
    Build {
        /// Its own.
        build: u32,
        /// The oldest that does.
        oldest: u32,
        /// The newest that does.
        newest: u32,
    },
    /// The words with which the app starts it are not known to it.
    #[error("it does not take the words that the app gives it{}", last(.0))]
    Words(Option<Said>),
    /// A GPU is there and wanted, and it sees none.
    #[error("it sees no GPU here, and {0} would use one; with --gpu none it does")]
    NoDevice(String),
    /// Its bytes or those of a library are others than before.
    #[error("it is not the one that was tried out: it or one of its libraries has changed")]
    Changed,
}

fn last(said: &Option<Said>) -> String {
    said.as_ref().map_or(String::new(), |said| format!(" ({said})"))
}

/// Why a command or the service does not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine that was named is not taken.
    #[error("`{}` is not used as the engine: {why}", path.display())]
    Refused {
        /// As it was named.
        path: PathBuf,
        /// Why.
        why: Refusal,
    },
    /// The engine that was named is not there.
    #[error("there is no file `{}` to be the engine", path.display())]
    Missing {
        /// As it was named.
        path: PathBuf,
    },
    /// The one that was tried out is another one now, and the release has none.
    #[error("the engine `{}` cannot be used any more: {why}", path.display())]
    Lost {
        /// Where it is, or was.
        path: PathBuf,
        /// Why.
        why: Refusal,
    },
    /// What a slot says of its engine cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Refused { .. } | Error::Lost { .. } => Code::UntrustedBinary,
            Error::Missing { .. } => Code::Usage,
            Error::Record { .. } => Code::State,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Error::Refused { .. } | Error::Missing { .. } => {
                "leave out --llama-server (or `engine` in setup.toml) to use the engine of the \
                 release; `offgrid-setup plan --explain` shows others that were found"
                    .to_owned()
            }
            Error::Lost { path, .. } => again(path),
            Error::Record { .. } => "mend it with `offgrid repair`".to_owned(),
        })
    }
}

/// What to type when an engine is not the one any more that was tried out.
pub fn again(path: &std::path::Path) -> String {
    format!(
        "to try it out again: `offgrid update --llama-server {}`; to use the release's own: \
         `offgrid update --llama-server bundled`",
        crate::quote::sh(&path.display().to_string())
    )
}
