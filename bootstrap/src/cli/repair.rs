//! `repair`: ends a run that was cut off, forward or back.

use super::session::Session;
use crate::error::Error as Any;
use crate::event::{Ending, Outcome};
use crate::run;

pub(super) fn run(session: &Session<'_>) -> Result<Ending, Any> {
    let nothing = "no run was cut off; type `offgrid self verify` to check the files";
    if !cut_off(session)? {
        return Ok(Ending::new(Outcome::Unchanged, nothing));
    }
    // Taking the lock ends the unfinished run, the way the flags say.
    session.change(|change| {
        if !change.has_ended_a_run() && change.receipt()?.is_some() {
            // The run that seemed to be cut off was another's, and has ended by itself.
            return Ok(Ending::new(Outcome::Unchanged, nothing));
        }
        let (outcome, line) = match change.receipt()? {
            Some(receipt) => (Outcome::Updated, format!("{} is live", receipt.live.version)),
            None => (Outcome::Uninstalled, "nothing is installed".to_owned()),
        };
        Ok(Ending::new(outcome, line))
    })
}

/// Whether there is a run to end, a file that was only begun, or a prefix that was
/// only coming or going.
/// Downloads that wait for the next try are neither, unless all is to go back.
fn cut_off(session: &Session<'_>) -> Result<bool, Any> {
    let store = session.store();
    let installed = session.receipt()?.is_some();
    if store.exists() && (store.has_drafts() || run::unfinished(store)?.is_some()) {
        return Ok(true);
    }
    Ok(!installed && store.leaves_traces() && (session.settings.back || !store.has_downloads()))
}
