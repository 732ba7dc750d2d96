//! What the app gets of us: its variables. Owns which, and what they say.

use super::PORT;
use crate::store::{SlotName, Store};
use crate::{engine, gate};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

/// What the app gets of us.
#[derive(Debug)]
pub struct Given {
    /// Variables and their values.
    pub vars: Vec<(String, OsString)>,
    /// Something to tell about its engine.
    pub note: Option<String>,
}

/// The variables that the app always gets (DESIGN 10), without those that the
/// user has set. The slot is named itself: `current` may lead elsewhere while
/// the app runs. An engine of this machine is looked at again, byte for byte when
/// `deep`; not where the user has named another one.
///
/// # Errors
/// `E_UNTRUSTED_BINARY` when there is no engine to be used any more.
pub fn environment(
    store: &Store,
    slot: &SlotName,
    models: &Path,
    user: &BTreeMap<OsString, OsString>,
    deep: bool,
) -> Result<Given, crate::Error> {
    let folder = store.slot(slot);
    let is_set = |name: &str| user.get(&OsString::from(name)).is_some_and(|it| !it.is_empty());
    let engine = match is_set("OFFGRID_LLAMA_SERVER_PATH") {
        true => None,
        false => Some(engine::in_use(&folder, deep)?),
    };
    let existing = engine.as_ref().and_then(|engine| engine.existing.as_ref());
    let layers = || {
        let of_release = || gate::Release::read(&folder).ok().flatten()?.device(slot);
        let device = existing.map_or_else(of_release, |existing| existing.device.clone());
        if device.is_some() { "999" } else { "0" }
    };
    let path = || engine.as_ref().map_or_else(OsString::new, |engine| engine.path.clone().into());
    let values: [(&str, &dyn Fn() -> OsString); 4] = [
        ("OFFGRID_LLAMA_SERVER_PATH", &path),
        ("OFFGRID_GPU_LAYERS", &|| layers().into()),
        ("OFFGRID_MODELS_DIR", &|| models.into()),
        ("OFFGRID_PORT", &|| PORT.to_string().into()),
    ];
    let unset = values.into_iter().filter(|(name, _)| !is_set(name));
    let vars = unset.map(|(name, value)| (name.to_owned(), value())).collect();
    Ok(Given { vars, note: engine.as_ref().and_then(|engine| engine.note.clone()) })
}
