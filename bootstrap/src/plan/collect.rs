//! Which slots go. The live one, the one before it and one that a service still
//! uses always stay, and only a later run removes a slot, never the one that
//! replaced it: until that one has lived, the way back must be there.

use super::{Foreign, Plan, Verb};
use crate::receipt::Receipt;
use crate::step::{Step, Undo};
use crate::store::{SlotName, Store};

/// The smallest number of slots to keep. With one alone nothing could be gone
/// back to when a new release fails in use.
pub const KEEP_LEAST: usize = 2;

/// The slots that go, oldest first. `stay`: the live slot and the one before it;
/// of the others the newest stay until there are `keep`.
pub fn surplus(
    receipt: &Receipt,
    stay: &[&SlotName],
    in_use: Option<&SlotName>,
    keep: usize,
) -> Vec<SlotName> {
    let mut others: Vec<SlotName> =
        receipt.slots.keys().filter_map(|name| name.parse().ok()).collect();
    others.retain(|name| !stay.contains(&name));
    // In the order in which they were made; a later one is more likely wanted.
    let made = |name: &SlotName| {
        receipt.made.iter().position(|made| match &made.undo {
            Undo::RemoveTree { path } => path.ends_with(name.to_string()),
            _ => false,
        })
    };
    others.sort_by_key(made);
    let room = keep.max(KEEP_LEAST).saturating_sub(stay.len());
    others.truncate(others.len().saturating_sub(room));
    others.retain(|name| in_use != Some(name));
    others
}

/// Removes a slot; what others put into it stays where it is.
pub(super) fn step(store: &Store, foreign: &Foreign, name: &SlotName) -> Step {
    let path = store.slot(name);
    Step::GiveBack {
        keep: foreign.get(&path).cloned().unwrap_or_default(),
        undo: Undo::RemoveTree { path },
        trash: store.trash().join(name.to_string()),
    }
}

/// Old slots alone go; the live one stays as it is.
pub fn clean(
    id: String,
    store: &Store,
    receipt: &Receipt,
    foreign: &Foreign,
    old: &[SlotName],
) -> Plan {
    let mut after = receipt.clone();
    after.run = id.clone();
    old.iter().for_each(|name| drop(after.slots.remove(&name.to_string())));
    after.previous = after.previous.filter(|name| !old.contains(name));
    let steps = old.iter().map(|name| step(store, foreign, name)).collect();
    let live = Some(receipt.live.clone());
    Plan { steps, ..super::back::empty(id, Verb::Clean, receipt, live, Some(after)) }
}
