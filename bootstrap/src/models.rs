//! Models of the signed catalogue: fetched like a blob, into the models folder,
//! which is never inside the prefix (DESIGN 5, 7).

use crate::error::Error as Any;
use crate::event::Event;
use crate::fetch::{self, AsStored};
use crate::run::Context;
use crate::source::Place;
use crate::step::Undo;
use crate::{disk, platform};
use offgrid_manifest::release::Model;
use offgrid_manifest::{Digest, Pin, layout};
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};

/// A model that is to be installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Its name in the catalogue.
    pub name: String,
    /// Where it goes.
    pub path: PathBuf,
    /// Of the file.
    pub sha256: Digest,
    /// Of the file.
    pub size: u64,
    /// Other places than the depot.
    pub urls: Vec<String>,
}

impl Wanted {
    /// A model of the catalogue, for this models folder.
    pub fn new(model: &Model, folder: &Path) -> Wanted {
        Wanted {
            name: model.name.to_string(),
            path: folder.join(model.file.as_str()),
            sha256: model.sha256,
            size: model.size,
            urls: model.urls.clone(),
        }
    }
}

/// Looks whether the model is there already; then it is not ours to remove.
///
/// # Errors
/// `E_STATE` when another file has its name.
pub fn prepare(model: &Wanted) -> Result<Undo, Any> {
    match fetch::digest_of(&model.path)? {
        None => Ok(Undo::RemoveFile { path: model.path.clone() }),
        Some(found) if found == model.sha256 => Ok(Undo::Nothing),
        Some(_) => {
            let source = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
            let op = "install the model: another file is at";
            Err(disk::Error { op, path: model.path.clone(), source }.into())
        }
    }
}

/// Fetches the model among the other downloads and moves it to its place; a damaged
/// one that is there waits in `trash` meanwhile.
///
/// # Errors
/// As [`fetch::fetch`].
pub fn fetch(context: &Context<'_>, model: &Wanted, trash: Option<&Path>) -> Result<(), Any> {
    if fetch::digest_of(&model.path)? == Some(model.sha256) {
        return Ok(());
    }
    if let Some(trash) = trash
        && disk::is_there(&model.path)?
    {
        disk::rename(&model.path, trash)?;
    }
    let mut places = vec![Place::Depot(layout::blob(&model.sha256))];
    places.extend(model.urls.iter().cloned().map(Place::Address));
    let finished = context.store.blob(&model.sha256);
    let wanted = fetch::Wanted {
        places: &places,
        pin: Pin { sha256: model.sha256, size: model.size },
        partial: &context.store.partial(&model.sha256),
        finished: &finished,
    };
    let done = AtomicI64::new(0);
    let progress = |bytes: i64| {
        let done = done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let done = u64::try_from(done).unwrap_or(0);
        context.sink.event(&Event::Progress { done, total: model.size });
    };
    fetch::fetch(context.sources, &wanted, &progress, || Ok(AsStored))?;
    put(&finished, model)
}

/// Moves a model from the downloads to its place, which may be on another file
/// system. What is only half there never lies among the user's models under a
/// name that a taking back does not know.
fn put(finished: &Path, model: &Wanted) -> Result<(), Any> {
    disk::at("set the mode of", finished, platform::set_mode(finished, MODE))?;
    // Under its own name it is believed, so its bytes come first.
    disk::at("sync", finished, platform::sync_file(finished))?;
    match disk::rename(finished, &model.path) {
        Err(error) if error.source.kind() == ErrorKind::CrossesDevices => {
            fetch::copy_file(finished, &model.path, &model.sha256, MODE)
        }
        result => Ok(result?),
    }
}

/// The service's user must be able to read it.
const MODE: u32 = 0o644;
