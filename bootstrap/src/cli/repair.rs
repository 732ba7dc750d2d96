//! `repair`: ends a run that was cut off, forward or back.

use super::session::Session;
use crate::error::Error as Any;
use crate::event::{Ending, Outcome};
use crate::run;

pub(super) fn run(session: &Session<'_>) -> Result<Ending, Any> {
    let nothing = "no run was cut off; type `offgrid self verify` to check the files";
    if !session.store().exists() || run::unfinished(session.store())?.is_none() {
        return Ok(Ending::new(Outcome::Unchanged, nothing));
    }
    // Taking the lock ends the unfinished run, the way the flags say.
    session.change(|change| {
        let (outcome, line) = match change.receipt()? {
            Some(receipt) => (Outcome::Updated, format!("{} is live", receipt.live.version)),
            None => (Outcome::Uninstalled, "nothing is installed".to_owned()),
        };
        Ok(Ending::new(outcome, line))
    })
}
