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

/// Likewise, for reading alone. A device does things when it is opened, so what a link leads
/// to is looked at before.
pub(crate) fn open_plain(path: &Path, follow: bool) -> io::Result<File> {
    let no_file = || io::Error::new(ErrorKind::InvalidInput, "it is not a plain file");
    if follow && !path.metadata()?.is_file() {
        return Err(no_file());
    }
    let link = if follow { OFlags::empty() } else { OFlags::NOFOLLOW };
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags(OFlags::NONBLOCK | link));
    let file = options.open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(no_file()) }
}
