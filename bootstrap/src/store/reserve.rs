//! A little room that is kept for the day on which the disk is full: without it
//! nobody could go back or remove anything then, because the journal comes first.
//! A file in `state/` that holds nothing; a command that changes things removes it
//! when there is no other room, and makes it again when it ends.
//!
//! An installation without one is as good as any other until then.

use super::Store;
use crate::{disk, platform};
use offgrid_manifest::Digest;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

/// For the lines of a journal, for links and for folders.
const ROOM: u64 = 128 * 1024;
/// A journal holds the next receipt, beside which that one is written then.
const RECEIPTS: u64 = 4;
/// Sizes are rounded up to this, so that most receipts mean the same size.
const PIECE: u64 = 64 * 1024;

impl Store {
    /// The file.
    pub fn reserve(&self) -> PathBuf {
        self.state().join("reserve")
    }

    /// Gives the room back when less than that is free. Called with the lock.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn make_room(&self) -> Result<(), disk::Error> {
        let Some(size) = self.reserved()? else { return Ok(()) };
        if platform::free_space(&self.state()).is_some_and(|free| free < size) {
            self.use_reserve()?;
        }
        Ok(())
    }

    /// Gives the room back. Whether there was any.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn use_reserve(&self) -> Result<bool, disk::Error> {
        let there = self.reserved()?.is_some();
        disk::remove_file(&self.reserve())?;
        Ok(there)
    }

    /// Takes the room again, as far as it is to be had: on a disk that is still
    /// full there is none, and that is no error.
    ///
    /// # Errors
    /// Any I/O error but a full disk.
    pub fn keep_room(&self) -> Result<(), disk::Error> {
        let receipt = self.receipt();
        let receipt = disk::at("look at", &receipt, receipt.metadata())?.len();
        let size = (ROOM + RECEIPTS * receipt).next_multiple_of(PIECE);
        if self.reserved()? == Some(size) {
            return Ok(());
        }
        let path = self.reserve();
        disk::remove_file(&path)?;
        let written = platform::create_new(&path, 0o600).and_then(|file| fill(file, size));
        match disk::at("write", &path, written) {
            Err(error) if error.code() == offgrid_manifest::Code::Nospace => {
                disk::remove_file(&path)
            }
            result => result,
        }
    }

    /// Its size.
    fn reserved(&self) -> Result<Option<u64>, disk::Error> {
        match self.reserve().symlink_metadata() {
            Ok(meta) => Ok(Some(meta.len())),
            Err(error) if disk::is_absent(&error) => Ok(None),
            Err(source) => Err(disk::Error { op: "look at", path: self.reserve(), source }),
        }
    }
}

/// With bytes that no file system makes smaller, and always the same. Not synced:
/// what a power cut takes of it is written anew.
fn fill(file: fs::File, size: u64) -> io::Result<()> {
    let mut file = io::BufWriter::with_capacity(64 * 1024, file);
    for number in 0..size / 32 {
        file.write_all(Digest::of(&number.to_le_bytes()).as_bytes())?;
    }
    file.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_is_kept_while_there_is_other_room_and_has_the_size_for_the_receipt() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path().to_owned());
        fs::create_dir(store.state()).unwrap();
        let size = || store.reserve().metadata().unwrap().len();
        for (receipt, room) in [(1, 192), (16 * 1024, 192), (16 * 1024 + 1, 256)] {
            fs::write(store.receipt(), vec![0; receipt]).unwrap();
            store.keep_room().unwrap();
            assert_eq!(size(), room * 1024);
        }
        // Half of one, as a power cut leaves it.
        let bytes = fs::read(store.reserve()).unwrap();
        fs::write(store.reserve(), &bytes[..100]).unwrap();
        store.keep_room().unwrap();
        assert_eq!(fs::read(store.reserve()).unwrap(), bytes);
        store.make_room().unwrap();
        assert!(store.reserve().exists());
        assert!(store.use_reserve().unwrap());
        assert!(!store.reserve().exists() && !store.use_reserve().unwrap());
        store.make_room().unwrap();
    }
}
