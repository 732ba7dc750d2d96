//! Every way this program changes a file: durable writes, one-rename
//! replacement, and removal that never follows a link. Owns the I/O error with
//! its path; decides nothing.
//!
//! What is durable when a function here returns stands in its first line; the
//! others leave it to a later sync. `tests/scenarios/power.rs` tries every order in
//! which a power cut may take what was left.

#![allow(clippy::disallowed_methods, reason = "this is where files are changed")]

mod folders;
mod reading;

pub use folders::{make_dir, make_dirs, make_work_dir, write_new};
pub use reading::{last_lines, open_plain, read, read_plain};

use crate::platform;
use offgrid_manifest::Code;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// A file operation that failed: which, where and why.
#[derive(Debug, thiserror::Error)]
#[error("could not {op} `{}`", path.display())]
pub struct Error {
    /// The operation, after "could not".
    pub op: &'static str,
    /// Where.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self.source.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Code::Perm,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Code::Nospace,
            _ => Code::State,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self.code() {
            Code::Nospace => Some("make room on that disk and run the same command again".into()),
            Code::Perm => Some(format!(
                "run the command as the owner of `{}`, or choose another place with --prefix DIR",
                self.path.display()
            )),
            _ => None,
        }
    }
}

/// Turns an I/O result into one that names the operation and the path.
pub fn at<T>(op: &'static str, path: &Path, result: io::Result<T>) -> Result<T, Error> {
    result.map_err(|source| Error { op, path: path.to_owned(), source })
}

/// Whether there is nothing at this path, because it or a folder above is not there.
pub fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Whether anything, a dangling link too, is known to be at this path: for
/// questions that do no harm when the answer is wrong. See [`is_there`].
pub fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Whether anything, a dangling link too, is at this path.
///
/// # Errors
/// Any I/O error but "not there": what cannot be looked at may well be there.
pub fn is_there(path: &Path) -> Result<bool, Error> {
    match path.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(error) if is_absent(&error) => Ok(false),
        Err(source) => Err(Error { op: "look at", path: path.to_owned(), source }),
    }
}

/// Where a link leads; `None` when there is none, or something else.
///
/// # Errors
/// Any I/O error but "not there".
pub fn link_target(path: &Path) -> Result<Option<PathBuf>, Error> {
    match path.symlink_metadata() {
        Ok(meta) if meta.is_symlink() => at("look at", path, fs::read_link(path)).map(Some),
        Ok(_) => Ok(None),
        Err(error) if is_absent(&error) => Ok(None),
        Err(source) => Err(Error { op: "look at", path: path.to_owned(), source }),
    }
}

/// Reads the next bytes. A signal that comes meanwhile is no error.
///
/// # Errors
/// Any other.
pub fn read_some(file: &mut (impl Read + ?Sized), bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(bytes) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// The one temporary name beside a target. Fixed, so that a retry and a take-back
/// find and remove it.
pub fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part~");
    path.with_file_name(name)
}

/// Writes a file whole or not at all, durable: beside, synced, renamed, folder
/// synced.
///
/// # Errors
/// Any I/O error; the target is then as it was, and nothing lies beside it.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Error> {
    let part = beside(path);
    remove_file(&part)?;
    let written = || {
        let mut file = at("create", &part, platform::create_new(&part, mode))?;
        at("write", &part, file.write_all(bytes))?;
        at("write", &part, file.sync_all())?;
        drop(file);
        rename(&part, path)
    };
    written().inspect_err(|_| {
        // The first error counts; a later run removes what cannot be removed now.
        let _ = remove_file(&part);
    })
}

/// Replaces the contents of somebody's file by one rename; its mode, its owner and
/// its group stay.
///
/// # Errors
/// Any I/O error; the file is then as it was, and nothing lies beside it.
pub fn rewrite(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let part = beside(path);
    remove_file(&part)?;
    let written = || {
        let mode = at("look at", path, platform::mode_of(path))?;
        let mut file = at("create", &part, platform::create_new(&part, 0o600))?;
        at("write", &part, file.write_all(bytes))?;
        at("keep the owner of", path, platform::own_like(&file, path))?;
        at("keep the mode of", path, platform::set_mode(&part, mode))?;
        at("write", &part, file.sync_all())?;
        drop(file);
        rename(&part, path)
    };
    written().inspect_err(|_| {
        // As in `write`.
        let _ = remove_file(&part);
    })
}

/// Puts a file or tree in place of whatever file is at `to`, and makes both durable:
/// that it has the new name, and that it has not the old one any more. What is in
/// it must be durable already.
///
/// # Errors
/// Any I/O error.
pub fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    shift(from, to)?;
    sync_parent(to)?;
    if from.parent() == to.parent() { Ok(()) } else { sync_parent(from) }
}

/// As [`rename`], for what is hashed again before it counts: nothing is synced.
///
/// # Errors
/// Any I/O error.
pub fn shift(from: &Path, to: &Path) -> Result<(), Error> {
    at("put in place", to, platform::rename(from, to))
}

/// Makes the entries of the folder above `path` durable.
///
/// # Errors
/// Any I/O error.
pub fn sync_parent(path: &Path) -> Result<(), Error> {
    match path.parent() {
        Some(parent) => at("sync", parent, platform::sync_dir(parent)),
        None => Ok(()),
    }
}

/// Removes a file or link; it is fine when there is none.
///
/// # Errors
/// Any other I/O error.
pub fn remove_file(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if !is_absent(&error) => {
            Err(Error { op: "remove", path: path.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}

/// Removes a file or link that this program made. A folder that has its name by now is
/// somebody else's, and stays.
///
/// # Errors
/// Any I/O error but "not there".
pub fn remove_made(path: &Path) -> Result<(), Error> {
    let is_folder = path.symlink_metadata().is_ok_and(|meta| meta.is_dir());
    if is_folder { Ok(()) } else { remove_file(path) }
}

/// Removes a folder if it is empty. Returns whether it is gone.
///
/// # Errors
/// Any I/O error but "not empty" and "not there".
pub fn remove_dir(path: &Path) -> Result<bool, Error> {
    match fs::remove_dir(path) {
        Ok(()) => Ok(true),
        Err(error) if is_absent(&error) => Ok(true),
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => Ok(false),
        Err(source) => Err(Error { op: "remove", path: path.to_owned(), source }),
    }
}

/// Removes a tree that this program made; links in it are removed, not followed.
///
/// # Errors
/// Any I/O error but "not there".
pub fn remove_tree(path: &Path) -> Result<(), Error> {
    match path.symlink_metadata() {
        Ok(meta) if meta.is_dir() => {
            // Each folder on the way down is an open file, and there are only so many. Not
            // for ever: somebody may be at work there.
            for _ in 0..1000 {
                match fs::remove_dir_all(path) {
                    Err(error) if is_absent(&error) => return Ok(()),
                    Err(error) if platform::flatten(path, &error).is_ok_and(|any| any) => {}
                    removed => return at("remove", path, removed),
                }
            }
            at("remove", path, fs::remove_dir_all(path))
        }
        Ok(_) => remove_file(path),
        Err(error) if is_absent(&error) => Ok(()),
        Err(source) => Err(Error { op: "look at", path: path.to_owned(), source }),
    }
}

/// Removes a file, link or tree that this program made, durable: after a power cut
/// it is not back. Also when it is gone already, because who removed it may have
/// been killed before that was durable.
///
/// # Errors
/// Any I/O error but "not there".
pub fn remove_for_good(path: &Path) -> Result<(), Error> {
    remove_tree(path)?;
    sync_above(path)
}

/// Makes the entries of the nearest folder above `path` that is there durable, and
/// so that everything below it on the way to `path` is gone.
///
/// # Errors
/// Any I/O error.
pub fn sync_above(path: &Path) -> Result<(), Error> {
    sync_above_all([path])
}

/// As [`sync_above`] for many, each folder once.
///
/// # Errors
/// Any I/O error.
pub fn sync_above_all<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<(), Error> {
    let nearest = |path: &'a Path| path.ancestors().skip(1).find(|folder| folder.is_dir());
    let folders: BTreeSet<&Path> = paths.into_iter().filter_map(nearest).collect();
    folders.into_iter().try_for_each(|folder| at("sync", folder, platform::sync_dir(folder)))
}

/// Makes a symbolic link in place of whatever link is there, by one rename.
///
/// # Errors
/// Any I/O error.
pub fn link(path: &Path, target: &Path) -> Result<(), Error> {
    let part = beside(path);
    remove_file(&part)?;
    at("make the link", &part, platform::make_link(&part, target))?;
    rename(&part, path)
}

#[cfg(test)]
mod tests;
