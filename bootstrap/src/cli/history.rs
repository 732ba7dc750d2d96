//! What was done: put down at the end of a run, and shown by `status --history`.

use super::session::Session;
use crate::error::Error as Any;
use crate::history::{self, Entry};
use crate::report::units::bytes;
use crate::store::SlotName;
use crate::{disk, platform};
use serde_json::json;

impl Session<'_> {
    /// Puts a run down, with the lock. What cannot be put down is a note: the run was
    /// what was asked for.
    pub(super) fn put_down(&self, from: Option<SlotName>, began: bool, error: Option<&Any>) {
        let store = self.store();
        // Nothing is installed, or nothing any more.
        if !disk::exists(&store.receipt()) {
            return;
        }
        let (noted, error) = (self.noted.get(), error.map(Any::code));
        let outcome = match (noted, error) {
            (Some(noted), _) => noted,
            (None, Some(_)) => "failed",
            (None, None) if began => "done",
            (None, None) => "nothing",
        };
        let entry = Entry {
            time: self.clock().to_string(),
            verb: self.word.to_owned(),
            scheduled: self.settings.scheduled,
            from: from.map(|slot| slot.to_string()),
            to: store.live().map(|slot| slot.to_string()),
            outcome: outcome.to_owned(),
            error: error.filter(|_| noted.is_none()).map(|code| code.name().to_owned()),
            bytes: self.spent.get(),
            uid: platform::user().map(|(uid, _)| uid),
        };
        if let Err(error) = history::add(store, &entry) {
            self.warn("W_HISTORY", &format!("this run is not in the history: {error}"), None);
        }
    }
}

/// Shows it, newest last.
pub(super) fn show(session: &Session<'_>) -> Result<(), Any> {
    let entries = match session.receipt()? {
        Some(_) => history::read(session.store())?,
        None => Vec::new(),
    };
    let mut lines: Vec<String> = entries.iter().map(line).collect();
    if lines.is_empty() {
        lines.push("nothing was done here yet".to_owned());
    }
    session.reporter.result(&json!({"v": 1, "history": entries}), &lines.join("\n"));
    Ok(())
}

fn line(entry: &Entry) -> String {
    let Entry { time, verb, from, to, outcome, error, .. } = entry;
    let scheduled = if entry.scheduled { " (scheduled)" } else { "" };
    let name = |slot: &Option<String>| slot.clone().unwrap_or_else(|| "nothing".to_owned());
    let way = match from == to {
        true => name(to),
        false => format!("{} -> {}", name(from), name(to)),
    };
    let mut line = format!("{time}  {verb}{scheduled}: {outcome}");
    if let Some(error) = error {
        line.push_str(&format!(" ({error})"));
    }
    line.push_str(&format!("  {way}"));
    if entry.bytes > 0 {
        line.push_str(&format!("  {}", bytes(entry.bytes)));
    }
    if let Some(uid) = entry.uid {
        line.push_str(&format!("  by user {uid}"));
    }
    line
}
