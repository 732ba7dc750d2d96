//! A tree on disk held against what it must be: after unpacking, and for
//! `verify`. Also the copy of a file from one slot to another, which is the
//! same question asked while writing.
//!
//! Looks and copies; decides nothing.

use crate::error::Error as Any;
use crate::fetch;
use crate::receipt::{Receipt, SlotFile};
use crate::store::Store;
use crate::{disk, platform};
use offgrid_manifest::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Seek};
use std::path::{Path, PathBuf};

/// What a slot must hold: files and links by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Every regular file.
    pub files: BTreeMap<String, SlotFile>,
    /// Every link with its target.
    pub links: BTreeMap<String, String>,
}

/// Every difference between a folder and what it must hold, in words. Files are
/// hashed only when `deep`: what was hashed while it was written need not be
/// read again.
///
/// # Errors
/// A folder that cannot be read.
pub fn differences(folder: &Path, wanted: &Contents, deep: bool) -> Result<Vec<String>, Any> {
    let mut found = Vec::new();
    let mut seen = BTreeMap::new();
    walk(folder, "", &mut seen)?;
    for (path, file) in &wanted.files {
        match seen.remove(path) {
            Some(Kind::File(size)) => {
                let at = folder.join(path);
                if let Some(why) = file_differs(&at, size, file, deep)? {
                    found.push(format!("{path} {why}"));
                }
            }
            Some(_) => found.push(format!("{path} is not a file")),
            None => found.push(format!("{path} is missing")),
        }
    }
    for (path, target) in &wanted.links {
        match seen.remove(path) {
            Some(Kind::Link(to)) if to == *target => {}
            Some(_) => found.push(format!("{path} is not the link to {target}")),
            None => found.push(format!("{path} is missing")),
        }
    }
    found.extend(seen.into_keys().map(|path| format!("{path} does not belong there")));
    Ok(found)
}

/// The files of all slots whose bytes are not what was installed.
///
/// # Errors
/// A file that cannot be read.
pub fn damaged(store: &Store, receipt: &Receipt) -> Result<BTreeSet<PathBuf>, Any> {
    let mut found = BTreeSet::new();
    for (name, slot) in &receipt.slots {
        let Ok(name) = name.parse() else { continue };
        for (path, file) in &slot.files {
            let path = store.slot(&name).join(path);
            if fetch::digest_of(&path)? != Some(file.sha256) {
                found.insert(path);
            }
        }
    }
    Ok(found)
}

fn file_differs(
    path: &Path,
    size: u64,
    wanted: &SlotFile,
    deep: bool,
) -> Result<Option<&'static str>, Any> {
    if size != wanted.size {
        return Ok(Some("has another size"));
    }
    let mode = disk::at("look at", path, platform::mode_of(path))?;
    if mode != wanted.mode.bits() {
        return Ok(Some("has other permissions"));
    }
    if deep && fetch::digest_of(path)? != Some(wanted.sha256) {
        return Ok(Some("has other contents"));
    }
    Ok(None)
}

enum Kind {
    File(u64),
    Link(String),
    Other,
}

/// Files in slots that the receipt does not name, by the slot's folder.
///
/// # Errors
/// A folder that cannot be read.
pub fn foreign(store: &Store, receipt: &Receipt) -> Result<crate::plan::Foreign, Any> {
    let mut found = crate::plan::Foreign::new();
    for (name, slot) in &receipt.slots {
        let Ok(name) = name.parse() else { continue };
        let folder = store.slot(&name);
        // What a link leads to that somebody put there is not in a slot.
        if !disk::is_there(&folder)? || disk::link_target(&folder)?.is_some() {
            continue;
        }
        let mut seen = BTreeMap::new();
        walk(&folder, "", &mut seen)?;
        let ours = |path: &String| slot.files.contains_key(path) || slot.links.contains_key(path);
        let names: Vec<String> = seen.into_keys().filter(|path| !ours(path)).collect();
        if !names.is_empty() {
            found.insert(folder, names);
        }
    }
    Ok(found)
}

/// Lists what is under a folder, never through a link.
fn walk(folder: &Path, under: &str, seen: &mut BTreeMap<String, Kind>) -> Result<(), Any> {
    for entry in disk::at("list", folder, fs::read_dir(folder))? {
        let entry = disk::at("list", folder, entry)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if under.is_empty() { name } else { format!("{under}/{name}") };
        let kind = disk::at("look at", &entry.path(), entry.metadata())?;
        if kind.is_dir() {
            walk(&entry.path(), &path, seen)?;
            continue;
        }
        let kind = if kind.is_file() {
            Kind::File(kind.len())
        } else if let Some(target) = disk::link_target(&entry.path())? {
            Kind::Link(target.to_string_lossy().into_owned())
        } else {
            Kind::Other
        };
        seen.insert(path, kind);
    }
    Ok(())
}

/// Copies a file of one slot into `target`, an empty file of another, cloned
/// where the file system can, and hashes the copy: what counts is what is in the
/// new slot. `to` names it in errors.
///
/// # Errors
/// `E_STATE` when it is not what it was.
pub fn copy(from: &Path, mut target: File, to: &Path, sha256: &Digest) -> Result<(), Any> {
    let changed = || fetch::Error::Changed { path: from.to_owned() };
    let opened = File::open(from);
    if opened.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Err(changed().into());
    }
    let mut source = disk::at("read", from, opened)?;
    // Between two files this is copy_file_range on Linux: a clone where there are clones.
    disk::at("copy", to, io::copy(&mut source, &mut target))?;
    // By the same handle: its name may be another file's by now.
    disk::at("read", to, target.rewind())?;
    if fetch::digest_of_file(&mut target, to)? != *sha256 {
        return Err(changed().into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use offgrid_manifest::parts::Mode;

    #[test]
    fn every_kind_of_difference_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            disk::write(&path, bytes, 0o644).unwrap();
        };
        fs::create_dir(dir.path().join("d")).unwrap();
        put("same", b"1");
        put("d/size", b"22");
        put("bytes", b"3");
        put("extra", b"");
        let file = |bytes: &[u8]| SlotFile {
            mode: Mode::Plain,
            sha256: Digest::of(bytes),
            size: bytes.len() as u64,
        };
        let wanted = Contents {
            files: [("same", &b"1"[..]), ("d/size", b"2"), ("bytes", b"4"), ("none", b"")]
                .into_iter()
                .map(|(name, bytes)| (name.to_owned(), file(bytes)))
                .collect(),
            links: [("link".to_owned(), "same".to_owned())].into(),
        };
        let shallow = differences(dir.path(), &wanted, false).unwrap();
        assert_eq!(
            shallow,
            [
                "d/size has another size",
                "none is missing",
                "link is missing",
                "extra does not belong there"
            ]
        );
        let deep = differences(dir.path(), &wanted, true).unwrap();
        assert_eq!(deep[0], "bytes has other contents");
        assert_eq!(deep.len(), 5);
    }

    #[test]
    fn a_copy_of_something_else_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::write(&from, b"bytes").unwrap();
        let new = || File::options().read(true).write(true).create(true).truncate(true).open(&to);
        copy(&from, new().unwrap(), &to, &Digest::of(b"bytes")).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"bytes");
        assert!(copy(&from, new().unwrap(), &to, &Digest::of(b"other")).is_err());
    }
}
