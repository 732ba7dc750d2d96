//! One run at a time on one prefix. The lock is the kernel's, so a crash frees
//! it; holding it is what allows state to be read for change and to be written.

use crate::store::{self, Store};
use crate::{disk, platform};
use offgrid_manifest::Code;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::PathBuf;

/// Why the lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another run holds it.
    #[error("another run{} is at work on `{}`", holder(pid), prefix.display())]
    Held {
        /// Its process, when it wrote it down.
        pid: Option<u32>,
        /// Where.
        prefix: PathBuf,
    },
    /// The prefix could not be made.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The file could not be opened or locked.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

fn holder(pid: &Option<u32>) -> String {
    pid.map_or(String::new(), |pid| format!(" (process {pid})"))
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Held { .. } => Code::Locked,
            Error::Store(error) => error.code(),
            Error::Disk(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Held { .. } => Some("wait until it has ended, then run this again".into()),
            Error::Store(error) => error.hint(),
            Error::Disk(error) => error.hint(),
        }
    }
}

/// The right to change a prefix, for as long as it lives.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a prefix, which is made where there is none.
    ///
    /// # Errors
    /// `E_LOCKED` when another run has it; as [`Store::found`].
    pub fn take(store: &Store) -> Result<Lock, Error> {
        let mut tries = TRIES;
        loop {
            store.found()?;
            tries -= 1;
            match Lock::try_take(store) {
                Ok(Some(lock)) => return Ok(lock),
                // Who held it took the whole prefix away meanwhile.
                Ok(None) if tries > 0 => {}
                Err(error) => {
                    // No room for one more file: the prefix was made for nothing.
                    if store.is_bare().unwrap_or(false) {
                        let _ = store.dissolve();
                    }
                    return Err(error);
                }
                Ok(None) => {
                    return Err(Error::Held { pid: None, prefix: store.prefix().to_owned() });
                }
            }
        }
    }

    /// `None` when the file that was locked is not the one of the prefix any more.
    fn try_take(store: &Store) -> Result<Option<Lock>, Error> {
        let path = store.lock();
        let opened =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = match opened {
            Err(error) if disk::is_absent(&error) => return Ok(None),
            opened => disk::at("open the lock", &path, opened)?,
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // The process number only makes the message better.
                let pid =
                    file.take(16).read_to_string(&mut text).ok().and(text.trim().parse().ok());
                return Err(Error::Held { pid, prefix: store.prefix().to_owned() });
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
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        let same = disk::at("look at", &path, platform::is_same_file(&file, &path));
        let same = same.inspect_err(|_| {
            // It is ours to remove, and whoever waits for it tries again.
            let _ = disk::remove_file(&path);
        })?;
        Ok(same.then_some(Lock { _file: file }))
    }
}

/// How often a prefix may be taken away while its lock is taken.
const TRIES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_lock_on_a_file_that_was_taken_away_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path().join("offgrid"));
        let lock = Lock::take(&store).unwrap();
        assert!(matches!(Lock::take(&store), Err(Error::Held { pid: Some(_), .. })));
        let file = File::open(store.lock()).unwrap();
        assert!(platform::is_same_file(&file, &store.lock()).unwrap());
        fs::remove_file(store.lock()).unwrap();
        assert!(!platform::is_same_file(&file, &store.lock()).unwrap());
        drop(lock);
        Lock::take(&store).unwrap();
    }
}
