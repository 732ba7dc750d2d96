//! `update` and `rollback`: another slot becomes the live one.

use super::converge::converge;
use super::install::{decide, refresh};
use super::refuse::Error;
use super::session::{Change, Session, random_name};
use crate::error::Error as Any;
use crate::event::{Ending, Outcome};
use crate::receipt::Receipt;
use crate::report::units::bytes;
use crate::source::Sources;
use crate::stamp::{self, Stamped};
use crate::store::SlotName;
use crate::trust::Trusted;
use crate::{disk, plan};
use offgrid_manifest::Version;
use serde_json::json;
use std::collections::BTreeSet;

pub(super) fn run(session: &Session<'_>) -> Result<Ending, Any> {
    let stamped = stamp::own()?;
    if session.settings.check {
        return check(session, &stamped);
    }
    session.installed()?;
    session.change(|change| update(change, &stamped))
}

fn update(change: &Change<'_>, stamped: &Stamped) -> Result<Ending, Any> {
    let session = change.session;
    let prefix = session.store().prefix().to_owned();
    let receipt = change.receipt()?.ok_or(Error::NotInstalled { prefix })?;
    let sources = session.sources(stamped)?;
    let trusted = refresh(session, stamped, &sources, Some(&receipt))?;
    if let Some(ending) = nothing_new(session, &receipt, &trusted)? {
        if trusted.changed {
            // What was verified is remembered even when there is nothing to do.
            let text = trusted.memory.text();
            disk::write(&session.store().trust(), text.as_bytes(), 0o600)?;
        }
        return Ok(ending);
    }
    converge(change, &sources, &trusted, Some(&receipt), &|decision| {
        if decision.plan.steps.is_empty() {
            return Ok(());
        }
        session.consent_possible("An update is available. Install it?")
    })
}

/// Looks for a newer release and changes nothing.
fn check(session: &Session<'_>, stamped: &Stamped) -> Result<Ending, Any> {
    let receipt = session.installed()?;
    let sources: Sources = session.sources(stamped)?;
    let trusted = refresh(session, stamped, &sources, Some(&receipt))?;
    if let Some(ending) = nothing_new(session, &receipt, &trusted)? {
        return Ok(ending);
    }
    let decision = decide(session, &sources, &trusted, Some(&receipt), &BTreeSet::new())?;
    let (live, new) = (&receipt.live.version, &decision.release.version);
    let mut ending =
        Ending::new(Outcome::Available, format!("{new} is available; {live} is live")).and(
            format!("a download of {}; type `offgrid update`", bytes(decision.plan.download_bytes)),
        );
    ending.facts = json!({
        "from": live, "version": new, "download_bytes": decision.plan.download_bytes,
    });
    Ok(ending)
}

/// The ending when the wanted release is the live one, or the channel has only
/// an older one.
fn nothing_new(
    session: &Session<'_>,
    receipt: &Receipt,
    trusted: &Trusted,
) -> Result<Option<Ending>, Any> {
    let live = &receipt.live.version;
    let settings = session.settings;
    let current = &trusted.channel.current;
    let wanted: &Version = settings.version.as_ref().unwrap_or(current);
    let rematch = settings.variant.as_ref().is_some_and(|id| *id != receipt.live.variant);
    let older = wanted < live && settings.version.is_none();
    if (wanted != live && !older) || rematch {
        return Ok(None);
    }
    let line = if older {
        format!("{live} is live; the channel `{}` has {current}, which is older", receipt.channel)
    } else {
        format!("{live} is live, and there is nothing newer")
    };
    let mut ending = Ending::new(Outcome::Unchanged, line);
    ending.facts = json!({"version": live});
    Ok(Some(ending))
}

pub(super) fn rollback(session: &Session<'_>) -> Result<Ending, Any> {
    session.installed()?;
    session.change(|change| {
        let prefix = session.store().prefix().to_owned();
        let receipt = change.receipt()?.ok_or(Error::NotInstalled { prefix })?;
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
