//! The stamp: root of trust, sources and floors inside an executable
//! (DESIGN 4). This module owns the bytes of the section and where they lie in a
//! file; writing them there is the depot's, reading its own the bootstrapper's.

mod find;
#[cfg(test)]
mod tests;

pub use find::{find, made_for};

use crate::error::{Error, parse};
use crate::root::Floors;
use crate::{Code, Time, json};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};

/// How the section is called in ELF and PE files (PE allows 8 characters).
pub const SECTION: &str = ".ogstamp";
/// Bytes of the section: a header and at most 24 KiB of JSON.
pub const SECTION_SIZE: usize = HEADER + JSON_MAX;
/// The largest stamp, as JSON.
pub const JSON_MAX: usize = 24 * 1024;
const HEADER: usize = 32;
const MAGIC: [u8; 24] = *b"offgrid setup stamp v1\0\0";

/// What an executable was stamped with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// 1.
    pub schema: u64,
    /// The root that everything is verified from.
    pub root: StampedRoot,
    /// Where to look for the depot: addresses that end with `/`.
    pub sources: Vec<String>,
    /// Versions below which nothing is taken.
    pub floors: Floors,
    /// When it was stamped: the clock is never earlier.
    pub issued: Time,
}

/// A root as it was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StampedRoot {
    /// The exact bytes, in base64.
    pub document: String,
    /// The signature file.
    pub signature: String,
}

impl StampedRoot {
    /// From the two files.
    pub fn new(document: &[u8], signature: &str) -> StampedRoot {
        StampedRoot { document: BASE64.encode(document), signature: signature.to_owned() }
    }

    /// The exact bytes of the document.
    ///
    /// # Errors
    /// `E_PARSE`.
    pub fn bytes(&self) -> Result<Vec<u8>, Error> {
        BASE64.decode(&self.document).map_err(|_| parse("the stamped root is not base64"))
    }
}

/// The section of an executable that nobody has stamped yet.
pub const fn empty_section() -> [u8; SECTION_SIZE] {
    let mut section = [0u8; SECTION_SIZE];
    let mut i = 0;
    while i < MAGIC.len() {
        section[i] = MAGIC[i];
        i += 1;
    }
    section
}

impl Stamp {
    /// The bytes of a stamped section.
    ///
    /// # Errors
    /// `E_SIZE` when it is more than 24 KiB.
    pub fn to_section(&self) -> Result<Vec<u8>, Error> {
        let json = serde_json::to_vec(self).map_err(|error| parse(error.to_string()))?;
        if json.len() > JSON_MAX {
            let message = format!("the stamp has {} bytes, at most {JSON_MAX} fit", json.len());
            return Err(Error::new(Code::Size, message));
        }
        let mut section = empty_section().to_vec();
        section[MAGIC.len()..HEADER].copy_from_slice(&(json.len() as u64).to_le_bytes());
        section[HEADER..HEADER + json.len()].copy_from_slice(&json);
        Ok(section)
    }

    /// Reads a section; `None` when nobody has stamped it.
    ///
    /// # Errors
    /// `E_PARSE` when it is not a section of ours.
    pub fn from_section(section: &[u8]) -> Result<Option<Stamp>, Error> {
        if section.len() < SECTION_SIZE || section[..MAGIC.len()] != MAGIC {
            return Err(parse("not a stamp section"));
        }
        let mut length = [0u8; 8];
        length.copy_from_slice(&section[MAGIC.len()..HEADER]);
        let length = u64::from_le_bytes(length);
        if length == 0 {
            return Ok(None);
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some(json) = section.get(HEADER..).and_then(|rest| rest.get(..length)) else {
            return Err(parse("a stamp longer than its section"));
        };
        let stamp: Stamp = json::read(json)?;
        if stamp.schema != 1 {
            let message = format!("a stamp of schema {}, this program knows 1", stamp.schema);
            return Err(Error::new(Code::Schema, message));
        }
        Ok(Some(stamp))
    }
}
