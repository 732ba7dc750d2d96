//! Encodings: how plain files become blobs. The same plain bytes give the same
//! blobs with the same tools; what was encoded once is not encoded again.

use crate::depot::Depot;
use crate::disk::{self, Hashing, failed};
use liblzma::stream::{Check, Filters, LzmaOptions, Stream};
use offgrid_manifest::parts::{Encoding, EncodingKind, WINDOW_MAX};
use offgrid_manifest::{Digest, Pin};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Mutex;
use tempfile::NamedTempFile;
use zstd::zstd_safe::CParameter;

/// Changes whenever other bytes come out of the same input.
const ENCODER: &str = "1";
const CACHE: &str = "encodings.json";
const CACHE_MAX: u64 = 64 << 20;

/// Something to encode.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) plain: Pin,
    pub(crate) at: PathBuf,
}

/// Encodes each job once and returns the encodings by plain digest.
pub(crate) fn all(
    depot: &Depot,
    jobs: Vec<Job>,
    fast: bool,
) -> Result<BTreeMap<Digest, Vec<Encoding>>, disk::Error> {
    let tool = tool(fast);
    let mut cache = read_cache(depot)?;
    let mut done = BTreeMap::new();
    let mut left: BTreeMap<Digest, Job> = BTreeMap::new();
    for job in jobs {
        let digest = job.plain.sha256;
        match cache.get(&format!("{digest} {tool}")) {
            Some(encodings) if all_there(depot, encodings)? => {
                done.insert(digest, encodings.clone());
            }
            _ => {
                left.insert(digest, job);
            }
        }
    }
    let fresh = in_parallel(depot, left.into_values().collect(), fast)?;
    for (digest, encodings) in &fresh {
        cache.insert(format!("{digest} {tool}"), encodings.clone());
    }
    if !fresh.is_empty() {
        depot.put_private(CACHE, &crate::depot::document(&cache))?;
    }
    done.extend(fresh);
    Ok(done)
}

/// What has to be the same for the same bytes to come out.
fn tool(fast: bool) -> String {
    let zstd = zstd::zstd_safe::version_string();
    format!("{ENCODER} zstd-{zstd}{}", if fast { " fast" } else { "" })
}

/// A cache that cannot be read is no cache.
fn read_cache(depot: &Depot) -> Result<BTreeMap<String, Vec<Encoding>>, disk::Error> {
    let bytes = disk::read_bounded(&depot.private(CACHE), CACHE_MAX)?.unwrap_or_default();
    Ok(serde_json::from_slice(&bytes).unwrap_or_default())
}

fn all_there(depot: &Depot, encodings: &[Encoding]) -> Result<bool, disk::Error> {
    for encoding in encodings {
        if !depot.has_blob(encoding.pin())? {
            return Ok(false);
        }
    }
    Ok(!encodings.is_empty())
}

/// As many at once as there are processors, the largest first.
fn in_parallel(
    depot: &Depot,
    mut jobs: Vec<Job>,
    fast: bool,
) -> Result<BTreeMap<Digest, Vec<Encoding>>, disk::Error> {
    jobs.sort_by_key(|job| job.plain.size);
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(jobs.len());
    let queue = Mutex::new(jobs);
    // A thread that panicked has left nothing half done in these.
    let next = || queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).pop();
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(job) = next() {
                    let encodings = encode(depot, &job, fast);
                    let mut results = results.lock().unwrap_or_else(|p| p.into_inner());
                    results.push((job.plain.sha256, encodings));
                }
            });
        }
    });
    let results = results.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    results.into_iter().map(|(digest, encodings)| Ok((digest, encodings?))).collect()
}

fn encode(depot: &Depot, job: &Job, fast: bool) -> Result<Vec<Encoding>, disk::Error> {
    let zst = pass(depot, job, EncodingKind::Zst, fast)?;
    let mut encodings = vec![(zst.0, zst.1)];
    if !fast {
        let xz = pass(depot, job, EncodingKind::Xz, fast)?;
        // Worth a second blob only when it is at least 5 % smaller.
        if u128::from(xz.1.size) * 100 <= u128::from(encodings[0].1.size) * 95 {
            encodings.push(xz);
        }
    }
    let mut kept = Vec::new();
    for (temporary, encoding) in encodings {
        depot.keep_blob(temporary, encoding.pin())?;
        kept.push(encoding);
    }
    Ok(kept)
}

/// One pass over the file, which must still have the digest it had.
fn pass(
    depot: &Depot,
    job: &Job,
    kind: EncodingKind,
    fast: bool,
) -> Result<(NamedTempFile, Encoding), disk::Error> {
    let mut source = File::open(&job.at).map_err(failed("open", &job.at))?;
    let out = Hashing::new(BufWriter::new(depot.temporary()?));
    let run = || -> io::Result<_> {
        let mut plain = offgrid_manifest::Hasher::new();
        let out = match kind {
            EncodingKind::Xz => {
                let mut encoder = liblzma::write::XzEncoder::new_stream(out, xz()?);
                disk::copy(&mut source, |bytes| {
                    plain.update(bytes);
                    encoder.write_all(bytes)
                })?;
                encoder.finish()?
            }
            _ => {
                let mut encoder = zst(out, job.plain.size, fast)?;
                disk::copy(&mut source, |bytes| {
                    plain.update(bytes);
                    encoder.write_all(bytes)
                })?;
                encoder.finish()?
            }
        };
        if plain.finish() != job.plain.sha256 {
            return Err(io::Error::other("the file was changed while it was read"));
        }
        let (writer, sha256, size) = out.finish();
        let temporary = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok((temporary, Encoding { kind, sha256, size }))
    };
    run().map_err(failed("compress", &job.at))
}

fn zst<W: Write>(out: W, size: u64, fast: bool) -> io::Result<zstd::Encoder<'static, W>> {
    let mut encoder = zstd::Encoder::new(out, if fast { 3 } else { 19 })?;
    encoder.set_parameter(CParameter::WindowLog(WINDOW_MAX.ilog2()))?;
    encoder.include_checksum(false)?;
    encoder.include_contentsize(true)?;
    encoder.set_pledged_src_size(Some(size))?;
    Ok(encoder)
}

fn xz() -> io::Result<Stream> {
    let mut options = LzmaOptions::new_preset(9)?;
    options.dict_size(u32::try_from(WINDOW_MAX).unwrap_or(u32::MAX));
    let mut filters = Filters::new();
    filters.lzma2(&options);
    Ok(Stream::new_stream_encoder(&filters, Check::Crc32)?)
}
