//! `service back`: what a supervisor or its manager calls when the app of a fresh
//! release keeps ending. Goes back once, to the release before and to no other, and
//! never to one that was withdrawn or is unsafe: stepping back must not become a way
//! to an old hole (DESIGN 12, reference/trust.md 2.10).

use super::manage;
use super::refuse::Error;
use super::rollback::may_return;
use super::session::{Change, Session, random_name};
use crate::error::Error as Any;
use crate::event::{Ending, Outcome};
use crate::receipt::Receipt;
use crate::service::account;
use crate::service::supervise::are_too_many;
use crate::store::SlotName;
use crate::{disk, plan};
use serde_json::json;
use std::time::{Duration, SystemTime};

/// So long after a switch a release may still be taken back for failing.
const FRESH: Duration = Duration::from_secs(24 * 3600);
/// What is remembered of the release that is left.
const WHY: &str = "its service failed again and again";

pub(super) fn run(session: &Session<'_>) -> Result<Ending, Any> {
    session.installed()?;
    session.change(|change| {
        let prefix = session.store().prefix().to_owned();
        let receipt = change.receipt()?.ok_or(Error::NotInstalled { prefix })?;
        let store = session.store();
        let home = account::home(&session.place.models);
        let folders = [store.runtime(), home];
        if !folders.iter().any(|folder| are_too_many(folder, store, &receipt.live)) {
            // A manager also calls when it is about to start the service again.
            let line = format!("the service of {} has not failed too often", receipt.live.version);
            return Ok(Ending::new(Outcome::Unchanged, line));
        }
        match target(session, &receipt) {
            Ok(to) => go(change, &receipt, to),
            Err(why) => stop(session, &receipt, why),
        }
    })
}

/// The release before, where it may take over.
fn target(session: &Session<'_>, receipt: &Receipt) -> Result<SlotName, String> {
    let live = &receipt.live;
    if receipt.left.as_ref().is_some_and(|left| *left > live.version) {
        return Err(format!("{} was gone back to already", live.version));
    }
    if !is_fresh(session) {
        return Err(format!("{} has been live for more than a day", live.version));
    }
    let there = |name: &&SlotName| {
        receipt.slots.contains_key(&name.to_string()) && disk::exists(&session.store().slot(name))
    };
    let before = receipt.previous.as_ref().filter(there);
    let to = before.ok_or("no release before it is kept")?.clone();
    may_return(session, receipt, &to).map_err(|error| error.to_string())?;
    Ok(to)
}

/// Whether the live slot became so within a day. The name itself says when; a clock that
/// was set back makes it fresh.
fn is_fresh(session: &Session<'_>) -> bool {
    let switched = session.store().current().symlink_metadata().and_then(|is| is.modified());
    let Ok(switched) = switched else { return false };
    SystemTime::now().duration_since(switched).map_or(true, |age| age <= FRESH)
}

fn go(change: &Change<'_>, receipt: &Receipt, to: SlotName) -> Result<Ending, Any> {
    let session = change.session;
    let live = receipt.live.version.clone();
    session.consent(&format!("Go back from {live}, which keeps failing, to {}?", to.version))?;
    let managed = manage::managed(session, manage::kind_of(receipt));
    let (id, store) = (random_name()?, session.store());
    let plan = plan::rollback(id, store, receipt, to.clone(), managed, Some(WHY.to_owned()));
    change.run(&plan, &session.no_sources()?)?;
    let line =
        format!("{} is live again: the service of {live} failed again and again", to.version);
    let mut ending = Ending::new(Outcome::RolledBack, line);
    ending.facts = json!({"from": live, "version": to.version, "variant": to.variant});
    Ok(ending)
}

/// Leaves the service down rather than at something worse. A supervisor of a user's own,
/// who asked, ends by itself.
fn stop(session: &Session<'_>, receipt: &Receipt, why: String) -> Result<Ending, Any> {
    let managed = manage::managed(session, manage::kind_of(receipt));
    if let Some(managed) = managed.filter(|_| session.place.system) {
        managed.stop(session.store())?;
    }
    Err(Error::NoWayBack { version: receipt.live.version.clone(), why }.into())
}
