//! How `offgrid` is found when somebody types it: the link, the blocks in shell
//! profiles, and what is said about them and about others of that name.

use super::adopt;
use super::install::Decision;
use super::session::Session;
use crate::event::Ending;
use crate::plan::Plan;
use crate::profile::{self, Edits, Own};
use crate::settings::ServiceKind;
use crate::step::Step;
use crate::{disk, platform, quote};
use std::path::{Path, PathBuf};

/// Where the link on PATH goes; not where something of somebody else is.
pub(super) fn link_of<'s>(session: &'s Session<'_>) -> Option<&'s Path> {
    let link = session.place.link.as_deref()?;
    let freed = || adopt::adoption(session).is_some_and(|adoption| adoption.frees(link));
    (!disk::exists(link) || is_ours(session, link) || freed()).then_some(link)
}

fn is_ours(session: &Session<'_>, link: &Path) -> bool {
    platform::read_link(link).is_some_and(|to| to == session.store().program())
}

/// The blocks that a first install needs so that its link is found. The whole
/// system's link lies where everybody looks.
pub(super) fn blocks(session: &Session<'_>, link: Option<&Path>) -> Edits {
    let folder = link.and_then(Path::parent);
    match folder {
        Some(folder)
            if session.settings.modify_path
                && !session.place.system
                && !profile::on_path(session.env, folder) =>
        {
            profile::edits(session.env, folder)
        }
        _ => Edits::default(),
    }
}

/// Says what of a first install has to be done by hand.
pub(super) fn say(session: &Session<'_>, blocks: &Edits) {
    for (what, hint) in &blocks.notes {
        session.note(what, Some(hint));
    }
    let Some(link) = session.place.link.as_deref() else { return };
    if link_of(session).is_none() {
        let what = format!("{} is there already and was left alone", link.display());
        session.note(&what, Some(&format!("start this installation as {}", typed(session))));
    }
}

/// What to type now, after a first install.
pub(super) fn next_words(session: &Session<'_>, decision: &Decision, ending: &mut Ending) {
    let (plan, blocks) = (&decision.plan, &decision.blocks);
    let folder = session.place.link.as_deref().filter(|link| is_ours(session, link));
    let folder = folder.and_then(Path::parent);
    let on_path = folder.is_some_and(|folder| profile::on_path(session.env, folder));
    let word = if on_path { "offgrid".to_owned() } else { typed(session) };
    let service = &decision.service;
    let port = crate::service::port(&session.place.config);
    if service.managed.is_some() && service.autostart {
        ending.lines.push(format!("it runs:   http://localhost:{port}"));
    } else {
        let start = match (&service.managed, service.kind) {
            (Some(_), _) => format!("{word} self service start"),
            (None, ServiceKind::Supervise) => format!("{word} self service run"),
            _ => format!("{word} serve"),
        };
        ending.lines.push(format!("start it:  {start}"));
        ending.lines.push(format!("then open: http://localhost:{port}"));
    }
    let Some(folder) = folder.filter(|_| !on_path) else { return };
    let profiles = standing(plan, blocks);
    ending.lines.push(if profiles.is_empty() {
        let line = profile::line(session.env, &folder.to_string_lossy());
        format!("to type just `offgrid`, add this to your shell's profile: {line}")
    } else {
        profile::now(session.env, &profiles)
    });
}

/// Says which other programs are found under our names. `plan`: what was just done.
pub(super) fn warn_of_others(session: &Session<'_>, plan: &Plan, blocks: &Edits) {
    let edited = !standing(plan, blocks).is_empty();
    // Where something of others has the place of our link, that was said.
    let said = if plan.from.is_none() { session.place.link.as_deref() } else { None };
    for other in others(session, edited).iter().filter(|other| Some(&*other.path) != said) {
        session.warn("W_SHADOWED", &other.what, Some(&other.hint));
    }
}

/// The same for `status`, a sentence each.
pub(super) fn notes(session: &Session<'_>) -> Vec<String> {
    let others = others(session, false);
    others.iter().map(|other| format!("{}; {}", other.what, other.hint)).collect()
}

/// `edited`: new terminals have our link in front, whatever this one has.
fn others(session: &Session<'_>, edited: bool) -> Vec<profile::Other> {
    let first = session.place.link.as_deref().and_then(Path::parent).filter(|_| edited);
    let typed = typed(session);
    let own = Own { prefix: session.store().prefix(), typed: &typed, first };
    profile::others(session.env.var("PATH").map(|path| &**path), &own)
}

/// The profiles in which a block stands now.
fn standing(plan: &Plan, blocks: &Edits) -> Vec<PathBuf> {
    let edited = plan.steps.iter().filter_map(|step| match step {
        Step::EditBlock { path, .. } => Some(path),
        _ => None,
    });
    let all = edited.chain(&blocks.standing).filter(|path| profile::holds(path));
    all.cloned().collect()
}

/// What starts this installation whatever is on the PATH, as a person types it.
fn typed(session: &Session<'_>) -> String {
    let link = session.place.link.clone().filter(|link| is_ours(session, link));
    let program = link.unwrap_or_else(|| session.store().program());
    quote::sh(&program.to_string_lossy())
}
