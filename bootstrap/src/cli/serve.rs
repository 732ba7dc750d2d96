//! `service run|status|stop|restart|logs`: the app in the background. `run` is the
//! supervisor; it needs no receipt and no journal, for it may be another user's.

use super::refuse::Error;
use super::session::Session;
use crate::error::Error as Any;
use crate::event::{Ending, Outcome};
use crate::service;
use crate::service::supervise::{self, End, Job};
use serde_json::json;
use std::time::Duration;

const KNOWN: &str = "type `service run`, `service status`, `service stop`, `service restart` or \
                     `service logs`";
const GAVE_UP: &str = "the service ends: its app failed to start too often. `offgrid rollback` goes \
                       back to the release before";

pub(super) fn run(session: &Session<'_>, words: &[String]) -> Result<Option<Ending>, Any> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let store = session.store();
    match words.as_slice() {
        [] | ["status"] => {
            let state = service::state(store);
            let kind = session.receipt()?.map(|receipt| receipt.service);
            let text = match state.running {
                Some(pid) => format!("running (process {pid})"),
                None => "stopped".to_owned(),
            };
            let word = if state.running.is_some() { "running" } else { "stopped" };
            let json = json!({
                "v": 1, "kind": kind, "state": word, "pid": state.running,
                "slot": state.slot, "port": state.port,
                "confined": state.confined, "paused_ms": state.paused_ms,
                "draining": state.draining,
            });
            session.reporter.result(&json, &text);
            Ok(None)
        }
        ["run"] => supervise(session).map(Some),
        ["stop"] => {
            service::stop(store)?;
            Ok(Some(Ending::new(Outcome::Updated, "the service is stopped")))
        }
        ["restart"] => {
            service::restart(store)?;
            Ok(Some(Ending::new(Outcome::Updated, "the service was told to restart")))
        }
        ["logs"] => {
            // What it says goes to who started it: a terminal, a container's log.
            let text = "no service manager keeps a log here: what the service says is where \
                        `offgrid self service run` was started";
            session.reporter.result(&json!({"v": 1, "lines": null}), text);
            Ok(None)
        }
        _ => Err(Error::Words { words: words.join(" "), known: KNOWN }.into()),
    }
}

/// Supervises until somebody ends it, or the app does not start.
fn supervise(session: &Session<'_>) -> Result<Ending, Any> {
    let store = session.store();
    if !store.exists()? {
        return Err(Error::NotInstalled { prefix: store.prefix().to_owned() }.into());
    }
    store.check_for_run(session.place.system)?;
    let env_file = session.place.config.join("offgrid.env");
    let job = Job {
        store,
        models: &session.place.models,
        env: session.env,
        env_file: Some(&env_file),
        listen: session.settings.listen.unwrap_or_default(),
        drain: Duration::from_secs(session.settings.drain),
        system: session.place.system,
        confine: true,
    };
    Ok(match supervise::run(&job, &|text| session.note(text, None))? {
        End::Stopped => Ending::new(Outcome::Unchanged, "the service was stopped"),
        End::GaveUp => Ending::new(Outcome::GaveUp, GAVE_UP),
    })
}
