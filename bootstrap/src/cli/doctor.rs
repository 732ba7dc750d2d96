//! `doctor`: what this computer lacks, and what to type. Its result goes to stdout;
//! it takes no lock, changes nothing, and ends well whatever it finds.

use super::manage;
use super::ready;
use super::session::Session;
use crate::doctor::{self, Finding, Severity};
use crate::error::Error as Any;
use crate::service::{self, backend::Listen};
use serde_json::{Value, json};

/// Judges the facts of this computer, or of a captured one.
///
/// # Errors
/// A captured machine that cannot be read.
pub(super) fn run(session: &Session<'_>) -> Result<(), Any> {
    let host = session.host()?;
    let mut found = doctor::judge(&host);
    let confined = doctor::service::Facts::read(&session.tree()?, &host);
    let system = session.place.system;
    found.extend(confined.iter().flat_map(|facts| doctor::service::judge(facts, system)));
    // Prefix, port and guards are of this computer, not of a captured one.
    if session.settings.sysroot.is_none() {
        found.extend(ready::of_machine(session)?.into_iter().map(Finding::from));
        found.extend(exposed(session)?);
    }
    let found = doctor::in_order(found);
    let json: Vec<Value> = found.iter().map(Finding::json).collect();
    session.reporter.result(&json!({"v": 1, "findings": json}), &doctor::text(&found));
    Ok(())
}

/// Whether other computers reach the app that runs here (DESIGN 10).
fn exposed(session: &Session<'_>) -> Result<Option<Finding>, Any> {
    let state = service::state(session.store());
    let port = state.running.and(state.port);
    let Some(port) = port.filter(|port| service::exposure::measure(*port) == Some(true)) else {
        return Ok(None);
    };
    let wanted = session.receipt()?.is_some_and(|receipt| receipt.listen == Listen::Lan);
    let hint = match wanted {
        true => manage::CHOSEN,
        false => "`offgrid self service restart` stops the service where nobody wants that",
    };
    Ok(Some(Finding {
        word: "W_EXPOSED",
        severity: if wanted { Severity::Advice } else { Severity::Problem },
        what: manage::open_at(port),
        hint: Some(hint.to_owned()),
    }))
}
