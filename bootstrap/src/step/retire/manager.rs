//! What is asked of systemd about a unit that is not ours. Where there is no manager,
//! nothing runs that it has started, and it reads its files when it begins.

use crate::env::Env;
use crate::service::backend::{State, Words, backend};
use crate::service::{Error, act, best};
use crate::settings::ServiceKind;
use std::path::Path;

pub(super) fn stop(name: &str, user: bool) -> Result<(), Error> {
    // One that the manager does not know is as stopped as can be.
    match state(name, user)? {
        Some(state) if state.known || state.running => {
            act::run_all(&[words(&["stop", name], user)])
        }
        _ => Ok(()),
    }
}

pub(super) fn start(name: &str, user: bool) -> Result<(), Error> {
    tell(&["start", name], user)
}

pub(super) fn reload(user: bool) -> Result<(), Error> {
    tell(&["daemon-reload"], user)
}

/// Whether it runs, or is about to: also between two starts.
pub(super) fn is_running(name: &str, user: bool) -> Result<bool, Error> {
    Ok(state(name, user)?.is_some_and(|state| state.running))
}

fn tell(verb: &[&str], user: bool) -> Result<(), Error> {
    if can_be_asked(user) { act::run_all(&[words(verb, user)]) } else { Ok(()) }
}

fn state(name: &str, user: bool) -> Result<Option<State>, Error> {
    let systemd = backend(ServiceKind::Systemd).filter(|_| can_be_asked(user));
    let Some(systemd) = systemd else { return Ok(None) };
    let question = words(&["show", "--property=LoadState,ActiveState", name], user);
    let answers = act::ask(&[question], &Env::capture(), &|| false)?;
    Ok(Some(systemd.state(&answers)))
}

fn words(verb: &[&str], user: bool) -> Words {
    let scope: &[&str] = if user { &["--user"] } else { &[] };
    let line = [&["systemctl"], scope, &["--no-pager", "--no-ask-password"], verb].concat();
    line.into_iter().map(str::to_owned).collect()
}

/// Whether there is a manager to speak to (sd_booted(3), pam_systemd(8)).
fn can_be_asked(user: bool) -> bool {
    let there = match user {
        true => best::user_manager(&Env::capture()),
        false => Path::new("/run/systemd/system").is_dir(),
    };
    there && act::is_there("systemctl")
}
