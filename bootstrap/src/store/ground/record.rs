//! The record of a prefix's folders while the prefix goes.

use super::{MADE, Made, RECORD_MAX};
use crate::store::Error;
use crate::{disk, platform};
use std::fs::{File, TryLockError};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The record of a prefix that goes. Whoever removes one holds it to the end: two
/// who did so at once would take away what a third has just made in that place.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) made: Made,
    _held: File,
}

impl Record {
    /// `None` when there is none, or none any more.
    pub(super) fn open(path: &Path, prefix: &Path) -> Result<Option<Record>, Error> {
        let file = match File::open(path) {
            Err(error) if disk::is_absent(&error) => return Ok(None),
            file => disk::at("read", path, file)?,
        };
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(Error::Leaving { prefix: prefix.to_owned() });
        }
        // Whoever had it may have ended with it while we opened it.
        if !disk::at("look at", path, platform::is_same_file(&file, path))? {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        disk::at("read", path, (&file).take(RECORD_MAX).read_to_end(&mut bytes))?;
        let made = serde_json::from_slice(&bytes);
        let made = made.map_err(|source| Error::Damaged { path: path.to_owned(), source })?;
        Ok(Some(Record { made, _held: file }))
    }
}

/// A folder in which somebody put something is theirs from now on.
pub(super) fn remove_made(made: &Made) -> Result<(), Error> {
    for folder in made.folders.iter().rev() {
        disk::remove_dir(folder)?;
    }
    Ok(disk::sync_above_all(made.folders.iter().map(PathBuf::as_path))?)
}

pub(super) fn finish_dissolving(made: &Made, gone: &Path) -> Result<(), Error> {
    remove_made(made)?;
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
    // The record goes when all that it names is gone for good.
    disk::at("sync", gone, platform::sync_dir(gone))?;
    disk::remove_file(&gone.join(MADE))?;
    disk::remove_dir(gone)?;
    Ok(disk::sync_above(gone)?)
}
