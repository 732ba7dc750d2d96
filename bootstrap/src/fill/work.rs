//! The workers that fill a slot: several blobs at once, the first error ends all.

use super::{Error, From, PlannedFile, PlannedPack, SlotPlan};
use crate::decode::{Decoder, Plain};
use crate::error::Error as Any;
use crate::event::Event;
use crate::fetch::{self, Wanted};
use crate::run::Context;
use crate::source::Place;
use crate::unpack::{self, Packed};
use crate::{disk, inspect};
use offgrid_manifest::layout;
use offgrid_manifest::parts::Encoding;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many blobs are fetched at once.
const WORKERS: usize = 4;

/// One thing for a worker to do.
enum Job<'a> {
    Copy(&'a PlannedFile, &'a Path),
    Blob(&'a PlannedFile, &'a Encoding),
    Pack(usize, &'a PlannedPack),
}

/// Fetches with several workers; the first error stops the others.
pub(super) fn fetch_all(context: &Context<'_>, slot: &SlotPlan, staging: &Path) -> Result<(), Any> {
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
