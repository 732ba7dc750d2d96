//! A folder by its name. A handle that what is made in it is bound to, as on
//! Unix, comes with the access control lists of Windows; until then nobody but
//! the user can write to the folders that this is used for.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// The folder with this name, which is no link.
    pub(crate) fn open(path: &Path) -> io::Result<Folder> {
        if path.symlink_metadata()?.is_dir() {
            Ok(Folder(path.to_owned()))
        } else {
            Err(ErrorKind::NotADirectory.into())
        }
    }

    /// A new file for reading and writing; a file or link that is there is taken
    /// away. `path` has `/` between its parts.
    pub(crate) fn create(&self, path: &str, _mode: u32) -> io::Result<File> {
        let path = self.within(path)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        OpenOptions::new().read(true).write(true).create_new(true).open(path)
    }

    /// A plain file, for reading.
    pub(crate) fn read(&self, path: &str) -> io::Result<File> {
        let path = self.within(path)?;
        match path.symlink_metadata()?.is_file() {
            true => File::open(path),
            false => Err(ErrorKind::InvalidInput.into()),
        }
    }

    /// A new folder.
    pub(crate) fn make_dir(&self, path: &str, _mode: u32) -> io::Result<()> {
        fs::create_dir(self.within(path)?)
    }

    /// Making one needs a right that not everybody has, so nothing may rely on it.
    pub(crate) fn make_link(&self, _path: &str, _target: &Path) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }

    /// Only ReFS could.
    pub(crate) fn clone(&self, _source: &File, _path: &str, _mode: u32) -> io::Result<File> {
        Err(ErrorKind::Unsupported.into())
    }

    /// Nobody is root here, and a link is for what nobody else may write to.
    pub(crate) fn hard_link(&self, _source: &File, _path: &str) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }

    fn within(&self, path: &str) -> io::Result<PathBuf> {
        let mut found = self.0.clone();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            if part == ".." {
                return Err(ErrorKind::InvalidInput.into());
            }
            if found.symlink_metadata()?.is_symlink() {
                return Err(ErrorKind::NotADirectory.into());
            }
            found.push(part);
        }
        Ok(found)
    }
}
