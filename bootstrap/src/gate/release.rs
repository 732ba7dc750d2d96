//! The slot's copy of its release, as far as the gate has to know it.

use super::Error;
use crate::disk;
use crate::store::SlotName;
use serde_json::Value;
use std::path::Path;

/// The slot's copy of its release, as far as the gate has to know it.
pub(crate) struct Release(Value);

impl Release {
    /// Of the slot in this folder; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn read(folder: &Path) -> Result<Option<Release>, crate::Error> {
        let path = folder.join("release.json");
        let Some(bytes) = disk::read(&path, 4 * 1024 * 1024)? else { return Ok(None) };
        let value = serde_json::from_slice(&bytes);
        Ok(Some(Release(value.map_err(|source| Error::Release { path, source })?)))
    }

    fn variant(&self, slot: &SlotName) -> Option<&Value> {
        let id = slot.variant.to_string();
        self.0["variants"].as_array()?.iter().find(|variant| variant["id"] == id.as_str())
    }

    /// What `--list-devices` must show.
    pub(crate) fn device(&self, slot: &SlotName) -> Option<String> {
        self.variant(slot)?["device"].as_str().map(str::to_owned)
    }

    /// Whether a component of the variant goes into `llama/`.
    pub(super) fn has_engine(&self, slot: &SlotName) -> bool {
        let Some(variant) = self.variant(slot) else { return true };
        let target = variant["target"].as_str().unwrap_or_default();
        let names = variant["components"].as_array().into_iter().flatten();
        names.filter_map(Value::as_str).any(|name| {
            let into = self.0["components"][name][target]["into"].as_str();
            into.is_some_and(|into| into.trim_end_matches('/') == "llama")
        })
    }
}
