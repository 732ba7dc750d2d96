//! Steps about the service: its user, its folder, and what its manager is told.
//! Owns how each is looked at and undone; the commands are `service`'s.

use super::Undo;
use crate::error::Error;
use crate::run::Context;
use crate::service::{self, Managed, account};
use crate::{disk, platform};
use std::path::Path;

/// How to take back that a user is made.
pub(super) fn prepare_user(user: &str) -> Result<Undo, Error> {
    Ok(match account::user(user)? {
        Some(_) => Undo::Nothing,
        None => Undo::RemoveUser { user: user.to_owned() },
    })
}

/// How to take back that a folder is given to somebody.
pub(super) fn prepare_owner(path: &Path, user: &str) -> Result<Undo, Error> {
    let (uid, gid) = disk::at("look at", path, platform::owner_of(path))?;
    if account::user(user)?.is_some_and(|it| (it.uid, it.gid) == (uid, gid)) {
        return Ok(Undo::Nothing);
    }
    Ok(Undo::SetOwner { path: path.to_owned(), uid, gid })
}

/// Gives a folder, and what is in it and ours, to a user.
pub(super) fn own(path: &Path, user: &str) -> Result<(), Error> {
    let missing = || service::Error::NoUser { user: user.to_owned() };
    let account = account::user(user)?.ok_or_else(missing)?;
    give(path, account.uid, account.gid)
}

/// Gives a folder to this owner, with all that its owner has in it. What others have
/// in it stays theirs, and no link is followed.
pub(super) fn give(path: &Path, uid: u32, gid: u32) -> Result<(), Error> {
    if !disk::is_there(path)? {
        return Ok(());
    }
    let (was, _) = disk::at("look at", path, platform::owner_of(path))?;
    give_tree(path, was, uid, gid)
}

fn give_tree(path: &Path, was: u32, uid: u32, gid: u32) -> Result<(), Error> {
    let kind = disk::at("look at", path, path.symlink_metadata())?;
    if kind.is_dir() {
        for entry in disk::at("list", path, std::fs::read_dir(path))? {
            give_tree(&disk::at("list", path, entry)?.path(), was, uid, gid)?;
        }
    }
    // Last: when it is cut off, its owner still says whose things are to be given.
    if disk::at("look at", path, platform::owner_of(path))?.0 == was {
        disk::at("set the owner of", path, platform::set_owner(path, uid, gid))?;
    }
    Ok(())
}

/// How to take back that a service starts by itself, or no longer.
pub(super) fn prepare_enabled(context: &Context<'_>, service: &Managed) -> Result<Undo, Error> {
    let was = service.state(context.store)?.autostart;
    Ok(Undo::Enabled { service: service.clone(), was })
}

/// How to take back that it is started.
pub(super) fn prepare_started(context: &Context<'_>, service: &Managed) -> Result<Undo, Error> {
    let was = service.state(context.store)?.running;
    Ok(Undo::Started { service: service.clone(), was })
}

/// Has it run or not.
pub(super) fn set_running(context: &Context<'_>, service: &Managed, on: bool) -> Result<(), Error> {
    let state = service.state(context.store)?;
    match (state.running, on) {
        (false, true) => service.start(context.store)?,
        (true, false) => service.stop(context.store)?,
        // A manager that waits before it tries again counts as one that does not run.
        (false, false) if state.known => service.stop(context.store)?,
        _ => {}
    }
    Ok(())
}

/// Has it start by itself or not; what the manager does not know is off already.
pub(super) fn set_enabled(context: &Context<'_>, service: &Managed, on: bool) -> Result<(), Error> {
    let state = service.state(context.store)?;
    if state.autostart != on && (state.known || on) {
        service.enable(context.store, on)?;
    }
    Ok(())
}
