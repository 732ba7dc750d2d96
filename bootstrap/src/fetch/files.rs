//! Whole files on disk: their digest, and a copy that is hashed while it is made.

use super::Error;
use crate::disk;
use crate::error::Error as Any;
use offgrid_manifest::{Digest, Hasher};
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// The digest of a file; `None` when there is none.
///
/// # Errors
/// Any file operation.
pub fn digest_of(path: &Path) -> Result<Option<Digest>, Any> {
    // Models lie in a folder of the service's user.
    let mut file = match disk::open_plain(path) {
        Ok(file) => file,
        Err(error) if disk::is_absent(&error) => return Ok(None),
        Err(source) => {
            return Err(disk::Error { op: "read", path: path.to_owned(), source }.into());
        }
    };
    digest_of_file(&mut file, path).map(Some)
}

/// The digest of what is left of an open file; `path` names it in errors.
///
/// # Errors
/// Any file operation.
pub fn digest_of_file(file: &mut File, path: &Path) -> Result<Digest, Any> {
    let mut hasher = Hasher::new();
    let mut bytes = vec![0; 256 * 1024];
    loop {
        match disk::at("read", path, disk::read_some(file, &mut bytes))? {
            0 => return Ok(hasher.finish()),
            read => hasher.update(&bytes[..read]),
        }
    }
}

/// Copies a program into place whole, hashing what is written: beside, synced,
/// renamed.
///
/// # Errors
/// `E_STATE` when the source is not what it was; any file operation.
pub fn copy_program(from: &Path, to: &Path, sha256: &Digest) -> Result<(), Any> {
    copy_file(from, to, sha256, 0o755)
}

/// As [`copy_program`], with this mode.
///
/// # Errors
/// As [`copy_program`].
pub fn copy_file(from: &Path, to: &Path, sha256: &Digest, mode: u32) -> Result<(), Any> {
    let part = disk::beside(to);
    disk::remove_file(&part)?;
    copy_beside(from, &part, sha256, mode).inspect_err(|_| {
        // The first error counts; a take-back removes what cannot be removed now.
        let _ = disk::remove_file(&part);
    })?;
    Ok(disk::rename(&part, to)?)
}

fn copy_beside(from: &Path, part: &Path, sha256: &Digest, mode: u32) -> Result<(), Any> {
    let mut source = disk::at("read", from, File::open(from))?;
    let mut file = disk::at("create", part, crate::platform::create_new(part, mode))?;
    let mut hasher = Hasher::new();
    let mut bytes = vec![0; 256 * 1024];
    loop {
        let read = disk::at("read", from, disk::read_some(&mut source, &mut bytes))?;
        if read == 0 {
            break;
        }
        hasher.update(&bytes[..read]);
        disk::at("write", part, file.write_all(&bytes[..read]))?;
    }
    disk::at("write", part, file.sync_all())?;
    drop(file);
    if hasher.finish() != *sha256 {
        return Err(Error::Changed { path: from.to_owned() }.into());
    }
    Ok(())
}
