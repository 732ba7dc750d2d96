//! Every way this program changes a file: durable writes, one-rename
//! replacement, and removal that never follows a link. Owns the I/O error with
//! its path; decides nothing.

use crate::platform;
use offgrid_manifest::Code;
use std::fs::{self, File};
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

/// Reads a file of at most `max` bytes; `None` when there is none.
///
/// # Errors
/// Any I/O error; a larger file is one.
pub fn read(path: &Path, max: u64) -> Result<Option<Vec<u8>>, Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(source) => return Err(Error { op: "read", path: path.to_owned(), source }),
    };
    let mut bytes = Vec::new();
    at("read", path, file.take(max + 1).read_to_end(&mut bytes))?;
    if bytes.len() as u64 > max {
        let source = io::Error::new(ErrorKind::FileTooLarge, format!("more than {max} bytes"));
        return Err(Error { op: "read", path: path.to_owned(), source });
    }
    Ok(Some(bytes))
}

/// Whether there is nothing at this path, because it or a folder above is not there.
pub fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Whether anything, a dangling link too, is at this path.
pub fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// The one temporary name beside a target. Fixed, so that a retry and a take-back
/// find and remove it.
pub fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part~");
    path.with_file_name(name)
}

/// Writes a file whole or not at all: beside, synced, renamed, folder synced.
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

/// Puts a file in place of whatever is at `to`, and makes that durable.
///
/// # Errors
/// Any I/O error.
pub fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    at("put in place", to, platform::rename(from, to))?;
    sync_parent(to)
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

/// Makes one folder with exactly this mode; one that is there is left alone.
///
/// # Errors
/// Any I/O error; something else than a folder at that place is one.
pub fn make_dir(path: &Path, mode: u32) -> Result<(), Error> {
    match fs::create_dir(path) {
        Ok(()) => {
            at("set the mode of", path, platform::set_mode(path, mode))?;
            sync_parent(path)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(source) => Err(Error { op: "make the folder", path: path.to_owned(), source }),
    }
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
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(source) => Err(Error { op: "make the folder", path: path.to_owned(), source }),
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
        Ok(meta) if meta.is_dir() => match fs::remove_dir_all(path) {
            Err(error) if !is_absent(&error) => {
                Err(Error { op: "remove", path: path.to_owned(), source: error })
            }
            _ => Ok(()),
        },
        _ => remove_file(path),
    }
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
mod tests {
    use super::*;

    #[test]
    fn a_write_replaces_whole_and_leaves_nothing_beside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        write(&path, b"one", 0o644).unwrap();
        fs::write(beside(&path), b"left by a crash").unwrap();
        write(&path, b"two", 0o644).unwrap();
        assert_eq!(read(&path, 3).unwrap().unwrap(), b"two");
        assert!(read(&path, 2).is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(read(&dir.path().join("none"), 9).unwrap(), None);
    }

    #[test]
    fn removing_what_is_not_there_is_fine_and_a_full_folder_stays() {
        let dir = tempfile::tempdir().unwrap();
        remove_file(&dir.path().join("none")).unwrap();
        remove_tree(&dir.path().join("none")).unwrap();
        assert!(remove_dir(&dir.path().join("none")).unwrap());
        fs::write(dir.path().join("x"), b"").unwrap();
        assert!(!remove_dir(dir.path()).unwrap());
    }
}
