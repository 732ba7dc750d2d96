//! One run at a time on one prefix. The lock is the kernel's, so a crash frees
//! it; holding it is what allows state to be read for change and to be written.
//!
//! Owns the lock file and its one line, `PID COMMAND`, which only makes messages
//! better. Never believes that line: who holds the lock is the kernel's to say.

use crate::store::{self, Store};
use crate::{disk, platform};
use offgrid_manifest::Code;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{fmt, thread};

/// Why the lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another run holds it.
    #[error("another run{holder} is at work on `{}`", prefix.display())]
    Held {
        /// Who, as far as it is known.
        holder: Holder,
        /// Where.
        prefix: PathBuf,
    },
    /// Somebody pressed ctrl-c, or the system asked us to stop, while we waited.
    #[error("interrupted while waiting for another run; nothing was changed")]
    GaveUp,
    /// The prefix could not be made.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The file could not be opened or locked.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Held { .. } => Code::Locked,
            Error::GaveUp => Code::Interrupted,
            Error::Store(error) => error.code(),
            Error::Disk(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Held { .. } => Some(LATER.to_owned()),
            Error::GaveUp => None,
            Error::Store(error) => error.hint(),
            Error::Disk(error) => error.hint(),
        }
    }
}

/// What to type when another run is at work.
pub(crate) const LATER: &str = "run this again when it has ended, or add --wait: \
    then this command waits and begins by itself";

/// Who holds a lock, as its file says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holder {
    /// Its process; `None` when it did not write it down.
    pub pid: Option<u32>,
    /// The command that it does, such as `update`.
    pub what: Option<String>,
}

impl Holder {
    /// From the line of a lock file. What names no process that lives was written
    /// by an earlier run.
    fn read(file: &File) -> Holder {
        let mut text = String::new();
        // It only makes the message better.
        if file.take(64).read_to_string(&mut text).is_err() {
            return Holder::default();
        }
        let mut words = text.split_ascii_whitespace();
        let pid = words.next().and_then(|word| word.parse().ok());
        let is_plain = |word: &&str| word.bytes().all(|c| c.is_ascii_lowercase());
        let what = words.next().filter(is_plain).map(str::to_owned);
        match pid {
            Some(pid) if platform::process_id_alive(pid) => Holder { pid: Some(pid), what },
            _ => Holder::default(),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.pid, &self.what) {
            (Some(pid), Some(what)) => write!(f, " ({what}, process {pid})"),
            (Some(pid), None) => write!(f, " (process {pid})"),
            (None, _) => Ok(()),
        }
    }
}

/// Who holds the lock of a prefix now; `None` when nobody does, or where that
/// cannot be known. Changes nothing, and stands in nobody's way.
pub fn holder(store: &Store) -> Option<Holder> {
    let file = File::open(store.lock()).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(Holder::read(&file)),
        // Free again with the file.
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

/// Waits as long as another run has what `take` wants: `told` hears once who that
/// is, `stop` ends the waiting. A lock that is waited for in the kernel could not
/// be given up, and its file may be another one by then.
///
/// # Errors
/// Those of `take` but `E_LOCKED`; `E_INTERRUPTED`.
pub fn wait<T>(
    take: impl Fn() -> Result<T, Error>,
    stop: &dyn Fn() -> bool,
    told: &dyn Fn(&Error),
) -> Result<T, Error> {
    let mut said = false;
    loop {
        match take() {
            Err(error) if error.code() == Code::Locked => {
                if !said {
                    told(&error);
                    said = true;
                }
            }
            taken => return taken,
        }
        if stop() {
            return Err(Error::GaveUp);
        }
        thread::sleep(LOOK);
    }
}

/// No run changes a prefix for as long as this lives; for who only reads.
#[derive(Debug)]
pub struct Quiet {
    _file: Option<File>,
}

impl Quiet {
    /// Of a prefix that is there; makes and writes nothing. Where no lock can be
    /// had, nothing is kept away.
    ///
    /// # Errors
    /// `E_LOCKED` when a run is at work.
    pub fn take(store: &Store) -> Result<Quiet, Error> {
        let Ok(file) = File::open(store.lock()) else { return Ok(Quiet { _file: None }) };
        match file.try_lock_shared() {
            Ok(()) => Ok(Quiet { _file: Some(file) }),
            Err(TryLockError::WouldBlock) => {
                let (holder, prefix) = (Holder::read(&file), store.prefix().to_owned());
                Err(Error::Held { holder, prefix })
            }
            Err(TryLockError::Error(_)) => Ok(Quiet { _file: None }),
        }
    }
}

/// The right to change a prefix, for as long as it lives.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

/// What came of one try.
enum Tried {
    Taken(Lock),
    /// Its file is not the one of the prefix any more.
    Gone,
    /// Somebody looks, for a moment, whether it is held.
    LookedAt,
    Held(Holder),
}

impl Lock {
    /// Takes the lock of a prefix, which is made where there is none, for the
    /// command `what`.
    ///
    /// # Errors
    /// `E_LOCKED` when another run has it; as [`Store::found`].
    pub fn take(store: &Store, what: &str) -> Result<Lock, Error> {
        let mut tries = TRIES;
        let until = Instant::now() + LOOKED_AT;
        loop {
            // Until the lock is taken, nobody else lets the prefix come or go.
            let ground = store.found()?;
            tries -= 1;
            let holder = match Lock::try_take(store, what) {
                Ok(Tried::Taken(lock)) => return Ok(lock),
                Ok(Tried::Gone) if tries > 0 => continue,
                Ok(Tried::LookedAt) if Instant::now() < until => {
                    tries += 1;
                    drop(ground);
                    thread::sleep(LOOKED_AT / 100);
                    continue;
                }
                Ok(Tried::Held(holder)) => holder,
                Ok(Tried::Gone | Tried::LookedAt) => Holder::default(),
                Err(error) => {
                    // No room for one more file: the prefix was made for nothing.
                    if store.is_bare().unwrap_or(false) {
                        let _ = store.dissolve_on(&ground);
                    }
                    return Err(error);
                }
            };
            return Err(Error::Held { holder, prefix: store.prefix().to_owned() });
        }
    }

    /// Whether it is still the lock of this prefix: an uninstall takes its own away.
    ///
    /// # Errors
    /// Any I/O error but "not there".
    pub fn is_of(&self, store: &Store) -> Result<bool, disk::Error> {
        let path = store.lock();
        disk::at("look at", &path, platform::is_same_file(&self.file, &path))
    }

    fn try_take(store: &Store, what: &str) -> Result<Tried, Error> {
        let path = store.lock();
        let opened =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = match opened {
            Err(error) if disk::is_absent(&error) => return Ok(Tried::Gone),
            opened => disk::at("open the lock", &path, opened)?,
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                // A run keeps it from those who look, too.
                return Ok(match file.try_lock_shared() {
                    Ok(()) => Tried::LookedAt,
                    Err(_) => Tried::Held(Holder::read(&file)),
                });
            }
            Err(TryLockError::Error(source)) => {
                // Nobody has ever held an empty one: the first error counts, and a
                // prefix that was made for this goes again.
                if file.metadata().is_ok_and(|meta| meta.len() == 0) {
                    let _ = disk::remove_file(&path);
                }
                return Err(disk::Error { op: "lock", path, source }.into());
            }
        }
        // For the message of who comes next; a full disk must not stop us here.
        let _ = write_line(&mut file, &format!("{} {what}\n", std::process::id()));
        let lock = Lock { file };
        let same = lock.is_of(store).inspect_err(|_| {
            // It is ours to remove, and whoever waits for it tries again.
            let _ = disk::remove_file(&path);
        })?;
        Ok(if same { Tried::Taken(lock) } else { Tried::Gone })
    }
}

fn write_line(file: &mut File, line: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(line.as_bytes())
}

/// How often a prefix may be taken away while its lock is taken.
const TRIES: usize = 8;
/// Whoever looks whether it is held has it for a moment.
const LOOKED_AT: Duration = Duration::from_secs(1);
/// Between two tries of who waits: short for a person, long for a processor.
const LOOK: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
