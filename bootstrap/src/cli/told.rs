//! What people are told of scheduled updates: in `status`, and once a day at a terminal.

use super::session::Session;
use crate::disk;
use crate::error::Error as Any;
use crate::schedule::{Available, Mode, Record};
use serde_json::{Value, json};

/// What `status` says of it.
pub(super) fn state(session: &Session<'_>) -> Result<(Value, Vec<String>), Any> {
    let record = Record::read(session.store())?;
    let (mode, settings) = (super::scheduled::mode(session, &record), session.settings);
    let windows: Vec<String> = settings.update_windows.iter().map(ToString::to_string).collect();
    let spent = record.spent(session.clock().unix());
    let json = json!({
        "updates": mode.name(), "window": windows, "last": record.last,
        "budget": settings.update_budget, "spent": spent,
        "available": record.available.as_ref().map(|found| &found.version),
        "why": record.available.as_ref().and_then(|found| found.why.as_ref()),
        "downloaded": record.waiting.as_ref().map(|waiting| &waiting.version),
    });
    let mut lines = Vec::new();
    if mode != Mode::Never {
        let when =
            if windows.is_empty() { String::new() } else { format!(", {}", windows.join(", ")) };
        lines.push(format!("  updates  {}{when}", mode.name()));
    }
    if let Some(Available { version, why: Some(why) }) = &record.available {
        lines.push(format!("  {version} was not installed by itself: {why}"));
    }
    Ok((json, lines))
}

/// Tells whoever types something at a terminal, once a day, that there is an update
/// that a scheduled run has found. Says nothing where anything is in the way: the
/// command itself has told of it.
pub(super) fn tell(session: &Session<'_>) {
    let (env, settings, store) = (session.env, session.settings, session.store());
    if !env.stderr_tty || settings.json || settings.quiet || settings.scheduled {
        return;
    }
    let Ok(Some(_)) = session.receipt() else { return };
    let (Ok(record), Some(live)) = (Record::read(store), store.live()) else { return };
    let Some(found) = record.available.filter(|found| found.version > live.version) else { return };
    let today = format!("{} {}\n", session.clock().unix() / 86_400, found.version);
    let told = disk::read(&store.told(), 1024).ok().flatten();
    if told.as_deref() == Some(today.as_bytes()) {
        return;
    }
    // Where it cannot be remembered it is said again.
    let _ = disk::write(&store.told(), today.as_bytes(), 0o600);
    let what = format!("OffGrid LLM {} is available; {} is live", found.version, live.version);
    session.note(&what, Some("`offgrid update` installs it"));
}
