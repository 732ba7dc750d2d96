//! The depot's folder: where its files are, how they are written, and the
//! private part `.depot/`, which is never served, checked or copied.

use crate::disk::{self, failed};
use crate::platform;
use offgrid_manifest::{Code, Digest, Pin, layout};
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempDir};

/// The folder that belongs to this program alone.
pub const PRIVATE: &str = ".depot";

/// What is wrong with the folder.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No root in it.
    #[error("`{}` is not a depot: it has no root/1.json", .0.display())]
    NotADepot(PathBuf),
    /// `init` on a depot.
    #[error("`{}` is a depot already", .0.display())]
    Exists(PathBuf),
    /// Another command writes to it.
    #[error("another command is writing to `{}`", .0.display())]
    Locked(PathBuf),
    /// A file operation.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::NotADepot(_) | Error::Exists(_) => Code::Usage,
            Error::Locked(_) => Code::Locked,
            Error::Disk(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::NotADepot(dir) => {
                let dir = dir.display();
                Some(format!("make one with `offgrid-depot init {dir} --keys KEYS`"))
            }
            Error::Exists(_) => Some("publish into it, or name another folder".into()),
            Error::Locked(_) => Some("wait for it to end and run the command again".into()),
            Error::Disk(error) => error.hint(),
        }
    }
}

/// A depot's folder.
#[derive(Debug, Clone)]
pub struct Depot {
    dir: PathBuf,
}

/// Held while a command writes; the system lets go of it when the process ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Depot {
    /// An existing depot.
    ///
    /// # Errors
    /// `E_USAGE` when there is none.
    pub fn open(dir: &Path) -> Result<Depot, Error> {
        let depot = Depot { dir: dir.to_owned() };
        if !depot.path(&layout::root(1)).is_file() {
            return Err(Error::NotADepot(dir.to_owned()));
        }
        Ok(depot)
    }

    /// A new depot: the folder and its private part.
    ///
    /// # Errors
    /// `E_USAGE` when there is one already, or a file operation.
    pub fn create(dir: &Path) -> Result<Depot, Error> {
        let depot = Depot { dir: dir.to_owned() };
        if dir.join("root").exists() || depot.path(layout::HEAD).exists() {
            return Err(Error::Exists(dir.to_owned()));
        }
        disk::make_folder(dir)?;
        depot.make_private()?;
        Ok(depot)
    }

    fn make_private(&self) -> Result<(), disk::Error> {
        let private = self.private("tmp");
        platform::make_private_folder(&private).map_err(failed("make the folder", &private))
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A published file, by its path in the depot.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// A private file.
    pub fn private(&self, name: &str) -> PathBuf {
        self.dir.join(PRIVATE).join(name)
    }

    /// Keeps other commands from writing.
    ///
    /// # Errors
    /// `E_LOCKED`.
    pub fn lock(&self) -> Result<Lock, Error> {
        self.make_private()?;
        let path = self.private("lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(failed("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::Locked(self.dir.clone())),
            Err(TryLockError::Error(error)) => Err(failed("lock", &path)(error).into()),
        }
    }

    /// A temporary file that can be renamed into the depot.
    pub(crate) fn temporary(&self) -> Result<NamedTempFile, disk::Error> {
        let folder = self.private("tmp");
        NamedTempFile::new_in(&folder).map_err(failed("make a file in", &folder))
    }

    /// A temporary folder, gone when dropped.
    pub(crate) fn temporary_folder(&self) -> Result<TempDir, disk::Error> {
        let folder = self.private("tmp");
        TempDir::new_in(&folder).map_err(failed("make a folder in", &folder))
    }

    /// At most `max` bytes and one of a published file; `None` when it is not there.
    pub(crate) fn read(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>, disk::Error> {
        disk::read_bounded(&self.path(name), max)
    }

    /// Writes a published file, complete or not at all. The same bytes are left alone.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), disk::Error> {
        let path = self.path(name);
        if disk::read_bounded(&path, bytes.len() as u64)?.as_deref() == Some(bytes) {
            return Ok(());
        }
        self.put_at(&path, bytes, 0o644)
    }

    /// Writes a private file.
    pub(crate) fn put_private(&self, name: &str, bytes: &[u8]) -> Result<(), disk::Error> {
        self.put_at(&self.private(name), bytes, 0o600)
    }

    fn put_at(&self, path: &Path, bytes: &[u8], mode: u32) -> Result<(), disk::Error> {
        let mut temporary = self.temporary()?;
        temporary.write_all(bytes).map_err(failed("write", temporary.path()))?;
        if let Some(parent) = path.parent() {
            disk::make_folder(parent)?;
        }
        disk::place(temporary, path, mode)
    }

    /// Makes a blob of bytes.
    pub(crate) fn put_blob(&self, bytes: &[u8]) -> Result<Pin, disk::Error> {
        let pin = Pin { sha256: Digest::of(bytes), size: bytes.len() as u64 };
        self.put(&layout::blob(&pin.sha256), bytes)?;
        Ok(pin)
    }

    /// Makes a blob of a temporary file. A good one that is there is left alone.
    pub(crate) fn keep_blob(&self, temporary: NamedTempFile, pin: Pin) -> Result<(), disk::Error> {
        if self.has_blob(pin)? {
            return Ok(());
        }
        let path = self.path(&layout::blob(&pin.sha256));
        if let Some(parent) = path.parent() {
            disk::make_folder(parent)?;
        }
        disk::place(temporary, &path, 0o644)
    }

    /// Makes a blob of any file.
    pub(crate) fn copy_blob(&self, from: &Path) -> Result<Pin, disk::Error> {
        let mut source = File::open(from).map_err(failed("open", from))?;
        let temporary = self.temporary()?;
        let mut writer = disk::Hashing::new(temporary);
        disk::copy(&mut source, |bytes| writer.write_all(bytes)).map_err(failed("copy", from))?;
        let (temporary, sha256, size) = writer.finish();
        let pin = Pin { sha256, size };
        self.keep_blob(temporary, pin)?;
        Ok(pin)
    }

    /// Whether the blob is there with the right bytes; a damaged one is not.
    pub(crate) fn has_blob(&self, pin: Pin) -> Result<bool, disk::Error> {
        let path = self.path(&layout::blob(&pin.sha256));
        match fs::metadata(&path) {
            Ok(metadata) if metadata.len() == pin.size => {
                Ok(disk::hash(&path)? == (pin.sha256, pin.size))
            }
            Ok(_) => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(failed("look at", &path)(error)),
        }
    }

    /// Names in a folder of the depot, sorted; none when the folder is missing.
    pub(crate) fn list(&self, folder: &str) -> Result<Vec<String>, disk::Error> {
        let path = self.path(folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("list", &path)(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed("list", &path))?;
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    /// The folders of the keys that `init` was given; none when it is not known.
    pub(crate) fn keys_folders(&self) -> Result<Vec<PathBuf>, disk::Error> {
        let path = self.private("keys");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.lines().map(PathBuf::from).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(failed("read", &path)(error)),
        }
    }
}

/// A document as it is stored and signed: compact JSON, fields in the order of
/// their definition, one line feed at the end. Decided once, for all documents.
pub fn document(value: &impl serde::Serialize) -> Vec<u8> {
    // Serialising plain structs with text keys into memory cannot fail.
    let mut bytes = serde_json::to_vec(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
