//! What a run has changed about the service, for people: defaults that are others now,
//! and how long clients waited.

use super::manage;
use super::session::Session;
use crate::disk;
use crate::error::Error as Any;
use crate::event::Ending;
use crate::plan::{Plan, Service};
use crate::service;
use crate::service::backend::UnitFile;
use crate::service::difference::{self, Own};
use std::path::Path;

/// What of a file of ours will be other than it is, and what of that people have set
/// themselves: a line each.
pub(super) fn defaults(session: &Session<'_>, file: &UnitFile) -> Result<Vec<String>, Any> {
    let text = |path: &Path| -> Result<Option<String>, Any> {
        let bytes = disk::read(path, 1024 * 1024)?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    };
    let Some(old) = text(&file.path)? else { return Ok(Vec::new()) };
    let mut folder = file.path.clone().into_os_string();
    folder.push(".d");
    let mut drop_ins = Vec::new();
    let folder = Path::new(&folder);
    if disk::is_there(folder)? {
        for entry in disk::at("list", folder, std::fs::read_dir(folder))? {
            drop_ins.extend(text(&disk::at("list", folder, entry)?.path())?);
        }
    }
    let env = text(&session.place.config.join("offgrid.env"))?.unwrap_or_default();
    let changes = difference::changes(&old, &file.text);
    let own = difference::overridden(&changes, Own { drop_ins: &drop_ins, env: &env });
    let line = |change: &difference::Change| match own.contains(&change) {
        true => format!("{change}; your own setting of it stays"),
        false => change.to_string(),
    };
    Ok(changes.iter().map(line).collect())
}

/// Says which defaults are others now, and how long clients waited while another release
/// took over.
pub(super) fn say(session: &Session<'_>, plan: &Plan, service: &Service, ending: &mut Ending) {
    manage::say_of_session(session, session.env, service);
    for line in &service.changed {
        session.note(&format!("a default of the service changed: {line}"), None);
    }
    let state = service::state(session.store());
    let switched = plan.from.is_some() && plan.from != plan.to && state.running.is_some();
    if let Some(paused) = state.paused_ms.filter(|_| switched) {
        ending.facts["paused_ms"] = paused.into();
        ending.lines.push(format!("the service made its clients wait for {paused} ms"));
    }
}
