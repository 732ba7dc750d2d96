//! Making folders, durable, with the modes that they are to have, and new files in them
//! that nothing hangs on after a power cut.

use super::{Error, at, sync_parent};
use crate::platform;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// Makes one folder with exactly this mode, durable; one that is there is left alone.
///
/// # Errors
/// Any I/O error; something else than a folder at that place is one.
pub fn make_dir(path: &Path, mode: u32) -> Result<(), Error> {
    match make(path, mode)? {
        Made::Before => return Ok(()),
        Made::Now => {}
        // Its name is an entry of the folder above, its mode is its own.
        Made::AndOpened => at("sync", path, platform::sync_dir(path))?,
    }
    sync_parent(path)
}

/// Makes one folder for work that no power cut has to survive; one that is there is
/// left alone.
///
/// # Errors
/// As [`make_dir`].
pub fn make_work_dir(path: &Path, mode: u32) -> Result<(), Error> {
    make(path, mode).map(drop)
}

/// How a folder came to be there.
enum Made {
    Before,
    Now,
    /// Now, and the umask had taken bits away.
    AndOpened,
}

fn make(path: &Path, mode: u32) -> Result<Made, Error> {
    match platform::create_dir(path, mode) {
        Ok(()) if at("look at", path, platform::mode_of(path))? == mode => Ok(Made::Now),
        Ok(()) => {
            at("set the mode of", path, platform::set_mode(path, mode))?;
            Ok(Made::AndOpened)
        }
        Err(error) => there_already(path, error).map(|()| Made::Before),
    }
}

/// A folder that could not be made because it is there is fine.
fn there_already(path: &Path, error: io::Error) -> Result<(), Error> {
    let is_there = error.kind() == ErrorKind::AlreadyExists;
    if is_there && at("look at", path, path.metadata())?.is_dir() {
        return Ok(());
    }
    Err(Error { op: "make the folder", path: path.to_owned(), source: error })
}

/// Makes a folder and those above it, durable, with the modes that the user's own
/// settings say.
///
/// # Errors
/// Any I/O error.
pub fn make_dirs(path: &Path) -> Result<(), Error> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent() {
        make_dirs(above)?;
    }
    match fs::create_dir(path) {
        Ok(()) => sync_parent(path),
        Err(error) => there_already(path, error),
    }
}

/// Writes a file that was not there; nothing is synced.
///
/// # Errors
/// Any I/O error; that it is there already is one.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut file = at("create", path, platform::create_new(path, 0o644))?;
    at("write", path, file.write_all(bytes))
}
