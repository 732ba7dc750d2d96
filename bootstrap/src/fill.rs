//! Filling a slot: files from slots on disk, blobs and packs into a staging
//! folder, checked against the signed tree, put in place by one rename.
//!
//! Nothing in staging is used before everything in it was right, and a slot is
//! never changed after it is complete (DESIGN 7, 8).

use crate::decode::{Decoder, Plain};
use crate::error::Error as Any;
use crate::event::Event;
use crate::fetch::{self, Wanted};
use crate::run::Context;
use crate::source::Place;
use crate::store::SlotName;
use crate::unpack::{self, Packed};
use crate::{disk, inspect, platform};
use offgrid_manifest::parts::{Encoding, Mode};
use offgrid_manifest::{Code, Digest, layout};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Why a slot could not be filled.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What is in staging is not the signed tree.
    #[error("the unpacked tree is not the signed one: {problem}")]
    Tree {
        /// The first difference.
        problem: String,
    },
    /// Not enough room.
    #[error("{needed} bytes are needed in `{}`, {free} are free", path.display())]
    Space {
        /// On which file system.
        path: PathBuf,
        /// Bytes.
        needed: u64,
        /// Bytes.
        free: u64,
    },
    /// A worker thread died.
    #[error("a part of this program failed while it downloaded")]
    Worker,
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Tree { .. } => Code::Tree,
            Error::Space { .. } => Code::Nospace,
            Error::Worker => Code::State,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Tree { .. } => crate::error::hint_of(Code::Hash),
            Error::Space { .. } => {
                Some("make room there, or choose another place with --prefix DIR".into())
            }
            Error::Worker => None,
        }
    }
}

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
    /// Bytes to fetch.
    pub download_bytes: u64,
    /// Bytes on disk in the end.
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

/// How many blobs are fetched at once.
const WORKERS: usize = 4;

/// Fills the slot and puts it in place. A slot that is in place is complete.
///
/// # Errors
/// `E_HASH`, `E_TREE`, `E_ENTRY`, `E_NOSPACE`, `E_UNREACHABLE`, ...
pub fn fill(context: &Context<'_>, slot: &SlotPlan) -> Result<(), Any> {
    let store = context.store;
    let target = store.slot(&slot.name);
    if disk::exists(&target) {
        return Ok(());
    }
    check_space(context, slot)?;
    let work = store.staging();
    disk::remove_tree(&work)?;
    disk::make_dir(&work, 0o700)?;
    let staging = work.join(slot.name.to_string());
    disk::make_dir(&staging, 0o755)?;
    for folder in folders(slot) {
        disk::make_dir_unsynced(&staging.join(folder), 0o755)?;
    }
    fetch_all(context, slot, &staging)?;
    for (path, target) in &slot.links {
        let path = staging.join(path);
        disk::at("make the link", &path, platform::make_link(&path, Path::new(target)))?;
    }
    for (name, text) in &slot.documents {
        disk::write(&staging.join(name), text.as_bytes(), 0o644)?;
    }
    if let Some(problem) = inspect::differences(&staging, &contents(slot), false)?.first() {
        return Err(Error::Tree { problem: problem.clone() }.into());
    }
    disk::at("sync", &staging, platform::sync_tree(&staging))?;
    Ok(disk::rename(&staging, &target)?)
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

/// Refuses before the first byte what cannot fit: the unpacked tree, and the
/// downloads that lie beside it until the run ends.
fn check_space(context: &Context<'_>, slot: &SlotPlan) -> Result<(), Any> {
    let path = context.store.prefix();
    let needed = slot.disk_bytes + slot.download_bytes;
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

/// One thing for a worker to do.
enum Job<'a> {
    Copy(&'a PlannedFile, &'a Path),
    Blob(&'a PlannedFile, &'a Encoding),
    Pack(usize, &'a PlannedPack),
}

/// Fetches with several workers; the first error stops the others.
fn fetch_all(context: &Context<'_>, slot: &SlotPlan, staging: &Path) -> Result<(), Any> {
    let jobs = jobs(slot);
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let first: Mutex<Option<Any>> = Mutex::new(None);
    let done = AtomicI64::new(0);
    let total = slot.download_bytes;
    let progress = |bytes: i64| {
        let done = done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let done = u64::try_from(done).unwrap_or(0).min(total);
        context.sink.event(&Event::Progress { done, total });
    };
    let work = || {
        while !failed.load(Ordering::Relaxed) {
            let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
            if let Err(error) = one(context, slot, staging, job, &progress) {
                failed.store(true, Ordering::Relaxed);
                first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS.min(jobs.len())).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().all(|worker| worker.join().is_ok());
        if joined { Ok(()) } else { Err(Any::from(Error::Worker)) }
    })?;
    match first.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// The jobs of a slot, the largest downloads first so that none is left alone
/// at the end. A blob that several files share is fetched once for each; the
/// second time it is on disk.
fn jobs(slot: &SlotPlan) -> Vec<Job<'_>> {
    let mut jobs: Vec<Job<'_>> =
        slot.packs.iter().enumerate().map(|(i, p)| Job::Pack(i, p)).collect();
    for file in &slot.files {
        match &file.from {
            From::Slot(path) => jobs.push(Job::Copy(file, path)),
            From::Blob(encoding) => jobs.push(Job::Blob(file, encoding)),
            From::Pack(_) => {}
        }
    }
    jobs.sort_by_key(|job| {
        std::cmp::Reverse(match job {
            Job::Copy(..) => 0,
            Job::Blob(_, encoding) => encoding.size,
            Job::Pack(_, pack) => pack.encoding.size,
        })
    });
    jobs
}

fn one(
    context: &Context<'_>,
    slot: &SlotPlan,
    staging: &Path,
    job: &Job<'_>,
    progress: &dyn Fn(i64),
) -> Result<(), Any> {
    match job {
        Job::Copy(file, from) => {
            let to = staging.join(&file.path);
            inspect::copy(from, &to, file.mode.bits(), &file.sha256)
        }
        Job::Blob(file, encoding) => {
            let to = staging.join(&file.path);
            let plain = Plain { size: file.size, sha256: Some(file.sha256) };
            let mode = file.mode.bits();
            blob(context, encoding, progress, || Decoder::new(encoding.kind, &to, mode, plain))
        }
        Job::Pack(index, pack) => {
            let tar = context.store.staging().join(format!("pack-{index}.tar"));
            let encoding = &pack.encoding;
            let plain = Plain { size: pack.size, sha256: None };
            blob(context, encoding, progress, || Decoder::new(encoding.kind, &tar, 0o600, plain))?;
            let wanted = packed(slot, *index, pack);
            unpack::unpack(&tar, &staging.join(&pack.into), &wanted)?;
            Ok(disk::remove_file(&tar)?)
        }
    }
}

fn blob(
    context: &Context<'_>,
    encoding: &Encoding,
    progress: &dyn Fn(i64),
    consumer: impl FnMut() -> Result<Decoder, Any>,
) -> Result<(), Any> {
    let places = [Place::Depot(layout::blob(&encoding.sha256))];
    let wanted = Wanted {
        places: &places,
        pin: encoding.pin(),
        partial: &context.store.partial(&encoding.sha256),
        finished: &context.store.blob(&encoding.sha256),
    };
    fetch::fetch(context.sources, &wanted, progress, consumer)
}

/// What a pack must hold, by path in the pack.
fn packed(slot: &SlotPlan, index: usize, pack: &PlannedPack) -> BTreeMap<String, Option<Packed>> {
    let prefix = format!("{}/", pack.into);
    let needed =
        slot.files.iter().filter(|file| file.from == From::Pack(index)).filter_map(|file| {
            let PlannedFile { path, mode, sha256, size, .. } = file;
            let name = path.strip_prefix(&prefix)?.to_owned();
            Some((name, Some(Packed { mode: *mode, size: *size, sha256: *sha256 })))
        });
    pack.skipped.iter().map(|name| (name.clone(), None)).chain(needed).collect()
}
