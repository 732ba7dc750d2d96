//! Whether the whole system's supervisor goes on with the slot that is live now. It is not
//! root, but the user of the app, which may have been taken over: such an app can stop it,
//! and write its note. Owns what of that note is believed, and the restart by the service
//! manager where it is not: that ends every process of the service.
//!
//! Never judges whether the app works: `health` does.

use super::supervise::TO_END;
use super::{LOOK, Managed, state};
use crate::event::Event;
use crate::run::{self, Context};
use crate::settings::ServiceKind;
use crate::store::{SlotName, Store};
use crate::{platform, receipt};
use std::thread;
use std::time::{Duration, Instant};

/// What a supervisor does with what it was told is seen within this and what an app may
/// take to end.
const SEEN: Duration = Duration::from_secs(5);

/// Waits until the supervisor has heard of this slot, and has it started anew where it does
/// not follow; `before`: what requests under way may take.
///
/// # Errors
/// What the manager said; `E_INTERRUPTED`.
pub(super) fn follow(
    context: &Context<'_>,
    slot: &SlotName,
    before: Duration,
    stop: &dyn Fn() -> bool,
) -> Result<(), crate::Error> {
    let store = context.store;
    let Some(manager) = manager(store) else { return Ok(()) };
    let said = manager.state(store)?;
    if !said.running || follows(store, slot, said.pid, (before, TO_END + SEEN), stop)? {
        return Ok(());
    }
    let what = "the service does not do what it was told; it is restarted";
    context.sink.event(&Event::Noted { what, hint: None, code: Some("W_SERVICE") });
    Ok(manager.restart(store)?)
}

/// The manager of the whole system's service, where it runs as another user.
fn manager(store: &Store) -> Option<Managed> {
    store.elsewhere()?;
    let unfinished = run::unfinished(store).ok().flatten();
    let planned = unfinished.and_then(|story| story.plan.receipt).map(|receipt| *receipt);
    let receipt = planned.or_else(|| receipt::read(store).ok().flatten())?;
    let kind = ServiceKind::ALL.iter().copied().find(|kind| kind.name() == receipt.service)?;
    let managed = Managed { kind, home: None, config: None, timer: false };
    managed.is_known().then_some(managed)
}

/// Whether it says in time that it runs this slot; `main`: the process that the manager has
/// started; `before`: what requests under way may take. A note of another process, or of one
/// that was halted, says nothing.
pub(super) fn follows(
    store: &Store,
    slot: &SlotName,
    main: Option<u32>,
    (before, within): (Duration, Duration),
    stop: &dyn Fn() -> bool,
) -> Result<bool, run::Error> {
    let began = Instant::now();
    let mut limit = within;
    loop {
        let now = state(store);
        let Some(pid) = now.running else { return Ok(false) };
        if main.is_some_and(|main| main != pid) || platform::is_halted(pid) {
            return Ok(false);
        }
        if now.slot.as_ref() == Some(slot) {
            return Ok(true);
        }
        if now.draining {
            limit = within + before;
        }
        if began.elapsed() >= limit {
            return Ok(false);
        }
        if stop() {
            return Err(run::Error::Interrupted);
        }
        thread::sleep(LOOK);
    }
}
