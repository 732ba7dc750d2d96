//! The activation gate (DESIGN 9): a slot goes live only after its app has
//! answered and its engine has generated text on this machine, with the flags
//! and the environment that the app gives it.
//!
//! Never starts the app's `serve`, which would end the engines of others; never
//! listens on anything but loopback; leaves nothing running and nothing behind.

mod confine;
mod engine;
mod limits;
mod patience;
mod release;

use crate::child::{self, Ended, Outcome, Said};
use crate::engine::Existing;
use crate::event::Event;
use crate::run::{self, Context};
use crate::store::{SlotName, Store};
use crate::{disk, platform};
use limits::{LIMITS, Limits};
use offgrid_manifest::Code;
use serde_json::Value;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use confine::{VARIABLE, told};
pub(crate) use engine::ask;
pub(crate) use release::Release;

/// Why a slot is not to go live.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A part of the slot is not there.
    #[error("the {what} `{}` is missing", path.display())]
    Missing {
        /// "app", "engine", "release document".
        what: &'static str,
        /// Where it should be.
        path: PathBuf,
    },
    /// The slot's copy of its release cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Release {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The operating system refused to start it.
    #[error("`{ran}` could not be started")]
    Start {
        /// The command.
        ran: String,
        /// Why.
        source: std::io::Error,
    },
    /// It did not end as it should, or ended when it should not.
    #[error("`{ran}` {ended}")]
    Ended {
        /// The command.
        ran: String,
        /// How.
        ended: Ended,
        /// Its last words.
        source: Option<Said>,
    },
    /// It ran, and what it did is not what a working one does.
    #[error("`{ran}` {why}")]
    Wrong {
        /// The command.
        ran: String,
        /// What is wrong.
        why: String,
        /// Its last words.
        source: Option<Said>,
    },
    /// A proof as the service's own user failed.
    #[error("{what}")]
    Told {
        /// What that process said.
        what: String,
        /// What it gave as the cause.
        source: Option<Said>,
    },
    /// What the proof of a variant for a GPU ends with: another variant may do.
    #[error("the engine does not work with {device} here")]
    OnDevice {
        /// As the release names it, `CUDA`.
        device: String,
        /// What went wrong.
        source: Box<Error>,
    },
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        Code::Health
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let next = match self {
            Error::OnDevice { .. } => {
                "`offgrid-setup detect` shows what is known of the GPU and its driver; \
                 --gpu none does without"
            }
            Error::Missing { .. } | Error::Release { .. } => "the release may lack a part",
            Error::Start { .. } => {
                "the file may be for another processor or C library: compare it with \
                 `offgrid-setup detect`"
            }
            Error::Ended { .. } | Error::Wrong { .. } | Error::Told { .. } => {
                "`offgrid-setup detect` shows what this machine is taken for"
            }
        };
        Some(format!("nothing was changed; {next}"))
    }
}

/// How somebody follows a proof.
#[derive(Clone, Copy)]
struct Watch<'a> {
    /// Whether it is to end.
    stop: &'a dyn Fn() -> bool,
    /// Told what takes long.
    say: &'a dyn Fn(&str),
}

/// Proves that a slot works here. Changes nothing. `within`: the file of the service,
/// as whose user and in whose sandbox it has to work.
///
/// # Errors
/// `E_HEALTH` with what was run and what it said; `E_INTERRUPTED`.
pub fn prove(
    context: &Context<'_>,
    slot: &SlotName,
    within: Option<&Path>,
) -> Result<(), crate::Error> {
    let say = |what: &str| {
        let hint = Some("it happens once for this driver");
        context.sink.event(&Event::Noted { what, hint, code: Some("W_SLOW_PROOF") });
    };
    let watch = Watch { stop: &|| context.sources.stop().is_set(), say: &say };
    match within {
        Some(unit) => confine::prove(context.store, slot, unit, &watch),
        None => prove_within(context.store, &context.store.staging(), slot, &LIMITS, &watch),
    }
}

/// The same by this process alone, which may write into `scratch` and nowhere else.
///
/// # Errors
/// As [`prove`].
pub fn prove_here(
    store: &Store,
    scratch: &Path,
    slot: &SlotName,
    stop: &dyn Fn() -> bool,
) -> Result<(), crate::Error> {
    // Whoever waits for this process says what takes long.
    prove_within(store, scratch, slot, &LIMITS, &Watch { stop, say: &|_| {} })
}

fn prove_within(
    store: &Store,
    scratch: &Path,
    slot: &SlotName,
    limits: &Limits,
    watch: &Watch<'_>,
) -> Result<(), crate::Error> {
    let folder = store.slot(slot);
    let release = Release::read(&folder)?.ok_or_else(|| Error::Missing {
        what: "release document",
        path: folder.join("release.json"),
    })?;
    let began = Instant::now();
    prove_app(scratch, &folder, limits, watch.stop)?;
    let limits = &limits.scaled(began.elapsed());
    if let Some(existing) = crate::engine::of_slot(&folder)? {
        return prove_existing(&folder, &existing, limits, watch);
    }
    if release.has_engine(slot) || disk::is_there(&folder.join("llama"))? {
        let device = release.device(slot);
        let proved = engine::prove(&folder, device.as_deref(), limits, watch);
        return proved.map_err(|error| match (error, device) {
            (crate::Error::Gate(error), Some(device)) => {
                Error::OnDevice { device, source: Box::new(error) }.into()
            }
            (error, _) => error,
        });
    }
    Ok(())
}

/// An engine of this machine proves the same, and has to generate: nobody signed it.
fn prove_existing(
    folder: &Path,
    existing: &Existing,
    limits: &Limits,
    watch: &Watch<'_>,
) -> Result<(), crate::Error> {
    let (path, probe) = (existing.path.clone(), folder.join("probe"));
    existing.check(true).map_err(|why| crate::engine::Error::Lost { path, why })?;
    if !disk::is_there(&probe)? {
        return Err(Error::Missing { what: "probe model", path: probe }.into());
    }
    engine::prove_at(&existing.real, &probe, existing.device.as_deref(), limits, watch)
}

/// The app runs here and knows its version. Its home is a folder that goes
/// again: what an app writes while it is asked for its version is not the user's.
fn prove_app(
    scratch: &Path,
    folder: &Path,
    limits: &Limits,
    stop: &dyn Fn() -> bool,
) -> Result<(), crate::Error> {
    let home = scratch.join("gate");
    disk::make_work_dir(scratch, 0o700)?;
    disk::make_work_dir(&home, 0o700)?;
    let cwd = folder.join("app");
    let program = present("app", cwd.join(platform::exe_name("offgrid")))?;
    let vars = ["HOME", "USERPROFILE"].map(|name| (name, OsString::from(&home)));
    let ran = Ran { program, cwd, words: vec!["version".into(), "--json".into()] };
    let result = ran.well(&vars, limits.app, stop);
    disk::remove_tree(&home)?;
    let outcome = result?;
    let version = serde_json::from_str::<Value>(outcome.stdout.trim());
    if version.is_ok_and(|answer| answer["version"].is_string()) {
        return Ok(());
    }
    Err(ran.wrong("printed no JSON with a `version`", &outcome).into())
}

fn present(what: &'static str, path: PathBuf) -> Result<PathBuf, crate::Error> {
    match path.metadata() {
        Ok(meta) if meta.is_file() => Ok(path),
        Err(source) if !disk::is_absent(&source) => {
            Err(disk::Error { op: "look at", path, source }.into())
        }
        _ => Err(Error::Missing { what, path }.into()),
    }
}

/// One program with its words.
struct Ran {
    program: PathBuf,
    cwd: PathBuf,
    words: Vec<OsString>,
}

impl Ran {
    fn command(&self, vars: &[(&'static str, OsString)]) -> std::process::Command {
        let mut command = child::command(&self.program, &self.cwd);
        command.args(&self.words);
        child::give(&mut command, vars.iter().cloned());
        command
    }

    /// Runs it to its end, which has to be a good one.
    fn well(
        &self,
        vars: &[(&'static str, OsString)],
        limit: Duration,
        stop: &dyn Fn() -> bool,
    ) -> Result<Outcome, crate::Error> {
        let started = child::run(self.command(vars), limit, stop);
        let outcome = started.map_err(|source| Error::Start { ran: self.text(), source })?;
        if outcome.ended.is_success() { Ok(outcome) } else { Err(self.ended(&outcome)) }
    }

    fn ended(&self, outcome: &Outcome) -> crate::Error {
        if outcome.ended == Ended::Stopped {
            return run::Error::Interrupted.into();
        }
        let (ran, ended) = (self.text(), outcome.ended.clone());
        Error::Ended { ran, ended, source: outcome.said() }.into()
    }

    fn wrong(&self, why: impl Into<String>, outcome: &Outcome) -> Error {
        Error::Wrong { ran: self.text(), why: why.into(), source: outcome.said() }
    }

    /// As a person would type it.
    fn text(&self) -> String {
        let words = self.words.iter().map(|word| word.to_string_lossy());
        let program = self.program.to_string_lossy();
        std::iter::once(program).chain(words).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests;
