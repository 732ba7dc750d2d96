//! What comes after a run: what it needed goes, and what only waited for its end.

use super::{Context, remains};
use crate::error::Error as Any;
use crate::event::Event;
use crate::plan::Plan;
use crate::schedule::Record;
use crate::step::{Step, Undo, remove_left};
use crate::store::Store;
use crate::{disk, receipt};
use std::path::Path;

/// Ends a run that counts as done: what cannot be removed now is no failure, and
/// the next run removes it. After an uninstall it is one.
pub(super) fn over(context: &Context<'_>, plan: &Plan) -> Result<(), Any> {
    let Err(error) = tidy(context, plan) else { return Ok(()) };
    if plan.receipt.is_none() {
        return Err(remains(error));
    }
    let why = std::error::Error::source(&error).map_or(String::new(), |why| format!(" ({why})"));
    let what = format!("not everything that this run needed could be removed: {error}{why}");
    let hint = Some("the next run does it; or type `offgrid repair --yes`");
    context.sink.event(&Event::Noted { what: &what, hint, code: Some("W_REMAINS") });
    Ok(())
}

/// Removes what a finished run leaves behind. Nothing here is needed any more,
/// so it may be cut off anywhere and be done again.
pub(super) fn tidy(context: &Context<'_>, plan: &Plan) -> Result<(), Any> {
    let store = context.store;
    for step in &plan.steps {
        if let Step::GiveBack { undo, trash, keep } = step {
            give_back_what_is_not_ours(undo, trash, keep)?;
            disk::remove_tree(trash)?;
            remove_left(undo, keep)?;
            // In the trash of the prefix it does not matter.
            if !trash.starts_with(store.trash()) {
                disk::sync_above(trash)?;
            }
        }
        if let Step::FetchModel { trash: Some(trash), .. } = step {
            disk::remove_file(trash)?;
        }
    }
    for step in &plan.steps {
        if let Step::GiveBack { undo, .. } = step {
            undo.finish(context)?;
        }
    }
    disk::remove_tree(&store.trash())?;
    disk::remove_tree(&store.staging())?;
    disk::remove_tree(&store.newcomer())?;
    store.clear_drafts()?;
    if plan.receipt.is_none() {
        disk::remove_for_good(&store.receipt())?;
        return Ok(store.dissolve()?);
    }
    clear_blobs(store)?;
    Ok(disk::remove_file(&store.journal())?)
}

/// Puts the files of others back where they were in a tree that is going.
fn give_back_what_is_not_ours(undo: &Undo, trash: &Path, keep: &[String]) -> Result<(), Any> {
    let Undo::RemoveTree { path } = undo else { return Ok(()) };
    if disk::link_target(trash)?.is_some() {
        return Ok(()); // a link that somebody put in the place of our tree
    }
    for name in keep {
        let (from, to) = (trash.join(name), path.join(name));
        // Done already when an earlier try was cut off.
        if disk::is_there(&from)? {
            to.parent().map_or(Ok(()), disk::make_dirs)?;
            disk::rename(&from, &to)?;
        }
    }
    Ok(())
}

/// What a scheduled run has fetched for an update that somebody still has to ask for.
fn kept_for_later(store: &Store) -> Result<Vec<String>, Any> {
    let Some(waiting) = Record::read(store)?.waiting else { return Ok(Vec::new()) };
    let receipt = receipt::read(store)?;
    let waits = receipt.is_some_and(|receipt| waiting.version > receipt.live.version);
    let blobs = waiting.blobs.iter().filter(|_| waits);
    Ok(blobs.map(ToString::to_string).collect())
}

/// Removes finished and partial downloads, which only the run needed. The bytes
/// that a receipt may want back are kept.
pub fn clear_blobs(store: &Store) -> Result<(), Any> {
    let kept: Vec<String> = receipt::read(store)?
        .iter()
        .flat_map(|receipt| &receipt.made)
        .filter_map(|made| match &made.undo {
            Undo::SetFile { was, .. } => Some(was.to_string()),
            _ => None,
        })
        .collect();
    let waiting = kept_for_later(store)?;
    let folder = store.blobs();
    let entries = match std::fs::read_dir(&folder) {
        Err(error) if disk::is_absent(&error) => return Ok(()),
        entries => disk::at("list", &folder, entries)?,
    };
    for entry in entries {
        let entry = disk::at("list", &folder, entry)?;
        let is = |name: &String| entry.file_name() == name.as_str();
        if !kept.iter().chain(&waiting).any(is) {
            disk::remove_file(&entry.path())?;
        }
    }
    Ok(())
}
