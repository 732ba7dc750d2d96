//! `service`: the app in the background. `run` is the supervisor, which managers start;
//! `start`, `stop` and `restart` go through the manager where there is one; `install` and
//! `uninstall` are runs of their own.

use super::manage;
use super::refuse::Error;
use super::session::{Session, random_name};
use crate::disk;
use crate::error::Error as Any;
use crate::event::{Ending, Outcome};
use crate::gate;
use crate::plan::{self, Plan};
use crate::platform;
use crate::receipt::Receipt;
use crate::service::supervise::{self, End, Job};
use crate::service::{self, Managed, guard};
use crate::settings::ServiceKind;
use serde_json::{Value, json};
use std::time::Duration;

const KNOWN: &str = "type `service status`, `start`, `stop`, `restart`, `logs`, `install`, \
                     `uninstall` or `run`";
const GAVE_UP: &str = "the service ends: its app failed to start too often. `offgrid rollback` goes \
                       back to the release before";
/// Lines of a log that are shown.
const LINES: usize = 100;

pub(super) fn run(session: &Session<'_>, words: &[String]) -> Result<Option<Ending>, Any> {
    let word = words.first().map_or("status", String::as_str);
    match word {
        "status" => status(session).map(|()| None),
        "logs" => logs(session).map(|()| None),
        "run" => run_here(session).map(Some),
        "start" => start(session).map(Some),
        "stop" => stop(session).map(Some),
        "restart" => restart(session).map(Some),
        "install" => install(session).map(Some),
        "uninstall" => uninstall(session).map(Some),
        "prove" => prove(session).map(|()| None),
        "guard" => watch_over(session).map(Some),
        "back" => super::back::run(session).map(Some),
        word => Err(Error::Words { words: word.to_owned(), known: KNOWN }.into()),
    }
}

/// What `status` says of the service too.
pub(super) fn json(session: &Session<'_>, receipt: &Receipt) -> (Value, String) {
    let state = service::state(session.store());
    let kind = manage::kind_of(receipt);
    let said = manage::managed(session, kind).map(|it| it.state(session.store()));
    let word = match (state.running, &said) {
        (Some(_), _) => "running",
        (None, Some(Ok(said))) if said.failed => "failed",
        (None, Some(Ok(said))) if said.running => "starting",
        // A manager that cannot be asked is no service that does not run.
        (None, Some(Err(_))) => "unknown",
        _ => "stopped",
    };
    let port = state.port.filter(|_| state.running.is_some());
    let exposed = port.and_then(service::exposure::measure);
    let autostart = said.map_or(Some(false), |said| said.ok().map(|said| said.autostart));
    let json = json!({
        "kind": receipt.service, "state": word, "autostart": autostart, "exposed": exposed,
    });
    let mut text = format!("{} ({word}", receipt.service);
    if autostart == Some(true) {
        text.push_str(", starts by itself");
    }
    text.push(')');
    if exposed == Some(true) {
        text.push_str("; other computers of your network can reach it");
    }
    (json, text)
}

fn status(session: &Session<'_>) -> Result<(), Any> {
    let state = service::state(session.store());
    let receipt = session.receipt()?;
    let (mut json, mut text) = match &receipt {
        Some(receipt) => json(session, receipt),
        None => (json!({"kind": null, "state": "stopped"}), "stopped".to_owned()),
    };
    if let Some(pid) = state.running {
        text.push_str(&format!("\nprocess {pid}"));
        if let (Some(slot), Some(port)) = (&state.slot, state.port) {
            text.push_str(&format!(", {slot}, http://localhost:{port}"));
        }
    }
    json["v"] = 1.into();
    json["pid"] = json!(state.running);
    json["slot"] = json!(state.slot);
    json["port"] = json!(state.port);
    json["confined"] = json!(state.confined);
    json["paused_ms"] = json!(state.paused_ms);
    json["draining"] = json!(state.draining.is_some());
    session.reporter.result(&json, &text);
    Ok(())
}

fn logs(session: &Session<'_>) -> Result<(), Any> {
    let receipt = session.installed()?;
    let managed = manage::managed(session, manage::kind_of(&receipt));
    let Some(managed) = managed else {
        // What it says goes to who started it: a terminal, a container's log.
        let text = "no service manager keeps a log here: what the service says is where \
                    `offgrid self service run` was started";
        session.reporter.result(&json!({"v": 1, "lines": null}), text);
        return Ok(());
    };
    let text = managed.logs(session.store(), LINES)?;
    let lines: Vec<&str> = text.lines().collect();
    session.reporter.result(&json!({"v": 1, "lines": lines}), text.trim_end());
    Ok(())
}

/// The proof of a slot by the service's own user, for the process that waits for it.
/// Reads no state: that is not this user's.
fn prove(session: &Session<'_>) -> Result<(), Any> {
    let slot = session.env.var(gate::VARIABLE).and_then(|slot| slot.to_str()?.parse().ok());
    let Some(slot) = slot else {
        return Err(Error::Words { words: "prove".to_owned(), known: KNOWN }.into());
    };
    let scratch = std::env::temp_dir();
    let stop = || session.stop.is_set();
    let result = gate::prove_here(session.store(), &scratch, &slot, &stop);
    session.reporter.result(&gate::told(&result), "");
    Ok(())
}

/// The supervisor. It needs no receipt and no journal, for it may be another user's.
fn run_here(session: &Session<'_>) -> Result<Ending, Any> {
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
        guarded: session.env.var(guard::VARIABLE).is_some(),
        confine: true,
    };
    Ok(match supervise::run(&job, &|text| session.note(text, None))? {
        End::Stopped => Ending::new(Outcome::Unchanged, "the service was stopped"),
        End::GaveUp => Ending::new(Outcome::GaveUp, GAVE_UP),
    })
}

/// The supervisor as the service's user, and root for when it asks to go back.
fn watch_over(session: &Session<'_>) -> Result<Ending, Any> {
    if !(session.place.system && platform::is_root()) {
        return Err(Error::NotRoot.into());
    }
    let store = session.store();
    if !store.exists()? {
        return Err(Error::NotInstalled { prefix: store.prefix().to_owned() }.into());
    }
    // It has said itself why it ended.
    let ended = |outcome| Ending { outcome, facts: Value::Null, lines: Vec::new() };
    Ok(match guard::run(store, session.env, &|text| session.note(text, None))? {
        Some(0) => ended(Outcome::Unchanged),
        _ => ended(Outcome::GaveUp),
    })
}

/// The service where a manager knows it; only root may tell the system's anything.
fn manager(session: &Session<'_>) -> Result<Option<Managed>, Any> {
    let receipt = session.installed()?;
    let managed = manage::managed(session, manage::kind_of(&receipt));
    if managed.is_some() && session.place.system && !platform::is_root() {
        return Err(Error::NotRoot.into());
    }
    Ok(managed)
}

fn start(session: &Session<'_>) -> Result<Ending, Any> {
    let Some(managed) = manager(session)? else { return Err(Error::NothingStarts.into()) };
    if service::state(session.store()).running.is_some() {
        return Ok(Ending::new(Outcome::Unchanged, "the service runs already"));
    }
    managed.start(session.store())?;
    look_at_exposure(session)?;
    Ok(Ending::new(Outcome::Updated, "the service is started"))
}

fn stop(session: &Session<'_>) -> Result<Ending, Any> {
    match manager(session)? {
        Some(managed) => managed.stop(session.store())?,
        None => service::stop(session.store())?,
    }
    Ok(Ending::new(Outcome::Updated, "the service is stopped"))
}

fn restart(session: &Session<'_>) -> Result<Ending, Any> {
    match manager(session)? {
        Some(managed) => managed.restart(session.store())?,
        None => service::restart(session.store())?,
    }
    look_at_exposure(session)?;
    Ok(Ending::new(Outcome::Updated, "the service was told to restart"))
}

fn look_at_exposure(session: &Session<'_>) -> Result<(), Any> {
    let receipt = session.installed()?;
    let service = manage::wanted(session, Some(&receipt))?;
    manage::look_at_exposure(session, &service)
}

/// Registers the service, or makes it as it is asked for now.
fn install(session: &Session<'_>) -> Result<Ending, Any> {
    session.installed()?;
    let kind = manage::kind(session)?;
    if manage::managed(session, kind).is_none() {
        return Err(Error::NoService { kind: kind.name().to_owned() }.into());
    }
    session.consent_possible("Register the service?")?;
    session.change(|change| {
        let prefix = session.store().prefix().to_owned();
        let receipt = change.receipt()?.ok_or(Error::NotInstalled { prefix })?;
        let is = manage::kind_of(&receipt);
        if is != kind && manage::managed(session, is).is_some() {
            let (is, asked) = (is.name(), kind.name());
            return Err(Error::OtherService { is, asked }.into());
        }
        let service = manage::fresh(session, kind, receipt.listen)?;
        let ours = manage::managed(session, is).is_some();
        let taken = service.files.iter().find(|file| !ours && disk::exists(&file.path));
        if let Some(file) = taken {
            return Err(Error::UnitTaken { path: file.path.clone() }.into());
        }
        let plan = plan::register(random_name()?, &receipt, &service);
        agree(session, &plan)?;
        change.run(&plan, &session.no_sources()?)?;
        manage::look_at_exposure(session, &service)?;
        manage::say_of_session(session, session.env, &service);
        Ok(Ending::new(Outcome::Updated, format!("the service is registered with {}", kind.name())))
    })
}

fn uninstall(session: &Session<'_>) -> Result<Ending, Any> {
    session.installed()?;
    session.consent_possible("Remove the service?")?;
    session.change(|change| {
        let prefix = session.store().prefix().to_owned();
        let receipt = change.receipt()?.ok_or(Error::NotInstalled { prefix })?;
        let kind = manage::kind_of(&receipt);
        if matches!(kind, ServiceKind::None | ServiceKind::Supervise) {
            return Ok(Ending::new(Outcome::Unchanged, "no service is registered"));
        }
        let files = manage::paths(session, kind)?;
        let plan = plan::unregister(random_name()?, session.store(), &receipt, &files);
        agree(session, &plan)?;
        change.run(&plan, &session.no_sources()?)?;
        Ok(Ending::new(Outcome::Updated, "the service is removed; everything else stays"))
    })
}

fn agree(session: &Session<'_>, plan: &Plan) -> Result<(), Any> {
    if !session.settings.yes {
        session.reporter.show(&crate::report::plan_text(plan, &[]));
    }
    session.consent("Go on?")
}
