//! The two sides of the name `offgrid`: words that are ours, and all others,
//! which go to the app of the live slot as they are.
//!
//! Never reads the journal or the receipt, so that a broken installation still
//! has an app, and a broken app never stops `offgrid update`.

use crate::env::Env;
use crate::service::{self, Error};
use crate::store::Store;
use crate::{disk, platform};
use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Verbs that the app does not have.
const OURS: [&str; 4] = ["update", "rollback", "repair", "uninstall"];

/// Whether this program was called by the app's name.
pub fn called_as_app(env: &Env) -> bool {
    Path::new(&env.name).file_name().is_some_and(is_app)
}

fn is_app(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    // Windows knows no case in names, and says `.EXE` as often as `.exe`.
    let stem = name.len().checked_sub(".exe".len()).and_then(|at| name.split_at_checked(at));
    match stem {
        Some((stem, end)) if end.eq_ignore_ascii_case(".exe") => {
            stem.eq_ignore_ascii_case("offgrid")
        }
        _ => name == "offgrid",
    }
}

/// The prefix of an installed executable: `PREFIX/bin/offgrid`.
pub fn prefix_of(exe: &Path) -> Option<PathBuf> {
    let bin = exe.parent()?;
    let prefix = bin.parent()?;
    let before = platform::exe_name("offgrid.before");
    let is_installed = exe.file_name().is_some_and(|name| is_app(name) || *name == *before)
        && bin.file_name()? == "bin"
        && disk::exists(&prefix.join("state"));
    is_installed.then(|| prefix.to_owned())
}

/// The words of a command of ours, when `offgrid` was called with them; `None`
/// when they are the app's.
pub fn is_ours(words: &[OsString]) -> Option<Vec<OsString>> {
    let (first, rest) = words.split_first()?;
    if first == "self" {
        return Some(if rest.is_empty() { vec!["status".into()] } else { rest.to_vec() });
    }
    OURS.iter().any(|ours| first == ours).then(|| words.to_vec())
}

/// Becomes the app of the live slot.
///
/// # Errors
/// `E_USAGE` when it is to serve and the service does already; `E_STATE` when
/// there is no app or it does not start.
pub fn app(
    env: &Env,
    store: &Store,
    models: &Path,
    say: &dyn Fn(&str),
) -> Result<Infallible, crate::Error> {
    let missing = || Error::NoSlot { prefix: store.prefix().to_owned() };
    let slot = store.live().ok_or_else(missing)?;
    let folder = store.slot(&slot).join("app");
    let path = folder.join(platform::exe_name("offgrid"));
    let mut command = Command::new(&path);
    command.args(&env.args).env_clear().envs(&env.vars);
    // Who serves runs for long: every byte of a foreign engine is looked at again.
    let given = service::environment(store, &slot, models, &env.vars, serves(&env.args))?;
    given.note.iter().for_each(|note| say(note));
    command.envs(given.vars);
    if serves(&env.args) {
        let state = service::state(store);
        if let Some(pid) = state.running {
            return Err(Error::Running { pid, port: state.port.unwrap_or(service::PORT) }.into());
        }
        // Its pages and its version lie there.
        command.current_dir(&folder);
    }
    let source = platform::exec(&mut command);
    Err(Error::Broken { slot, path, source }.into())
}

/// Whether the app takes these words for "serve": it does so without any, and
/// its one flag for all verbs is no verb.
fn serves(words: &[OsString]) -> bool {
    match words.iter().find(|word| *word != "--json") {
        Some(word) => word == "serve" || word == "server",
        None => true,
    }
}

#[cfg(test)]
mod tests;
