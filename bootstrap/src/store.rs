//! The prefix: where everything lies that an installation consists of
//! (DESIGN 7), and how the prefix itself comes and goes.
//!
//! Owns the names of files and folders under the prefix, and `state/made.json`,
//! the record of folders that were not there before us.

use crate::{disk, platform};
use offgrid_manifest::{Code, Digest, Id, Version};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Why a prefix cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else could change it under our hands (reference/trust.md L8, L9).
    #[error("`{}` {why}", path.display())]
    Unsafe {
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
    /// A file operation failed.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Unsafe { .. } => Code::Perm,
            Error::Damaged { .. } => Code::State,
            Error::Disk(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Unsafe { .. } => Some(
                "run the command without sudo, as the folder's owner, or choose another place \
                 with --prefix DIR"
                    .into(),
            ),
            Error::Damaged { .. } => None,
            Error::Disk(error) => error.hint(),
        }
    }
}

/// The name of a slot: `<version>+<variant>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SlotName {
    /// The release.
    pub version: Version,
    /// The variant.
    pub variant: Id,
}

impl fmt::Display for SlotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.version, self.variant)
    }
}

impl FromStr for SlotName {
    type Err = offgrid_manifest::Error;

    fn from_str(text: &str) -> Result<SlotName, Self::Err> {
        let (version, variant) = text.split_once('+').unwrap_or((text, ""));
        Ok(SlotName { version: version.parse()?, variant: variant.parse()? })
    }
}

impl TryFrom<String> for SlotName {
    type Error = offgrid_manifest::Error;

    fn try_from(text: String) -> Result<SlotName, Self::Error> {
        text.parse()
    }
}

impl From<SlotName> for String {
    fn from(name: SlotName) -> String {
        name.to_string()
    }
}

/// Folders that this program made before it could keep a journal, outermost
/// first. They go, when they are empty, with the last of the installation.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Made {
    schema: u64,
    folders: Vec<PathBuf>,
}

/// The paths under one prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    prefix: PathBuf,
}

impl Store {
    /// Of this prefix; nothing is looked at.
    pub fn new(prefix: PathBuf) -> Store {
        Store { prefix }
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

    /// The lock.
    pub fn lock(&self) -> PathBuf {
        self.state().join("lock")
    }

    /// The random number that places this machine in a rollout.
    pub fn id(&self) -> PathBuf {
        self.state().join("id")
    }

    /// What the supervisor says of itself.
    pub fn service(&self) -> PathBuf {
        self.state().join("service.json")
    }

    /// Work of one run before it is put in place.
    pub fn staging(&self) -> PathBuf {
        self.state().join("staging")
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

    fn made(&self) -> PathBuf {
        self.state().join("made.json")
    }

    /// The live slot, when there is one.
    pub fn live(&self) -> Option<SlotName> {
        platform::pointed(&self.current())?.file_name()?.to_str()?.parse().ok()
    }

    /// Whether there is state to read.
    pub fn exists(&self) -> bool {
        disk::exists(&self.state())
    }

    /// Refuses a prefix that somebody else could change: another owner, or a
    /// folder above that others may write to.
    ///
    /// # Errors
    /// `E_PERM`.
    pub fn check_owner(&self) -> Result<(), Error> {
        let refuse = |path: &Path, why: String| Error::Unsafe { path: path.to_owned(), why };
        for path in [self.prefix.clone(), self.state(), self.journal(), self.receipt()] {
            if let Some(why) = platform::foreign(&path) {
                return Err(refuse(&path, why));
            }
        }
        for above in self.prefix.ancestors() {
            if let Some(why) = platform::writable_by_others(above) {
                return Err(refuse(above, why));
            }
        }
        Ok(())
    }

    /// Makes the prefix with its folders, as far as they are not there. What is
    /// new appears by one rename together with the record of it, so that a crash
    /// never leaves a folder of which nobody knows whose it is.
    ///
    /// # Errors
    /// `E_PERM`, `E_NOSPACE`, `E_STATE`.
    pub fn found(&self) -> Result<(), Error> {
        self.sweep()?;
        let state = self.state();
        if !disk::exists(&state) {
            let mut missing: Vec<PathBuf> = state
                .ancestors()
                .take_while(|path| !disk::exists(path))
                .map(Path::to_owned)
                .collect();
            missing.reverse();
            let inner = [self.bin(), self.versions(), self.blobs()];
            let folders = missing.iter().chain(inner.iter().filter(|path| !disk::exists(path)));
            let made = Made { schema: 1, folders: folders.cloned().collect() };
            let Some(top) = missing.first() else { return Ok(()) };
            let part = disk::beside(top);
            let staged = |path: &Path| match path.strip_prefix(top) {
                Ok(rest) if rest.as_os_str().is_empty() => part.clone(),
                Ok(rest) => part.join(rest),
                Err(_) => path.to_owned(),
            };
            disk::remove_tree(&part)?;
            for folder in &missing {
                let mode = if *folder == state { 0o700 } else { 0o755 };
                disk::make_dir(&staged(folder), mode)?;
            }
            let text = to_json(&made, &self.made())?;
            disk::write(&staged(&self.made()), &text, 0o600)?;
            disk::rename(&part, top)?;
        }
        disk::make_dir(&self.bin(), 0o755)?;
        disk::make_dir(&self.versions(), 0o755)?;
        disk::make_dir(&self.blobs(), 0o700)?;
        Ok(())
    }

    /// Takes the prefix away again: everything in its state and blobs, then every
    /// folder that we made and that is empty. Called when nothing is installed.
    /// The state moves out of the way first and is removed last, so that the
    /// record of folders outlives them.
    ///
    /// # Errors
    /// Any file operation; calling it again goes on.
    pub fn dissolve(&self) -> Result<(), Error> {
        let Some(made) = self.read_made(&self.made())? else { return Ok(()) };
        disk::remove_tree(&self.blobs_if_ours(&made))?;
        let top = made.folders.first().cloned().unwrap_or_else(|| self.state());
        let gone = gone_name(&top);
        disk::rename(&self.state(), &gone)?;
        self.finish_dissolving(&made, &gone)
    }

    /// Ends a [`Store::dissolve`] that was cut off, and removes a half-made prefix.
    fn sweep(&self) -> Result<(), Error> {
        for path in self.state().ancestors() {
            let gone = gone_name(path);
            if let Some(made) = self.read_made(&gone.join("made.json"))? {
                self.finish_dissolving(&made, &gone)?;
            }
        }
        Ok(())
    }

    fn finish_dissolving(&self, made: &Made, gone: &Path) -> Result<(), Error> {
        for folder in made.folders.iter().rev() {
            // A folder in which somebody put something is theirs from now on.
            disk::remove_dir(folder)?;
        }
        Ok(disk::remove_tree(gone)?)
    }

    fn blobs_if_ours(&self, made: &Made) -> PathBuf {
        let blobs = self.blobs();
        if made.folders.contains(&blobs) { blobs } else { self.state().join("none") }
    }

    fn read_made(&self, path: &Path) -> Result<Option<Made>, Error> {
        let Some(bytes) = disk::read(path, 64 * 1024)? else { return Ok(None) };
        let made = serde_json::from_slice(&bytes);
        Ok(Some(made.map_err(|source| Error::Damaged { path: path.to_owned(), source })?))
    }
}

/// Where the state waits while the folders above it are removed.
fn gone_name(top: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(top.file_name().unwrap_or_default());
    name.push(".gone~");
    top.with_file_name(name)
}

/// A value as JSON for a state file.
pub(crate) fn to_json<T: Serialize>(value: &T, path: &Path) -> Result<Vec<u8>, Error> {
    let json = serde_json::to_vec(value);
    let mut bytes = json.map_err(|source| Error::Damaged { path: path.to_owned(), source })?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_prefix_comes_and_goes_with_every_folder_that_it_brought() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        fs::create_dir(&home).unwrap();
        let store = Store::new(home.join("a/b/offgrid"));
        store.found().unwrap();
        store.found().unwrap();
        assert!(store.state().is_dir() && store.bin().is_dir() && store.blobs().is_dir());
        fs::write(store.blobs().join("x"), b"x").unwrap();
        store.dissolve().unwrap();
        assert_eq!(fs::read_dir(&home).unwrap().count(), 0);
    }

    #[test]
    fn what_others_put_there_stays() {
        let dir = tempfile::tempdir().unwrap();
        let prefix = dir.path().join("x/offgrid");
        let store = Store::new(prefix.clone());
        store.found().unwrap();
        fs::write(prefix.join("mine.txt"), b"mine").unwrap();
        store.dissolve().unwrap();
        assert!(prefix.join("mine.txt").exists());
        assert_eq!(fs::read_dir(&prefix).unwrap().count(), 1);
        assert_eq!(fs::read_dir(dir.path().join("x")).unwrap().count(), 1);
    }

    #[test]
    fn a_cut_in_dissolving_is_ended_by_the_next_command() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path().join("x/offgrid"));
        store.found().unwrap();
        fs::rename(store.state(), gone_name(&dir.path().join("x"))).unwrap();
        store.sweep().unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn slot_names_read_back() {
        let name: SlotName = "0.3.0+linux-x86_64-cpu".parse().unwrap();
        assert_eq!(name.to_string(), "0.3.0+linux-x86_64-cpu");
        for bad in ["0.3.0", "+x", "0.3.0+", "0.3.0+../x", "x+y"] {
            assert!(bad.parse::<SlotName>().is_err(), "{bad}");
        }
    }
}
