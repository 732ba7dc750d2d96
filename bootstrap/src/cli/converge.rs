//! Deciding and doing, and once more with what was learned: when a file that was to
//! be reused is not what was installed, since a damaged release never stops the way to
//! a better one; and when a variant for a GPU does not pass its proof, since another
//! one may. Each try is a run of its own, and a try that failed was taken back.

use super::adopt;
use super::aim::Aim;
use super::install::{Decision, carry_out, decide_on, release_for};
use super::own::{self, Next, Takeover};
use super::packaged;
use super::scheduled;
use super::session::{Change, Session};
use crate::engine::Wish;
use crate::error::Error as Any;
use crate::event::Ending;
use crate::receipt::Receipt;
use crate::source::Sources;
use crate::trust::Trusted;
use crate::{fetch, inspect};
use offgrid_manifest::verify::Verified;
use offgrid_manifest::{Id, Release};
use serde_json::{Value, json};
use std::path::PathBuf;

/// What comes between a decision and the work: the same one, or another.
pub(super) type Ask<'a> = dyn Fn(&Aim, Decision) -> Result<Decision, Any> + 'a;

/// Goes to what is wanted, or lets a newer program go there where it `may_hand_over`.
/// `ask` comes between the decision and the work, and may decide otherwise.
pub(super) fn converge(
    change: &Change<'_>,
    sources: &Sources,
    trusted: &Trusted,
    receipt: Option<&Receipt>,
    may_hand_over: bool,
    ask: &Ask<'_>,
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
    ask: &Ask<'_>,
) -> Result<First, Any> {
    let session = change.session;
    if !may_hand_over {
        return Ok(First::This(None));
    }
    let release = release_for(session, sources, trusted, receipt)?;
    let Some(new) = own::due(session, trusted, receipt, &release)? else {
        return Ok(First::This(Some(Box::new(release))));
    };
    let aim = Aim::of(session, receipt)?;
    let decision = decide_on(session, sources, trusted, receipt, &aim, release).ok();
    let decision = decision.map(|decision| ask(&aim, decision)).transpose()?;
    own::go_first(change, sources, receipt, new, decision.as_ref()).map(First::Other)
}

fn go(
    change: &Change<'_>,
    sources: &Sources,
    trusted: &Trusted,
    receipt: Option<&Receipt>,
    release: Option<Box<Verified<Release>>>,
    ask: &Ask<'_>,
) -> Result<Next, Any> {
    let session = change.session;
    own::check_age(session, trusted)?;
    if receipt.is_none() {
        adopt::settle(session)?;
    }
    let replaced = match receipt {
        Some(receipt) => own::replace_older(change, sources, receipt)?,
        None => None,
    };
    let receipt = replaced.as_ref().or(receipt);
    let release = match release {
        Some(release) => *release,
        None => release_for(session, sources, trusted, receipt)?,
    };
    let mut aim = Aim::of(session, receipt)?;
    let decision = decide_on(session, sources, trusted, receipt, &aim, release.clone())?;
    let mut decision = ask(&aim, decision)?;
    let mut spent = 0;
    loop {
        let error = match carry_out(change, sources, &decision, spent) {
            Ok(ending) => {
                packaged::note(session, &decision.release);
                return Ok(Next::Ended(with_given_up(ending, &aim)));
            }
            Err(error) => learn(change, receipt, &mut aim, &decision, error)
                .map_err(|error| scheduled::failed(change, &release, error))?,
        };
        let next = decide_on(session, sources, trusted, receipt, &aim, release.clone());
        // Where nothing else is left, that is how it ends.
        let Ok(next) = next else { return Err(scheduled::failed(change, &release, error)) };
        if let Some((id, why)) = aim.given_up.last() {
            let hint = format!("{} is tried instead", next.selection.variant.id);
            session.warn("W_VARIANT_FAILED", &format!("{id} was not taken: {why}"), Some(&hint));
        }
        spent += decision.plan.download_bytes;
        decision = next;
    }
}

/// What a try that failed says for the next one.
///
/// # Errors
/// The error itself, where it says nothing.
fn learn(
    change: &Change<'_>,
    receipt: Option<&Receipt>,
    aim: &mut Aim,
    decision: &Decision,
    error: Any,
) -> Result<Any, Any> {
    let session = change.session;
    if let Some(path) = unproved(session, decision, &error) {
        aim.unproved = Some(path);
        return Ok(error);
    }
    let (path, receipt) = match (&error, receipt) {
        (Any::Fetch(fetch::Error::Changed { path }), Some(receipt))
            if path.starts_with(session.store().versions()) && aim.damaged.is_empty() =>
        {
            (path, receipt)
        }
        _ => return aim.learn(&decision.selection, error),
    };
    let what = format!("{} is not what was installed", path.display());
    session.note(&what, Some("it is downloaded instead"));
    aim.damaged = inspect::damaged(session.store(), receipt)?;
    Ok(error)
}

/// The engine of this machine that nobody named and that did not prove itself; all was
/// taken back.
fn unproved(session: &Session<'_>, decision: &Decision, error: &Any) -> Option<PathBuf> {
    let Any::Gate(_) = error else { return None };
    let choice = &decision.selection.engine;
    let used = choice.used.as_ref().filter(|_| choice.wish == Wish::Auto)?;
    let what = format!("the engine {} did not prove itself: {error}", used.path.display());
    session.note(&what, Some("another one is used"));
    Some(used.path.clone())
}

/// Says at the end, too, what did not work.
fn with_given_up(mut ending: Ending, aim: &Aim) -> Ending {
    if aim.given_up.is_empty() {
        return ending;
    }
    let one = |(id, why): &(Id, String)| json!({"variant": id, "why": why});
    if !ending.facts.is_object() {
        ending.facts = json!({});
    }
    ending.facts["failed"] = aim.given_up.iter().map(one).collect::<Value>();
    let names: Vec<&str> = aim.given_up.iter().map(|(id, _)| id.as_str()).collect();
    ending.and(format!(
        "{} did not work here, and is left alone until driver or hardware have changed, or \
         until `offgrid update --rematch`",
        names.join(", ")
    ))
}
