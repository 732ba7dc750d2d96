//! The proof as the service will run: by its user, with its groups, limits and sandbox
//! (DESIGN 9). Owns how such a process is started and what it says back; what is proved
//! is the same.
//!
//! The lines come from the unit itself, so that the two can never differ.

use super::{Error, Release, Watch};
use crate::child::{self, Ended, Outcome, Said};
use crate::service::backend::MAY_FAIL;
use crate::service::{account, act};
use crate::store::{SlotName, Store};
use crate::{disk, run};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// The slot that is to be proved, for the process that does so.
pub const VARIABLE: &str = "OFFGRID_PROVE";
/// The words of that process.
const PROVE: [&str; 5] = ["self", "service", "prove", "--system", "--json"];
/// What of a unit is about when and how it is started, and not about what it may do.
const NOT_SANDBOX: [&str; 22] = [
    "Type",
    "ExecStart",
    "ExecStartPre",
    "ExecStartPost",
    "ExecReload",
    "ExecStop",
    "ExecStopPost",
    "Restart",
    "RestartSec",
    "RestartPreventExitStatus",
    "WorkingDirectory",
    "Environment",
    "EnvironmentFile",
    "RuntimeDirectory",
    "RuntimeDirectoryMode",
    "RuntimeDirectoryPreserve",
    "KillMode",
    "TimeoutStopSec",
    "TimeoutStartSec",
    "OOMPolicy",
    "Sockets",
    "NotifyAccess",
];
/// After this long somebody wants to know why nothing happens.
const TELL: Duration = Duration::from_secs(45);
/// Of all that a proof may take together.
const MOST: Duration = Duration::from_secs(2 * 3600);

/// Proves a slot as the user of the service that this file describes: a unit of systemd,
/// whose sandbox it has to work in too, or an init script.
pub(super) fn prove(
    store: &Store,
    slot: &SlotName,
    unit: &Path,
    watch: &Watch<'_>,
) -> Result<(), crate::Error> {
    let device = Release::read(&store.slot(slot))?.and_then(|release| release.device(slot));
    let began = Instant::now();
    let told = std::cell::Cell::new(false);
    let stop = || {
        if device.is_some() && began.elapsed() >= TELL && !told.replace(true) {
            (watch.say)("the engine prepares code for this GPU; that may take some minutes");
        }
        (watch.stop)()
    };
    let outcome = match unit.extension().is_some_and(|kind| kind == "service") {
        true => in_unit(store, slot, unit, &stop)?,
        false => as_user(store, slot, &stop)?,
    };
    if outcome.ended == Ended::Stopped {
        return Err(run::Error::Interrupted.into());
    }
    let said = outcome.stdout.lines().rev().find_map(|line| serde_json::from_str(line).ok());
    match said {
        Some(said) => heard(&said),
        None => {
            let what = format!("the proof as the user of the service {}", outcome.ended);
            Err(Error::Told { what, source: outcome.said() }.into())
        }
    }
}

fn in_unit(
    store: &Store,
    slot: &SlotName,
    unit: &Path,
    stop: &dyn Fn() -> bool,
) -> Result<Outcome, crate::Error> {
    // Without its lines it would run as root, with every right.
    let text = disk::read(unit, 1024 * 1024)?
        .ok_or_else(|| Error::Missing { what: "unit of the service", path: unit.to_owned() })?;
    let text = String::from_utf8_lossy(&text).into_owned();
    if !sandbox(&text).any(|line| line.starts_with("User=")) {
        let what = format!("`{}` names no user to prove it as", unit.display());
        return Err(Error::Told { what, source: None }.into());
    }
    let name = format!("offgrid-gate-{}", std::process::id());
    let outcome = act::outcome(&words(store, slot, &name, &text), MOST, stop)?;
    if outcome.ended == Ended::Stopped {
        // What it started is systemd's child, and not ours. It may have ended by now, and is
        // not known any more then.
        let stop = [MAY_FAIL, "systemctl", "stop", &*name].map(str::to_owned).to_vec();
        act::run_all(&[stop])?;
    }
    Ok(outcome)
}

/// Where there is nothing but the user: what is left in its folder is removed with it.
fn as_user(
    store: &Store,
    slot: &SlotName,
    stop: &dyn Fn() -> bool,
) -> Result<Outcome, crate::Error> {
    let program = store.program();
    let mut command = child::command(&program, store.prefix());
    command.args(PROVE).env(VARIABLE, slot.to_string());
    command.env("TMPDIR", account::home_of(account::NAME)?);
    account::become_user(&mut command)?;
    let ran = program.display().to_string();
    child::run(command, MOST, stop).map_err(|source| Error::Start { ran, source }.into())
}

/// How it is typed: `systemd-run` with the lines of the unit.
fn words(store: &Store, slot: &SlotName, name: &str, unit: &str) -> Vec<String> {
    let mut words: Vec<String> =
        ["systemd-run", "--quiet", "--wait", "--pipe", "--collect", "--service-type=exec"]
            .map(str::to_owned)
            .to_vec();
    words.push(format!("--unit={name}"));
    words.extend(sandbox(unit).map(|line| format!("--property={line}")));
    words.push(format!("--setenv={VARIABLE}={slot}"));
    words.push(store.program().to_string_lossy().into_owned());
    words.extend(PROVE.map(str::to_owned));
    words
}

/// The lines of a unit that say what it may do.
fn sandbox(unit: &str) -> impl Iterator<Item = &str> {
    let service = unit.lines().skip_while(|line| line.trim() != "[Service]").skip(1);
    let service = service.take_while(|line| !line.starts_with('['));
    service.map(str::trim).filter(|line| {
        let key = line.split_once('=').map(|(key, _)| key);
        !line.starts_with(['#', ';']) && key.is_some_and(|key| !NOT_SANDBOX.contains(&key))
    })
}

/// What the process says of itself, one object.
pub fn told(result: &Result<(), crate::Error>) -> Value {
    let Err(error) = result else { return json!({"v": 1, "proved": true}) };
    let (device, cause) = match error {
        crate::Error::Gate(Error::OnDevice { device, source }) => {
            (Some(device.clone()), Some(&**source as &dyn std::error::Error))
        }
        error => (None, std::error::Error::source(error)),
    };
    let mut causes = Vec::new();
    let mut next = cause;
    while let Some(error) = next {
        causes.push(error.to_string());
        next = error.source();
    }
    json!({"v": 1, "proved": false, "what": error.to_string(), "device": device, "causes": causes})
}

fn heard(said: &Value) -> Result<(), crate::Error> {
    if said["proved"] == true {
        return Ok(());
    }
    let causes = said["causes"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let causes: Vec<&str> = causes.collect();
    let told = |what: &str, causes: &[&str]| Error::Told {
        what: what.to_owned(),
        source: Said::last(&causes.join("\n")),
    };
    let error = match said["device"].as_str() {
        Some(device) => {
            let (first, rest) = causes.split_first().unwrap_or((&"it failed", &[]));
            Error::OnDevice { device: device.to_owned(), source: Box::new(told(first, rest)) }
        }
        None => told(said["what"].as_str().unwrap_or("the proof failed"), &causes),
    };
    Err(error.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sandbox_is_the_units_and_nothing_of_when_it_starts() {
        let unit = "[Unit]\nOnFailure=x\n[Service]\nType=exec\nExecStart=/p/bin/offgrid\n# why\n\
                    User=offgrid\nPrivateNetwork=yes\nRestart=always\nSystemCallFilter=@a\n\
                    SystemCallFilter=~@b\n[Install]\nWantedBy=y\n";
        let lines: Vec<&str> = sandbox(unit).collect();
        let wanted =
            ["User=offgrid", "PrivateNetwork=yes", "SystemCallFilter=@a", "SystemCallFilter=~@b"];
        assert_eq!(lines, wanted);
        let store = Store::new("/p".into());
        let words = words(&store, &"1.0.0+a".parse().unwrap(), "gate", unit).join(" ");
        assert!(words.starts_with("systemd-run ") && words.contains(" --property=User=offgrid "));
        assert!(words.ends_with(
            " --setenv=OFFGRID_PROVE=1.0.0+a /p/bin/offgrid self service prove --system --json"
        ));
    }

    #[test]
    fn what_the_process_says_is_what_is_heard() {
        assert!(heard(&told(&Ok(()))).is_ok());
        let inner = Error::Wrong { ran: "x".into(), why: "is wrong".into(), source: None };
        let plain = Err(crate::Error::Gate(inner));
        assert_eq!(heard(&told(&plain)).unwrap_err().to_string(), "`x` is wrong");
        let inner = Error::Wrong { ran: "x".into(), why: "is wrong".into(), source: None };
        let device = Error::OnDevice { device: "CUDA".into(), source: Box::new(inner) };
        let heard = heard(&told(&Err(device.into()))).unwrap_err();
        let crate::Error::Gate(Error::OnDevice { device, source }) = heard else { panic!() };
        assert_eq!((device.as_str(), source.to_string().as_str()), ("CUDA", "`x` is wrong"));
    }
}
