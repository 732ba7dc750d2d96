//! Whether a plan fits: on the disk, because its sizes are known before anything of
//! it is begun; and where its names go, into journals, units and profiles.

use super::place::Place;
use super::refuse::Error;
use crate::error::Error as Any;
use crate::plan::Plan;
use crate::preflight::{self, Need};
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
    Ok(preflight::refuse(&preflight::judge_space(&needs(store, plan)?))?)
}

/// What a plan needs on each file system that it writes to.
///
/// # Errors
/// Any file operation.
pub(super) fn needs(store: &Store, plan: &Plan) -> Result<Vec<Need>, Any> {
    let need = |path: &Path, needed, instead| Need {
        path: path.to_owned(),
        file_system: platform::file_system(path),
        needed,
        free: platform::free_space(path),
        instead,
    };
    let mut of_prefix = 0;
    for step in &plan.steps {
        of_prefix += of(store, step)?;
    }
    let mut needs = vec![need(store.prefix(), of_prefix, "name another place with --prefix DIR")];
    let ground = &needs[0].file_system;
    let mut models = Vec::new();
    for step in &plan.steps {
        let Step::FetchModel { model, .. } = step else { continue };
        // On the same file system its download is renamed, and counted already.
        let elsewhere = platform::file_system(&model.path) != *ground;
        if elsewhere && size(&model.path)? != model.size {
            models.push(need(&model.path, model.size, "leave the model out: --model none"));
        }
    }
    needs.extend(models);
    Ok(needs)
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
