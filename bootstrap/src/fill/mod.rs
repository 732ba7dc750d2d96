//! Filling a slot: files from slots on disk, blobs and packs into a staging
//! folder, checked against the signed tree, put in place by one rename.
//!
//! Nothing in staging is used before everything in it was right, and a slot is
//! never changed after it is complete (DESIGN 7, 8).

mod error;
mod reuse;
mod staged;
mod within;
mod work;

pub use error::Error;
#[cfg(test)]
pub(crate) use reuse::reuse_for_tests;
pub use staged::{missing, stage, staged};
use within::Within;

use crate::engine;
use crate::error::Error as Any;
use crate::plan::OnDisk;
use crate::receipt::{Slot, SlotFile};
use crate::run::Context;
use crate::store::{SlotName, Store};
use crate::{disk, fetch, inspect, platform};
use offgrid_manifest::Digest;
use offgrid_manifest::parts::{Encoding, Mode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// All that a slot consists of, as plain data: the journal holds it, so that a
/// run can go on after a crash without asking anybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotPlan {
    /// The slot.
    pub name: SlotName,
    /// Every file.
    pub files: Vec<PlannedFile>,
    /// Every link: its path in the slot and its target.
    pub links: BTreeMap<String, String>,
    /// Every pack that is needed.
    pub packs: Vec<PlannedPack>,
    /// The verified documents, by file name.
    pub documents: BTreeMap<String, String>,
    /// Whether a file of another slot may be hard-linked: nobody else can write
    /// there (DESIGN 7). A slot that is rebuilt has files of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub link: bool,
    /// Bytes to fetch.
    pub download_bytes: u64,
    /// Bytes that it takes on disk; less where reused files take none.
    pub disk_bytes: u64,
}

/// One file of a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedFile {
    /// In the slot.
    pub path: String,
    /// Its mode.
    pub mode: Mode,
    /// Of the plain bytes.
    pub sha256: Digest,
    /// Of the plain bytes.
    pub size: u64,
    /// Where it comes from.
    pub from: From,
}

/// Where a file of a slot comes from, cheapest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum From {
    /// A file of another slot, hashed again while it is copied.
    Slot(PathBuf),
    /// A plain file that a child without our rights has fetched and decoded; copied,
    /// never linked, and hashed while it is.
    Staged(PathBuf),
    /// A blob of its own.
    Blob(Encoding),
    /// A pack, by its index in [`SlotPlan::packs`].
    Pack(usize),
}

/// One pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedPack {
    /// The folder in the slot that its paths are relative to.
    pub into: String,
    /// Of the plain tar.
    pub size: u64,
    /// How it is fetched.
    pub encoding: Encoding,
    /// Paths in the pack that are in the slot already.
    pub skipped: Vec<String>,
}

/// Fills the slot and puts it in place. A slot that is in place is complete.
///
/// # Errors
/// `E_HASH`, `E_TREE`, `E_ENTRY`, `E_NOSPACE`, `E_UNREACHABLE`, ...
pub fn fill(context: &Context<'_>, slot: &SlotPlan) -> Result<(), Any> {
    let target = context.store.slot(&slot.name);
    if disk::is_there(&target)? {
        return Ok(());
    }
    let staging = build(context, slot)?;
    disk::shift(&staging, &target)?;
    // Its name in staging may come back; staging goes.
    Ok(disk::sync_parent(&target)?)
}

/// Makes a damaged slot anew beside it, whole and durable, and only then moves the
/// damaged one to `trash` and the new one into its place. What is in the trash
/// says how far an earlier try came.
///
/// # Errors
/// As [`fill`]; `E_STATE` when something that is not ours came into the slot.
pub fn rebuild(context: &Context<'_>, slot: &SlotPlan, trash: &Path) -> Result<(), Any> {
    let target = context.store.slot(&slot.name);
    let mut staging = context.store.staging().join(slot.name.to_string());
    if !disk::is_there(trash)? {
        staging = build(context, slot)?;
        let is_slot = target.is_dir() && platform::read_link(&target).is_none();
        let mut strangers = match is_slot {
            true => inspect::strangers(&target, &contents(slot))?,
            false => Vec::new(),
        };
        // Which engine the old one had is ours, and no business of the new one.
        strangers.retain(|name| name != engine::FILE);
        if let Some(name) = strangers.first() {
            return Err(fetch::Error::Changed { path: target.join(name) }.into());
        }
        trash.parent().map_or(Ok(()), disk::make_dirs)?;
        disk::rename(&target, trash)?;
    }
    if !disk::is_there(&target)? {
        disk::rename(&staging, &target)?;
    }
    Ok(())
}

/// All of a slot in the staging folder: verified and durable.
fn build(context: &Context<'_>, slot: &SlotPlan) -> Result<PathBuf, Any> {
    let work = context.store.staging();
    disk::remove_tree(&work)?;
    check_space(context, slot)?;
    disk::make_work_dir(&work, 0o700)?;
    let staging = work.join(slot.name.to_string());
    disk::make_work_dir(&staging, 0o755)?;
    let within = Within::open(&staging)?;
    for folder in folders(slot) {
        within.make_dir(&folder)?;
    }
    work::fetch_all(context, slot, &Within::open(&work)?, &within)?;
    // After all files, so that none can be written through one.
    for (path, target) in &slot.links {
        within.make_link(path, target)?;
    }
    for (name, text) in &slot.documents {
        let (mut file, path) = within.create(name, 0o644)?;
        disk::at("write", &path, file.write_all(text.as_bytes()))?;
    }
    if let Some(problem) = inspect::differences(&staging, &contents(slot), false)?.first() {
        return Err(Error::Tree { problem: problem.to_string() }.into());
    }
    // All of it at once, and before it has its name: a slot that is there is whole.
    disk::at("sync", &staging, platform::sync_tree(&staging))?;
    Ok(staging)
}

/// A slot whose files are all on this disk already; `None` when one is not.
pub fn of_disk(name: SlotName, slot: &Slot, good: &OnDisk) -> Option<SlotPlan> {
    let file = |(path, file): (&String, &SlotFile)| {
        let SlotFile { mode, sha256, size } = *file;
        // The documents are text; whoever plans puts them in.
        let is_document = !path.contains('/');
        let from = good.get(&(sha256, size)).cloned().or(is_document.then(PathBuf::new))?;
        Some(PlannedFile { path: path.clone(), mode, sha256, size, from: From::Slot(from) })
    };
    Some(SlotPlan {
        name,
        files: slot.files.iter().map(file).collect::<Option<_>>()?,
        links: slot.links.clone(),
        packs: Vec::new(),
        documents: BTreeMap::new(),
        link: false,
        download_bytes: 0,
        disk_bytes: slot.files.values().map(|file| file.size).sum(),
    })
}

/// Whether bytes that the slot needs are neither in place nor downloaded whole.
pub fn lacks_blobs(store: &Store, slot: &SlotPlan) -> bool {
    let files = slot.files.iter().filter_map(|file| match &file.from {
        From::Blob(encoding) => Some(encoding),
        From::Slot(_) | From::Staged(_) | From::Pack(_) => None,
    });
    let lost = |file: &PlannedFile| match &file.from {
        From::Staged(path) => !disk::exists(path),
        _ => false,
    };
    if slot.files.iter().any(lost) {
        return true;
    }
    let mut all = files.chain(slot.packs.iter().map(|pack| &pack.encoding));
    all.any(|encoding| !disk::exists(&store.blob(&encoding.sha256)))
}

/// What a slot must look like on disk.
pub fn contents(slot: &SlotPlan) -> inspect::Contents {
    let files = slot.files.iter().map(|file| {
        let PlannedFile { path, mode, sha256, size, .. } = file;
        (path.clone(), crate::receipt::SlotFile { mode: *mode, sha256: *sha256, size: *size })
    });
    let documents = slot.documents.iter().map(|(name, text)| {
        let sha256 = Digest::of(text.as_bytes());
        let size = text.len() as u64;
        (name.clone(), crate::receipt::SlotFile { mode: Mode::Plain, sha256, size })
    });
    inspect::Contents { files: files.chain(documents).collect(), links: slot.links.clone() }
}

/// The bytes that filling this slot takes on the disk: the unpacked tree, and the
/// downloads that lie beside it until the run ends, without those that are there.
///
/// # Errors
/// Any file operation.
pub fn needed(store: &Store, slot: &SlotPlan) -> Result<u64, Any> {
    let blobs = slot.files.iter().filter_map(|file| match &file.from {
        From::Blob(encoding) => Some(encoding),
        From::Slot(_) | From::Staged(_) | From::Pack(_) => None,
    });
    let blobs: BTreeMap<Digest, u64> = blobs
        .chain(slot.packs.iter().map(|pack| &pack.encoding))
        .map(|e| (e.sha256, e.size))
        .collect();
    let mut needed = slot.disk_bytes;
    for (sha256, size) in blobs {
        let mut there = 0;
        for path in [store.blob(&sha256), store.partial(&sha256)] {
            there += path.symlink_metadata().map_or(0, |meta| meta.len());
        }
        needed += size.saturating_sub(there);
    }
    Ok(needed)
}

/// Refuses before the first byte what cannot fit.
fn check_space(context: &Context<'_>, slot: &SlotPlan) -> Result<(), Any> {
    let path = context.store.prefix();
    let needed = needed(context.store, slot)?;
    match platform::free_space(path) {
        Some(free) if free < needed => {
            Err(Error::Space { path: path.to_owned(), needed, free }.into())
        }
        _ => Ok(()),
    }
}

/// Every folder of the slot, outer ones first.
fn folders(slot: &SlotPlan) -> Vec<String> {
    let paths = slot.files.iter().map(|file| &file.path).chain(slot.links.keys());
    let mut folders: Vec<String> = paths
        .flat_map(|path| path.match_indices('/').map(|(at, _)| path[..at].to_owned()))
        .collect();
    folders.sort();
    folders.dedup();
    folders
}
