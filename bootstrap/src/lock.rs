//! One run at a time on one prefix. The lock is the kernel's, so a crash frees
//! it; holding it is what allows state to be read for change and to be written.

use crate::disk;
use crate::store::Store;
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
            Error::Disk(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Held { .. } => Some("wait until it has ended, then run this again".into()),
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
    /// Takes the lock of a prefix whose state folder is there.
    ///
    /// # Errors
    /// `E_LOCKED` when another run has it.
    pub fn take(store: &Store) -> Result<Lock, Error> {
        let path = store.lock();
        let opened =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = disk::at("open the lock", &path, opened)?;
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
                return Err(disk::Error { op: "lock", path, source }.into());
            }
        }
        let noted = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        disk::at("write", &path, noted)?;
        Ok(Lock { _file: file })
    }
}
