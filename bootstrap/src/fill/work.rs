//! The workers that fill a slot: several blobs at once, the first error ends all.

use super::reuse::{self, Ways};
use super::{Error, From, PlannedFile, PlannedPack, SlotPlan, Within};
use crate::decode::{Decoder, Plain};
use crate::disk;
use crate::error::Error as Any;
use crate::event::Event;
use crate::fetch::{self, Wanted};
use crate::run::Context;
use crate::source::Place;
use crate::unpack::{self, Packed};
use offgrid_manifest::parts::Encoding;
use offgrid_manifest::{Digest, layout};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many blobs are fetched at once.
const WORKERS: usize = 4;

/// One thing for a worker to do.
enum Job<'a> {
    Copy(&'a PlannedFile, &'a Path),
    Staged(&'a PlannedFile, &'a Path),
    Blob(&'a PlannedFile, &'a Encoding),
    Pack(usize, &'a PlannedPack),
}

/// Fetches with several workers; the first error stops the others.
pub(super) fn fetch_all(
    context: &Context<'_>,
    slot: &SlotPlan,
    work: &Within,
    staging: &Within,
) -> Result<(), Any> {
    let ways = Ways::new(slot.link);
    let filling = Filling { context, slot, work, staging, ways };
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
    let worker = || {
        while !failed.load(Ordering::Relaxed) {
            let Some(jobs) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
            if let Err(error) = jobs.iter().try_for_each(|job| filling.one(job, &progress)) {
                failed.store(true, Ordering::Relaxed);
                first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS.min(jobs.len())).map(|_| scope.spawn(worker)).collect();
        let joined = workers.into_iter().all(|worker| worker.join().is_ok());
        if joined { Ok(()) } else { Err(Any::from(Error::Worker)) }
    })?;
    match first.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// The jobs of a slot, the largest downloads first so that none is left alone at
/// the end. What needs the same blob is one worker's, one after the other: the
/// second time it is on disk.
fn jobs(slot: &SlotPlan) -> Vec<Vec<Job<'_>>> {
    let mut copies: Vec<Vec<Job<'_>>> = Vec::new();
    let mut fetched: BTreeMap<Digest, (u64, Vec<Job<'_>>)> = BTreeMap::new();
    let mut add = |encoding: &Encoding, job| {
        fetched.entry(encoding.sha256).or_insert((encoding.size, Vec::new())).1.push(job);
    };
    for (index, pack) in slot.packs.iter().enumerate() {
        add(&pack.encoding, Job::Pack(index, pack));
    }
    for file in &slot.files {
        match &file.from {
            From::Slot(path) => copies.push(vec![Job::Copy(file, path)]),
            From::Blob(encoding) => add(encoding, Job::Blob(file, encoding)),
            From::Staged(path) => copies.push(vec![Job::Staged(file, path)]),
            From::Pack(_) => {}
        }
    }
    let mut fetched: Vec<(u64, Vec<Job<'_>>)> = fetched.into_values().collect();
    fetched.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
    fetched.into_iter().map(|(_, jobs)| jobs).chain(copies).collect()
}

/// What every worker needs.
struct Filling<'a> {
    context: &'a Context<'a>,
    slot: &'a SlotPlan,
    /// Where packs wait.
    work: &'a Within,
    staging: &'a Within,
    ways: Ways,
}

impl Filling<'_> {
    fn one(&self, job: &Job<'_>, progress: &dyn Fn(i64)) -> Result<(), Any> {
        match job {
            Job::Staged(file, from) => super::staged::take(self.staging, file, from),
            Job::Copy(file, from) => reuse::take(self.staging, file, from, &self.ways),
            Job::Blob(file, encoding) => {
                let plain = Plain { size: file.size, sha256: Some(file.sha256) };
                self.blob(encoding, progress, || {
                    let (target, to) = self.staging.create(&file.path, file.mode.bits())?;
                    Decoder::new(encoding.kind, target, &to, plain)
                })
            }
            Job::Pack(index, pack) => self.pack(*index, pack, progress),
        }
    }

    /// The tar is read by the handle that it was written with.
    fn pack(&self, index: usize, pack: &PlannedPack, progress: &dyn Fn(i64)) -> Result<(), Any> {
        let name = format!("pack-{index}.tar");
        let plain = Plain { size: pack.size, sha256: None };
        let mut written = None;
        self.blob(&pack.encoding, progress, || {
            let (tar, path) = self.work.create(&name, 0o600)?;
            let decoder = disk::at("open", &path, tar.try_clone())
                .map_err(Any::from)
                .and_then(|target| Decoder::new(pack.encoding.kind, target, &path, plain));
            written = Some((tar, path));
            decoder
        })?;
        let Some((mut tar, path)) = written else { return Err(Error::Worker.into()) };
        disk::at("read", &path, tar.rewind())?;
        let wanted = packed(self.slot, index, pack);
        unpack::unpack(BufReader::new(tar), &path, &wanted, |file, mode| {
            let (file, _) = self.staging.create(&format!("{}/{file}", pack.into), mode.bits())?;
            Ok(file)
        })
        .map_err(|error| match error {
            // By its name in the pack; people want to know where on the disk.
            Any::Disk(error) if error.path.is_relative() => {
                let path = self.staging.at(&pack.into).join(&error.path);
                disk::Error { path, ..error }.into()
            }
            other => other,
        })?;
        Ok(disk::remove_file(&path)?)
    }

    fn blob(
        &self,
        encoding: &Encoding,
        progress: &dyn Fn(i64),
        consumer: impl FnMut() -> Result<Decoder<File>, Any>,
    ) -> Result<(), Any> {
        let store = self.context.store;
        let places = [Place::Depot(layout::blob(&encoding.sha256))];
        let wanted = Wanted {
            places: &places,
            pin: encoding.pin(),
            partial: &store.partial(&encoding.sha256),
            finished: &store.blob(&encoding.sha256),
        };
        fetch::fetch(self.context.sources, &wanted, progress, consumer)
    }
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
