//! Steps about the service: its user, its folder, and what its manager is told.
//! Owns how each is looked at and undone; the commands are `service`'s.

use super::Undo;
use crate::error::Error;
use crate::event::Event;
use crate::run::Context;
use crate::service::account::Numbers;
use crate::service::{self, Managed, account, linger, supervise};
use crate::{disk, platform};
use std::path::Path;

/// What `StateDirectoryMode=` of the unit gives the folder.
const MODE: u32 = 0o750;

/// How to take back that a user is made.
pub(super) fn prepare_user(user: &str) -> Result<Undo, Error> {
    Ok(match account::user(user)? {
        Some(_) => Undo::Nothing,
        None => Undo::RemoveUser { user: user.to_owned() },
    })
}

/// How to take back that a folder is given to somebody.
pub(super) fn prepare_owner(path: &Path, user: &str) -> Result<Undo, Error> {
    let is = disk::at("look at", path, platform::owner_of(path))?;
    let mode = disk::at("look at", path, platform::mode_of(path))?;
    let same = |it: Numbers| (it.uid, it.gid) == is && mode == MODE;
    if account::user(user)?.is_some_and(same) { Ok(Undo::Nothing) } else { owner(path) }
}

/// How to make a folder that user's again who has it now.
pub(super) fn owner(path: &Path) -> Result<Undo, Error> {
    let (uid, gid) = disk::at("look at", path, platform::owner_of(path))?;
    let mode = Some(disk::at("look at", path, platform::mode_of(path))?);
    Ok(Undo::SetOwner { path: path.to_owned(), uid, gid, mode })
}

/// Gives a folder back, without what the supervisor has noted in it.
pub(super) fn give_back(
    path: &Path,
    (uid, gid): (u32, u32),
    mode: Option<u32>,
) -> Result<(), Error> {
    if !disk::is_there(path)? {
        return Ok(());
    }
    // Whatever the service's user has put there.
    disk::remove_tree(&path.join(supervise::STARTS))?;
    give(path, uid, gid)?;
    if let Some(mode) = mode {
        disk::at("set the mode of", path, platform::set_mode(path, mode))?;
    }
    Ok(())
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
    Ok(disk::at("set the owner of", path, platform::give_tree(path, uid, gid))?)
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

/// Lets a user's services go on without a session. Where the system does not let people
/// do so for themselves, that is said, and the service ends with the session.
pub(super) fn let_linger(context: &Context<'_>, user: &str) -> Result<(), Error> {
    if let Err(error) = linger::set(user, true) {
        let what = format!("the service will end when you log out: {error}");
        let hint = format!("an administrator can let it go on: sudo loginctl enable-linger {user}");
        context.sink.event(&Event::Noted {
            what: &what,
            hint: Some(&hint),
            code: Some("W_LINGER"),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_comes_back_with_its_mode_and_without_our_note() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("offgrid");
        std::fs::create_dir_all(path.join("models")).unwrap();
        platform::set_mode(&path, 0o711).unwrap();
        let before = owner(&path).unwrap();
        let Undo::SetOwner { uid, gid, mode: Some(had), .. } = before else { panic!("{before:?}") };
        // As the manager and the supervisor leave it.
        platform::set_mode(&path, MODE).unwrap();
        std::fs::write(path.join(supervise::STARTS), "{}").unwrap();
        for _ in 0..2 {
            give_back(&path, (uid, gid), Some(had)).unwrap();
            assert_eq!(platform::mode_of(&path).unwrap(), had);
            let left: Vec<_> = path.read_dir().unwrap().map(|it| it.unwrap().file_name()).collect();
            assert_eq!(left, ["models"]);
        }
    }
}
