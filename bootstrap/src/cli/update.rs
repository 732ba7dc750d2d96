//! `update`: the newest release becomes the live one, or there is nothing to do.

use super::aim::{self, Aim};
use super::believe::{choice, refresh};
use super::converge::converge;
use super::engine;
use super::install::{decide_on, release_for};
use super::manage;
use super::own::{self, Next};
use super::refuse::Error;
use super::scheduled;
use super::session::{Change, Session, random_name};
use crate::error::Error as Any;
use crate::event::{Ending, Outcome};
use crate::receipt::Receipt;
use crate::report::units::bytes;
use crate::schema;
use crate::source::Sources;
use crate::stamp::{self, Stamped};
use crate::store::SlotName;
use crate::trust::{self, Choice, Held, Trusted};
use crate::{inspect, plan, service};
use offgrid_manifest::Version;
use serde_json::json;

pub(super) fn run(session: &Session<'_>) -> Result<Ending, Any> {
    let stamped = stamp::own()?;
    if session.settings.check {
        return check(session, &stamped);
    }
    if session.settings.scheduled {
        return scheduled::run(session, &stamped);
    }
    session.perhaps_installed()?;
    own::change(session, |change, may| {
        scheduled::remember(change)?;
        update(change, &stamped, may)
    })
}

/// Goes to the newest release, where there is one for this machine.
pub(super) fn update(change: &Change<'_>, stamped: &Stamped, may: bool) -> Result<Next, Any> {
    let session = change.session;
    let prefix = session.store().prefix().to_owned();
    let receipt = change.receipt()?.ok_or(Error::NotInstalled { prefix })?;
    let sources = session.sources(stamped)?;
    let trusted = change.refresh(stamped, &sources, Some(&receipt))?;
    if trust::check_age(&trusted.root, &schema::own()).is_err() {
        // It is said below, after a newer program was tried; the root stays known.
        change.remember(&trusted)?;
    }
    let nothing = nothing_new(session, &receipt, &trusted)?;
    let asked = engine::is_asked_for(session, &receipt) || manage::is_timer_due(session, &receipt)?;
    if let Some(ending) = nothing.filter(|_| !asked) {
        change.remember(&trusted)?;
        if let Some(takeover) = from_live(change, &sources, &trusted, &receipt, may)? {
            return Ok(Next::HandOver(takeover));
        }
        own::check_age(session, &trusted)?;
        // Putting this program in place wrote another receipt.
        let receipt = own::replace_older(change, &sources, &receipt)?.unwrap_or(receipt);
        // One that may only tell or fetch removes nothing either.
        let cleans = may || !session.settings.scheduled;
        let ending = if cleans { clean(change, &receipt, ending)? } else { ending };
        return Ok(Next::Ended(ending));
    }
    converge(change, &sources, &trusted, Some(&receipt), may, &|_, decision| {
        if decision.plan.steps.is_empty() {
            return Ok(decision);
        }
        match session.settings.scheduled {
            true => scheduled::permit(change, &sources, &trusted, &decision)?,
            false => session.consent_possible("An update is available. Install it?")?,
        }
        Ok(decision)
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
    let release = release_for(session, &sources, &trusted, Some(&receipt))?;
    let aim = Aim::of(session, Some(&receipt))?;
    let decision = decide_on(session, &sources, &trusted, Some(&receipt), &aim, release)?;
    let (live, new) = (&receipt.live.version, &decision.release.version);
    let typed = session.settings.version.as_ref().map(|version| format!(" --version {version}"));
    let typed = typed.unwrap_or_default();
    let size = bytes(decision.plan.download_bytes);
    let variant = &decision.selection.variant.id;
    let line = match live == new {
        true if *variant == receipt.live.variant => {
            format!("{live} stays live with {variant}; what you asked for is not remembered yet")
        }
        true => format!("{variant} is to take the place of {}", receipt.live.variant),
        false => format!("{new} is available; {live} is live"),
    };
    let rematch = if session.settings.rematch { " --rematch" } else { "" };
    let mut ending = Ending::new(Outcome::Available, line)
        .and(format!("a download of {size}; type `offgrid update{typed}{rematch}`"));
    ending.facts = json!({
        "from": live, "version": new, "variant": variant,
        "download_bytes": decision.plan.download_bytes,
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
    let held = match choice(session, trusted, Some(receipt))? {
        Choice::Take(version, _) if version != *live => return Ok(None),
        Choice::Take(..) => Held::Newest,
        Choice::Stay(held) => held,
    };
    let aim = Aim::of(session, Some(receipt))?;
    let fit = aim.judge(session, receipt)?;
    let stays = fit.as_ref().is_none_or(|fit| fit.variant.id == receipt.live.variant);
    if !stays || aim.says_something_new(receipt) {
        return Ok(None);
    }
    let line = stays_because(held, receipt, current);
    let mut ending = Ending::new(Outcome::Unchanged, line);
    ending.facts = json!({"version": live});
    match held {
        Held::Rollout => {
            ending = ending.and(format!("to get it now: `offgrid update --version {current}`"));
        }
        Held::Left => {
            ending = ending.and(format!("to try it again: `offgrid update --version {current}`"));
        }
        _ => {}
    }
    if let Held::Rollout | Held::Halted | Held::Left = held {
        ending.facts =
            json!({"version": live, "available": current, "blocked_by": blocked(held, receipt)});
    }
    let selection = aim::fit_json(receipt, fit.as_ref());
    if !selection["better"].is_null() {
        ending.facts["better"] = selection["better"].clone();
    }
    ending.lines.extend(aim::fit_lines(fit.as_ref()));
    if settings.rematch && fit.is_some() {
        ending = ending.and(format!("{} fits this computer best", receipt.live.variant));
    }
    Ok(Some(ending))
}

/// Why the live release stays, in a sentence.
fn stays_because(held: Held, receipt: &Receipt, current: &Version) -> String {
    let live = &receipt.live.version;
    match held {
        Held::Newest => format!("{live} is live, and there is nothing newer"),
        Held::Older => format!(
            "{live} is live; the channel `{}` has {current}, which is older",
            receipt.channel
        ),
        Held::Rollout => format!("{live} is live; {current} is coming to this computer later"),
        Held::Halted => format!("{live} is live; {current} was stopped by its makers"),
        Held::Left => match &receipt.left_why {
            None => format!("{live} is live; you went back from {current}"),
            Some(why) => format!("{live} is live; {current} did not work here: {why}"),
        },
    }
}

/// Why an update stays away, as programs read it.
fn blocked(held: Held, receipt: &Receipt) -> &'static str {
    match &receipt.left_why {
        Some(_) if held == Held::Left => "failed",
        _ => held.name(),
    }
}

/// Removes slots that are not kept any more, when there is nothing else to do.
/// Nobody is asked for that alone: without a yes it is only told.
fn clean(change: &Change<'_>, receipt: &Receipt, mut ending: Ending) -> Result<Ending, Any> {
    let session = change.session;
    let stay: Vec<&SlotName> = [&receipt.live].into_iter().chain(&receipt.previous).collect();
    let in_use = service::state(session.store()).slot;
    let old = plan::surplus(receipt, &stay, in_use.as_ref(), session.settings.keep);
    if old.is_empty() {
        return Ok(ending);
    }
    let names: Vec<String> = old.iter().map(ToString::to_string).collect();
    if !session.settings.yes {
        let line = format!("not kept any more: {}", names.join(", "));
        return Ok(ending.and(line).and("`offgrid update --yes` removes it"));
    }
    let foreign = inspect::foreign(session.store(), receipt)?;
    let plan = plan::clean(random_name()?, session.store(), receipt, &foreign, &old);
    change.run(&plan, &session.no_sources()?)?;
    ending.facts["removed"] = json!(names);
    Ok(ending.and(format!("removed what is not kept any more: {}", names.join(", "))))
}
