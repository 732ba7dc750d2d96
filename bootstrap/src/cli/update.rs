//! `update` and `rollback`: another slot becomes the live one.

use super::believe::{choice, refresh};
use super::converge::converge;
use super::install::decide;
use super::own::{self, Next};
use super::refuse::Error;
use super::session::{Change, Session, random_name};
use crate::error::Error as Any;
use crate::event::{Ending, Outcome};
use crate::plan;
use crate::plan::Verb;
use crate::receipt::Receipt;
use crate::report::units::bytes;
use crate::schema;
use crate::source::Sources;
use crate::stamp::{self, Stamped};
use crate::store::SlotName;
use crate::trust::{self, Choice, Held, Trusted};
use serde_json::json;
use std::collections::BTreeSet;

pub(super) fn run(session: &Session<'_>) -> Result<Ending, Any> {
    let stamped = stamp::own()?;
    if session.settings.check {
        return check(session, &stamped);
    }
    session.installed()?;
    own::change(session, |change, may| update(change, &stamped, may))
}

fn update(change: &Change<'_>, stamped: &Stamped, may: bool) -> Result<Next, Any> {
    let session = change.session;
    let prefix = session.store().prefix().to_owned();
    let receipt = change.receipt()?.ok_or(Error::NotInstalled { prefix })?;
    let sources = session.sources(stamped)?;
    let trusted = change.refresh(stamped, &sources, Some(&receipt))?;
    if trust::check_age(&trusted.root, &schema::own()).is_err() {
        // It is said below, after a newer program was tried; the root stays known.
        change.remember(&trusted)?;
    }
    if let Some(ending) = nothing_new(session, &receipt, &trusted)? {
        change.remember(&trusted)?;
        if let Some(takeover) = from_live(change, &sources, &trusted, &receipt, may)? {
            return Ok(Next::HandOver(takeover));
        }
        own::check_age(session, &trusted)?;
        own::replace_older(change, &sources, &receipt)?;
        return Ok(Next::Ended(ending));
    }
    converge(change, &sources, &trusted, Some(&receipt), may, &|decision| {
        if decision.plan.steps.is_empty() {
            return Ok(());
        }
        session.consent_possible("An update is available. Install it?")
    })
}

fn from_live(
    change: &Change<'_>,
    sources: &Sources,
    trusted: &Trusted,
    receipt: &Receipt,
    may: bool,
) -> Result<Option<own::Takeover>, Any> {
    if may { own::from_live(change, sources, trusted, receipt) } else { Ok(None) }
}

/// Looks for a newer release and changes nothing.
fn check(session: &Session<'_>, stamped: &Stamped) -> Result<Ending, Any> {
    let receipt = session.installed()?;
    let sources: Sources = session.sources(stamped)?;
    let trusted = refresh(session, stamped, &sources, Some(&receipt))?;
    own::check_age(session, &trusted)?;
    if let Some(ending) = nothing_new(session, &receipt, &trusted)? {
        return Ok(ending);
    }
    let decision = decide(session, &sources, &trusted, Some(&receipt), &BTreeSet::new())?;
    let (live, new) = (&receipt.live.version, &decision.release.version);
    let typed = session.settings.version.as_ref().map(|version| format!(" --version {version}"));
    let typed = typed.unwrap_or_default();
    let size = bytes(decision.plan.download_bytes);
    let line = format!("{new} is available; {live} is live");
    let mut ending = Ending::new(Outcome::Available, line)
        .and(format!("a download of {size}; type `offgrid update{typed}`"));
    ending.facts = json!({
        "from": live, "version": new, "download_bytes": decision.plan.download_bytes,
    });
    Ok(ending)
}

/// The ending when the wanted release is the live one, or there is none for this
/// machine now.
fn nothing_new(
    session: &Session<'_>,
    receipt: &Receipt,
    trusted: &Trusted,
) -> Result<Option<Ending>, Any> {
    let live = &receipt.live.version;
    let settings = session.settings;
    let current = &trusted.channel.current;
    if settings.variant.as_ref().is_some_and(|id| *id != receipt.live.variant) {
        return Ok(None);
    }
    let held = match choice(session, trusted, Some(receipt))? {
        Choice::Take(version, _) if version != *live => return Ok(None),
        Choice::Take(..) => Held::Newest,
        Choice::Stay(held) => held,
    };
    let line = match held {
        Held::Newest => format!("{live} is live, and there is nothing newer"),
        Held::Older => format!(
            "{live} is live; the channel `{}` has {current}, which is older",
            receipt.channel
        ),
        Held::Rollout => format!("{live} is live; {current} is coming to this computer later"),
        Held::Halted => format!("{live} is live; {current} was stopped by its makers"),
    };
    let mut ending = Ending::new(Outcome::Unchanged, line);
    ending.facts = json!({"version": live});
    if held == Held::Rollout {
        ending = ending.and(format!("to get it now: `offgrid update --version {current}`"));
    }
    if let Held::Rollout | Held::Halted = held {
        ending.facts = json!({"version": live, "available": current, "blocked_by": held.name()});
    }
    Ok(Some(ending))
}

pub(super) fn rollback(session: &Session<'_>) -> Result<Ending, Any> {
    session.installed()?;
    session.change(|change| {
        let prefix = session.store().prefix().to_owned();
        let receipt = change.receipt()?.ok_or(Error::NotInstalled { prefix })?;
        let wanted = session.settings.version.as_ref();
        let there = wanted.is_none_or(|version| *version == receipt.live.version);
        if there && change.has_finished(Verb::Rollback) {
            let line = format!("{} is live again", receipt.live.version);
            return Ok(Ending::new(Outcome::RolledBack, line));
        }
        let to = target(session, &receipt)?;
        session.consent(&format!("Go back from {} to {}?", receipt.live.version, to.version))?;
        let plan = plan::rollback(random_name()?, session.store(), &receipt, to.clone());
        change.run(&plan, &session.no_sources()?)?;
        let line = format!("{} is live again; {} is kept", to.version, receipt.live.version);
        let mut ending = Ending::new(Outcome::RolledBack, line);
        ending.facts = json!({"from": receipt.live.version, "version": to.version});
        Ok(ending)
    })
}

/// The slot before, or the one of the release that was typed. A release that a
/// variable or a file pins is for `install` and `update`.
fn target(session: &Session<'_>, receipt: &Receipt) -> Result<SlotName, Any> {
    let there = |name: &SlotName| receipt.slots.contains_key(&name.to_string());
    let settings = session.settings;
    let Some(version) = settings.version.as_ref().filter(|_| settings.version_typed) else {
        let found = receipt.previous.clone().filter(there).filter(|name| *name != receipt.live);
        return Ok(found.ok_or(Error::NothingBefore)?);
    };
    let names = receipt.slots.keys().filter_map(|name| name.parse::<SlotName>().ok());
    let others: Vec<SlotName> = names.filter(|name| *name != receipt.live).collect();
    if others.is_empty() {
        return Err(Error::NothingBefore.into());
    }
    let known: Vec<String> = others.iter().map(|name| name.version.to_string()).collect();
    let found = others.into_iter().find(|name| name.version == *version);
    let missing = || Error::NotKept { version: version.clone(), known: known.join(", ") };
    Ok(found.ok_or_else(missing)?)
}
