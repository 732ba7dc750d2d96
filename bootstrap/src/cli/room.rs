//! Whether a plan fits: on the disk, because its sizes are known before anything of
//! it is begun; and where its names go, into journals, units and profiles.

use super::place::Place;
use super::refuse::Error;
use crate::error::Error as Any;
use crate::plan::Plan;
use crate::step::Step;
use crate::store::Store;
use crate::{disk, fill, platform};
use std::path::Path;

/// Refuses a place whose names are no text, or have a line break in them.
///
/// # Errors
/// `E_USAGE`.
pub(super) fn can_be_written_down(place: &Place) -> Result<(), Error> {
    let Place { store, link, models, config, .. } = place;
    for path in [store.prefix(), models, config].into_iter().chain(link.as_deref()) {
        let why = match path.to_str() {
            None => "its name is not plain text (UTF-8)",
            Some(name) if name.contains(char::is_control) => {
                "there is a line break or another control character in its name"
            }
            Some(_) => continue,
        };
        let path = path.to_string_lossy().escape_debug().to_string();
        return Err(Error::OddPlace { path, why });
    }
    Ok(())
}

/// Refuses what cannot fit.
///
/// # Errors
/// `E_NOSPACE`.
pub(super) fn check(store: &Store, plan: &Plan) -> Result<(), Any> {
    let mut needed = 0;
    for step in &plan.steps {
        needed += of(store, step)?;
    }
    match platform::free_space(store.prefix()) {
        Some(free) if free < needed => {
            let path = store.prefix().to_owned();
            Err(fill::Error::Space { path, needed, free }.into())
        }
        _ => Ok(()),
    }
}

/// Bytes that a step writes, in this prefix or at least by way of it.
fn of(store: &Store, step: &Step) -> Result<u64, Any> {
    Ok(match step {
        Step::FillSlot { slot } if disk::is_there(&store.slot(&slot.name))? => 0,
        Step::FillSlot { slot } | Step::Rebuild { slot, .. } => fill::needed(store, slot)?,
        Step::FetchModel { model, .. } if size(&model.path)? == model.size => 0,
        Step::FetchModel { model, .. } => {
            let there = size(&store.partial(&model.sha256))? + size(&store.blob(&model.sha256))?;
            model.size.saturating_sub(there)
        }
        // As a download, as what is tried, and in its place.
        Step::FetchSetup { setup } => 3 * setup.pin.size,
        // What was there is kept until the run is over.
        Step::PutFile { path, from, .. } => size(from)? + size(path)?,
        _ => 0,
    })
}

/// Of a file; 0 when there is none.
fn size(path: &Path) -> Result<u64, disk::Error> {
    match path.symlink_metadata() {
        Ok(meta) => Ok(meta.len()),
        Err(error) if disk::is_absent(&error) => Ok(0),
        Err(source) => Err(disk::Error { op: "look at", path: path.to_owned(), source }),
    }
}
