//! `rollback`: another slot that is on this disk becomes the live one, by one
//! switch. Asks no depot; what it remembers of the channel still says which
//! release was withdrawn or is unsafe.

use super::believe::channel_of;
use super::refuse::Error;
use super::session::{Session, random_name};
use crate::error::Error as Any;
use crate::event::{Ending, Outcome};
use crate::plan::{self, Verb};
use crate::receipt::Receipt;
use crate::store::SlotName;
use crate::{disk, stamp, trust};
use offgrid_manifest::{Code, Id, Version};
use serde_json::json;

pub(super) fn run(session: &Session<'_>) -> Result<Ending, Any> {
    session.perhaps_installed()?;
    session.change(|change| {
        let prefix = session.store().prefix().to_owned();
        let receipt = change.receipt()?.ok_or(Error::NotInstalled { prefix })?;
        let live = &receipt.live;
        let wanted = session.settings.to.as_ref();
        let there = wanted.is_none_or(|to| fits(live, to));
        if there && change.has_finished(Verb::Rollback) {
            let line = format!("{} is live again", live.version);
            return Ok(Ending::new(Outcome::RolledBack, line));
        }
        let to = target(session, &receipt)?;
        may_return(session, &receipt, &to)?;
        session.consent(&format!("Go back from {} to {}?", live.version, to.version))?;
        let plan =
            plan::rollback(random_name()?, session.store(), &receipt, to.clone(), None, None);
        change.run(&plan, &session.no_sources()?)?;
        let line = format!("{} is live again; {} is kept", to.version, live.version);
        let mut ending = Ending::new(Outcome::RolledBack, line);
        ending.facts = json!({
            "from": live.version, "version": to.version, "variant": to.variant,
        });
        Ok(ending)
    })
}

/// Whether a slot is what was typed.
fn fits(name: &SlotName, (version, variant): &(Version, Option<Id>)) -> bool {
    name.version == *version && variant.as_ref().is_none_or(|variant| name.variant == *variant)
}

/// The slot before, or the one that was typed. A release that a variable or a file
/// pins is for `install` and `update`.
fn target(session: &Session<'_>, receipt: &Receipt) -> Result<SlotName, Any> {
    let names = receipt.slots.keys().filter_map(|name| name.parse::<SlotName>().ok());
    let others: Vec<SlotName> = names.filter(|name| *name != receipt.live).collect();
    let Some(to) = &session.settings.to else {
        let found = receipt.previous.clone().filter(|name| others.contains(name));
        return Ok(found.ok_or(Error::NothingBefore)?);
    };
    let found: Vec<&SlotName> = others.iter().filter(|name| fits(name, to)).collect();
    let list =
        |names: &[&SlotName]| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let version = to.0.clone();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] if others.is_empty() => Err(Error::NothingBefore.into()),
        [] => {
            let known = list(&others.iter().collect::<Vec<_>>());
            Err(Error::NotKept { version, known }.into())
        }
        several => Err(Error::Ambiguous { version, known: list(several) }.into()),
    }
}

/// The consent that installing it would need (reference/trust.md 2.10), as far as
/// it is known here. A program without a stamp knows nothing.
pub(super) fn may_return(
    session: &Session<'_>,
    receipt: &Receipt,
    to: &SlotName,
) -> Result<(), Any> {
    let Ok(stamped) = stamp::own() else { return Ok(()) };
    let settings = session.settings;
    let memory = disk::read(&session.store().trust(), trust::state_max())?;
    let known = trust::Known { memory: memory.as_deref(), installed: None };
    let wish = trust::Wish {
        version: Some(&to.version),
        live: Some(&receipt.live.version),
        consent: trust::Consent {
            downgrade: true,
            yanked: settings.allow_yanked,
            vulnerable: settings.accept_vulnerable.as_ref(),
        },
        ..trust::Wish::default()
    };
    match trust::may_return(&stamped, &known, &channel_of(settings, Some(receipt))?, &wish) {
        // Written by a newer program: unknown here, and no reason to stay where one is.
        Err(error) if error.code() == Code::Schema => Ok(()),
        result => result,
    }
}
