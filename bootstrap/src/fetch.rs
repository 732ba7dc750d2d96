//! The download path of one blob: from a source, resumed where an earlier run
//! stopped, hashed while it passes, and never handed on as whole before the
//! digest is right (DESIGN 8).
//!
//! Owns `blobs/<hex>.part`; what becomes of the bytes is the consumer's.

mod judge;

use self::judge::Judge;
use crate::disk;
use crate::error::Error as Any;
use crate::run;
use crate::source::{self, Place, Sources};
use offgrid_manifest::{Code, Digest, Hasher, Pin};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

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
    if disk::exists(wanted.finished) {
        disk::rename(wanted.finished, wanted.partial)?;
    }
    if on_disk(sources, wanted, progress, &mut consumer)? {
        return Ok(());
    }
    let mut worst: Option<Any> = None;
    for place in wanted.places {
        let mut nth = 0;
        while let Some(result) = attempts(sources, wanted, place, nth, progress, &mut consumer) {
            match result {
                Ok(()) => return Ok(()),
                Err(error) if fatal(&error) => return Err(error),
                Err(error) => keep_worst(&mut worst, error),
            }
            nth += 1;
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

/// All tries at one source; `None` when there is no such source.
fn attempts<C: Consumer>(
    sources: &Sources,
    wanted: &Wanted<'_>,
    place: &Place,
    nth: usize,
    progress: &dyn Fn(i64),
    consumer: &mut impl FnMut() -> Result<C, Any>,
) -> Option<Result<(), Any>> {
    let mut tries = 0;
    let mut anew = false;
    loop {
        let had = size_of(wanted.partial);
        let mut taken = 0;
        let result = once(sources, wanted, place, nth, consumer, &mut |n| {
            taken += n;
            progress(n);
        })?;
        let Err(error) = result else { return Some(Ok(())) };
        progress(-taken);
        // What an earlier run left may have been what was wrong. It was thrown away;
        // this source has not been heard yet.
        let thrown_away = had > 0 && size_of(wanted.partial) == 0;
        if thrown_away && !anew && matches!(error.code(), Code::Hash | Code::Size) {
            anew = true;
            continue;
        }
        if !matches!(error.code(), Code::Unreachable | Code::Stall) || sources.stop().is_set() {
            return Some(Err(error));
        }
        // A try that brought bytes is not held against the source.
        tries = if size_of(wanted.partial) > had { 1 } else { tries + 1 };
        if tries >= TRIES || !pause(sources, tries) {
            return Some(Err(error));
        }
    }
}

/// One try: what is on disk first, then the rest from the source.
fn once<C: Consumer>(
    sources: &Sources,
    wanted: &Wanted<'_>,
    place: &Place,
    nth: usize,
    consumer: &mut impl FnMut() -> Result<C, Any>,
    progress: &mut dyn FnMut(i64),
) -> Option<Result<(), Any>> {
    Some(match sources.open(place, size_of(wanted.partial), wanted.pin.size, nth)? {
        Ok(stream) => transfer(sources, wanted, Some(stream), consumer, progress),
        Err(error) => Err(error.into()),
    })
}

fn transfer<C: Consumer>(
    sources: &Sources,
    wanted: &Wanted<'_>,
    stream: Option<source::Stream>,
    consumer: &mut impl FnMut() -> Result<C, Any>,
    progress: &mut dyn FnMut(i64),
) -> Result<(), Any> {
    let Wanted { pin, partial, finished, .. } = wanted;
    check_size(wanted, stream.as_ref())?;
    let mut consumer = Judge::new(consumer()?);
    let mut hasher = Hasher::new();
    let mut file = disk::at("open", partial, open_partial(partial))?;
    let from = stream.as_ref().map_or(pin.size, |stream| stream.from);
    let mut bytes = vec![0; 256 * 1024];
    // What an earlier run left, up to where the source goes on.
    let mut left = from;
    while left > 0 {
        let room = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = disk::at("read", partial, file.read(&mut bytes[..room]))?;
        if read == 0 {
            return Err(Error::Changed { path: partial.to_path_buf() }.into());
        }
        hasher.update(&bytes[..read]);
        consumer.take(&bytes[..read])?;
        progress(read as i64);
        left -= read as u64;
    }
    let cut = file.set_len(from).and_then(|()| file.seek(SeekFrom::Start(from)));
    disk::at("write", partial, cut)?;
    if let Some(stream) = stream {
        let mut pace = Pace::new(sources);
        let mut body = stream.body;
        while let Some(read) = next(sources, wanted, &mut body, &mut bytes)? {
            hasher.update(&bytes[..read]);
            if hasher.size() > pin.size {
                let what = name_of(wanted);
                return discard(wanted, Error::Size { what, found: hasher.size(), size: pin.size });
            }
            disk::at("write", partial, file.write_all(&bytes[..read]))?;
            consumer.take(&bytes[..read])?;
            progress(read as i64);
            pace.after(read, wanted)?;
        }
    }
    let found = hasher.size();
    if found < pin.size {
        let source = io::Error::from(io::ErrorKind::UnexpectedEof);
        return Err(source::Error::broken(&name_of(wanted), source).into());
    }
    if hasher.finish() != pin.sha256 {
        return discard(wanted, Error::Digest { what: name_of(wanted) });
    }
    consumer.end()?;
    drop(file);
    disk::rename(partial, finished)?;
    Ok(())
}

/// Refuses before the first byte a file that says itself that it is another one.
fn check_size(wanted: &Wanted<'_>, stream: Option<&source::Stream>) -> Result<(), Error> {
    match stream.and_then(|stream| stream.size) {
        Some(found) if found != wanted.pin.size => {
            Err(Error::Size { what: name_of(wanted), found, size: wanted.pin.size })
        }
        _ => Ok(()),
    }
}

/// Throws a poisoned partial away, so that the next source begins anew.
fn discard(wanted: &Wanted<'_>, error: Error) -> Result<(), Any> {
    disk::remove_file(wanted.partial)?;
    Err(error.into())
}

/// Reads the next bytes; `None` at the end.
fn next(
    sources: &Sources,
    wanted: &Wanted<'_>,
    body: &mut dyn Read,
    bytes: &mut [u8],
) -> Result<Option<usize>, Any> {
    if sources.stop().is_set() {
        return Err(run::Error::Interrupted.into());
    }
    match body.read(bytes) {
        Ok(0) => Ok(None),
        Ok(read) => Ok(Some(read)),
        Err(_) if sources.stop().is_set() => Err(run::Error::Interrupted.into()),
        Err(error) => Err(source::Error::broken(&name_of(wanted), error).into()),
    }
}

/// Keeps a transfer from going too fast, and notices one that is too slow:
/// less than 1 KiB a second for a minute is a stall (reference/trust.md A16).
struct Pace {
    rate: Option<u64>,
    began: Instant,
    total: u64,
    window: Instant,
    in_window: u64,
}

impl Pace {
    fn new(sources: &Sources) -> Pace {
        let now = Instant::now();
        Pace { rate: sources.rate(), began: now, total: 0, window: now, in_window: 0 }
    }

    fn after(&mut self, read: usize, wanted: &Wanted<'_>) -> Result<(), Any> {
        self.total += read as u64;
        self.in_window += read as u64;
        let minute = Duration::from_secs(60);
        if self.window.elapsed() > minute {
            if self.in_window < 60 * 1024 {
                return Err(source::Error::Stall { url: name_of(wanted) }.into());
            }
            (self.window, self.in_window) = (Instant::now(), 0);
        }
        if let Some(rate) = self.rate {
            let due = Duration::from_secs_f64(self.total as f64 / rate.max(1) as f64);
            // Not waiting for anything: this is the pace that was asked for.
            std::thread::sleep(due.saturating_sub(self.began.elapsed()).min(SLICE * 4));
        }
        Ok(())
    }
}

const SLICE: Duration = Duration::from_millis(250);

/// Waits before another try: 1, 2, 4 seconds and up to as much again, so that
/// many machines do not come back at once. Whether there is still time.
fn pause(sources: &Sources, tries: u32) -> bool {
    let jitter = getrandom::u32().unwrap_or(0) % 1000;
    let base = 500u64 << tries;
    let wait = Duration::from_millis(base + base * u64::from(jitter) / 1000);
    let until = Instant::now() + wait;
    while Instant::now() < until {
        if sources.stop().is_set() {
            return false;
        }
        std::thread::sleep(SLICE.min(until.saturating_duration_since(Instant::now())));
    }
    true
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

/// Opens a partial download for reading and writing, never through a link.
fn open_partial(path: &Path) -> io::Result<File> {
    if path.symlink_metadata().is_ok_and(|meta| !meta.is_file()) {
        std::fs::remove_file(path)?;
    }
    if path.exists() {
        return OpenOptions::new().read(true).write(true).open(path);
    }
    let file = crate::platform::create_new(path, 0o600)?;
    drop(file);
    OpenOptions::new().read(true).write(true).open(path)
}

/// The digest of a file; `None` when there is none.
///
/// # Errors
/// Any file operation.
pub fn digest_of(path: &Path) -> Result<Option<Digest>, Any> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if disk::is_absent(&error) => return Ok(None),
        Err(source) => {
            return Err(disk::Error { op: "read", path: path.to_owned(), source }.into());
        }
    };
    let mut hasher = Hasher::new();
    let mut bytes = vec![0; 256 * 1024];
    loop {
        match disk::at("read", path, file.read(&mut bytes))? {
            0 => return Ok(Some(hasher.finish())),
            read => hasher.update(&bytes[..read]),
        }
    }
}

/// Copies a program into place whole, hashing what is written: beside, synced,
/// renamed.
///
/// # Errors
/// `E_STATE` when the source is not what it was; any file operation.
pub fn copy_program(from: &Path, to: &Path, sha256: &Digest) -> Result<(), Any> {
    let part = disk::beside(to);
    disk::remove_file(&part)?;
    let mut source = disk::at("read", from, File::open(from))?;
    let mut file = disk::at("create", &part, crate::platform::create_new(&part, 0o755))?;
    let mut hasher = Hasher::new();
    let mut bytes = vec![0; 256 * 1024];
    loop {
        let read = disk::at("read", from, source.read(&mut bytes))?;
        if read == 0 {
            break;
        }
        hasher.update(&bytes[..read]);
        disk::at("write", &part, file.write_all(&bytes[..read]))?;
    }
    disk::at("write", &part, file.sync_all())?;
    drop(file);
    if hasher.finish() != *sha256 {
        disk::remove_file(&part)?;
        return Err(Error::Changed { path: from.to_owned() }.into());
    }
    Ok(disk::rename(&part, to)?)
}
