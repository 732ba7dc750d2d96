//! Packs: a tar of small files, walked by our own rules ([`walk()`]). Only the
//! files that the parts document lists, each with its signed size, mode and
//! digest; anything else ends the run (reference/trust.md L1 to L6).
//!
//! Holds a pack against what was signed for. Where the files are made is the
//! caller's affair, so that this runs without a disk.

mod walk;

pub use walk::{Files, walk};

use crate::disk;
use crate::error::Error as Any;
use offgrid_manifest::parts::Mode;
use offgrid_manifest::{Code, Digest, Hasher, TreePath};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Why stored bytes did not become the signed tree.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An encoding of a later release.
    #[error("a file is stored in a way that this program does not know")]
    Encoding,
    /// More bytes than were signed for.
    #[error("`{}` unpacks to more than was signed for", path.display())]
    Bomb {
        /// The file.
        path: PathBuf,
    },
    /// Bytes that cannot be decompressed.
    #[error("`{}` cannot be unpacked", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Plain bytes that are not the signed ones.
    #[error("`{}` is not what was signed for", path.display())]
    Plain {
        /// The file.
        path: PathBuf,
    },
    /// An entry that has no business in a pack.
    #[error("the pack holds `{name}`, which {why}")]
    Entry {
        /// Its name, escaped.
        name: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A name that could lead out of its folder on some system, or that two
    /// systems write differently.
    #[error("the pack holds a name that no tree may have: {why}")]
    Name {
        /// What is wrong, with the name.
        why: String,
        /// `E_PATH` or `E_ENTRY`.
        code: Code,
    },
    /// Bytes that are no pack.
    #[error("`{}` is no pack, at byte {at}: it {why}", path.display())]
    Shape {
        /// The pack.
        path: PathBuf,
        /// How far it could be read.
        at: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// A file that the tree does not have.
    #[error("the pack holds `{name}`, which the signed tree does not have")]
    Unlisted {
        /// Its path.
        name: String,
    },
    /// A file of the tree that the pack does not hold.
    #[error("the pack does not hold `{name}`")]
    Missing {
        /// Its path in the tree.
        name: String,
    },
}

impl Error {
    fn name(why: &str) -> Error {
        Error::Name { why: why.to_owned(), code: Code::Path }
    }

    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Encoding => Code::Schema,
            Error::Bomb { .. } => Code::Bomb,
            Error::Damaged { .. }
            | Error::Plain { .. }
            | Error::Shape { .. }
            | Error::Unlisted { .. }
            | Error::Missing { .. } => Code::Tree,
            Error::Entry { .. } => Code::Entry,
            Error::Name { code, .. } => *code,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Encoding => crate::error::hint_of(Code::Schema),
            _ => crate::error::hint_of(Code::Hash),
        }
    }
}

/// What one packed file must be.
#[derive(Debug, Clone, Copy)]
pub struct Packed {
    /// Its mode.
    pub mode: Mode,
    /// Its size.
    pub size: u64,
    /// Its digest.
    pub sha256: Digest,
}

/// Holds a pack against `wanted`, which maps every path in it to what it must be,
/// and writes each file to what `create` makes for it. Files mapped to `None` are
/// there already: they are walked over. `what` names the pack in errors.
///
/// # Errors
/// As [`walk()`]; `E_ENTRY` for what stands there twice, `E_TREE` for what is not
/// listed, missing or of other bytes, `E_BOMB` for a file larger than signed for;
/// those of `create`.
pub fn unpack<W: Write>(
    pack: impl Read,
    what: &Path,
    wanted: &BTreeMap<String, Option<Packed>>,
    create: impl FnMut(&TreePath, Mode) -> Result<W, Any>,
) -> Result<(), Any> {
    let mut signed = Signed { wanted, seen: BTreeSet::new(), create, open: None };
    walk(pack, what, &mut signed)?;
    match wanted.keys().find(|name| !signed.seen.contains(*name)) {
        Some(name) => Err(Error::Missing { name: name.clone() }.into()),
        None => Ok(()),
    }
}

/// The files of a pack, each held against what it must be.
struct Signed<'a, C, W> {
    wanted: &'a BTreeMap<String, Option<Packed>>,
    seen: BTreeSet<&'a String>,
    create: C,
    open: Option<Open<W>>,
}

/// The file that is being written.
struct Open<W> {
    path: PathBuf,
    packed: Packed,
    hasher: Hasher,
    file: W,
}

impl<C, W> Signed<'_, C, W> {
    fn unlisted(&self, path: &TreePath) -> Error {
        let name = path.to_string();
        // One file for both on a disk that knows no case.
        if self.wanted.keys().any(|wanted| wanted.to_lowercase() == path.folded()) {
            return Error::Entry { name, why: "differs from a file of the tree in case alone" };
        }
        Error::Unlisted { name }
    }
}

impl<C: FnMut(&TreePath, Mode) -> Result<W, Any>, W: Write> Files for Signed<'_, C, W> {
    fn begin(&mut self, path: &TreePath, size: u64) -> Result<(), Any> {
        let wanted = self.wanted;
        let Some((name, packed)) = wanted.get_key_value(path.as_str()) else {
            return Err(self.unlisted(path).into());
        };
        if !self.seen.insert(name) {
            return Err(Error::Entry { name: name.clone(), why: "stands there twice" }.into());
        }
        let Some(packed) = *packed else { return Ok(()) };
        let path_of = || PathBuf::from(name);
        if size > packed.size {
            return Err(Error::Bomb { path: path_of() }.into());
        }
        if size < packed.size {
            return Err(Error::Plain { path: path_of() }.into());
        }
        let file = (self.create)(path, packed.mode)?;
        self.open = Some(Open { path: path_of(), packed, hasher: Hasher::new(), file });
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Any> {
        let Some(open) = &mut self.open else { return Ok(()) };
        open.hasher.update(bytes);
        Ok(disk::at("write", &open.path, open.file.write_all(bytes))?)
    }

    fn end(&mut self) -> Result<(), Any> {
        let Some(Open { path, packed, hasher, mut file }) = self.open.take() else {
            return Ok(());
        };
        disk::at("write", &path, file.flush())?;
        if hasher.finish() == packed.sha256 {
            return Ok(());
        }
        Err(Error::Plain { path }.into())
    }
}

#[cfg(test)]
mod tests;
