//! Whether the whole system's supervisor goes on with the slot that is live now. It is not
//! root, but the user of the app, which may have been taken over: such an app can halt it,
//! and write its note. Owns what of that note is believed, and the restart by the service
//! manager where it is not: that ends every process of the service.
//!
//! Never judges whether the app works: `health` does.

use super::supervise::TO_END;
use super::systemd::SERVICE;
use super::{LOOK, Managed, state};
use crate::event::Event;
use crate::run::{self, Context};
use crate::settings::ServiceKind;
use crate::store::{SlotName, Store};
use crate::{platform, receipt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// What a supervisor does with what it was told is seen within this and what an app may
/// take to end; so is one that has just been started.
pub(super) const SEEN: Duration = Duration::from_secs(10);

/// Waits until the supervisor has heard of this slot, and has it started anew where it does
/// not follow. Whether that was done.
///
/// # Errors
/// What the manager said; `E_INTERRUPTED`.
pub(super) fn follow(
    context: &Context<'_>,
    slot: &SlotName,
    stop: &dyn Fn() -> bool,
) -> Result<bool, crate::Error> {
    let store = context.store;
    let Some(manager) = manager(store) else { return Ok(false) };
    let mut said = manager.state(store)?;
    loop {
        if !said.running || follows(store, slot, said.pid, (SEEN, TO_END + SEEN), stop)? {
            return Ok(false);
        }
        let now = manager.state(store)?;
        if now.running && now.pid == said.pid {
            return start_anew(context, "the service does not do what it was told");
        }
        // Somebody else has stopped it meanwhile, or it has been started anew.
        said = now;
    }
}

/// Has the manager start it anew, where one has it running; whether it did.
///
/// # Errors
/// What the manager said.
pub(super) fn start_anew(context: &Context<'_>, why: &str) -> Result<bool, crate::Error> {
    let store = context.store;
    let Some(manager) = manager(store) else { return Ok(false) };
    if !manager.state(store)?.running {
        return Ok(false);
    }
    let what = format!("{why}; it is restarted");
    context.sink.event(&Event::Noted { what: &what, hint: None, code: Some("W_SERVICE") });
    manager.restart(store)?;
    Ok(true)
}

/// Whether something else than this slot runs in the service, beside its supervisor: that
/// ends whatever is left before it says that an app has failed.
pub(super) fn has_strangers(store: &Store, slot: &SlotName) -> bool {
    let Some(main) = state(store).running else { return false };
    let home = store.slot(slot);
    let is_strange = |pid: u32| {
        // One that has just ended is nobody.
        let exe = platform::read_link(&Path::new("/proc").join(pid.to_string()).join("exe"));
        exe.is_some_and(|exe| !exe.starts_with(&home))
    };
    platform::companions(main, SERVICE).into_iter().any(is_strange)
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
/// started; `seen`: how long it may say nothing, `within`: how long something else, besides
/// what requests under way may take. A note of another process, or of one that was halted,
/// says nothing.
pub(super) fn follows(
    store: &Store,
    slot: &SlotName,
    main: Option<u32>,
    (seen, within): (Duration, Duration),
    stop: &dyn Fn() -> bool,
) -> Result<bool, run::Error> {
    let began = Instant::now();
    let mut limit = within;
    loop {
        let now = state(store);
        let its = |pid| main.is_none_or(|main| main == pid) && !platform::is_halted(pid);
        let says = now.running.is_some_and(its);
        if says && now.slot.as_ref() == Some(slot) {
            return Ok(true);
        }
        if let Some(drain) = now.draining.filter(|_| says) {
            limit = within + drain;
        }
        if began.elapsed() >= if says { limit } else { seen } {
            return Ok(false);
        }
        if stop() {
            return Err(run::Error::Interrupted);
        }
        thread::sleep(LOOK);
    }
}
