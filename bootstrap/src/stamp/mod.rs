//! The stamp of the running program: its root of trust and its sources, read
//! from memory; never from the environment, a flag or a file. And whether
//! another bootstrapper's stamp lets that one take over.

mod judge;
#[cfg(test)]
mod tests;

pub use judge::{Error, judge};

use crate::platform;
use offgrid_manifest::verify::{Verified, first_root};
use offgrid_manifest::{Code, Root, Stamp};

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
