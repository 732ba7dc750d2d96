//! Plain files that a child without our rights makes of blobs and packs, and their way
//! into a slot: root reads them, hashes them, and unpacks nothing.
//!
//! The folder is the child's own, and nothing in it is believed: no link in it is
//! followed, and what counts is the digest of what was copied out of it.

use super::{From, PlannedFile, SlotPlan, Within, folders, work};
use crate::error::Error as Any;
use crate::run::Context;
use crate::{disk, fetch, platform};
use offgrid_manifest::Hasher;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

/// What of a slot has to be fetched and decoded; `None` where nothing has.
pub fn missing(slot: &SlotPlan) -> Option<SlotPlan> {
    let comes = |file: &&PlannedFile| matches!(file.from, From::Blob(_) | From::Pack(_));
    let files: Vec<PlannedFile> = slot.files.iter().filter(comes).cloned().collect();
    let none = files.is_empty();
    (!none).then(|| SlotPlan {
        files,
        links: BTreeMap::new(),
        documents: BTreeMap::new(),
        link: false,
        ..slot.clone()
    })
}

/// The slot with plain files of this folder in the place of blobs and packs.
pub fn staged(slot: &SlotPlan, plain: &Path) -> SlotPlan {
    let from = |file: &PlannedFile| match &file.from {
        From::Blob(_) | From::Pack(_) => From::Staged(plain.join(file.sha256.to_string())),
        other => other.clone(),
    };
    let files = slot.files.iter().map(|file| PlannedFile { from: from(file), ..file.clone() });
    SlotPlan { files: files.collect(), packs: Vec::new(), ..slot.clone() }
}

/// Fetches and decodes what [`missing`] says into `plain`, by plain digest. What is
/// there already of an earlier try is left alone.
///
/// # Errors
/// `E_HASH`, `E_ENTRY`, `E_NOSPACE`, `E_UNREACHABLE`, ...
pub fn stage(context: &Context<'_>, slot: &SlotPlan, plain: &Path) -> Result<(), Any> {
    disk::make_dirs(plain)?;
    let there = |file: &PlannedFile| disk::exists(&plain.join(file.sha256.to_string()));
    let wanted: BTreeSet<usize> = slot
        .files
        .iter()
        .filter_map(|file| match file.from {
            From::Pack(index) if !there(file) => Some(index),
            _ => None,
        })
        .collect();
    let needs = |file: &&PlannedFile| match file.from {
        From::Pack(index) => wanted.contains(&index),
        _ => !there(file),
    };
    let files: Vec<PlannedFile> = slot.files.iter().filter(needs).cloned().collect();
    let slot = SlotPlan { files, ..slot.clone() };
    if slot.files.is_empty() {
        return Ok(());
    }
    let work = context.store.staging();
    disk::remove_tree(&work)?;
    disk::make_dirs(&work.join("tree"))?;
    let within = Within::open(&work.join("tree"))?;
    for folder in folders(&slot) {
        within.make_dir(&folder)?;
    }
    work::fetch_all(context, &slot, &Within::open(&work)?, &within)?;
    for file in &slot.files {
        disk::shift(&work.join("tree").join(&file.path), &plain.join(file.sha256.to_string()))?;
    }
    Ok(disk::remove_tree(&work)?)
}

/// Takes a plain file into the slot.
///
/// # Errors
/// `E_HASH`, `E_SIZE` for other bytes; `E_PERM` for what is no plain file.
pub(super) fn take(staging: &Within, file: &PlannedFile, from: &Path) -> Result<(), Any> {
    let (folder, name) = (from.parent().unwrap_or(from), from.file_name().unwrap_or_default());
    let opened = platform::Folder::open(folder).and_then(|it| it.read(&name.to_string_lossy()));
    let mut source = match opened {
        Err(error) if disk::is_absent(&error) => {
            return Err(fetch::Error::Digest { what: from.display().to_string() }.into());
        }
        opened => disk::at("read", from, opened)?,
    };
    let (mut target, to) = staging.create(&file.path, file.mode.bits())?;
    let (mut hasher, mut size) = (Hasher::new(), 0);
    let mut bytes = vec![0; 256 * 1024];
    loop {
        let read = disk::at("read", from, disk::read_some(&mut source, &mut bytes))?;
        size += read as u64;
        if size > file.size {
            let (what, found) = (from.display().to_string(), size);
            return Err(fetch::Error::Size { what, found, size: file.size }.into());
        }
        if read == 0 {
            break;
        }
        hasher.update(&bytes[..read]);
        disk::at("write", &to, target.write_all(&bytes[..read]))?;
    }
    match hasher.finish() == file.sha256 {
        true => Ok(()),
        false => Err(fetch::Error::Digest { what: from.display().to_string() }.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use offgrid_manifest::Digest;
    use offgrid_manifest::parts::Mode;
    use std::fs;

    fn file(bytes: &[u8]) -> PlannedFile {
        PlannedFile {
            path: "a".to_owned(),
            mode: Mode::Plain,
            sha256: Digest::of(bytes),
            size: bytes.len() as u64,
            from: From::Pack(0),
        }
    }

    #[test]
    fn what_a_child_has_made_is_hashed_and_no_link_of_it_is_followed() {
        use offgrid_manifest::Code;
        let dir = tempfile::tempdir().unwrap();
        let (cache, slot) = (dir.path().join("cache"), dir.path().join("slot"));
        fs::create_dir(&cache).unwrap();
        fs::create_dir(&slot).unwrap();
        let (within, plain) = (Within::open(&slot).unwrap(), cache.join("x"));
        let code = |bytes: &[u8]| take(&within, &file(bytes), &plain).unwrap_err().code();
        assert_eq!(code(b"right"), Code::Hash, "not there");
        fs::write(&plain, b"right").unwrap();
        take(&within, &file(b"right"), &plain).unwrap();
        assert_eq!(fs::read(slot.join("a")).unwrap(), b"right");
        assert_eq!(code(b"wrong"), Code::Hash);
        assert_eq!(code(b"righ"), Code::Size);
        // Another name for a file of somebody else's.
        fs::hard_link(&plain, cache.join("y")).unwrap();
        assert_eq!(code(b"right"), Code::State, "two names");
        fs::remove_file(cache.join("y")).unwrap();
        let secret = dir.path().join("secret");
        fs::write(&secret, b"right").unwrap();
        fs::remove_file(&plain).unwrap();
        if crate::platform::link_for_tests(&secret.display().to_string(), &plain) {
            assert_eq!(code(b"right"), Code::State, "a link");
        }
    }
}
