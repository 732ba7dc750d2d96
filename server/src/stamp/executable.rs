//! An executable in memory: its stamp is read and replaced, and what its system
//! signed is brought in order afterwards.

use super::{Error, Signature, macho, pe};
use crate::disk;
use offgrid_manifest::stamp::{self, Stamp};
use offgrid_manifest::{Target, stamp::made_for};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The largest executable.
const BINARY_MAX: u64 = 1 << 30;

/// An executable in memory, with its section found.
pub struct Executable {
    path: PathBuf,
    bytes: Vec<u8>,
    section: Range<usize>,
}

impl Executable {
    /// Reads the file and finds its section.
    ///
    /// # Errors
    /// `E_USAGE` when it is not a bootstrapper.
    pub fn open(path: &Path) -> Result<Executable, Error> {
        let missing = || Error::Missing(path.to_owned());
        let bytes = disk::read_bounded(path, BINARY_MAX)?.ok_or_else(missing)?;
        if bytes.len() as u64 > BINARY_MAX {
            return Err(missing());
        }
        Executable::read(path, bytes)
    }

    /// The same for bytes that came from `path`.
    ///
    /// # Errors
    /// As [`Executable::open`].
    pub fn read(path: &Path, bytes: Vec<u8>) -> Result<Executable, Error> {
        let refused = |error: offgrid_manifest::Error| Error::NoBootstrapper {
            path: path.to_owned(),
            why: error.to_string(),
        };
        let section = stamp::find(&bytes).map_err(refused)?;
        Ok(Executable { path: path.to_owned(), bytes, section })
    }

    /// The whole file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its stamp; `None` when nobody has stamped it.
    ///
    /// # Errors
    /// `E_PARSE` when the section is not one of ours.
    pub fn stamp(&self) -> Result<Option<Stamp>, Error> {
        let stamp = Stamp::from_section(&self.bytes[self.section.clone()]);
        Ok(stamp.map_err(|error| error.at(&self.path.display().to_string()))?)
    }

    /// Whether it is made for this target.
    pub fn is_for(&self, target: &Target) -> bool {
        made_for(&self.bytes) == Some(*target)
    }

    /// The file with this stamp instead of the one it had, and what became of a
    /// signature of its system, which covered the old one.
    ///
    /// # Errors
    /// `E_PARSE`, `E_SIZE`; `E_UNSUPPORTED` when the signature cannot be replaced.
    pub(super) fn with(mut self, stamp: &Stamp) -> Result<(Vec<u8>, Signature), Error> {
        self.stamp()?;
        let section = stamp.to_section()?;
        self.bytes[self.section.clone()].copy_from_slice(&section);
        let signature = match made_for(&self.bytes).map(|target| target.os()) {
            Some("windows") => {
                pe::enter_load_config(&mut self.bytes);
                pe::unsign(&mut self.bytes)
            }
            Some("macos") => macho::sign(&mut self.bytes),
            _ => Ok(Signature::None),
        };
        let why = |why| Error::Signature { path: self.path.clone(), why };
        Ok((std::mem::take(&mut self.bytes), signature.map_err(why)?))
    }
}
