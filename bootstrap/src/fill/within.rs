//! The folder that is being filled, held open: every file of a slot is made
//! relative to it, so that nobody can lead us elsewhere by exchanging a name.

use crate::disk;
use crate::platform::Folder;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A folder and, for errors, its name.
pub(super) struct Within {
    folder: Folder,
    path: PathBuf,
}

impl Within {
    /// The folder with this name, which is no link.
    pub(super) fn open(path: &Path) -> Result<Within, disk::Error> {
        let folder = disk::at("open", path, Folder::open(path))?;
        Ok(Within { folder, path: path.to_owned() })
    }

    /// The name of what is in it.
    pub(super) fn at(&self, path: &str) -> PathBuf {
        self.path.join(path)
    }

    /// A new file and its name; one that is there goes.
    pub(super) fn create(&self, path: &str, mode: u32) -> Result<(File, PathBuf), disk::Error> {
        let at = self.path.join(path);
        let file = disk::at("create", &at, self.folder.create(path, mode))?;
        Ok((file, at))
    }

    /// A clone of an open file and its name; `None` where there are no clones.
    pub(super) fn clone(&self, source: &File, path: &str, mode: u32) -> Option<(File, PathBuf)> {
        let file = self.folder.clone(source, path, mode).ok()?;
        Some((file, self.path.join(path)))
    }

    /// Another name for an open file.
    pub(super) fn hard_link(&self, source: &File, path: &str) -> std::io::Result<()> {
        self.folder.hard_link(source, path)
    }

    /// A new folder.
    pub(super) fn make_dir(&self, path: &str) -> Result<(), disk::Error> {
        let made = self.folder.make_dir(path, 0o755);
        disk::at("make the folder", &self.path.join(path), made)
    }

    /// A new link.
    pub(super) fn make_link(&self, path: &str, target: &str) -> Result<(), disk::Error> {
        let made = self.folder.make_link(path, Path::new(target));
        disk::at("make the link", &self.path.join(path), made)
    }
}
