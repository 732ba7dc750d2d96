//! A tree on disk held against what it must be: after unpacking, for `verify`, and
//! for what others put into slots.
//!
//! Looks; decides nothing and changes nothing.

use crate::error::Error as Any;
use crate::fetch;
use crate::receipt::{Receipt, SlotFile};
use crate::store::Store;
use crate::{disk, platform};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// What a slot must hold: files and links by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Every regular file.
    pub files: BTreeMap<String, SlotFile>,
    /// Every link with its target.
    pub links: BTreeMap<String, String>,
}

/// Something in a folder that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// In the folder, with `/`; nothing: the folder itself.
    pub path: String,
    /// How it differs.
    pub wrong: Wrong,
}

/// How something differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// It is not there.
    Missing,
    /// Something else than a file is there.
    NotAFile,
    /// The file has another size.
    Size,
    /// The file has other permission bits.
    Permissions,
    /// The file or folder is somebody else's: how, in words.
    Theirs(String),
    /// The file has other bytes.
    Contents,
    /// It is not the link to this.
    Link(String),
    /// A folder that others may write to.
    Open,
    /// Nobody said that it should be there.
    Foreign,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wrong::Missing => f.write_str("is missing"),
            Wrong::NotAFile => f.write_str("is not a file"),
            Wrong::Size => f.write_str("has another size"),
            Wrong::Permissions => f.write_str("has other permissions"),
            Wrong::Theirs(why) => f.write_str(why),
            Wrong::Contents => f.write_str("has other contents"),
            Wrong::Link(target) => write!(f, "is not the link to {target}"),
            Wrong::Open => f.write_str("is a folder that others may write to"),
            Wrong::Foreign => f.write_str("does not belong there"),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.wrong)
    }
}

/// Every difference between a folder and what it must hold. Files are hashed
/// only when `deep`: what was hashed while it was written need not be read again.
///
/// # Errors
/// A folder that cannot be read.
pub fn differences(folder: &Path, wanted: &Contents, deep: bool) -> Result<Vec<Difference>, Any> {
    let mut found = Vec::new();
    let mut seen = BTreeMap::new();
    walk(folder, "", &mut seen)?;
    if is_open(folder)? {
        seen.insert(String::new(), Kind::Open);
    }
    let mut add = |path: &String, wrong| found.push(Difference { path: path.clone(), wrong });
    for (path, file) in &wanted.files {
        let wrong = match seen.remove(path) {
            Some(Kind::File(size)) => file_differs(&folder.join(path), size, file, deep)?,
            Some(_) => Some(Wrong::NotAFile),
            None => Some(Wrong::Missing),
        };
        wrong.into_iter().for_each(|wrong| add(path, wrong));
    }
    for (path, target) in &wanted.links {
        match seen.remove(path) {
            Some(Kind::Link(to)) if to == *target => {}
            Some(_) => add(path, Wrong::Link(target.clone())),
            None => add(path, Wrong::Missing),
        }
    }
    for (path, kind) in seen {
        add(&path, if matches!(kind, Kind::Open) { Wrong::Open } else { Wrong::Foreign });
    }
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
) -> Result<Option<Wrong>, Any> {
    if size != wanted.size {
        return Ok(Some(Wrong::Size));
    }
    let mode = disk::at("look at", path, platform::mode_of(path))?;
    if mode != wanted.mode.bits() {
        return Ok(Some(Wrong::Permissions));
    }
    if deep && let Some(why) = disk::at("look at", path, platform::foreign(path))? {
        return Ok(Some(Wrong::Theirs(why)));
    }
    if deep && fetch::digest_of(path)? != Some(wanted.sha256) {
        return Ok(Some(Wrong::Contents));
    }
    Ok(None)
}

enum Kind {
    File(u64),
    Link(String),
    /// A folder that others may write to; no other folders are listed.
    Open,
    Other,
}

/// Whether others may write to a folder: its bits alone.
fn is_open(folder: &Path) -> Result<bool, Any> {
    Ok(disk::at("look at", folder, platform::mode_of(folder))? & 0o022 != 0)
}

/// What is in a folder of a slot and belongs to nobody whom the receipt names.
///
/// # Errors
/// A folder that cannot be read.
pub fn strangers(folder: &Path, wanted: &Contents) -> Result<Vec<String>, Any> {
    let mut seen = BTreeMap::new();
    walk(folder, "", &mut seen)?;
    let ours = |path: &String| wanted.files.contains_key(path) || wanted.links.contains_key(path);
    seen.retain(|path, kind| !matches!(kind, Kind::Open) && !ours(path));
    Ok(seen.into_keys().collect())
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
        let wanted = Contents { files: slot.files.clone(), links: slot.links.clone() };
        let names = strangers(&folder, &wanted)?;
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
            if is_open(&entry.path())? {
                seen.insert(path, Kind::Open);
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use offgrid_manifest::Digest;
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
        let told = |deep| -> Vec<String> {
            let found = differences(dir.path(), &wanted, deep).unwrap();
            found.iter().map(ToString::to_string).collect()
        };
        let shallow = told(false);
        assert_eq!(
            shallow,
            [
                "d/size has another size",
                "none is missing",
                "link is missing",
                "extra does not belong there"
            ]
        );
        let deep = told(true);
        assert_eq!(deep[0], "bytes has other contents");
        assert_eq!(deep.len(), 5);
        assert_eq!(strangers(dir.path(), &wanted).unwrap(), ["extra"]);
    }
}
