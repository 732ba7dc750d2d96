//! The download path of one blob: from a source, resumed where an earlier run
//! stopped, hashed while it passes, and never handed on as whole before the
//! digest is right (DESIGN 8).
//!
//! Owns `blobs/<hex>.part`; what becomes of the bytes is the consumer's.

mod files;
mod judge;
mod pace;
mod transfer;

pub use files::{copy_file, copy_program, digest_of, digest_of_file};

use self::pace::pause;
use self::transfer::transfer;
use crate::disk;
use crate::error::Error as Any;
use crate::run;
use crate::source::{self, Place, Route, Sources};
use offgrid_manifest::{Code, Pin};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Why a blob is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A source sent other bytes.
    #[error("{what} is not the file that was signed for: its digest is wrong")]
    Digest {
        /// Which, for people.
        what: String,
    },
    /// A source sent more or fewer bytes.
    #[error("{what} has {found} bytes, signed for were {size}")]
    Size {
        /// Which, for people.
        what: String,
        /// How many came.
        found: u64,
        /// How many should have.
        size: u64,
    },
    /// A file on disk is not what it was a moment ago.
    #[error("`{}` changed while it was read", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Digest { .. } => Code::Hash,
            Error::Size { .. } => Code::Size,
            Error::Changed { .. } => Code::State,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        crate::error::hint_of(self.code())
    }
}

/// Who takes the stored bytes while they arrive. It gets all of them in order,
/// and `end` only when size and digest were right. It is thrown away and made
/// anew when a source turns out to be bad.
pub trait Consumer {
    /// The next bytes.
    ///
    /// # Errors
    /// Any; the fetch ends with it.
    fn take(&mut self, bytes: &[u8]) -> Result<(), Any>;

    /// All bytes were right.
    ///
    /// # Errors
    /// Any; the fetch ends with it.
    fn end(&mut self) -> Result<(), Any>;
}

/// Takes nothing: the stored bytes are what was asked for.
pub struct AsStored;

impl Consumer for AsStored {
    fn take(&mut self, _: &[u8]) -> Result<(), Any> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), Any> {
        Ok(())
    }
}

/// What to fetch and where to keep it.
pub struct Wanted<'a> {
    /// Where it may be, best first.
    pub places: &'a [Place],
    /// What it must be.
    pub pin: Pin,
    /// The partial download.
    pub partial: &'a Path,
    /// The finished one.
    pub finished: &'a Path,
}

/// Fetches one blob. `progress` is told of every byte that counts, found on
/// disk or received; a negative number takes back what a bad source sent.
///
/// # Errors
/// When every place fails: `E_HASH`, `E_SIZE`, `E_UNREACHABLE`, ...
pub fn fetch<C: Consumer>(
    sources: &Sources,
    wanted: &Wanted<'_>,
    progress: &dyn Fn(i64),
    mut consumer: impl FnMut() -> Result<C, Any>,
) -> Result<(), Any> {
    // A finished download of an earlier run: hashed again, never believed.
    if disk::is_there(wanted.finished)? {
        disk::shift(wanted.finished, wanted.partial)?;
    }
    disk::at("look at", wanted.partial, transfer::own(wanted.partial).map(drop))?;
    if on_disk(sources, wanted, progress, &mut consumer)? {
        return Ok(());
    }
    let mut worst: Option<Any> = None;
    for route in wanted.places.iter().flat_map(|place| sources.routes(place)) {
        match attempts(sources, wanted, &route, progress, &mut consumer) {
            Ok(()) => return Ok(()),
            Err(error) if fatal(&error) => return Err(error),
            Err(error) => {
                sources.note_route(&route, &error);
                keep_worst(&mut worst, error);
            }
        }
    }
    Err(worst.unwrap_or_else(|| source::Error::Nowhere.into()))
}

/// Whether all bytes are on disk already, from a run that was cut off late. What
/// is there and wrong is thrown away.
fn on_disk<C: Consumer>(
    sources: &Sources,
    wanted: &Wanted<'_>,
    progress: &dyn Fn(i64),
    consumer: &mut impl FnMut() -> Result<C, Any>,
) -> Result<bool, Any> {
    if size_of(wanted.partial) < wanted.pin.size {
        return Ok(false);
    }
    let mut taken = 0;
    let result = transfer(sources, wanted, None, consumer, &mut |n| {
        taken += n;
        progress(n);
    });
    match result {
        Ok(()) => Ok(true),
        Err(Any::Fetch(_) | Any::Unpack(_)) => {
            progress(-taken);
            disk::remove_file(wanted.partial)?;
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// How often a broken connection to one source is tried again.
const TRIES: u32 = 4;

/// All tries at one source. One that could not be reached for another file gets
/// a single try.
fn attempts<C: Consumer>(
    sources: &Sources,
    wanted: &Wanted<'_>,
    route: &Route,
    progress: &dyn Fn(i64),
    consumer: &mut impl FnMut() -> Result<C, Any>,
) -> Result<(), Any> {
    let mut tries = if sources.is_blamed(route) { TRIES } else { 0 };
    let mut anew = false;
    let (began, from) = (Instant::now(), size_of(wanted.partial));
    loop {
        let had = size_of(wanted.partial);
        let mut taken = 0;
        let result = once(sources, wanted, route, consumer, &mut |n| {
            taken += n;
            progress(n);
        });
        let Err(error) = result else { return Ok(()) };
        progress(-taken);
        // What an earlier run left may have been what was wrong. It was thrown away;
        // this source has not been heard yet.
        let thrown_away = had > 0 && size_of(wanted.partial) == 0;
        if thrown_away && !anew && matches!(error.code(), Code::Hash | Code::Size) {
            anew = true;
            continue;
        }
        if sources.stop().is_set() {
            // Whatever a connection says that was cut because of it.
            return Err(run::Error::Interrupted.into());
        }
        if !matches!(error.code(), Code::Unreachable | Code::Stall) {
            return Err(error);
        }
        // A try that brought bytes is not held against the source.
        let size = size_of(wanted.partial);
        tries = if size > had { 1 } else { tries + 1 };
        // But less than 1 KiB a second over all of them is no better than silence
        // (reference/trust.md A16).
        let waited = began.elapsed().as_secs();
        if waited >= 60 && size.saturating_sub(from) < waited * 1024 {
            sources.blame(route);
            return Err(error);
        }
        if tries >= TRIES || !pause(sources, tries) {
            sources.blame(route);
            return Err(error);
        }
    }
}

/// One try: what is on disk first, then the rest from the source.
fn once<C: Consumer>(
    sources: &Sources,
    wanted: &Wanted<'_>,
    route: &Route,
    consumer: &mut impl FnMut() -> Result<C, Any>,
    progress: &mut dyn FnMut(i64),
) -> Result<(), Any> {
    let stream = sources.open(route, size_of(wanted.partial), wanted.pin.size)?;
    transfer(sources, wanted, Some(stream), consumer, progress)
}

/// Errors that another source cannot mend.
fn fatal(error: &Any) -> bool {
    !matches!(error.code(), Code::Unreachable | Code::Http | Code::Stall | Code::Hash | Code::Size)
}

fn keep_worst(worst: &mut Option<Any>, error: Any) {
    let weight = |error: &Any| error.code().exit();
    if worst.as_ref().is_none_or(|worst| weight(&error) > weight(worst)) {
        *worst = Some(error);
    }
}

fn name_of(wanted: &Wanted<'_>) -> String {
    match wanted.places.first() {
        Some(Place::Depot(path)) => path.clone(),
        Some(Place::Address(url)) => url.clone(),
        None => wanted.pin.sha256.to_string(),
    }
}

fn size_of(path: &Path) -> u64 {
    path.symlink_metadata().map_or(0, |meta| if meta.is_file() { meta.len() } else { 0 })
}

#[cfg(test)]
mod tests;
