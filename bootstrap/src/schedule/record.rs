//! `state/schedule.json`: what scheduled runs have done, and what they found. Owns
//! its format.

use super::{BUDGET_FOR, Mode};
use crate::disk;
use crate::store::{self, Store};
use offgrid_manifest::{Digest, Version};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How much of it is read.
const SIZE_MAX: u64 = 1024 * 1024;

/// What scheduled runs have done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// What somebody asked for by a word or a variable; settings files win over it.
    pub asked: Option<Mode>,
    /// When the last one was, in seconds since 1970.
    pub last: Option<u64>,
    /// Whether nothing could be reached then.
    pub unreached: bool,
    /// What they have fetched: when, and how many bytes.
    pub spent: Vec<(u64, u64)>,
    /// An update that is there and not live.
    pub available: Option<Available>,
    /// One that was fetched and waits.
    pub waiting: Option<Waiting>,
    /// One that a scheduled run has installed in vain: it is not tried again by itself.
    pub failed: Option<Available>,
}

/// An update that a scheduled run has found and not installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Available {
    /// The release.
    pub version: Version,
    /// Why it is not installed, in words.
    pub why: Option<String>,
}

/// Downloads that are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Of this release.
    pub version: Version,
    /// Their names in `blobs`.
    pub blobs: BTreeSet<Digest>,
}

impl Record {
    /// What is there. One that cannot be read says nothing: it only ever holds back.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(store: &Store) -> Result<Record, disk::Error> {
        let bytes = disk::read(&store.schedule(), SIZE_MAX)?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
    }

    /// Keeps it.
    ///
    /// # Errors
    /// Any file operation.
    pub fn write(&self, store: &Store) -> Result<(), store::Error> {
        let path = store.schedule();
        Ok(disk::write(&path, &store::to_json(self, &path)?, 0o600)?)
    }

    /// Bytes of the last 30 days.
    pub fn spent(&self, now: u64) -> u64 {
        let recent = self.spent.iter().filter(|(at, _)| *at + BUDGET_FOR > now);
        recent.fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
    }

    /// Puts bytes down, and forgets those that count no more.
    pub fn spend(&mut self, now: u64, bytes: u64) {
        self.spent.retain(|(at, _)| *at + BUDGET_FOR > now);
        if bytes > 0 {
            self.spent.push((now, bytes));
        }
    }

    /// Forgets what is no news any more because this release is live.
    pub fn settle(&mut self, live: &Version) {
        self.available = self.available.take().filter(|found| found.version > *live);
        self.waiting = self.waiting.take().filter(|waiting| waiting.version > *live);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_counts_thirty_days() {
        let mut record = Record::default();
        record.spend(1_000, 70);
        record.spend(BUDGET_FOR, 30);
        assert_eq!(record.spent(BUDGET_FOR), 100);
        assert_eq!(record.spent(BUDGET_FOR + 1_000), 30);
        record.spend(BUDGET_FOR + 1_000, 0);
        assert_eq!(record.spent, [(BUDGET_FOR, 30)]);
    }

    #[test]
    fn what_is_damaged_says_nothing_and_what_is_live_is_no_news() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path().to_owned());
        std::fs::create_dir(store.state()).unwrap();
        assert_eq!(Record::read(&store).unwrap(), Record::default());
        let version: Version = "0.2.0".parse().unwrap();
        let (available, blobs) =
            (Available { version: version.clone(), why: None }, [Digest::of(b"")]);
        let waiting = Waiting { version: version.clone(), blobs: blobs.into() };
        let mut record = Record {
            asked: Some(Mode::Download),
            available: Some(available),
            waiting: Some(waiting),
            ..Record::default()
        };
        record.write(&store).unwrap();
        assert_eq!(Record::read(&store).unwrap(), record);
        record.settle(&version);
        assert_eq!((record.available.is_none(), record.waiting.is_none()), (true, true));
        std::fs::write(store.schedule(), b"{\"last\":").unwrap();
        assert_eq!(Record::read(&store).unwrap(), Record::default());
    }
}
