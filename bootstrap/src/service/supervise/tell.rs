//! What the app is told, by its variables, and what others are told of it, by
//! `service.json`.

use super::watch::Supervisor;
use super::{Job, starts};
use crate::service::trial::DRAIN_MAX;
use crate::service::{Note, PORT, envfile, guard};
use crate::store::SlotName;
use crate::{child, disk};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::time::{Duration, SystemTime};

/// Variables of ours that the app gets too.
const PASSED_ON: [&str; 6] = ["HOME", "USERPROFILE", "USER", "LANG", "TZ", "OFFGRID_PORT"];
/// Variables that a service manager sets for us and not for the app, or that the app is
/// not to have. All others it has from the system's `offgrid.env`.
const OURS: [&str; 16] = [
    guard::VARIABLE,
    "PATH",
    "SHELL",
    "LOGNAME",
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "NOTIFY_SOCKET",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "SYSTEMD_EXEC_PID",
    "MEMORY_PRESSURE_WATCH",
    "MEMORY_PRESSURE_WRITE",
    "STATE_DIRECTORY",
    "RUNTIME_DIRECTORY",
    "MAINPID",
];
const ENV_FILE_MAX: u64 = 1024 * 1024;

pub(super) type Vars = BTreeMap<OsString, OsString>;

fn is_for_the_app(job: &Job<'_>, name: &OsStr) -> bool {
    let is = |names: &[&str]| names.iter().any(|own| *own == name);
    let ours = name.as_encoded_bytes().starts_with(b"OFFGRID_SETUP_");
    is(&PASSED_ON) || (job.system && !ours && !is(&OURS) && !child::steers_loader(name))
}

impl Supervisor<'_> {
    /// What the user wants the app to have: some of our own variables, and
    /// `offgrid.env`, read anew for each start. The front door stands where it stands.
    pub(super) fn user(&self) -> Vars {
        let own = self.job.env.vars.iter().filter(|(_, value)| !value.is_empty());
        let own = own.filter(|(name, _)| is_for_the_app(self.job, name));
        let mut vars: Vars = own.map(|(name, value)| (name.clone(), value.clone())).collect();
        for (name, value) in self.lines() {
            vars.insert(name.into(), value.into());
        }
        if let Some(door) = &self.door {
            let port = OsString::from(door.port.to_string());
            let before = vars.insert("OFFGRID_PORT".into(), port);
            if before.is_some_and(|before| number(&before) != Some(door.port)) {
                let port = door.port;
                (self.say)(&format!("OFFGRID_PORT is {port}: there this service listens already"));
            }
        }
        vars
    }

    fn lines(&self) -> Vec<(String, String)> {
        let Some(path) = self.job.env_file else { return Vec::new() };
        let bytes = match disk::read(path, ENV_FILE_MAX) {
            Ok(bytes) => bytes.unwrap_or_default(),
            // Then who started us has read it.
            Err(error) if self.job.system && denied(&error) => return Vec::new(),
            Err(error) => {
                (self.say)(&format!("{error}: {}", error.source));
                return Vec::new();
            }
        };
        let (mut lines, wrong) = envfile::parse(&String::from_utf8_lossy(&bytes));
        for why in wrong {
            (self.say)(&format!("`{}`: {why}; it is left out", path.display()));
        }
        lines.retain(|(name, _)| {
            let steers = child::steers_loader(name.as_ref());
            if steers {
                (self.say)(&format!("`{}`: {name} is not passed on", path.display()));
            }
            !steers
        });
        lines
    }

    /// Says what runs. A full disk must not take the service down.
    pub(super) fn note(&self, slot: &SlotName, child: Option<u32>, port: u16) {
        self.say_all(slot, child, port, None);
    }

    /// The same while requests under way may take so long.
    pub(super) fn note_drain(&self, slot: &SlotName, child: u32, port: u16, limit: Duration) {
        self.say_all(slot, Some(child), port, Some(limit));
    }

    fn say_all(&self, slot: &SlotName, child: Option<u32>, port: u16, drain: Option<Duration>) {
        let (network, processes) = (self.door.is_some(), self.enclosed);
        let held = [(network, "network"), (processes, "processes")];
        let (of, failures) = self.failures.take();
        let failed = if of.as_ref() == Some(slot) { failures } else { 0 };
        self.failures.set((of, failures));
        let note = Note {
            failures: failed,
            pid: std::process::id(),
            child,
            slot: slot.clone(),
            port,
            since: starts::seconds(SystemTime::now()),
            confined: held.into_iter().filter(|(is, _)| *is).map(|(_, what)| what.into()).collect(),
            paused_ms: self.paused.get(),
            draining: drain.is_some(),
            drain: drain.map_or(0, |limit| limit.as_secs()),
        };
        let path = self.job.store.service();
        // Everybody may know: whoever types `offgrid serve` is told that it runs.
        let written = crate::store::to_json(&note, &path)
            .and_then(|text| Ok(disk::write(&path, &text, 0o644)?));
        if let Err(error) = written {
            (self.say)(&error.to_string());
        }
    }

    /// For requests under way: as somebody wants it for this one time, else as always.
    pub(super) fn drain_limit(&self) -> Duration {
        let path = self.job.store.runtime().join("service.drain");
        let wish = disk::read(&path, 64).ok().flatten();
        let wish = wish.and_then(|bytes| String::from_utf8(bytes).ok()?.trim().parse().ok());
        // It may be somebody else's; then the next one counts it again.
        let _ = disk::remove_file(&path);
        let wish = wish.filter(|seconds: &u64| *seconds <= DRAIN_MAX);
        wish.map_or(self.job.drain, Duration::from_secs)
    }
}

fn number(text: &OsStr) -> Option<u16> {
    text.to_str()?.trim().parse().ok()
}

/// Where the app listens.
pub(super) fn port_of(vars: &Vars) -> u16 {
    vars.get(OsStr::new("OFFGRID_PORT")).and_then(|port| number(port)).unwrap_or(PORT)
}

fn denied(error: &disk::Error) -> bool {
    error.source.kind() == ErrorKind::PermissionDenied
}
