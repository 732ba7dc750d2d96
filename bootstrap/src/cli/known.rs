//! What is remembered of the depot, for the commands that look.

use super::believe::{machine_of, way_out};
use super::session::Session;
use crate::error::Error as Any;
use crate::receipt::Receipt;
use crate::{disk, stamp, trust};
use serde_json::{Value, json};

/// Versions and expiry of what is trusted, as far as it is remembered.
pub(super) fn trust_state(session: &Session<'_>, receipt: &Receipt) -> Result<Value, Any> {
    let Ok(stamped) = stamp::own() else {
        let update = json!({"available": null, "checked": null, "blocked_by": null});
        return Ok(json!({"update": update, "trust": null, "notes": []}));
    };
    let bytes = disk::read(&session.store().trust(), trust::state_max())?;
    let channel = receipt.channel.parse()?;
    let known = trust::Known { memory: bytes.as_deref(), installed: None };
    let machine = machine_of(session.store())?;
    let wish = trust::Wish {
        live: Some(&receipt.live.version),
        left: receipt.left.as_ref(),
        machine: machine.as_deref(),
        ..trust::Wish::default()
    };
    let mut state = trust::remembered(&stamped, &known, &channel, &wish, session.clock())?;
    let current = state["current"].as_str().and_then(|text| text.parse().ok());
    if let (Some(notes), Some(current)) = (state["notes"].as_array_mut(), current)
        && !notes.is_empty()
    {
        notes.push(way_out(receipt, &current).into());
    }
    Ok(state)
}
