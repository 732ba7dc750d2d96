//! Starts that failed: `starts.json`. Owns the file and when it is too many of them.
//!
//! They count for one switch of the live slot: another slot, or the same one later,
//! begins anew. A file that cannot be read or written changes nothing but what is
//! remembered over an end of the supervisor.

use crate::disk;
use crate::store::{SlotName, Store, to_json};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Its name, in the folder that a service manager gives.
pub const FILE: &str = "starts.json";
/// So many are too many.
const MOST: usize = 5;
/// When they come within so many seconds of the switch.
const WITHIN: u64 = 24 * 60 * 60;

/// Seconds since 1970, of a clock that may be anywhere.
pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Counted {
    slot: Option<SlotName>,
    /// When it became the live one.
    switched: u64,
    failed: Vec<u64>,
}

impl Counted {
    /// Counts one at `now`; whether it was one too many.
    fn add(&mut self, slot: &SlotName, switched: u64, now: u64) -> bool {
        if self.slot.as_ref() != Some(slot) || self.switched != switched {
            *self = Counted { slot: Some(slot.clone()), switched, failed: Vec::new() };
        }
        // A clock that was set back is no reason to count less.
        if now.saturating_sub(switched) > WITHIN {
            return false;
        }
        self.failed.push(now);
        self.failed.drain(..self.failed.len().saturating_sub(MOST));
        self.failed.len() >= MOST
    }
}

/// Whether a slot has failed to start too often since it became the live one, as a
/// supervisor remembers it in this folder.
pub fn are_too_many(folder: &Path, store: &Store, slot: &SlotName) -> bool {
    let counted = Starts::read(folder).counted;
    counted.slot.as_ref() == Some(slot)
        && counted.switched == switched(store)
        && counted.failed.len() >= MOST
}

fn switched(store: &Store) -> u64 {
    let switched = store.current().symlink_metadata().and_then(|meta| meta.modified());
    switched.map_or(0, seconds)
}

#[derive(Debug)]
pub(super) struct Starts {
    path: PathBuf,
    counted: Counted,
}

impl Starts {
    /// In this folder.
    pub(super) fn read(folder: &Path) -> Starts {
        let path = folder.join(FILE);
        let read = disk::read_plain(&path, 64 * 1024).ok().flatten();
        let counted = read.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Starts { path, counted: counted.unwrap_or_default() }
    }

    /// Counts one of this slot; whether it was one too many.
    pub(super) fn failed(&mut self, store: &Store, slot: &SlotName) -> bool {
        let too_many = self.counted.add(slot, switched(store), seconds(SystemTime::now()));
        if let Ok(text) = to_json(&self.counted, &self.path) {
            // On a full disk they are remembered as long as we live.
            let _ = disk::write(&self.path, &text, 0o600);
        }
        too_many
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_800_000_000;

    fn slot(version: &str) -> SlotName {
        format!("{version}+cpu").parse().unwrap()
    }

    #[test]
    fn five_within_a_day_of_the_switch_are_too_many() {
        let mut counted = Counted::default();
        let (one, two) = (slot("1.0.0"), slot("2.0.0"));
        for at in 1..5 {
            assert!(!counted.add(&two, NOON, NOON + at), "{at}");
        }
        assert!(counted.add(&two, NOON, NOON + WITHIN));
        assert!(counted.add(&two, NOON, NOON + 9), "and one more is no better");
        assert!(!counted.add(&one, NOON, NOON + 10), "another slot begins anew");
        for at in 0..5 {
            assert!(!counted.add(&two, NOON, NOON + WITHIN + 1 + at), "long after the switch");
        }
        for at in 0..4 {
            assert!(!counted.add(&two, NOON + 50, NOON + 60 + at), "so does another switch");
        }
        assert!(counted.add(&two, NOON + 50, NOON + 70));
    }

    #[test]
    fn a_clock_that_jumps_harms_nothing() {
        let mut counted = Counted::default();
        let one = slot("1.0.0");
        let clock = [0, u64::MAX, NOON - 1, NOON, 5];
        let seen: Vec<bool> = clock.iter().map(|now| counted.add(&one, NOON, *now)).collect();
        assert_eq!(seen, [false; 5], "the one of the far future does not count");
        assert!(counted.add(&one, NOON, 0));
        assert_eq!(seconds(UNIX_EPOCH - std::time::Duration::from_secs(9)), 0);
    }

    #[test]
    fn they_are_remembered_and_a_broken_file_is_an_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path().to_owned());
        let mut starts = Starts::read(dir.path());
        assert!(!starts.failed(&store, &slot("1.0.0")));
        assert_eq!(Starts::read(dir.path()).counted, starts.counted);
        std::fs::write(&starts.path, "{\"slot\":7").unwrap();
        assert_eq!(Starts::read(dir.path()).counted, Counted::default());
        assert!(!Starts::read(&dir.path().join("gone")).failed(&store, &slot("1.0.0")));
    }
}
