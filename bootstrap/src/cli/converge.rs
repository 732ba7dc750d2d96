//! Deciding and doing, and once more when a file that was to be reused is not
//! what was installed: a damaged release never stops the way to a better one.

use super::install::{carry_out, decide};
use super::own;
use super::session::Change;
use crate::error::Error as Any;
use crate::event::Ending;
use crate::receipt::Receipt;
use crate::source::Sources;
use crate::trust::Trusted;
use crate::{fetch, inspect};
use std::collections::BTreeSet;

/// Goes to what is wanted. `ask` comes between the decision and the work.
pub(super) fn converge(
    change: &Change<'_>,
    sources: &Sources,
    trusted: &Trusted,
    receipt: Option<&Receipt>,
    ask: &dyn Fn(&super::install::Decision) -> Result<(), Any>,
) -> Result<Ending, Any> {
    let result = go(change, sources, trusted, receipt, ask);
    change.session.troubles(sources);
    result
}

fn go(
    change: &Change<'_>,
    sources: &Sources,
    trusted: &Trusted,
    receipt: Option<&Receipt>,
    ask: &dyn Fn(&super::install::Decision) -> Result<(), Any>,
) -> Result<Ending, Any> {
    let session = change.session;
    let decision = decide(session, sources, trusted, receipt, &BTreeSet::new())?;
    ask(&decision)?;
    if let Some(receipt) = receipt {
        own::renew(change, sources, trusted, receipt, &decision.release)?;
    }
    own::check_age(trusted)?;
    let (path, receipt) = match (carry_out(change, sources, &decision), receipt) {
        (Err(Any::Fetch(fetch::Error::Changed { path })), Some(receipt))
            if path.starts_with(session.store().versions()) =>
        {
            (path, receipt)
        }
        (result, _) => return result,
    };
    let what = format!("{} is not what was installed", path.display());
    session.note(&what, Some("it is downloaded instead"));
    let damaged = inspect::damaged(session.store(), receipt)?;
    let decision = decide(session, sources, trusted, Some(receipt), &damaged)?;
    carry_out(change, sources, &decision)
}
