//! Trees that are deeper than files may be open at once, which nobody builds who means
//! well: they are to be removed like any other.

use super::folder::FOLDER;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Dir, FileType, Mode, fstat, openat, renameat};
use rustix::io::Errno;
use std::ffi::CStr;
use std::io;
use std::path::Path;

/// Deeper than most trees of ours; each is two open files.
const DEEPEST: usize = 32;

/// One pass; what was moved up may be as deep as before, less these.
pub(crate) fn flatten(path: &Path, why: &io::Error) -> io::Result<bool> {
    if !matches!(Errno::from_io_error(why), Some(Errno::MFILE | Errno::NFILE)) {
        return Ok(false);
    }
    let top = openat(rustix::fs::CWD, path, FOLDER, Mode::empty())?;
    let mut moved = 0;
    raise(&top, &top, DEEPEST, &mut moved)?;
    Ok(moved > 0)
}

/// Moves folders that are so much deeper than this one to the top.
fn raise(top: &OwnedFd, folder: &OwnedFd, deep: usize, moved: &mut u64) -> io::Result<()> {
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let kind = entry.file_type();
        let is_folder = matches!(kind, FileType::Directory | FileType::Unknown);
        if name == c"." || name == c".." || !is_folder {
            continue;
        }
        let Ok(inner) = openat(folder, name, FOLDER, Mode::empty()) else { continue };
        if deep > 0 {
            raise(top, &inner, deep - 1, moved)?;
            continue;
        }
        let number = fstat(&inner)?.st_ino;
        drop(inner);
        *moved += u64::from(lift(top, folder, name, number)?);
    }
    Ok(())
}

/// Whether it was moved: it may be gone at this moment.
fn lift(top: &OwnedFd, folder: &OwnedFd, name: &CStr, number: u64) -> io::Result<bool> {
    // Somebody may have thought of some of these names before.
    for attempt in 0..100 {
        let to = format!("deep-{number}-{attempt}~");
        match renameat(folder.as_fd(), name, top, &*to) {
            Ok(()) => return Ok(true),
            Err(Errno::NOENT) => return Ok(false),
            Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Errno::EXIST.into())
}
