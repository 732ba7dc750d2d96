//! The app while it runs as a service. Owns `state/service.json`, in which a
//! supervisor says what it runs, and every question to it.
//!
//! Never starts the app: that is [`supervise`]. Signals nobody but the process
//! that holds the supervisor's lock.

pub mod account;
pub mod act;
pub mod backend;
pub mod best;
pub mod difference;
mod envfile;
mod error;
pub mod exposure;
mod follow;
mod given;
pub mod guard;
mod health;
mod launchd;
pub mod linger;
mod managed;
mod openrc;
#[cfg(test)]
mod snapshot;
pub mod supervise;
mod systemd;
mod template;
mod trial;
mod windows;
mod xml;

pub use error::Error;
pub use given::{Given, environment};
pub use health::{await_answer, await_health, rejoin};
pub use managed::Managed;
pub(crate) use systemd::user_units;
pub use trial::{Trial, set_drain};

use crate::store::{SlotName, Store};
use crate::{disk, platform};
use serde::{Deserialize, Serialize};
use std::fs::TryLockError;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// The app's port where nobody chose another.
pub const PORT: u16 = 11611;
/// How long a supervisor may take to end; it gives the app ten seconds.
const END: Duration = Duration::from_secs(20);
/// Between two looks at what another process does.
const LOOK: Duration = Duration::from_millis(50);
/// For one answer of the app.
const ANSWER: Duration = Duration::from_secs(5);

/// What the supervisor of a prefix does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceState {
    /// The supervisor's process, while it lives.
    pub running: Option<u32>,
    /// The app's process, while there is one.
    pub child: Option<u32>,
    /// What it runs.
    pub slot: Option<SlotName>,
    /// Where it answers.
    pub port: Option<u16>,
    /// What of the app is kept apart from this computer: `network`, `processes`.
    pub confined: Vec<String>,
    /// How long clients waited at the last start or switch, in milliseconds.
    pub paused_ms: Option<u64>,
    /// While requests under way are waited for, before another slot takes over: how long they
    /// may take.
    pub draining: Option<Duration>,
    /// How often the app of this slot has failed to start, since the supervisor runs it.
    pub failures: u32,
}

/// `service.json`. What was added later may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    /// The supervisor.
    pid: u32,
    /// The app; none between two of them.
    child: Option<u32>,
    slot: SlotName,
    port: u16,
    /// Unix seconds.
    since: u64,
    #[serde(default)]
    confined: Vec<String>,
    #[serde(default)]
    paused_ms: Option<u64>,
    #[serde(default)]
    draining: bool,
    /// Seconds that requests under way may take.
    #[serde(default)]
    drain: u64,
    #[serde(default)]
    failures: u32,
}

impl Note {
    fn read(store: &Store) -> Option<Note> {
        let bytes = disk::read_plain(&store.service(), 64 * 1024).ok()??;
        serde_json::from_slice(&bytes).ok()
    }
}

/// The file whose lock a supervisor holds as long as it lives.
fn lock_path(store: &Store) -> PathBuf {
    store.runtime().join("service.lock")
}

/// Whether somebody holds the supervisor's lock: a note that outlived its writer
/// may name a process that is somebody else's by now.
fn is_locked(store: &Store) -> bool {
    match platform::open_plain(&lock_path(store), false) {
        Ok(file) => matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)),
        // It is another user's, who alone may ask: the note has to do.
        Err(error) => error.kind() == ErrorKind::PermissionDenied,
    }
}

/// Whether the note's supervisor lives and is the user whose the folder is. That may be
/// another one than who asks, and a note may name any process: root must not signal one of
/// somebody else. The folder's owner cannot make it anybody else's; a note's could.
fn is_running(store: &Store, pid: u32) -> bool {
    let of_its_user = |folder: &Path| {
        let (owner, _) = platform::owner_of(folder).ok()?;
        Some(platform::user_of(pid).is_none_or(|user| user == owner))
    };
    platform::process_id_alive(pid)
        && is_locked(store)
        && store.elsewhere().is_none_or(|folder| of_its_user(folder) == Some(true))
}

/// The app's port by the settings of people, in this folder.
pub(crate) fn port(config: &Path) -> u16 {
    envfile::port(Some(&config.join("offgrid.env"))).unwrap_or(PORT)
}

/// What runs now.
pub fn state(store: &Store) -> ServiceState {
    match Note::read(store) {
        Some(note) if is_running(store, note.pid) => ServiceState {
            running: Some(note.pid),
            child: note.child,
            slot: Some(note.slot),
            port: Some(note.port),
            confined: note.confined,
            paused_ms: note.paused_ms,
            draining: note.draining.then(|| Duration::from_secs(note.drain.min(trial::DRAIN_MAX))),
            failures: note.failures,
        },
        _ => ServiceState::default(),
    }
}

/// Asks a supervisor, if there is one, to go on with the slot that is live now.
pub fn tell(store: &Store) {
    if let Some(pid) = state(store).running {
        // One that ends at this moment needs no telling.
        let _ = platform::signal(pid, platform::Signal::Reload);
    }
}

/// Ends the supervisor and with it the app.
///
/// # Errors
/// `E_UNSUPPORTED` when there is none.
pub fn stop(store: &Store) -> Result<(), crate::Error> {
    let before = signal(store, platform::Signal::Stop)?;
    eventually(store, before, "stop", |now| now.running != Some(before))
}

/// Has the supervisor start the app anew, from the live slot.
///
/// # Errors
/// `E_UNSUPPORTED` when there is none.
pub fn restart(store: &Store) -> Result<(), crate::Error> {
    let child = state(store).child;
    let pid = signal(store, platform::Signal::Reload)?;
    eventually(store, pid, "restart the app", |now| {
        now.running.is_none() || (now.child.is_some() && now.child != child)
    })
}

fn signal(store: &Store, signal: platform::Signal) -> Result<u32, crate::Error> {
    let missing = || Error::NotRunning { prefix: store.prefix().to_owned() };
    let pid = state(store).running.ok_or_else(missing)?;
    platform::signal(pid, signal)
        .map_err(|source| Error::System { what: format!("signal process {pid}"), source })?;
    Ok(pid)
}

fn eventually(
    store: &Store,
    pid: u32,
    what: &'static str,
    done: impl Fn(&ServiceState) -> bool,
) -> Result<(), crate::Error> {
    let mut until = Instant::now() + END;
    let most = until + Duration::from_secs(trial::DRAIN_MAX);
    loop {
        let now = state(store);
        if done(&now) {
            return Ok(());
        }
        if now.draining.is_some() {
            until = (Instant::now() + END).min(most);
        }
        if Instant::now() >= until {
            return Err(Error::Deaf { pid, what }.into());
        }
        thread::sleep(LOOK);
    }
}

#[cfg(test)]
#[path = "note/tests.rs"]
mod note_tests;
#[cfg(test)]
pub(crate) mod tests;
