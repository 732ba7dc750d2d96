//! Syncing a tree file by file, for systems that cannot do it by one call.

use std::fs;
use std::io;
use std::path::Path;

/// What is being synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
}

/// Calls `sync` for every file and folder, a folder after what is in it. Links
/// are entries of their folder and nothing more.
pub(super) fn sync_each(
    path: &Path,
    sync: &dyn Fn(&Path, Kind) -> io::Result<()>,
) -> io::Result<()> {
    let kind = path.symlink_metadata()?.file_type();
    if kind.is_file() {
        return sync(path, Kind::File);
    }
    if !kind.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        sync_each(&entry?.path(), sync)?;
    }
    sync(path, Kind::Folder)
}
