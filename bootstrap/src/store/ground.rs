//! How a prefix comes and goes: what is new appears by one rename together with
//! the record of it, and what goes is recorded until the last folder is gone, so
//! that a crash never leaves a folder of which nobody knows whose it is.
//!
//! Owns `state/made.json`, the record of folders that were not there before us,
//! and the two places beside a folder where a prefix waits while it comes
//! (`NAME.part~`) and goes (`.NAME.gone~`). Both happen with a lock on the folder
//! that holds the prefix: the one in the prefix comes and goes with it.

mod record;

use record::{Record, finish_dissolving, remove_made};

use super::{Error, Store, to_json};
use crate::{disk, platform};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Folders that this program made before it could keep a journal, outermost
/// first. They go, when they are empty, with the last of the installation.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Made {
    schema: u64,
    folders: Vec<PathBuf>,
}

const MADE: &str = "made.json";
/// A record names a few folders.
const RECORD_MAX: u64 = 64 * 1024;
/// Much longer than it takes to make the folders of a prefix, or to remove them,
/// and for as many as may be waiting to do so.
const SOON: Duration = Duration::from_secs(5);
/// Between two looks at a lock.
const LOOK: Duration = Duration::from_millis(10);

impl Store {
    /// Whether anything of ours may be there: state, or what a crash left of a
    /// prefix that was coming or going.
    ///
    /// # Errors
    /// Any I/O error but "not there".
    pub fn leaves_traces(&self) -> Result<bool, Error> {
        let state = self.state();
        Ok(!self.is_bare()?
            || disk::is_there(&self.made())?
            || self.has_drafts()?
            || folders_to(&state).any(|path| ours(&gone_name(path)) || ours(&disk::beside(path))))
    }

    /// Makes the state folder with those above it, as far as they are not there.
    /// Nobody else lets the prefix come or go while the value lives.
    ///
    /// # Errors
    /// `E_PERM`, `E_NOSPACE`, `E_LOCKED`, `E_STATE`; what was begun is gone again.
    pub fn found(&self) -> Result<Ground, Error> {
        let ground = self.hold();
        self.sweep()?;
        if !disk::is_there(&self.made())? {
            self.raise().inspect_err(|_| {
                // The first error counts; what fails here too is made up for later.
                let _ = self.sweep();
                if self.is_bare().unwrap_or(false) {
                    let _ = self.dissolve_on(&ground);
                }
            })?;
        }
        Ok(ground)
    }

    /// Locks the innermost folder that is there, of those that lead to the prefix,
    /// if that comes soon: it may be the home, and whoever else locks that must not
    /// keep an install from beginning. Where a folder cannot be locked, the lock in
    /// it is all there is.
    fn hold(&self) -> Ground {
        let until = Instant::now() + SOON;
        let innermost = || {
            let found = self.prefix().ancestors().find(|path| path.is_dir());
            found.and_then(|path| path.canonicalize().ok())
        };
        while let Some(path) = innermost() {
            let Ok(folder) = File::open(&path) else { break };
            match folder.try_lock() {
                // While we waited, a folder in it may have come, or it may be gone.
                Ok(()) => {
                    if innermost().as_ref() == Some(&path)
                        && platform::is_same_file(&folder, &path).unwrap_or(false)
                    {
                        return Ground { _held: Some(folder) };
                    }
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK),
                Err(TryLockError::Error(_)) => break,
            }
            if Instant::now() > until {
                break;
            }
        }
        Ground { _held: None }
    }

    /// What others had put into the place of ours, kept for them: a repair makes it,
    /// and it outlives an uninstall.
    pub fn aside(&self) -> PathBuf {
        self.prefix().join("aside")
    }

    /// Whether no run has begun here: no lock, no journal, nothing installed.
    ///
    /// # Errors
    /// Any I/O error but "not there": then it must not be taken away.
    pub fn is_bare(&self) -> Result<bool, Error> {
        Ok(!any_there([self.lock(), self.journal(), self.receipt(), self.trust()])?)
    }

    /// Makes the folders that a run needs. Called with the lock.
    ///
    /// # Errors
    /// `E_PERM`, `E_NOSPACE`, `E_STATE`.
    pub fn furnish(&self) -> Result<(), Error> {
        disk::make_dir(&self.bin(), 0o755)?;
        disk::make_dir(&self.versions(), 0o755)?;
        Ok(disk::make_dir(&self.blobs(), 0o700)?)
    }

    /// A state folder that was there before, perhaps a link to another disk, gets
    /// the record alone.
    fn raise(&self) -> Result<(), Error> {
        let state = self.state();
        let mut missing: Vec<PathBuf> = Vec::new();
        for folder in state.ancestors() {
            if disk::is_there(folder)? {
                break;
            }
            missing.insert(0, folder.to_owned());
        }
        let mut folders = missing.clone();
        for folder in [self.bin(), self.versions(), self.blobs()] {
            if !disk::is_there(&folder)? {
                folders.push(folder);
            }
        }
        let made = Made { schema: 1, folders };
        let text = to_json(&made, &self.made())?;
        let Some(top) = missing.first() else {
            return Ok(disk::write(&self.made(), &text, 0o600)?);
        };
        let part = disk::beside(top);
        for folder in &missing {
            let mode = if *folder == state { 0o700 } else { 0o755 };
            disk::make_work_dir(&moved(folder, top, &part), mode)?;
        }
        disk::write(&moved(&self.made(), top, &part), &text, 0o600)?;
        disk::at("sync", &part, platform::sync_tree(&part))?;
        Ok(disk::rename(&part, top)?)
    }

    /// Takes the prefix away again: everything in its state and blobs, then every
    /// folder that we made and that is empty. Called when nothing is installed, with
    /// the lock. The state moves out of the way first and is removed last, so that
    /// the record of folders outlives them.
    ///
    /// # Errors
    /// Any file operation; calling it again goes on.
    pub fn dissolve(&self) -> Result<(), Error> {
        self.dissolve_on(&self.hold())
    }

    /// The same for whoever holds the ground already.
    ///
    /// # Errors
    /// As [`Store::dissolve`].
    pub fn dissolve_on(&self, _ground: &Ground) -> Result<(), Error> {
        let Some(record) = Record::open(&self.made(), self.prefix())? else { return Ok(()) };
        let made = &record.made;
        // For good, before the record leaves its place: what a power cut brings back later
        // is nobody's.
        let blobs = self.blobs();
        if made.folders.contains(&blobs) && !disk::remove_dir(&blobs)? {
            disk::remove_for_good(&blobs)?;
        }
        let Some(top) = made.folders.first().filter(|_| made.folders.contains(&self.state()))
        else {
            return self.clear(made);
        };
        let gone = gone_name(top);
        match disk::rename(&self.state(), &gone) {
            // A folder of a lower layer cannot be moved; it goes where it is.
            Err(error) if error.source.kind() == ErrorKind::CrossesDevices => {
                finish_dissolving(made, &self.state())?;
                remove_made(made)
            }
            moved => moved.map_err(Error::from).and_then(|()| finish_dissolving(made, &gone)),
        }
    }

    /// Empties a state folder that was there before us of all that is ours.
    fn clear(&self, made: &Made) -> Result<(), Error> {
        self.clear_drafts()?;
        disk::remove_tree(&self.staging())?;
        disk::remove_tree(&self.newcomer())?;
        disk::remove_tree(&self.trash())?;
        let files = [self.receipt(), self.trust(), self.bad_trust(), self.id(), self.service()];
        let rest = [self.journal(), self.reserve(), self.schedule(), self.history(), self.told()];
        let of_service = ["service.lock", "service.drain", "service.trial", "starts.json"];
        let of_service = of_service.map(|name| self.state().join(name));
        for file in files.iter().chain(&rest).chain(&of_service).chain(&[self.lock()]) {
            disk::remove_file(file)?;
        }
        remove_made(made)?;
        // The record goes when all that it names is gone for good.
        disk::at("sync", &self.state(), platform::sync_dir(&self.state()))?;
        Ok(disk::remove_for_good(&self.made())?)
    }

    /// Ends a [`Store::dissolve`] that was cut off, and removes a half-made prefix.
    fn sweep(&self) -> Result<(), Error> {
        let state = self.state();
        for path in folders_to(&state) {
            let gone = gone_name(path);
            if ours(&gone) {
                if let Some(record) = Record::open(&gone.join(MADE), self.prefix())? {
                    finish_dissolving(&record.made, &gone)?;
                }
                // The record was the last in it; with anything in it, it is not ours.
                disk::remove_dir(&gone)?;
            }
            if ours(&disk::beside(path)) {
                remove_half_made(path, &state)?;
            }
        }
        Ok(())
    }
}

/// The right to let a prefix come or go, for as long as it lives; a lock on the
/// folder in which it does, where folders can be locked.
#[derive(Debug)]
pub struct Ground {
    _held: Option<File>,
}

/// Removes what [`Store::raise`] had made beside `top` when it was cut off, and
/// nothing else: the folders down to the state, empty but for the record.
fn remove_half_made(top: &Path, state: &Path) -> Result<(), Error> {
    let part = disk::beside(top);
    let record = moved(&state.join(MADE), top, &part);
    disk::remove_file(&disk::beside(&record))?;
    disk::remove_file(&record)?;
    for folder in state.ancestors().take_while(|path| path.starts_with(top)) {
        disk::remove_dir(&moved(folder, top, &part))?;
    }
    Ok(())
}

/// Whether anything is at any of these paths.
pub(super) fn any_there(paths: impl IntoIterator<Item = PathBuf>) -> Result<bool, Error> {
    for path in paths {
        if disk::is_there(&path)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether something is there that nobody else can have put there.
fn ours(path: &Path) -> bool {
    disk::exists(path) && matches!(platform::foreign(path), Ok(None))
}

/// The state and every folder above it that has a name.
fn folders_to(state: &Path) -> impl Iterator<Item = &Path> {
    state.ancestors().filter(|path| path.file_name().is_some())
}

/// Where `path` is while `top` is called `part`.
fn moved(path: &Path, top: &Path, part: &Path) -> PathBuf {
    match path.strip_prefix(top) {
        Ok(rest) if rest.as_os_str().is_empty() => part.to_owned(),
        Ok(rest) => part.join(rest),
        Err(_) => path.to_owned(),
    }
}

/// Where the state waits while the folders above it are removed.
fn gone_name(top: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(top.file_name().unwrap_or_default());
    name.push(".gone~");
    top.with_file_name(name)
}

#[cfg(test)]
mod tests;
