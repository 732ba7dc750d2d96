//! Opening what somebody else may have put into the place of a file of ours.

use super::flags;
use rustix::fs::OFlags;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// NONBLOCK: a pipe in that place must not stop us.
pub(crate) fn open_own(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(flags(OFlags::NOFOLLOW | OFlags::NONBLOCK));
    let file = match options.open(path) {
        // A link, a folder, a pipe that nobody reads.
        Err(error) if [LOOP, ISDIR, NXIO].contains(&error.raw_os_error()) => return Ok(None),
        file => file?,
    };
    let meta = file.metadata()?;
    Ok((meta.is_file() && meta.nlink() == 1).then_some(file))
}

pub(super) const LOOP: Option<i32> = Some(rustix::io::Errno::LOOP.raw_os_error());
const ISDIR: Option<i32> = Some(rustix::io::Errno::ISDIR.raw_os_error());
const NXIO: Option<i32> = Some(rustix::io::Errno::NXIO.raw_os_error());

/// Likewise, for reading alone.
pub(crate) fn open_plain(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags(OFlags::NONBLOCK));
    let file = options.open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(ErrorKind::InvalidInput, "it is not a plain file")),
    }
}
