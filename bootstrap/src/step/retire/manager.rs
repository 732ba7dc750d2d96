//! What is asked of systemd about a unit that is not ours. Where there is no manager,
//! nothing runs that it has started, and it reads its files when it begins.

use crate::adopt::Error;
use crate::child;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// For one answer; stopping takes what `TimeoutStopSec=` says, by default 90 s.
const LIMIT: Duration = Duration::from_secs(120);
const FOLDERS: [&str; 4] = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];

pub(super) fn stop(name: &str, user: bool) -> Result<(), Error> {
    // One that the manager does not know is as stopped as can be.
    match state(name, user) {
        None | Some(State { known: false, .. }) => Ok(()),
        Some(_) => ask(&["stop", name], user).map(drop),
    }
}

pub(super) fn start(name: &str, user: bool) -> Result<(), Error> {
    ask(&["start", name], user).map(drop)
}

pub(super) fn reload(user: bool) -> Result<(), Error> {
    ask(&["daemon-reload"], user).map(drop)
}

/// Whether it runs, or is about to.
pub(super) fn is_running(name: &str, user: bool) -> bool {
    state(name, user).is_some_and(|state| state.running)
}

struct State {
    known: bool,
    running: bool,
}

fn state(name: &str, user: bool) -> Option<State> {
    let words = ["show", "--property=LoadState,ActiveState", name];
    ask(&words, user).ok().flatten().map(|said| parsed(&said))
}

fn parsed(said: &str) -> State {
    let value = |key: &str| {
        said.lines().filter_map(|line| line.split_once('=')).find(|(name, _)| *name == key)
    };
    let known = value("LoadState").is_some_and(|(_, value)| value != "not-found");
    let active = value("ActiveState").map(|(_, value)| value);
    let running = matches!(active, Some("active" | "activating" | "reloading"));
    State { known: known || running, running }
}

/// What it said; `None` where there is no manager.
fn ask(words: &[&str], user: bool) -> Result<Option<String>, Error> {
    let Some((program, runtime)) = reach(user) else { return Ok(None) };
    let mut command = child::command(&program, Path::new("/"));
    command.args(user.then_some("--user")).args(["--no-pager", "--no-ask-password"]).args(words);
    command.env("PATH", child::PATH).env("LC_ALL", "C.UTF-8");
    if let Some(runtime) = runtime {
        command.env("XDG_RUNTIME_DIR", runtime);
    }
    let outcome = child::run(command, LIMIT, &|| false)
        .map_err(|source| Error::NotStarted { program, source })?;
    if outcome.ended.is_success() {
        return Ok(Some(outcome.stdout));
    }
    let whose = if user { "--user " } else { "" };
    let words = format!("systemctl {whose}{}", words.join(" "));
    let source = outcome.said();
    Err(Error::Refused { words, ended: outcome.ended, source })
}

/// The program, and where a user's own manager is reached (sd_booted(3),
/// pam_systemd(8)).
fn reach(user: bool) -> Option<(PathBuf, Option<OsString>)> {
    let program = FOLDERS.iter().map(|folder| Path::new(folder).join("systemctl"));
    let program = program.into_iter().find(|path| path.is_file())?;
    if !user {
        return Path::new("/run/systemd/system").is_dir().then_some((program, None));
    }
    let runtime = std::env::var_os("XDG_RUNTIME_DIR")?;
    let socket = Path::new(&runtime).join("systemd/private");
    (Path::new(&runtime).is_absolute() && socket.exists()).then_some((program, Some(runtime)))
}

#[cfg(test)]
mod tests {
    use super::parsed;

    #[test]
    fn what_is_on_its_way_up_counts_as_running_and_what_nobody_knows_does_not() {
        for (said, known, running) in [
            ("LoadState=loaded\nActiveState=active\n", true, true),
            ("LoadState=loaded\nActiveState=activating\n", true, true),
            ("LoadState=loaded\nActiveState=failed\n", true, false),
            ("LoadState=not-found\nActiveState=inactive\n", false, false),
            // Its file is gone and it runs on.
            ("LoadState=not-found\nActiveState=active\n", true, true),
            ("", false, false),
        ] {
            let state = parsed(said);
            assert_eq!((state.known, state.running), (known, running), "{said}");
        }
    }
}
