//! `doctor`: what this computer lacks, and what to type. Its result goes to stdout;
//! it takes no lock, changes nothing, and ends well whatever it finds.

use super::ready;
use super::session::Session;
use crate::doctor::{self, Finding};
use crate::error::Error as Any;
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
    }
    let found = doctor::in_order(found);
    let json: Vec<Value> = found.iter().map(Finding::json).collect();
    session.reporter.result(&json!({"v": 1, "findings": json}), &doctor::text(&found));
    Ok(())
}
