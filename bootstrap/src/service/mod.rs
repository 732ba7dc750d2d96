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
mod health;
mod launchd;
pub mod linger;
mod managed;
mod openrc;
#[cfg(test)]
mod snapshot;
#[expect(clippy::disallowed_methods, reason = "a lock is held, and nothing in it is lost")]
pub mod supervise;
mod systemd;
mod template;
mod windows;
mod xml;

pub use error::Error;
pub use health::await_health;
pub use managed::Managed;

use crate::settings::DRAIN;
use crate::store::{SlotName, Store};
use crate::{disk, engine, gate, platform};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{File, TryLockError};
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
    /// Whether requests under way are waited for, before another slot takes over.
    pub draining: bool,
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
    #[serde(default)]
    failures: u32,
}

impl Note {
    fn read(store: &Store) -> Option<Note> {
        let bytes = disk::read(&store.service(), 64 * 1024).ok()??;
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
    match File::open(lock_path(store)) {
        Ok(file) => matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)),
        // It is another user's, who alone may ask: the note has to do.
        Err(error) => error.kind() == ErrorKind::PermissionDenied,
    }
}

/// The app's port by the settings of people, in this folder.
pub(crate) fn port(config: &Path) -> u16 {
    envfile::port(Some(&config.join("offgrid.env"))).unwrap_or(PORT)
}

/// What runs now.
pub fn state(store: &Store) -> ServiceState {
    match Note::read(store) {
        Some(note) if platform::process_id_alive(note.pid) && is_locked(store) => ServiceState {
            running: Some(note.pid),
            child: note.child,
            slot: Some(note.slot),
            port: Some(note.port),
            confined: note.confined,
            paused_ms: note.paused_ms,
            draining: note.draining,
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

/// The file in which somebody who tries a slot out says so, as long as that lasts: the
/// number of a process.
fn trial_path(store: &Store) -> PathBuf {
    store.runtime().join("service.trial")
}

/// Whether somebody tries a slot out, who judges by himself how often its app may fail.
fn is_trial(store: &Store) -> bool {
    let pid = disk::read(&trial_path(store), 64).ok().flatten();
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

/// The file in which whoever switches says how long requests under way may take.
fn drain_path(store: &Store) -> PathBuf {
    store.runtime().join("service.drain")
}

/// Seconds that requests under way may take when the next slot takes over.
fn drain(store: &Store) -> u64 {
    let said = disk::read(&drain_path(store), 64).ok().flatten();
    let said = said.and_then(|bytes| String::from_utf8_lossy(&bytes).trim().parse().ok());
    said.unwrap_or(DRAIN)
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
    loop {
        let now = state(store);
        if done(&now) {
            return Ok(());
        }
        if now.draining {
            until = Instant::now() + END;
        }
        if Instant::now() >= until {
            return Err(Error::Deaf { pid, what }.into());
        }
        thread::sleep(LOOK);
    }
}

/// What the app gets of us.
#[derive(Debug)]
pub struct Given {
    /// Variables and their values.
    pub vars: Vec<(String, OsString)>,
    /// Something to tell about its engine.
    pub note: Option<String>,
}

/// The variables that the app always gets (DESIGN 10), without those that the
/// user has set. The slot is named itself: `current` may lead elsewhere while
/// the app runs. An engine of this machine is looked at again, byte for byte when
/// `deep`; not where the user has named another one.
///
/// # Errors
/// `E_UNTRUSTED_BINARY` when there is no engine to be used any more.
pub fn environment(
    store: &Store,
    slot: &SlotName,
    models: &Path,
    user: &BTreeMap<OsString, OsString>,
    deep: bool,
) -> Result<Given, crate::Error> {
    let folder = store.slot(slot);
    let is_set = |name: &str| user.get(&OsString::from(name)).is_some_and(|it| !it.is_empty());
    let engine = match is_set("OFFGRID_LLAMA_SERVER_PATH") {
        true => None,
        false => Some(engine::in_use(&folder, deep)?),
    };
    let existing = engine.as_ref().and_then(|engine| engine.existing.as_ref());
    let layers = || {
        let of_release = || gate::Release::read(&folder).ok().flatten()?.device(slot);
        let device = existing.map_or_else(of_release, |existing| existing.device.clone());
        if device.is_some() { "999" } else { "0" }
    };
    let path = || engine.as_ref().map_or_else(OsString::new, |engine| engine.path.clone().into());
    let values: [(&str, &dyn Fn() -> OsString); 4] = [
        ("OFFGRID_LLAMA_SERVER_PATH", &path),
        ("OFFGRID_GPU_LAYERS", &|| layers().into()),
        ("OFFGRID_MODELS_DIR", &|| models.into()),
        ("OFFGRID_PORT", &|| PORT.to_string().into()),
    ];
    let unset = values.into_iter().filter(|(name, _)| !is_set(name));
    let vars = unset.map(|(name, value)| (name.to_owned(), value())).collect();
    Ok(Given { vars, note: engine.as_ref().and_then(|engine| engine.note.clone()) })
}

#[cfg(test)]
pub(crate) mod tests;
