//! Whether a plan fits on the disk: asked before anything of it is begun, because
//! its sizes are known by then.

use crate::error::Error as Any;
use crate::plan::Plan;
use crate::step::Step;
use crate::store::Store;
use crate::{disk, fill, platform};
use std::path::Path;

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
        Step::FillSlot { slot } => fill::needed(store, slot)?,
        Step::FetchModel { model } if size(&model.path)? == model.size => 0,
        Step::FetchModel { model } => {
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
