//! Deciding and doing, and once more when a file that was to be reused is not
//! what was installed: a damaged release never stops the way to a better one.

use super::install::{Decision, carry_out, decide, decide_on, decide_without, release_for};
use super::own::{self, Next, Takeover};
use super::packaged;
use super::session::{Change, Session};
use crate::engine::Wish;
use crate::error::Error as Any;
use crate::event::Ending;
use crate::receipt::Receipt;
use crate::source::Sources;
use crate::trust::Trusted;
use crate::{fetch, inspect};
use offgrid_manifest::Release;
use offgrid_manifest::verify::Verified;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Goes to what is wanted, or lets a newer program go there where it `may_hand_over`.
/// `ask` comes between the decision and the work.
pub(super) fn converge(
    change: &Change<'_>,
    sources: &Sources,
    trusted: &Trusted,
    receipt: Option<&Receipt>,
    may_hand_over: bool,
    ask: &dyn Fn(&Decision) -> Result<(), Any>,
) -> Result<Next, Any> {
    let result = match first(change, sources, trusted, receipt, may_hand_over, ask) {
        Ok(First::Other(takeover)) => Ok(Next::HandOver(takeover)),
        Ok(First::This(release)) => go(change, sources, trusted, receipt, release, ask),
        Err(error) => Err(error),
    };
    change.session.troubles(sources);
    result
}

/// Which program does it.
enum First {
    Other(Takeover),
    /// With the release, when it was looked at: nobody fetches it twice.
    This(Option<Box<Verified<Release>>>),
}

/// A newer program goes first, also where this one cannot decide: the rules may be
/// newer than it is.
fn first(
    change: &Change<'_>,
    sources: &Sources,
    trusted: &Trusted,
    receipt: Option<&Receipt>,
    may_hand_over: bool,
    ask: &dyn Fn(&Decision) -> Result<(), Any>,
) -> Result<First, Any> {
    let session = change.session;
    if !may_hand_over {
        return Ok(First::This(None));
    }
    let release = release_for(session, sources, trusted, receipt)?;
    let Some(new) = own::due(session, trusted, receipt, &release)? else {
        return Ok(First::This(Some(Box::new(release))));
    };
    let decision = decide_on(session, sources, trusted, receipt, &BTreeSet::new(), release).ok();
    if let Some(decision) = &decision {
        ask(decision)?;
    }
    own::go_first(change, sources, receipt, new, decision.as_ref()).map(First::Other)
}

fn go(
    change: &Change<'_>,
    sources: &Sources,
    trusted: &Trusted,
    receipt: Option<&Receipt>,
    release: Option<Box<Verified<Release>>>,
    ask: &dyn Fn(&Decision) -> Result<(), Any>,
) -> Result<Next, Any> {
    let session = change.session;
    own::check_age(session, trusted)?;
    let replaced = match receipt {
        Some(receipt) => own::replace_older(change, sources, receipt)?,
        None => None,
    };
    let receipt = replaced.as_ref().or(receipt);
    let release = match release {
        Some(release) => *release,
        None => release_for(session, sources, trusted, receipt)?,
    };
    let decision = decide_on(session, sources, trusted, receipt, &BTreeSet::new(), release)?;
    ask(&decision)?;
    let done = carry_out(change, sources, &decision);
    let (done, decision) = match unproved(session, &decision, &done) {
        None => (done, decision),
        Some(path) => {
            let nothing = BTreeSet::new();
            let release = decision.release;
            let again =
                decide_without(session, sources, trusted, receipt, &nothing, release, Some(&path))?;
            (carry_out(change, sources, &again), again)
        }
    };
    let (path, receipt) = match (done, receipt) {
        (Err(Any::Fetch(fetch::Error::Changed { path })), Some(receipt))
            if path.starts_with(session.store().versions()) =>
        {
            (path, receipt)
        }
        (result, _) => {
            packaged::note(session, &decision.release);
            return result.map(Next::Ended);
        }
    };
    let what = format!("{} is not what was installed", path.display());
    session.note(&what, Some("it is downloaded instead"));
    let damaged = inspect::damaged(session.store(), receipt)?;
    let decision = decide(session, sources, trusted, Some(receipt), &damaged)?;
    carry_out(change, sources, &decision).map(Next::Ended)
}

/// The engine of this machine that nobody named and that did not prove itself; all was
/// taken back.
fn unproved(
    session: &Session<'_>,
    decision: &Decision,
    done: &Result<Ending, Any>,
) -> Option<PathBuf> {
    let Err(error @ Any::Gate(_)) = done else { return None };
    let choice = &decision.selection.engine;
    let used = choice.used.as_ref().filter(|_| choice.wish == Wish::Auto)?;
    let what = format!("the engine {} did not prove itself: {error}", used.path.display());
    session.note(&what, Some("another one is used"));
    Some(used.path.clone())
}
