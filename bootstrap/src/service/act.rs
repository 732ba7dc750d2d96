//! Does what a back end says: runs its commands. Owns where their programs are
//! sought, what they get of the environment, and how long they may take.
//!
//! Never searches PATH, and never decides which command is right.

use super::backend::{Answer, MAY_FAIL, Words};
use super::best;
use crate::child::{self, Ended, Outcome, Said};
use crate::env::Env;
use offgrid_manifest::Code;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// For one command. A service of ours may take 30 seconds to end, and an engine that is
/// loading a model does; one of others takes systemd's own 90.
const LIMIT: Duration = Duration::from_secs(120);
/// The folders of the system's own programs, on Unix.
const FOLDERS: [&str; 4] = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];

/// A command of a service manager that did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not here.
    #[error("there is no `{program}` in the folders of this system's own programs")]
    Missing {
        /// Its name.
        program: String,
    },
    /// It could not be started.
    #[error("could not start `{}`", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It says no.
    #[error("`{line}` {ended}")]
    Refused {
        /// As it was typed.
        line: String,
        /// How it ended.
        ended: Ended,
        /// What it said.
        source: Option<Said>,
    },
    /// We were told to end.
    #[error("`{line}` was interrupted")]
    Interrupted {
        /// As it was typed.
        line: String,
    },
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Missing { .. } => Code::Unsupported,
            Error::Start { .. } | Error::Refused { .. } => Code::State,
            Error::Interrupted { .. } => Code::Interrupted,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Missing { .. } => Some(
                "take `--service none` (nothing is registered), or `--service supervise` and \
                 start `offgrid self service run` yourself"
                    .to_owned(),
            ),
            Error::Refused { line, .. } => Some(format!("to see more of it, type: {line}")),
            Error::Start { .. } | Error::Interrupted { .. } => None,
        }
    }
}

/// Runs commands one after the other, up to the first that fails.
///
/// # Errors
/// [`Error`]; the source is what the command said.
pub fn all(commands: &[Words], env: &Env, stop: &dyn Fn() -> bool) -> Result<(), Error> {
    for command in commands {
        let (words, may_fail) = match command.split_first() {
            Some((first, rest)) if first == MAY_FAIL => (rest, true),
            _ => (command.as_slice(), false),
        };
        let outcome = run(words, env, stop)?;
        if !may_fail && !outcome.ended.is_success() {
            let source = outcome.said();
            return Err(Error::Refused { line: line(words), ended: outcome.ended, source });
        }
    }
    Ok(())
}

/// The same, in this process's own session and not to be interrupted: what a step or
/// its Undo has begun is ended.
///
/// # Errors
/// As [`all`].
pub fn run_all(commands: &[Words]) -> Result<(), super::Error> {
    Ok(all(commands, &Env::capture(), &|| false)?)
}

/// Whether there is such a program.
pub fn is_there(name: &str) -> bool {
    find(name, &folders(&Env::capture())).is_ok()
}

/// Runs one command for longer than managers take, and says all of how it ended.
///
/// # Errors
/// When it could not be started.
pub fn outcome(
    words: &[String],
    limit: Duration,
    stop: &dyn Fn() -> bool,
) -> Result<Outcome, super::Error> {
    Ok(start(words, &Env::capture(), limit, stop)?)
}

/// Asks: every status is an answer.
///
/// # Errors
/// [`Error`], when a question could not be asked or was not answered in time.
pub fn ask(commands: &[Words], env: &Env, stop: &dyn Fn() -> bool) -> Result<Vec<Answer>, Error> {
    let answer = |words: &Words| {
        let outcome = run(words, env, stop)?;
        let status = match outcome.ended {
            Ended::Exited(status) => Some(status),
            Ended::Signal(_) => None,
            ended => {
                return Err(Error::Refused { line: line(words), ended, source: None });
            }
        };
        Ok(Answer { status, text: outcome.stdout })
    };
    commands.iter().map(answer).collect()
}

fn run(words: &[String], env: &Env, stop: &dyn Fn() -> bool) -> Result<Outcome, Error> {
    let outcome = start(words, env, LIMIT, stop)?;
    match outcome.ended {
        Ended::Stopped => Err(Error::Interrupted { line: line(words) }),
        _ => Ok(outcome),
    }
}

fn start(
    words: &[String],
    env: &Env,
    limit: Duration,
    stop: &dyn Fn() -> bool,
) -> Result<Outcome, Error> {
    let (name, rest) = words.split_first().map_or(("", words), |(name, rest)| (name, rest));
    let program = find(name, &folders(env))?;
    let mut command = child::command(&program, Path::new(root(&program)));
    command.args(rest);
    child::give(&mut command, variables(env, rest));
    child::run_and_leave(command, limit, stop).map_err(|source| Error::Start { program, source })
}

/// The top of the disk that a program is on: a folder that is surely there.
fn root(program: &Path) -> &Path {
    program.ancestors().last().unwrap_or(program)
}

fn folders(env: &Env) -> Vec<PathBuf> {
    if std::env::consts::OS != "windows" {
        return FOLDERS.iter().map(PathBuf::from).collect();
    }
    let root = |(name, value): (&OsString, &OsString)| {
        name.eq_ignore_ascii_case("SystemRoot").then(|| PathBuf::from(value))
    };
    env.vars.iter().find_map(root).map(|root| root.join("System32")).into_iter().collect()
}

fn find(name: &str, folders: &[PathBuf]) -> Result<PathBuf, Error> {
    let is_name = !name.is_empty() && !name.contains(['/', '\\']) && !name.starts_with('.');
    let mut places = folders.iter().filter(|_| is_name).map(|folder| folder.join(name));
    places.find(|path| path.is_file()).ok_or_else(|| Error::Missing { program: name.to_owned() })
}

/// What a command gets of the environment; a user's manager is found by two variables.
fn variables(env: &Env, words: &[String]) -> Vec<(&'static str, OsString)> {
    let mut vars = vec![("PATH", child::PATH.into()), ("LC_ALL", "C".into())];
    if words.iter().any(|word| word == "--user") {
        vars.extend(best::runtime_dir(env).map(|dir| ("XDG_RUNTIME_DIR", dir.into())));
        let bus = env.var("DBUS_SESSION_BUS_ADDRESS");
        vars.extend(bus.map(|bus| ("DBUS_SESSION_BUS_ADDRESS", bus.clone())));
    }
    vars
}

/// As a person would type it.
fn line(words: &[String]) -> String {
    words.iter().map(|word| crate::quote::sh(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
