//! How what was put out of service comes back. Safe to call again at any point.

use super::{Mark, Reinstate, manager, tell};
use crate::error::Error;
use crate::run::Context;
use crate::step::Undo;
use crate::step::aside::set_aside;
use crate::{disk, fetch};
use offgrid_manifest::Digest;
use std::path::Path;

/// What stands in a place of theirs.
enum Found {
    Nothing,
    Ours,
    Others,
}

impl Mark {
    fn found(&self, path: &Path) -> Result<Found, Error> {
        let Ok(meta) = path.symlink_metadata() else {
            // What cannot be looked at is an error, and not nothing.
            return Ok(if disk::is_there(path)? { Found::Others } else { Found::Nothing });
        };
        let ours = match self {
            Mark::Nothing => false,
            Mark::Link { target } => disk::link_target(path)?.as_ref() == Some(target),
            Mark::File => meta.is_file(),
        };
        Ok(if ours { Found::Ours } else { Found::Others })
    }
}

impl Reinstate {
    /// One key for one thing.
    pub(in crate::step) fn resource(&self) -> Option<String> {
        Some(match self {
            Reinstate::Unit { name, user: false, .. } => format!("unit {name}"),
            Reinstate::Unit { name, .. } => format!("user unit {name}"),
            Reinstate::Link { path, .. } => format!("link {}", path.display()),
            Reinstate::Place { path, ours: Mark::Link { .. }, .. } => {
                format!("link {}", path.display())
            }
            // Apart from the file of ours in it, which may come and go on its own.
            Reinstate::Place { path, .. } => format!("place {}", path.display()),
            Reinstate::Settings { path, .. } => format!("file {}", path.display()),
            Reinstate::Displaced { .. } => return None,
        })
    }

    /// The link of ours that is in a place of theirs.
    pub(in crate::step) fn link(&self) -> Option<&Path> {
        match self {
            Reinstate::Place { path, ours: Mark::Link { .. }, .. } => Some(path),
            _ => None,
        }
    }

    /// What lies outside the prefix and is replaced when it comes back.
    pub fn place(&self) -> Option<&Path> {
        match self {
            Reinstate::Place { path, .. } | Reinstate::Settings { path, .. } => Some(path),
            _ => None,
        }
    }

    pub(in crate::step) fn apply(&self, context: &Context<'_>) -> Result<(), Error> {
        match self {
            Reinstate::Unit { name, user, running } => start(context, name, *user, *running),
            Reinstate::Link { path, target } => put_link(context, path, target)?,
            Reinstate::Place { path, kept, ours } => {
                // A cut may have left ours under the name that it is written with.
                disk::remove_file(&disk::beside(path))?;
                if disk::is_there(kept)? {
                    match ours.found(path)? {
                        Found::Others => left(context, path, kept),
                        Found::Nothing | Found::Ours => disk::rename(kept, path)?,
                    }
                }
            }
            Reinstate::Settings { path, sha256 } => {
                disk::remove_file(&disk::beside(path))?;
                match is_as_written(path, sha256)? {
                    true => disk::remove_for_good(path)?,
                    false => changed(context, path),
                }
            }
            Reinstate::Displaced { path, kept, trash } => {
                if !disk::is_there(kept)? && disk::is_there(path)? {
                    disk::rename(path, kept)?;
                }
                if disk::is_there(trash)? {
                    disk::rename(trash, path)?;
                }
            }
        }
        Ok(())
    }

    /// How to take back a [`Reinstate::give_back`].
    pub(in crate::step) fn inverse(&self, trash: &Path) -> Result<Undo, Error> {
        Ok(match self {
            Reinstate::Link { path, .. } => {
                Undo::SetLink { path: path.clone(), target: disk::link_target(path)? }
            }
            Reinstate::Place { path, kept, .. } if disk::is_there(kept)? => {
                let (path, kept, trash) = (path.clone(), kept.clone(), trash.to_owned());
                Undo::Reinstate { what: Reinstate::Displaced { path, kept, trash } }
            }
            // Theirs is lost: our link alone is taken away, and put back by its target.
            Reinstate::Place { path, ours: Mark::Link { .. }, .. } => {
                match disk::link_target(path)? {
                    None => Undo::Nothing,
                    target => Undo::SetLink { path: path.clone(), target },
                }
            }
            Reinstate::Settings { path, sha256 } if is_as_written(path, sha256)? => {
                Undo::MoveBack { from: trash.to_owned(), to: path.clone() }
            }
            // A unit is not started before the run is over.
            _ => Undo::Nothing,
        })
    }

    /// As [`Reinstate::apply`], but ours is set aside, and a unit waits.
    pub(in crate::step) fn give_back(
        &self,
        context: &Context<'_>,
        trash: &Path,
    ) -> Result<(), Error> {
        match self {
            // By `finish`.
            Reinstate::Unit { .. } => Ok(()),
            Reinstate::Place { path, kept, ours } => {
                let waits = disk::is_there(kept)?;
                match ours.found(path)? {
                    Found::Others if waits => left(context, path, kept),
                    // Where theirs is lost, a file may be theirs already.
                    Found::Ours if waits || matches!(ours, Mark::Link { .. }) => {
                        set_aside(path, trash)?;
                    }
                    _ => {}
                }
                if waits && !disk::is_there(path)? {
                    disk::rename(kept, path)?;
                }
                Ok(())
            }
            Reinstate::Settings { path, sha256 } => {
                match is_as_written(path, sha256)? {
                    true => set_aside(path, trash)?,
                    false => changed(context, path),
                }
                Ok(())
            }
            other => other.apply(context),
        }
    }

    /// What comes when the run is over.
    pub(in crate::step) fn finish(&self, context: &Context<'_>) -> Result<(), Error> {
        match self {
            Reinstate::Unit { .. } => self.apply(context),
            _ => Ok(()),
        }
    }

    pub(in crate::step) fn describe(&self) -> String {
        match self {
            Reinstate::Unit { name, running: true, .. } => {
                format!("start the service {name} again")
            }
            Reinstate::Unit { name, .. } => format!("let systemd know the service {name} again"),
            Reinstate::Link { path, .. } => format!("restore the link {}", path.display()),
            Reinstate::Place { path, .. } => format!("put back {} as it was", path.display()),
            Reinstate::Settings { path, .. } => format!("remove {}", path.display()),
            Reinstate::Displaced { path, .. } => format!("put ours back as {}", path.display()),
        }
    }
}

fn is_as_written(path: &Path, sha256: &Digest) -> Result<bool, Error> {
    Ok(fetch::digest_of(path)?.as_ref() == Some(sha256))
}

/// Told only where there is something.
fn changed(context: &Context<'_>, path: &Path) {
    if disk::exists(path) {
        let what = format!("{} was changed since, and stays", path.display());
        tell(context.sink, &what, "it is yours; nothing needs it");
    }
}

fn put_link(context: &Context<'_>, path: &Path, target: &Path) -> Result<(), Error> {
    disk::remove_file(&disk::beside(path))?;
    if disk::link_target(path)?.as_deref() == Some(target) {
        return Ok(());
    }
    if disk::is_there(path)? && disk::link_target(path)?.is_none() {
        let what = format!("{} is something else now and was left alone", path.display());
        tell(context.sink, &what, "a link to a unit was there; `systemctl enable` makes it");
        return Ok(());
    }
    // systemctl removes such a folder with the last link in it.
    path.parent().map_or(Ok(()), disk::make_dirs)?;
    Ok(disk::link(path, target)?)
}

fn left(context: &Context<'_>, path: &Path, kept: &Path) {
    let what = format!("{} is not what was put there, and was left alone", path.display());
    tell(context.sink, &what, &format!("what was there before is {}", kept.display()));
}

/// It is no failure of ours when what is not ours does not start.
fn start(context: &Context<'_>, name: &str, user: bool, running: bool) {
    let started = manager::reload(user).and_then(|()| match running {
        true => manager::start(name, user),
        false => Ok(()),
    });
    if let Err(error) = started {
        let what = format!("the service {name} is there again and did not start: {error}");
        let word = if user { "systemctl --user start" } else { "sudo systemctl start" };
        tell(context.sink, &what, &format!("look into it, then: {word} {name}"));
    }
}
