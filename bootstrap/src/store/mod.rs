//! The prefix: where everything lies that an installation consists of
//! (DESIGN 7). Owns the names of what is under it; how the prefix itself comes and
//! goes is in `ground.rs`, what was only begun in `drafts.rs`, whether it is safe in
//! `owner.rs`, and what is kept for a full disk in `reserve.rs`.

mod drafts;
mod ground;
mod name;
mod owner;
mod reserve;

pub use ground::Ground;
pub use name::SlotName;

use crate::{disk, platform, quote};
use offgrid_manifest::{Code, Digest};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Why a prefix cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is somebody else's (reference/trust.md L8).
    #[error("`{}` {why}", path.display())]
    Theirs {
        /// The folder.
        path: PathBuf,
        /// Whose.
        why: String,
    },
    /// Somebody else could change what is in it (reference/trust.md L9).
    #[error("`{}` {why}", path.display())]
    Open {
        /// The folder.
        path: PathBuf,
        /// Who.
        why: String,
    },
    /// Something is where only this program makes things (reference/trust.md L8).
    #[error("`{}` {why}", path.display())]
    Planted {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The record of what we made cannot be read.
    #[error("`{}` is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How.
        source: serde_json::Error,
    },
    /// Another run is removing the prefix at this moment.
    #[error("another run is removing `{}`", prefix.display())]
    Leaving {
        /// Where.
        prefix: PathBuf,
    },
    /// A file operation failed.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Theirs { .. } | Error::Open { .. } | Error::Planted { .. } => Code::Perm,
            Error::Damaged { .. } => Code::State,
            Error::Leaving { .. } => Code::Locked,
            Error::Disk(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Theirs { path, .. } => Some(to_be_its_owner(path)),
            Error::Open { path, .. } => Some(format!(
                "choose a place where nobody else may write, with --prefix DIR, or close this \
                 one: chmod go-w {}",
                quote::sh(&path.to_string_lossy())
            )),
            Error::Planted { path, .. } => Some(format!(
                "look at what it is and who put it there: ls -ld {}; when it is gone or yours \
                 alone, run this again without sudo",
                quote::sh(&path.to_string_lossy())
            )),
            Error::Damaged { .. } => None,
            Error::Leaving { .. } => Some(crate::lock::LATER.to_owned()),
            Error::Disk(error) => error.hint(),
        }
    }
}

/// What makes this command's user the owner of a folder.
fn to_be_its_owner(path: &Path) -> String {
    let of_root = !platform::is_root() && matches!(platform::owner_of(path), Ok((0, _)));
    let how = match of_root {
        true => "run the command as root, for instance with `sudo` before it",
        false => "run the command without sudo, as the folder's owner",
    };
    format!("{how}, or choose another place with --prefix DIR")
}

/// The paths under one prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    prefix: PathBuf,
    /// Where a supervisor that may not write below the prefix says what it does.
    runtime: Option<PathBuf>,
}

impl Store {
    /// Of this prefix; nothing is looked at.
    pub fn new(prefix: PathBuf) -> Store {
        Store { prefix, runtime: None }
    }

    /// The same, with a supervisor that is another user: it writes into this folder.
    pub fn with_runtime(self, runtime: Option<PathBuf>) -> Store {
        Store { runtime, ..self }
    }

    /// The prefix itself.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// The folder with this program.
    pub fn bin(&self) -> PathBuf {
        self.prefix.join("bin")
    }

    /// This program, installed.
    pub fn program(&self) -> PathBuf {
        self.bin().join(platform::exe_name("offgrid"))
    }

    /// The folder of all slots.
    pub fn versions(&self) -> PathBuf {
        self.prefix.join("versions")
    }

    /// One slot.
    pub fn slot(&self, name: &SlotName) -> PathBuf {
        self.versions().join(name.to_string())
    }

    /// What names the live slot.
    pub fn current(&self) -> PathBuf {
        self.prefix.join("current")
    }

    /// State that belongs to nobody else.
    pub fn state(&self) -> PathBuf {
        self.prefix.join("state")
    }

    /// The journal of the run under way.
    pub fn journal(&self) -> PathBuf {
        self.state().join("journal")
    }

    /// What is installed and how to give it back.
    pub fn receipt(&self) -> PathBuf {
        self.state().join("receipt.json")
    }

    /// Rollback marks and the newest documents.
    pub fn trust(&self) -> PathBuf {
        self.state().join("trust.json")
    }

    /// Trust state that could not be believed, for whoever looks into it.
    pub fn bad_trust(&self) -> PathBuf {
        self.state().join("trust.json.bad")
    }

    /// The lock.
    pub fn lock(&self) -> PathBuf {
        self.state().join("lock")
    }

    /// The random number that places this machine in a rollout.
    pub fn id(&self) -> PathBuf {
        self.state().join("id")
    }

    /// What scheduled runs have done and found.
    pub fn schedule(&self) -> PathBuf {
        self.state().join("schedule.json")
    }

    /// What was done here, a line for each run.
    pub fn history(&self) -> PathBuf {
        self.state().join("history.jsonl")
    }

    /// On which day somebody was told of an update.
    pub fn told(&self) -> PathBuf {
        self.state().join("told")
    }

    /// Where the supervisor writes.
    pub fn runtime(&self) -> PathBuf {
        self.runtime.clone().unwrap_or_else(|| self.state())
    }

    /// The same, where that is not below the prefix.
    pub fn elsewhere(&self) -> Option<&Path> {
        self.runtime.as_deref()
    }

    /// What the supervisor says of itself.
    pub fn service(&self) -> PathBuf {
        self.runtime().join("service.json")
    }

    /// Work of one run before it is put in place.
    pub fn staging(&self) -> PathBuf {
        self.state().join("staging")
    }

    /// A newer version of this program, until it has taken over.
    pub fn newcomer(&self) -> PathBuf {
        self.state().join("setup")
    }

    /// What a run took away and may still have to put back.
    pub fn trash(&self) -> PathBuf {
        self.state().join("trash")
    }

    /// Downloads, finished and partial.
    pub fn blobs(&self) -> PathBuf {
        self.prefix.join("blobs")
    }

    /// A finished download, or a file kept for taking back.
    pub fn blob(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.to_string())
    }

    /// A download that has not ended.
    pub fn partial(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(format!("{digest}.part"))
    }

    /// Whether something was downloaded and not used up.
    pub fn has_downloads(&self) -> bool {
        std::fs::read_dir(self.blobs()).is_ok_and(|mut list| list.next().is_some())
    }

    fn made(&self) -> PathBuf {
        self.state().join("made.json")
    }

    /// The live slot, when one can be seen.
    pub fn live(&self) -> Option<SlotName> {
        self.live_now().ok().flatten()
    }

    /// The live slot, when there is one.
    ///
    /// # Errors
    /// Any I/O error but "not there": then nobody knows.
    pub fn live_now(&self) -> Result<Option<SlotName>, disk::Error> {
        let current = self.current();
        let to = disk::at("look at", &current, platform::pointed(&current))?;
        Ok(to.and_then(|to| to.file_name()?.to_str()?.parse().ok()))
    }

    /// Whether there is state to read.
    ///
    /// # Errors
    /// Any I/O error but "not there".
    pub fn exists(&self) -> Result<bool, disk::Error> {
        disk::is_there(&self.state())
    }
}

/// A value as JSON for a state file.
pub(crate) fn to_json<T: Serialize>(value: &T, path: &Path) -> Result<Vec<u8>, Error> {
    let json = serde_json::to_vec(value);
    let mut bytes = json.map_err(|source| Error::Damaged { path: path.to_owned(), source })?;
    bytes.push(b'\n');
    Ok(bytes)
}
