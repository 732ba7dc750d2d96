//! How a prefix comes and goes: what is new appears by one rename together with
//! the record of it, and what goes is recorded until the last folder is gone, so
//! that a crash never leaves a folder of which nobody knows whose it is.
//!
//! Owns `state/made.json`, the record of folders that were not there before us,
//! and the two places beside a folder where a prefix waits while it comes
//! (`NAME.part~`) and goes (`.NAME.gone~`).

use super::{Error, Store, to_json};
use crate::{disk, platform};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::{File, TryLockError};
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
/// Much longer than it takes to make the folders of a prefix.
const SOON: Duration = Duration::from_secs(1);
/// Between two looks at a lock.
const LOOK: Duration = Duration::from_millis(10);

impl Store {
    /// Whether anything of ours may be there: state, or what a crash left of a
    /// prefix that was coming or going.
    pub fn leaves_traces(&self) -> bool {
        let state = self.state();
        !self.is_bare()
            || disk::exists(&self.made())
            || self.drafts().any(|path| disk::exists(&path))
            || folders_to(&state).any(|path| ours(&gone_name(path)) || ours(&disk::beside(path)))
    }

    /// Makes the state folder with those above it, as far as they are not there.
    ///
    /// # Errors
    /// `E_PERM`, `E_NOSPACE`, `E_LOCKED`, `E_STATE`; what was begun is gone again.
    pub fn found(&self) -> Result<(), Error> {
        // Two first installs at once: the second waits, and then finds the state.
        // Where a folder cannot be locked, it meets the lock of the first later.
        let above = self.prefix().ancestors().find(|path| path.is_dir());
        let _held = above.and_then(|path| File::open(path).ok()).map(hold);
        self.sweep()?;
        if disk::exists(&self.made()) {
            return Ok(());
        }
        self.raise().inspect_err(|_| {
            // The first error counts; a sweep that fails too is made up for later.
            let _ = self.sweep();
        })
    }

    /// Whether no run has begun here: no lock, no journal, nothing installed.
    pub fn is_bare(&self) -> bool {
        let files = [self.lock(), self.journal(), self.receipt(), self.trust()];
        !files.iter().any(|path| disk::exists(path))
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
        let absent = |path: &&Path| !disk::exists(path);
        let mut missing: Vec<PathBuf> =
            state.ancestors().take_while(absent).map(Path::to_owned).collect();
        missing.reverse();
        let inner = [self.bin(), self.versions(), self.blobs()];
        let folders = missing.iter().chain(inner.iter().filter(|path| !disk::exists(path)));
        let made = Made { schema: 1, folders: folders.cloned().collect() };
        let text = to_json(&made, &self.made())?;
        let Some(top) = missing.first() else {
            return Ok(disk::write(&self.made(), &text, 0o600)?);
        };
        let part = disk::beside(top);
        for folder in &missing {
            let mode = if *folder == state { 0o700 } else { 0o755 };
            disk::make_dir(&moved(folder, top, &part), mode)?;
        }
        disk::write(&moved(&self.made(), top, &part), &text, 0o600)?;
        Ok(disk::rename(&part, top)?)
    }

    /// Takes the prefix away again: everything in its state and blobs, then every
    /// folder that we made and that is empty. Called when nothing is installed.
    /// The state moves out of the way first and is removed last, so that the
    /// record of folders outlives them.
    ///
    /// # Errors
    /// Any file operation; calling it again goes on.
    pub fn dissolve(&self) -> Result<(), Error> {
        let Some(made) = read_made(&self.made())? else { return Ok(()) };
        if made.folders.contains(&self.blobs()) {
            disk::remove_tree(&self.blobs())?;
        }
        let Some(top) = made.folders.first().filter(|_| made.folders.contains(&self.state()))
        else {
            return self.clear(&made);
        };
        let gone = gone_name(top);
        disk::rename(&self.state(), &gone)?;
        finish_dissolving(&made, &gone)
    }

    /// Empties a state folder that was there before us of all that is ours.
    fn clear(&self, made: &Made) -> Result<(), Error> {
        self.clear_drafts()?;
        disk::remove_tree(&self.staging())?;
        disk::remove_tree(&self.newcomer())?;
        disk::remove_tree(&self.trash())?;
        let files = [self.receipt(), self.trust(), self.bad_trust(), self.id(), self.service()];
        for file in files.iter().chain(&[self.journal(), self.lock()]) {
            disk::remove_file(file)?;
        }
        for folder in made.folders.iter().rev() {
            disk::remove_dir(folder)?;
        }
        Ok(disk::remove_file(&self.made())?)
    }

    /// Ends a [`Store::dissolve`] that was cut off, and removes a half-made prefix.
    fn sweep(&self) -> Result<(), Error> {
        let state = self.state();
        for path in folders_to(&state) {
            let gone = gone_name(path);
            if ours(&gone) {
                if let Some(made) = read_made(&gone.join(MADE))? {
                    let _held = self.lock_of(&gone)?;
                    finish_dissolving(&made, &gone)?;
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

    /// Whoever removes a prefix holds its lock to the end.
    fn lock_of(&self, gone: &Path) -> Result<Option<File>, Error> {
        let Ok(file) = File::open(gone.join("lock")) else { return Ok(None) };
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                Err(Error::Leaving { prefix: self.prefix().to_owned() })
            }
            Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(file)),
        }
    }
}

/// Locks a folder, if that comes soon: it may be the home, and whoever else locks
/// that must not keep an install from beginning.
fn hold(folder: File) -> File {
    let until = Instant::now() + SOON;
    while matches!(folder.try_lock(), Err(TryLockError::WouldBlock)) && Instant::now() < until {
        std::thread::sleep(LOOK);
    }
    folder
}

fn finish_dissolving(made: &Made, gone: &Path) -> Result<(), Error> {
    for folder in made.folders.iter().rev() {
        // A folder in which somebody put something is theirs from now on.
        disk::remove_dir(folder)?;
    }
    let entries = match std::fs::read_dir(gone) {
        Err(error) if disk::is_absent(&error) => return Ok(()),
        entries => disk::at("list", gone, entries)?,
    };
    for entry in entries {
        let path = disk::at("list", gone, entry)?.path();
        if path.file_name() != Some(MADE.as_ref()) {
            disk::remove_tree(&path)?;
        }
    }
    disk::remove_file(&gone.join(MADE))?;
    disk::remove_dir(gone)?;
    Ok(())
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

/// Whether something is there that nobody else can have put there.
fn ours(path: &Path) -> bool {
    disk::exists(path) && platform::foreign(path).is_none()
}

fn read_made(path: &Path) -> Result<Option<Made>, Error> {
    let Some(bytes) = disk::read(path, 64 * 1024)? else { return Ok(None) };
    let made = serde_json::from_slice(&bytes);
    Ok(Some(made.map_err(|source| Error::Damaged { path: path.to_owned(), source })?))
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
