//! An installation whose state only a newer program understands, for the commands
//! that look: they answer as far as they can, and say what it takes.
//!
//! Never for a command that changes something: that is refused as a whole.

use super::session::Session;
use crate::error::Error as Any;
use crate::plan::Verb;
use crate::receipt::Receipt;
use crate::{disk, service};
use offgrid_manifest::Code;
use serde_json::{Value, json};

/// What was read, or that a newer program wrote it.
pub(super) enum Read<T> {
    /// It was understood.
    Known(T),
    /// Why it was not.
    Newer(Any),
}

impl<T> Read<T> {
    fn of(result: Result<T, Any>) -> Result<Read<T>, Any> {
        match result {
            Ok(value) => Ok(Read::Known(value)),
            Err(error) if error.code() == Code::Schema => Ok(Read::Newer(error)),
            Err(error) => Err(error),
        }
    }
}

/// The receipt.
///
/// # Errors
/// As [`Session::receipt`], but for a newer one.
pub(super) fn receipt(session: &Session<'_>) -> Result<Read<Option<Receipt>>, Any> {
    Read::of(session.receipt())
}

/// The unfinished run for `status --json`; what cannot be said of a newer one is
/// null, and `notes` say why.
///
/// # Errors
/// As [`crate::run::unfinished`], but for a newer one.
pub(super) fn unfinished(
    session: &Session<'_>,
    notes: &mut Vec<String>,
) -> Result<Option<Value>, Any> {
    let what = |run: Option<String>, what: Option<Verb>| json!({"run": run, "what": what});
    Ok(match Read::of(session.under_way())? {
        Read::Known((story, at_work)) => {
            notes.extend(at_work.map(|holder| format!("another run{holder} is at work")));
            story.map(|story| what(Some(story.plan.id), Some(story.plan.verb)))
        }
        Read::Newer(error) => {
            notes.extend(words(&error));
            Some(what(None, None))
        }
    })
}

/// What is trusted, for `status --json`.
///
/// # Errors
/// As `known`, but for a newer state.
pub(super) fn trust(known: Result<Value, Any>, notes: &mut Vec<String>) -> Result<Value, Any> {
    match Read::of(known)? {
        Read::Known(value) => Ok(value),
        Read::Newer(error) => {
            notes.extend(words(&error));
            let update = json!({"available": null, "checked": null, "blocked_by": null});
            Ok(json!({"update": update, "trust": null, "notes": []}))
        }
    }
}

/// `status` without a receipt that can be read: what the folders say.
pub(super) fn status(session: &Session<'_>, error: &Any) -> Result<(), Any> {
    let store = session.store();
    let prefix = store.prefix().display().to_string();
    let live = store.live();
    let running = service::state(store).running.is_some();
    let state = if running { "running" } else { "stopped" };
    let cut_off = disk::exists(&store.journal());
    let notes = words(error);
    let json = json!({
        "v": 1, "installed": true, "prefix": prefix, "scope": null,
        "version": live.as_ref().map(|slot| &slot.version),
        "variant": live.as_ref().map(|slot| &slot.variant),
        "selection": null, "app": null, "engine": null, "channel": null, "slots": [],
        "service": {"kind": null, "state": state, "autostart": null, "exposed": null},
        "update": null,
        "unfinished": cut_off.then(|| json!({"run": null, "what": null})),
        "trust": null, "notes": notes,
    });
    let live = live.map_or("?".to_owned(), |s| format!("{} ({})", s.version, s.variant));
    let mut lines = vec![format!("OffGrid LLM {live} in {prefix}"), format!("  service  {state}")];
    lines.extend(notes.iter().map(|note| format!("  {note}")));
    session.reporter.result(&json, &lines.join("\n"));
    Ok(())
}

/// What it is and what it takes, a line each.
fn words(error: &Any) -> Vec<String> {
    std::iter::once(error.to_string()).chain(error.hint()).collect()
}
