//! What the receipt of a run will say, and which slots it will not name any more.

use super::{Wish, slot, surplus};
use crate::engine;
use crate::fill::SlotPlan;
use crate::models;
use crate::receipt::{InstalledModel, Receipt};
use crate::service::backend::Listen;
use crate::store::SlotName;
use std::collections::BTreeMap;

/// Slots that neither this run nor a rollback needs, nor anybody wants to keep.
pub(super) fn old_slots(wish: &Wish<'_>, new: &SlotName) -> Vec<SlotName> {
    let Some(receipt) = wish.receipt.filter(|receipt| receipt.live != *new) else {
        return Vec::new();
    };
    surplus(receipt, &[new, &receipt.live], wish.in_use.as_ref(), wish.keep)
}

pub(super) fn new_receipt(
    wish: &Wish<'_>,
    name: SlotName,
    slot: Option<&SlotPlan>,
    old: &[SlotName],
) -> Receipt {
    let mut receipt = wish.receipt.cloned().unwrap_or_else(|| Receipt {
        schema: crate::receipt::SCHEMA,
        by: None,
        run: String::new(),
        scope: wish.scope.to_owned(),
        channel: String::new(),
        live: name.clone(),
        previous: None,
        left: None,
        left_why: None,
        slots: BTreeMap::new(),
        failed: BTreeMap::new(),
        program: wish.program.1,
        packaged: wish.packaged,
        service: wish.service.kind.name().to_owned(),
        listen: Listen::Loopback,
        engine: engine::Wish::Bundled,
        models: BTreeMap::new(),
        made: Vec::new(),
    });
    receipt.run = wish.id.clone();
    receipt.channel = wish.channel.name.to_string();
    receipt.listen = wish.service.listen;
    receipt.engine = wish.engine.1.clone();
    if receipt.live != name {
        receipt.previous = Some(receipt.live.clone());
        (receipt.left, receipt.left_why) = (None, None);
        old.iter().for_each(|name| drop(receipt.slots.remove(&name.to_string())));
    }
    receipt.live = name.clone();
    if let Some(slot) = slot {
        let record = slot::record(wish.release, slot, wish.engine.0);
        receipt.slots.insert(name.to_string(), record);
    }
    if let Some(slot) = receipt.slots.get_mut(&name.to_string()) {
        slot.chosen = Some(wish.chosen.clone());
    }
    receipt.failed = wish.failed.clone();
    for model in wish.wanted_models {
        let models::Wanted { name, path, sha256, size, .. } = model.clone();
        receipt.models.insert(name, InstalledModel { path, sha256, size });
    }
    receipt
}
