//! Packs: a tar of small files, walked by our own rules. Only regular files
//! that the parts document lists, each with its signed size, mode and digest;
//! anything else ends the run (reference/trust.md L1 to L6).

use crate::error::Error as Any;
use crate::{disk, platform};
use offgrid_manifest::parts::Mode;
use offgrid_manifest::{Code, Digest, Hasher};
use std::collections::BTreeMap;
use std::fs::File;
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
    /// A file of the tree that the pack does not hold.
    #[error("the pack does not hold `{name}`")]
    Missing {
        /// Its path in the tree.
        name: String,
    },
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Encoding => Code::Schema,
            Error::Bomb { .. } => Code::Bomb,
            Error::Damaged { .. } | Error::Plain { .. } | Error::Missing { .. } => Code::Tree,
            Error::Entry { .. } => Code::Entry,
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

/// Writes the files of a pack under `folder`. `wanted` maps every path in the
/// pack to what it must be; files mapped to `None` are checked by name alone and
/// skipped, because they are there already.
///
/// # Errors
/// `E_ENTRY`, `E_TREE`, `E_BOMB`; any file operation.
pub fn unpack(
    pack: &Path,
    folder: &Path,
    wanted: &BTreeMap<String, Option<Packed>>,
) -> Result<(), Any> {
    let file = disk::at("read", pack, File::open(pack))?;
    let mut archive = tar::Archive::new(io::BufReader::new(file));
    let damaged = |source| Error::Damaged { path: pack.to_owned(), source };
    let mut seen: BTreeMap<String, ()> = BTreeMap::new();
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let refuse = |why| Error::Entry { name: name.escape_default().to_string(), why };
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(refuse("is not a regular file").into());
        }
        let Some(packed) = wanted.get(&name) else {
            return Err(refuse("the signed tree does not have").into());
        };
        if seen.insert(name.clone(), ()).is_some() {
            return Err(refuse("stands there twice").into());
        }
        let Some(packed) = packed else { continue };
        if entry.size() != packed.size {
            return Err(refuse("is not as large as was signed for").into());
        }
        write_entry(&mut entry, &folder.join(&name), packed)?;
    }
    match wanted.keys().find(|name| !seen.contains_key(*name)) {
        Some(name) => Err(Error::Missing { name: name.clone() }.into()),
        None => Ok(()),
    }
}

fn write_entry(entry: &mut impl Read, path: &Path, packed: &Packed) -> Result<(), Any> {
    disk::remove_file(path)?;
    let mode = packed.mode.bits();
    let mut file = disk::at("create", path, platform::create_new(path, mode))?;
    let mut hasher = Hasher::new();
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let read = entry.read(&mut bytes);
        let read = read.map_err(|source| Error::Damaged { path: path.to_owned(), source })?;
        if read == 0 {
            break;
        }
        hasher.update(&bytes[..read]);
        disk::at("write", path, file.write_all(&bytes[..read]))?;
    }
    if hasher.size() != packed.size || hasher.finish() != packed.sha256 {
        return Err(Error::Plain { path: path.to_owned() }.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(bytes: &[u8]) -> Option<Packed> {
        Some(Packed { mode: Mode::Plain, size: bytes.len() as u64, sha256: Digest::of(bytes) })
    }

    fn run(
        entries: &[(&str, &[u8], tar::EntryType)],
        wanted: &[(&str, Option<Packed>)],
    ) -> Result<(), Any> {
        let dir = tempfile::tempdir().unwrap();
        let mut builder = tar::Builder::new(Vec::new());
        for (name, bytes, kind) in entries {
            let mut header = tar::Header::new_ustar();
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(bytes.len() as u64);
            header.set_entry_type(*kind);
            if *kind == tar::EntryType::Symlink {
                header.set_link_name("/etc/passwd").unwrap();
            }
            header.set_cksum();
            builder.append(&header, *bytes).unwrap();
        }
        let pack = dir.path().join("pack");
        std::fs::write(&pack, builder.into_inner().unwrap()).unwrap();
        let folder = dir.path().join("out");
        std::fs::create_dir(&folder).unwrap();
        let wanted = wanted.iter().map(|(name, p)| ((*name).to_owned(), *p)).collect();
        let result = unpack(&pack, &folder, &wanted);
        let outside = std::fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(outside, 2, "nothing is written beside the folder");
        result
    }

    #[test]
    fn a_pack_with_exactly_the_signed_files_is_unpacked() {
        let file = tar::EntryType::Regular;
        run(&[("a", b"1", file), ("b", b"22", file)], &[("a", packed(b"1")), ("b", None)]).unwrap();
    }

    #[test]
    fn everything_else_is_refused() {
        use tar::EntryType as Kind;
        let one = packed(b"1");
        let code = |entries: &[(&str, &[u8], Kind)], wanted: &[(&str, Option<Packed>)]| {
            run(entries, wanted).unwrap_err().code()
        };
        assert_eq!(code(&[("../a", b"1", Kind::Regular)], &[("a", one)]), Code::Entry);
        assert_eq!(code(&[("/a", b"1", Kind::Regular)], &[("a", one)]), Code::Entry);
        assert_eq!(code(&[("a", b"", Kind::Symlink)], &[("a", one)]), Code::Entry);
        assert_eq!(code(&[("a", b"", Kind::Fifo)], &[("a", one)]), Code::Entry);
        assert_eq!(code(&[("a", b"", Kind::Link)], &[("a", one)]), Code::Entry);
        assert_eq!(code(&[("a", b"", Kind::Directory)], &[("a", one)]), Code::Entry);
        assert_eq!(code(&[("a", b"12", Kind::Regular)], &[("a", one)]), Code::Entry);
        assert_eq!(code(&[("a", b"2", Kind::Regular)], &[("a", one)]), Code::Tree);
        assert_eq!(code(&[], &[("a", one)]), Code::Tree);
        let twice = [("a", &b"1"[..], Kind::Regular), ("a", b"1", Kind::Regular)];
        assert_eq!(code(&twice, &[("a", one)]), Code::Entry);
    }
}
