//! A file that an earlier slot holds, for a new one: hard-linked where nobody
//! else can write, cloned where the file system can, copied otherwise (DESIGN 7).
//! Whichever it is, it is hashed again, by the handle and not by the name.

use super::{PlannedFile, Within};
use crate::error::Error as Any;
use crate::{disk, fetch, platform};
use std::fs::File;
use std::io::{self, Seek};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// What ways there are besides a copy.
#[derive(Debug)]
pub(super) struct Ways {
    /// Whether nobody but this user could ever write to a file of a slot, so that two
    /// slots may share one.
    link: bool,
    /// Whether no clone could be made: then none is tried again.
    no_clones: AtomicBool,
}

impl Ways {
    /// Where files may be linked or not.
    pub(super) fn new(link: bool) -> Ways {
        Ways { link, no_clones: AtomicBool::new(false) }
    }
}

/// Takes `from` into the slot.
///
/// # Errors
/// `E_STATE` when it is not what it was; any file operation.
pub(super) fn take(
    staging: &Within,
    file: &PlannedFile,
    from: &Path,
    ways: &Ways,
) -> Result<(), Any> {
    let opened = File::open(from);
    if opened.as_ref().is_err_and(disk::is_absent) {
        return Err(changed(from));
    }
    let mut source = disk::at("read", from, opened)?;
    let mode = file.mode.bits();
    // Not what a link that was put in its place leads to.
    // What cannot be looked at is copied: reading it says what is wrong.
    let is_it = || platform::is_same_file(&source, from).unwrap_or(false);
    let shareable = || platform::is_exactly(&source, mode) && is_it();
    if ways.link && shareable() {
        if fetch::digest_of_file(&mut source, from)? != file.sha256 {
            return Err(changed(from));
        }
        // No links there, too many of them, another file system: a copy does.
        if staging.hard_link(&source, &file.path).is_ok() {
            return Ok(());
        }
        disk::at("read", from, source.rewind())?;
    }
    let try_clone = !ways.no_clones.load(Ordering::Relaxed);
    let cloned = try_clone.then(|| staging.clone(&source, &file.path, mode)).flatten();
    let (mut target, to) = match cloned {
        Some(cloned) => cloned,
        None => {
            ways.no_clones.store(true, Ordering::Relaxed);
            let (mut target, to) = staging.create(&file.path, mode)?;
            disk::at("copy", &to, io::copy(&mut source, &mut target))?;
            (target, to)
        }
    };
    disk::at("read", &to, target.rewind())?;
    // What counts is what is in the new slot.
    match fetch::digest_of_file(&mut target, &to)? == file.sha256 {
        true => Ok(()),
        false => Err(changed(from)),
    }
}

fn changed(from: &Path) -> Any {
    fetch::Error::Changed { path: from.to_owned() }.into()
}

/// Takes `from` to `to`, which must be these bytes.
#[cfg(test)]
pub(crate) fn reuse_for_tests(from: &Path, to: &Path, bytes: &[u8], link: bool) -> Result<(), Any> {
    use offgrid_manifest::{Digest, parts::Mode};
    let name = to.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let file = PlannedFile {
        path: name,
        mode: Mode::Plain,
        sha256: Digest::of(bytes),
        size: bytes.len() as u64,
        from: super::From::Slot(from.to_owned()),
    };
    let staging = Within::open(to.parent().unwrap_or(to))?;
    take(&staging, &file, from, &Ways::new(link))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_is_something_else_by_now_is_refused_linked_or_not() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        disk::write(&from, b"bytes", 0o644).unwrap();
        for link in [false, true] {
            reuse_for_tests(&from, &to, b"bytes", link).unwrap();
            assert_eq!(fs::read(&to).unwrap(), b"bytes");
            let refused = reuse_for_tests(&from, &to, b"other", link).unwrap_err();
            assert!(matches!(refused, Any::Fetch(fetch::Error::Changed { .. })), "{refused}");
            assert!(reuse_for_tests(&dir.path().join("absent"), &to, b"bytes", link).is_err());
        }
    }
}
