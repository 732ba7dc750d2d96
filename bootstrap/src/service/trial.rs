//! What whoever switches tells a supervisor, by files beside its own: that another slot
//! is on trial, and how long requests under way may take. Owns those files.

use super::state;
use crate::settings::DRAIN;
use crate::store::Store;
use crate::{disk, platform};
use std::path::PathBuf;

/// The file in which somebody who tries a slot out says so, as long as that lasts: the
/// number of a process.
fn trial_path(store: &Store) -> PathBuf {
    store.runtime().join("service.trial")
}

/// Whether somebody tries a slot out, who judges by himself how often its app may fail.
pub(super) fn is_trial(store: &Store) -> bool {
    let pid = disk::read_plain(&trial_path(store), 64).ok().flatten();
    let pid = pid.and_then(|bytes| String::from_utf8_lossy(&bytes).trim().parse().ok());
    pid.is_some_and(platform::process_id_alive)
}

/// A trial of another slot, while this is held: the supervisor goes on trying, and steps
/// back by itself no more.
#[derive(Debug)]
pub struct Trial<'a>(Option<&'a Store>);

impl<'a> Trial<'a> {
    /// From now on, where a supervisor runs.
    ///
    /// # Errors
    /// Any file operation.
    pub fn begin(store: &'a Store) -> Result<Trial<'a>, disk::Error> {
        if state(store).running.is_none() {
            return Ok(Trial(None));
        }
        disk::write(&trial_path(store), format!("{}\n", std::process::id()).as_bytes(), 0o644)?;
        Ok(Trial(Some(store)))
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        // Left behind it names a process that is gone, and means nothing.
        let _ = self.0.map(|store| disk::remove_file(&trial_path(store)));
    }
}

/// The longest that is waited for requests under way, in seconds.
pub(super) const DRAIN_MAX: u64 = 3600;

/// The file in which whoever switches says how long requests under way may take.
fn drain_path(store: &Store) -> PathBuf {
    store.runtime().join("service.drain")
}

/// Seconds that requests under way may take when the next slot takes over.
pub(super) fn drain(store: &Store) -> u64 {
    let said = disk::read_plain(&drain_path(store), 64).ok().flatten();
    let said = said.and_then(|bytes| String::from_utf8_lossy(&bytes).trim().parse().ok());
    said.map_or(DRAIN, |said: u64| said.min(DRAIN_MAX))
}

/// Tells a supervisor, if there is one, how many seconds requests under way may take
/// when the next slot takes over.
///
/// # Errors
/// Any file operation.
pub fn set_drain(store: &Store, seconds: u64) -> Result<(), disk::Error> {
    if state(store).running.is_none() || drain(store) == seconds {
        return Ok(());
    }
    disk::write(&drain_path(store), format!("{seconds}\n").as_bytes(), 0o644)
}
