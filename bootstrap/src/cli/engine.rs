//! Which engine a command installs with: the release's own, or one of this machine when
//! somebody asked for that. What is found is told in any case.

use super::session::Session;
use crate::engine::{self, Choice, Found, Search, Wish};
use crate::error::Error as Any;
use crate::host::Host;
use crate::receipt::{Receipt, Slot};
use crate::run;
use crate::select::{Selection, Wanted};
use offgrid_manifest::Release;
use offgrid_manifest::release::Component;
use std::path::Path;

/// Looks for engines, and tries out what was asked for now or before.
///
/// # Errors
/// `E_UNTRUSTED_BINARY` or `E_USAGE` when one was named and is not to be used.
pub(super) fn choose(
    session: &Session<'_>,
    receipt: Option<&Receipt>,
    release: &Release,
    selection: &Selection,
    avoid: Option<&Path>,
) -> Result<Choice, Any> {
    // Nothing of another machine can be tried out here.
    if session.settings.sysroot.is_some() {
        return Ok(Choice::default());
    }
    let (wish, variant) = (wish(session, receipt), &selection.variant);
    let (host, gpu) = (session.host()?, selection.asked.1 != Wanted::None);
    let search = Search {
        wish: &wish,
        variant: (variant.id.as_str(), variant.device.is_some() && gpu),
        gpu,
        release: &release.engine,
        avoid,
        stop: &|| session.stop.is_set(),
        ..bare(session, &host)
    };
    let chosen = engine::choose(&search);
    if session.stop.is_set() {
        return Err(run::Error::Interrupted.into());
    }
    Ok(chosen?)
}

/// Those that are there, without trying any; `None`: of a captured computer.
///
/// # Errors
/// Never one of a named engine.
pub(super) fn found(session: &Session<'_>, host: &Host) -> Result<Option<Vec<Found>>, Any> {
    if session.settings.sysroot.is_some() {
        return Ok(None);
    }
    Ok(Some(engine::choose(&bare(session, host))?.found))
}

fn bare<'a>(session: &'a Session<'_>, host: &'a Host) -> Search<'a> {
    Search {
        env: session.env,
        host,
        wish: &Wish::Bundled,
        system: session.place.system,
        variant: ("", false),
        gpu: false,
        release: "",
        avoid: None,
        stop: &|| false,
    }
}

fn wish(session: &Session<'_>, receipt: Option<&Receipt>) -> Wish {
    let before = || receipt.map(|receipt| receipt.engine.clone());
    session.engine().or_else(before).unwrap_or_default()
}

/// Whether `update` has something to do about the engine although there is no newer
/// release: what was typed is looked at again, what a file says only when it is new.
pub(super) fn is_asked_for(session: &Session<'_>, receipt: &Receipt) -> bool {
    let asked = session.settings.engine.as_ref();
    asked.is_some_and(|wish| *wish != receipt.engine || session.settings.engine_typed)
}

/// Whether a component is a part of the release's engine.
pub(super) fn is_part(component: &Component) -> bool {
    component.into.path().as_str() == "llama"
}

/// Says which engine is used, where no plan is shown that says it.
pub(super) fn tell(session: &Session<'_>, choice: &Choice, is_first: bool) {
    let said = is_first || choice.used.is_some() || choice.wish != Wish::Bundled;
    if let Some(line) = choice.line().filter(|_| said && session.settings.yes) {
        session.note(&line, None);
    }
}

/// The engine of a slot, for people.
pub(super) fn words(slot: &Slot) -> String {
    let own = || slot.engine.clone();
    slot.existing.as_ref().map_or_else(own, |existing| {
        format!("{} ({}, of this computer)", existing.version, existing.path.display())
    })
}

/// What `status` has to say of the engine of a slot. Sizes and times alone are looked
/// at where they are as they were: reading all of it is for `verify` and the service.
pub(super) fn note(slot: &Slot) -> Option<String> {
    let existing = slot.existing.as_ref()?;
    let why = engine::is_changed(existing, false)?;
    let path = existing.path.display();
    Some(format!(
        "the engine {path} is not used any more: {why}. {}",
        engine::again(&existing.path)
    ))
}
