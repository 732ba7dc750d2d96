//! The stamp of the running program: its root of trust and its sources, read
//! from memory; never from the environment, a flag or a file. And whether
//! another bootstrapper's stamp lets that one take over.

mod judge;
#[cfg(test)]
mod tests;

pub use judge::{Error, judge};

use crate::{disk, platform};
use offgrid_manifest::verify::{Verified, first_root};
use offgrid_manifest::{Code, Root, Stamp, stamp};
use std::io::{self, ErrorKind};
use std::path::Path;

/// The largest bootstrapper, in bytes.
const FILE_MAX: u64 = 64 * 1024 * 1024;

/// The stamp and its root, checked.
#[derive(Debug, Clone)]
pub struct Stamped {
    /// As it was written into the executable.
    pub stamp: Stamp,
    /// Its root.
    pub root: Verified<Root>,
}

/// Reads the stamp of this executable.
///
/// # Errors
/// `E_UNSTAMPED` when nobody stamped it; the errors of a root otherwise.
pub fn own() -> Result<Stamped, offgrid_manifest::Error> {
    let section = platform::stamp_section();
    let Some(stamp) = Stamp::from_section(&section)? else {
        let message = "this program carries no root of trust, so it cannot tell whom to believe";
        return Err(offgrid_manifest::Error::new(Code::Unstamped, message));
    };
    let root = first_root(&stamp.root.bytes()?, stamp.root.signature.as_bytes())?;
    Ok(Stamped { stamp, root })
}

/// Reads the stamp of another bootstrapper, which is not run.
///
/// # Errors
/// As [`of_bytes`], and any I/O error.
pub fn of_file(path: &Path) -> Result<Stamp, Error> {
    let absent = || io::Error::from(ErrorKind::NotFound);
    let absent = || disk::Error { op: "read", path: path.to_owned(), source: absent() };
    of_bytes(&disk::read(path, FILE_MAX)?.ok_or_else(absent)?)
}

/// The same for the bytes of the file.
///
/// # Errors
/// `E_UNTRUSTED_BINARY` when it is no bootstrapper or nobody stamped it: exit 3
/// and `E_UNSTAMPED` are for the program that runs. `E_PARSE`; `E_SCHEMA` for
/// the stamp of a newer program.
pub fn of_bytes(bytes: &[u8]) -> Result<Stamp, Error> {
    let section = stamp::find(bytes).map_err(|error| error.at("the new bootstrapper"))?;
    Stamp::from_section(&bytes[section])?.ok_or(Error::Unstamped)
}
