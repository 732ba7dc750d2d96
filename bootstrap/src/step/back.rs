//! How each Undo is applied, turned around, and given back by an uninstall.

use super::apply::noted;
use super::aside::set_aside;
use super::{Undo, managed, switch};
use crate::error::Error;
use crate::profile;
use crate::run::Context;
use crate::service::account::{self, Numbers};
use crate::service::linger;
use crate::store::Store;
use crate::{disk, fetch, platform};
use std::path::Path;

impl Undo {
    /// Of a file that is about to be replaced; its bytes are kept first, under
    /// their digest, so that no later run overwrites them.
    pub(super) fn file(store: &Store, path: &Path) -> Result<Undo, Error> {
        let Some(was) = fetch::digest_of(path)? else {
            return Ok(Undo::RemoveFile { path: path.to_owned() });
        };
        let mode = disk::at("look at", path, platform::mode_of(path))?;
        let kept = store.blob(&was);
        if fetch::digest_of(&kept)? != Some(was) {
            fetch::copy_program(path, &kept, &was)?;
        }
        Ok(Undo::SetFile { path: path.to_owned(), was, mode })
    }

    /// What it is about; one key for one thing. `None` for what is not ours.
    pub fn resource(&self) -> Option<String> {
        Some(match self {
            Undo::Nothing
            | Undo::MoveBack { .. }
            | Undo::PutBack { .. }
            | Undo::MakeDirs { .. } => return None,
            Undo::RemoveDirs { path, .. } => format!("folder {}", path.display()),
            Undo::RemoveFile { path } | Undo::SetFile { path, .. } => {
                format!("file {}", path.display())
            }
            Undo::RemoveTree { path } => format!("tree {}", path.display()),
            Undo::SetLink { path, .. } => format!("link {}", path.display()),
            Undo::SetBlock { path, .. } => format!("block {}", path.display()),
            Undo::SwitchTo { .. } => "current".to_owned(),
            Undo::RemoveUser { user } | Undo::MakeUser { user, .. } => format!("user {user}"),
            Undo::SetOwner { path, .. } => format!("owner {}", path.display()),
            Undo::TellManager { service } => format!("manager {}", service.name()),
            Undo::Enabled { service, .. } => format!("enabled {}", service.name()),
            Undo::Started { service, .. } => format!("started {}", service.name()),
            Undo::Linger { user, .. } => format!("linger {user}"),
            Undo::Reinstate { what } => return what.resource(),
        })
    }

    /// Makes it so again. Safe to call again.
    ///
    /// # Errors
    /// Any file operation; the run is then unfinished (exit 7).
    #[expect(clippy::too_many_lines, reason = "one line for each kind")]
    pub fn apply(&self, context: &Context<'_>) -> Result<(), Error> {
        match self {
            Undo::Nothing => {}
            Undo::RemoveDirs { path, top } => remove_dirs(path, top)?,
            Undo::RemoveFile { path } | Undo::SetLink { path, target: None } => {
                // A cut may have left the file under the name that it is written with.
                disk::remove_made(&disk::beside(path))?;
                disk::remove_made(path)?;
                disk::sync_above(path)?;
            }
            Undo::RemoveTree { path } => disk::remove_for_good(path)?,
            Undo::SetFile { path, was, mode } => {
                // Nothing is written where nothing was: there may be no room for it.
                disk::remove_made(&disk::beside(path))?;
                if fetch::digest_of(path)? == Some(*was) {
                    disk::at("set the mode of", path, platform::set_mode(path, *mode))?;
                } else {
                    fetch::copy_file(&context.store.blob(was), path, was, *mode)?;
                }
            }
            Undo::SetLink { path, target: Some(target) } => disk::link(path, target)?,
            Undo::SetBlock { path, before } => {
                let done = profile::restore(path, before);
                noted(context, done, "what stands in it does no harm; you can take it out")?;
                if let (Some(folder), Some(top)) = (path.parent(), &before.top) {
                    remove_dirs(folder, top)?;
                }
            }
            Undo::SwitchTo { current, slot } => switch(context, current, slot.as_ref())?,
            // After a power cut both names may be there, or the new one alone.
            Undo::MoveBack { from, to } if disk::exists(to) => disk::remove_tree(from)?,
            Undo::MoveBack { from, to } => {
                if disk::is_there(from)? {
                    disk::rename(from, to)?;
                }
            }
            Undo::PutBack { path, from } => {
                if disk::is_there(from)? {
                    // Made by this run, or only begun to be removed by an earlier try.
                    disk::remove_made(&disk::beside(path))?;
                    disk::remove_tree(path)?;
                    disk::rename(from, path)?;
                }
            }
            Undo::Reinstate { what } => what.apply(context)?,
            Undo::MakeDirs { path } => disk::make_dirs(path)?,
            Undo::RemoveUser { user } => account::remove(user)?,
            Undo::MakeUser { user, uid, gid, home } => {
                account::make(user, home, Some(Numbers { uid: *uid, gid: *gid }))?;
            }
            Undo::SetOwner { path, uid, gid, mode } => {
                managed::give_back(path, (*uid, *gid), *mode)?;
            }
            Undo::TellManager { service } => service.reload(context.store)?,
            Undo::Enabled { service, was } => managed::set_enabled(context, service, *was)?,
            Undo::Started { service, was } => managed::set_running(context, service, *was)?,
            Undo::Linger { user, was } => linger::set(user, *was)?,
        }
        Ok(())
    }

    /// How to take back a [`Undo::give_back`].
    pub(super) fn inverse(&self, store: &Store, trash: &Path) -> Result<Undo, Error> {
        Ok(match self {
            Undo::RemoveFile { path } | Undo::RemoveTree { path } if disk::is_there(path)? => {
                Undo::MoveBack { from: trash.to_owned(), to: path.clone() }
            }
            Undo::RemoveDirs { path, .. } if disk::is_there(path)? => {
                Undo::MakeDirs { path: path.clone() }
            }
            Undo::SetFile { path, .. } => Undo::file(store, path)?,
            Undo::SetLink { path, .. } => {
                Undo::SetLink { path: path.clone(), target: disk::link_target(path)? }
            }
            Undo::SwitchTo { current, .. } => {
                Undo::SwitchTo { current: current.clone(), slot: store.live_now()? }
            }
            Undo::RemoveUser { user } => match account::user(user)? {
                Some(Numbers { uid, gid }) => {
                    let home = account::home_of(user)?;
                    Undo::MakeUser { user: user.clone(), uid, gid, home }
                }
                None => Undo::Nothing,
            },
            Undo::SetOwner { path, .. } if disk::is_there(path)? => managed::owner(path)?,
            Undo::TellManager { .. } => self.clone(),
            Undo::Enabled { service, .. } => {
                let was = service.state(store)?.autostart;
                Undo::Enabled { service: service.clone(), was }
            }
            Undo::Started { service, .. } => {
                let was = service.state(store)?.running;
                Undo::Started { service: service.clone(), was }
            }
            Undo::Linger { user, .. } => {
                Undo::Linger { user: user.clone(), was: linger::is_on(user) }
            }
            Undo::Reinstate { what } => what.inverse(trash)?,
            // Nobody's profile is touched before the run is over.
            Undo::SetBlock { .. } => Undo::Nothing,
            _ => Undo::Nothing,
        })
    }

    /// As [`Undo::apply`], but files and trees are set aside and not yet
    /// removed, and what others changed meanwhile is left to them.
    pub(super) fn give_back(&self, context: &Context<'_>, trash: &Path) -> Result<(), Error> {
        match self {
            Undo::RemoveFile { path } | Undo::RemoveTree { path } => {
                if disk::is_there(path)? {
                    set_aside(path, trash)?;
                }
                Ok(())
            }
            Undo::SetLink { path, target: None } => {
                // A file that somebody put in the place of our link is theirs.
                if disk::link_target(path)?.is_some() {
                    disk::remove_file(path)?;
                }
                Ok(disk::sync_above(path)?)
            }
            // By [`Undo::finish`].
            Undo::SetBlock { .. } => Ok(()),
            Undo::Reinstate { what } => what.give_back(context, trash),
            other => other.apply(context),
        }
    }

    /// What of a [`Undo::give_back`] comes when the run is over: a profile, which
    /// nothing of ours could put back as it was when somebody wrote in it
    /// meanwhile, and folders that were not empty while something waited in them.
    /// Safe to call again.
    ///
    /// # Errors
    /// Any file operation.
    pub fn finish(&self, context: &Context<'_>) -> Result<(), Error> {
        match self {
            Undo::SetBlock { .. } | Undo::RemoveDirs { .. } => self.apply(context),
            Undo::Reinstate { what } => what.finish(context),
            _ => Ok(()),
        }
    }

    /// Our link, where this is what becomes of it.
    pub fn link(&self) -> Option<&Path> {
        match self {
            Undo::SetLink { path, .. } => Some(path),
            Undo::Reinstate { what } => what.link(),
            _ => None,
        }
    }
}

fn remove_dirs(path: &Path, top: &Path) -> Result<(), disk::Error> {
    for folder in path.ancestors() {
        if !folder.starts_with(top) || !disk::remove_dir(folder)? {
            break;
        }
    }
    disk::sync_above(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Sink};
    use crate::source::{Reach, Sources, Stop};

    struct Deaf;

    impl Sink for Deaf {
        fn event(&self, _: &Event<'_>) {}
    }

    #[test]
    fn a_folder_that_has_taken_the_name_of_a_file_of_ours_stays() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path().join("p"));
        let sources = Sources::new(&[], &Reach::default(), Stop::default()).unwrap();
        let context = Context { store: &store, sources: &sources, sink: &Deaf };
        let path = dir.path().join("tiny.gguf");
        let undo = Undo::RemoveFile { path: path.clone() };
        for folder in [path.clone(), disk::beside(&path)] {
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join("x"), "theirs").unwrap();
            undo.apply(&context).unwrap();
            assert!(folder.join("x").exists(), "{}", folder.display());
        }
        std::fs::remove_dir_all(&path).unwrap();
        std::fs::write(&path, "ours").unwrap();
        undo.apply(&context).unwrap();
        assert!(!path.exists());
    }
}
