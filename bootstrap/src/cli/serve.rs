//! `service run|status|stop|restart`: the app in the background. `run` is the
//! foreground supervisor.

use super::refuse::Error;
use super::session::Session;
use crate::error::Error as Any;
use crate::event::{Ending, Outcome};
use crate::service;
use serde_json::json;

const KNOWN: &str = "type `service run`, `service status`, `service stop` or `service restart`";

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
            });
            session.reporter.result(&json, &text);
            Ok(None)
        }
        ["run"] => {
            session.installed()?;
            let env_file = session.place.config.join("offgrid.env");
            let say = |text: &str| session.note(text, None);
            let models = &session.place.models;
            service::supervise::run(store, models, session.env, Some(&env_file), &say)?;
            Ok(Some(Ending::new(Outcome::Unchanged, "the service was stopped")))
        }
        ["stop"] => {
            service::stop(store)?;
            Ok(Some(Ending::new(Outcome::Updated, "the service is stopped")))
        }
        ["restart"] => {
            service::restart(store)?;
            Ok(Some(Ending::new(Outcome::Updated, "the service was told to restart")))
        }
        _ => Err(Error::Words { words: words.join(" "), known: KNOWN }.into()),
    }
}
