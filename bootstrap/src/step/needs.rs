//! What a step needs that is not on this disk: whether a run that was cut off can
//! go on by itself. Looks at names and sizes; who uses the bytes hashes them.

use super::Step;
use crate::store::Store;
use crate::{disk, fill};

impl Step {
    /// Whether it needs a source: its bytes are not all on this disk.
    pub fn fetches(&self, store: &Store) -> bool {
        let absent = |digest| !disk::exists(&store.blob(digest));
        match self {
            Step::FillSlot { slot } => {
                !disk::exists(&store.slot(&slot.name)) && fill::lacks_blobs(store, slot)
            }
            Step::Rebuild { slot, trash } => !disk::exists(trash) && fill::lacks_blobs(store, slot),
            Step::FetchModel { model, .. } => {
                let there = model.path.metadata().is_ok_and(|meta| meta.len() == model.size);
                absent(&model.sha256) && !there
            }
            Step::FetchSetup { setup } => absent(&setup.pin.sha256),
            _ => false,
        }
    }
}
