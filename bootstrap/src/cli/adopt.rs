//! Whether the app as its makers install it is taken over: what was said, what a person
//! answers, and what is refused. Before the first byte; `adopt` decides what it means.

use super::manage;
use super::ready;
use super::session::Session;
use crate::adopt::{self, Adoption, Scope, Wish};
use crate::error::Error as Any;
use crate::preflight::{Facts, Finding, Word};
use std::path::{Path, PathBuf};

/// What is taken over, as far as that is settled.
pub(super) fn adoption<'s>(session: &'s Session<'_>) -> Option<&'s Adoption> {
    session.adoption.get().and_then(Option::as_ref)
}

/// Whether more is said of it than that it is there: it is taken over, or asked about.
pub(super) fn speaks_of_it(session: &Session<'_>) -> bool {
    let settled = session.adoption.get().map(Option::is_some);
    settled.unwrap_or_else(|| session.settings.adopt == Wish::Yes || will_ask(session))
}

fn will_ask(session: &Session<'_>) -> bool {
    let asks = session.word == "install" && session.settings.adopt == Wish::Ask;
    // `--yes` says yes to what was asked for, and nobody asked for this.
    asks && session.can_ask()
}

/// Whether a finding is about theirs: that it is there, or that it has the port.
pub(super) fn is_about_it(finding: &Finding, facts: &Facts) -> bool {
    let holder = facts.holder.as_ref().and_then(|holder| holder.pid);
    match finding.word {
        Word::Warn("W_UPSTREAM") => true,
        Word::Warn("W_PORT") => holder.is_some_and(|pid| facts.upstream.processes.contains(&pid)),
        _ => false,
    }
}

/// Refuses, before a first install begins, what cannot go on with it. Not after a run
/// that was cut off: what is there then is not what will be.
///
/// # Errors
/// `E_NEEDS_CONSENT`, `E_PERM`.
pub(super) fn check(session: &Session<'_>) -> Result<(), Any> {
    if will_ask(session) || session.under_way()?.0.is_some() {
        return Ok(());
    }
    let facts = ready::facts(session)?;
    decided(session, &facts).map(drop)
}

/// Settles it for a first install: asks where somebody is to be asked, once.
///
/// # Errors
/// As [`check`].
pub(super) fn settle(session: &Session<'_>) -> Result<(), Any> {
    if session.adoption.get().is_some() {
        return Ok(());
    }
    let facts = ready::facts(session)?;
    let adopted = decided(session, &facts)?;
    // Nobody has settled it above.
    let _ = session.adoption.set(adopted);
    Ok(())
}

fn decided(session: &Session<'_>, facts: &Facts) -> Result<Option<Adoption>, Any> {
    let found = found(session, facts)?;
    let adopted = match session.settings.adopt {
        Wish::No => None,
        Wish::Yes => wanted(session, found)?,
        Wish::Ask if will_ask(session) && !found.is_empty() => {
            let agreed = agreed(session, &found, facts)?;
            Some(found).filter(|_| agreed)
        }
        Wish::Ask => None,
    };
    if adopted.is_none() {
        if will_ask(session) {
            left_alone(session, facts)?;
        }
        let registers = manage::managed(session, manage::kind(session)?).is_some();
        let port = (facts.port, facts.holder.as_ref().and_then(|holder| holder.pid));
        adopt::refuse(&facts.upstream, port, registers, session.place.system)?;
    }
    Ok(adopted)
}

/// The same for `plan`, which asks and refuses nothing.
///
/// # Errors
/// A captured machine that cannot be read.
pub(super) fn look(session: &Session<'_>) -> Result<(), Any> {
    let found = match session.settings.adopt {
        Wish::Yes => Some(found(session, &ready::facts(session)?)?),
        Wish::Ask | Wish::No => None,
    };
    let _ = session.adoption.set(found.filter(|found| !found.is_empty()));
    Ok(())
}

fn found(session: &Session<'_>, facts: &Facts) -> Result<Adoption, Any> {
    let (tree, place, home) = (session.tree()?, &session.place, session.env.home());
    let is_there = |path: &Path| match path.to_str() {
        // A link that leads nowhere is there, too.
        Some(name) => tree.exists(name) || tree.link(name).is_ok(),
        None => true,
    };
    let scope = Scope {
        system: place.system,
        home: home.as_deref(),
        config: &place.config,
        has_env: is_there(&place.config.join("offgrid.env")),
        models: &place.models,
    };
    Ok(Adoption::of(&facts.upstream, &scope, &|path| free(path, &is_there)))
}

/// A name beside a path that nobody has.
fn free(path: &Path, is_there: &dyn Fn(&Path) -> bool) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let nth = |count: u32| match count {
        1 => path.with_file_name(format!("{name}.kept~")),
        _ => path.with_file_name(format!("{name}.kept-{count}~")),
    };
    (1..=u32::MAX).map(nth).find(|path| !is_there(path)).unwrap_or_else(|| nth(1))
}

/// What was asked for by name must be possible where there is something to take over.
fn wanted(session: &Session<'_>, found: Adoption) -> Result<Option<Adoption>, Any> {
    if !found.is_empty() || found.beyond().is_empty() {
        return Ok(Some(found).filter(|found| !found.is_empty()));
    }
    let what = found.beyond().join(", ");
    let (who, flag) = match session.place.system {
        true => ("an installation for everybody", "--user"),
        false => ("an installation for one user", "--system (as root)"),
    };
    Err(adopt::Error::OtherScope { who, what, flag }.into())
}

fn agreed(session: &Session<'_>, found: &Adoption, facts: &Facts) -> Result<bool, Any> {
    let lines = found.lines(&facts.upstream, &session.place.models);
    let mut text = "OffGrid LLM is here already, as its makers install it. Taking it over \
                    would:\n"
        .to_owned();
    for line in lines {
        text.push_str(&format!("  - {line}\n"));
    }
    if !found.beyond().is_empty() {
        text.push_str(&format!("Not touched by this: {}\n", found.beyond().join(", ")));
    }
    session.reporter.show(text.trim_end());
    session.ask("Take it over?", true)
}

/// Who said no is told what that means.
fn left_alone(session: &Session<'_>, facts: &Facts) -> Result<(), Any> {
    let findings = crate::preflight::judge(facts);
    let about = findings.into_iter().filter(|finding| is_about_it(finding, facts));
    ready::say(session, &about.collect::<Vec<_>>())
}
