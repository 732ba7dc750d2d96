//! What each step looks at before, and what it does.

use super::{Step, Undo, managed};
use crate::error::Error;
use crate::event::Event;
use crate::run::Context;
use crate::service::{self, account, linger};
use crate::store::SlotName;
use crate::{disk, fetch, fill, gate, models, platform, profile, setup};
use offgrid_manifest::Digest;
use std::path::{Path, PathBuf};

impl Step {
    /// Looks at what is there and says how to bring it back.
    ///
    /// # Errors
    /// When the step cannot be done at all.
    #[expect(clippy::too_many_lines, reason = "one line for each kind")]
    pub fn prepare(&self, context: &Context<'_>) -> Result<Undo, Error> {
        match self {
            Step::MakeDir { path } => Ok(match first_missing(path)? {
                None => Undo::Nothing,
                Some(top) => Undo::RemoveDirs { path: path.clone(), top },
            }),
            Step::FillSlot { slot } => {
                let path = context.store.slot(&slot.name);
                Ok(Undo::RemoveTree { path })
            }
            Step::Rebuild { slot, trash } => {
                Ok(Undo::PutBack { path: context.store.slot(&slot.name), from: trash.clone() })
            }
            Step::SetAside { from, to } => {
                Ok(Undo::MoveBack { from: to.clone(), to: from.clone() })
            }
            Step::FetchModel { model, trash } => match trash {
                Some(trash) if disk::is_there(&model.path)? => {
                    Ok(Undo::PutBack { path: model.path.clone(), from: trash.clone() })
                }
                _ => models::prepare(model),
            },
            Step::PutText { keep: true, .. } => Ok(Undo::Nothing),
            Step::PutText { path, .. } => Undo::file(context.store, path),
            Step::PutFile { path, sha256, .. } => {
                let whole = || platform::mode_of(path).is_ok_and(|mode| mode == 0o755);
                if fetch::digest_of(path)? == Some(*sha256) && whole() {
                    return Ok(Undo::Nothing);
                }
                Undo::file(context.store, path)
            }
            Step::Link { path, target } => match disk::link_target(path)? {
                Some(was) if was == *target => Ok(Undo::Nothing),
                was => Ok(Undo::SetLink { path: path.clone(), target: was }),
            },
            Step::EditBlock { path, text } => match profile::prepare(path, text) {
                Ok(Some(before)) => Ok(Undo::SetBlock { path: path.clone(), before }),
                // Left alone, which `apply` says.
                Ok(None) | Err(profile::Error::LeftAlone { .. }) => Ok(Undo::Nothing),
                Err(error) => Err(error.into()),
            },
            Step::Switch { current, .. } => {
                Ok(Undo::SwitchTo { current: current.clone(), slot: context.store.live_now()? })
            }
            Step::MakeUser { user, .. } => managed::prepare_user(user),
            Step::Own { path, user } => managed::prepare_owner(path, user),
            Step::PutUnit { path, text, mode } => {
                let same = platform::mode_of(path).is_ok_and(|is| is == *mode)
                    && fetch::digest_of(path)? == Some(Digest::of(text.as_bytes()));
                if same { Ok(Undo::Nothing) } else { Undo::file(context.store, path) }
            }
            Step::TellManager { service } => Ok(Undo::TellManager { service: service.clone() }),
            Step::Enable { service, .. } => managed::prepare_enabled(context, service),
            Step::Linger { user } => {
                Ok(Undo::Linger { user: user.clone(), was: linger::is_on(user) })
            }
            Step::Start { service, .. } => managed::prepare_started(context, service),
            Step::Retire { what } => what.prepare(),
            // Staging goes at the end of every run, however it ends.
            Step::FetchSetup { .. }
            | Step::ProveSetup { .. }
            | Step::Prove { .. }
            | Step::Health { .. } => Ok(Undo::Nothing),
            Step::GiveBack { undo, trash, .. } => undo.inverse(context.store, trash),
        }
    }

    /// Does it. Safe to call again after a crash.
    ///
    /// # Errors
    /// Any; the run is then taken back.
    pub fn apply(&self, context: &Context<'_>) -> Result<(), Error> {
        match self {
            Step::MakeDir { path } => Ok(disk::make_dirs(path)?),
            Step::FillSlot { slot } => fill::fill(context, slot),
            Step::Rebuild { slot, trash } => fill::rebuild(context, slot, trash),
            Step::SetAside { from, to } => {
                // Done already when an earlier try was cut off.
                if disk::is_there(from)? {
                    disk::rename(from, to)?;
                }
                Ok(())
            }
            Step::FetchModel { model, trash } => models::fetch(context, model, trash.as_deref()),
            Step::FetchSetup { setup } => setup::fetch(context, setup),
            Step::ProveSetup { setup } => setup::prove(context, setup),
            Step::PutText { path, text, .. } => Ok(disk::write(path, text.as_bytes(), 0o600)?),
            Step::PutFile { path, from, sha256 } => fetch::copy_program(from, path, sha256),
            Step::Link { path, target } => Ok(disk::link(path, target)?),
            Step::EditBlock { path, text } => {
                noted(context, profile::put(path, text), "start this program by its full name")
            }
            Step::Prove { slot, within } => gate::prove(context, slot, within.as_deref()),
            Step::Switch { current, slot } => switch(context, current, Some(slot)),
            Step::MakeUser { user, home } => account::make(user, home, None),
            Step::Own { path, user } => managed::own(path, user),
            Step::PutUnit { path, text, mode } => {
                path.parent().map_or(Ok(()), disk::make_dirs)?;
                Ok(disk::write(path, text.as_bytes(), *mode)?)
            }
            Step::TellManager { service } => Ok(service.reload(context.store)?),
            Step::Enable { service, on } => {
                service.reload(context.store)?;
                managed::set_enabled(context, service, *on)
            }
            Step::Linger { user } => managed::let_linger(context, user),
            Step::Start { service, again: true } => Ok(service.restart(context.store)?),
            Step::Start { service, again: false } => managed::set_running(context, service, true),
            Step::Health { slot, asks } => service::await_health(context, slot, *asks),
            Step::Retire { what } => what.apply(),
            Step::GiveBack { undo, trash, .. } => undo.give_back(context, trash),
        }
    }
}

/// Names the live slot by one rename and tells a running service.
pub(crate) fn switch(
    context: &Context<'_>,
    current: &Path,
    slot: Option<&SlotName>,
) -> Result<(), Error> {
    match slot {
        Some(slot) => {
            let to = Path::new("versions").join(slot.to_string());
            disk::at("switch", current, platform::point(current, &to))?;
            disk::sync_parent(current)?;
        }
        // A folder that somebody put there is not ours to remove.
        None if current.is_dir() && platform::read_link(current).is_none() => {}
        None => disk::remove_for_good(current)?,
    }
    service::tell(context.store);
    Ok(())
}

/// A profile that is left alone is said and stops nothing.
pub(super) fn noted(
    context: &Context<'_>,
    done: Result<(), profile::Error>,
    hint: &str,
) -> Result<(), Error> {
    match done {
        Err(error @ profile::Error::LeftAlone { .. }) => {
            let (what, hint) = (&format!("{error}; it was left alone"), Some(hint));
            context.sink.event(&Event::Noted { what, hint, code: None });
            Ok(())
        }
        done => Ok(done?),
    }
}

/// The outermost folder of a path that is not there.
fn first_missing(path: &Path) -> Result<Option<PathBuf>, disk::Error> {
    let mut missing = None;
    for folder in path.ancestors() {
        if disk::is_there(folder)? {
            break;
        }
        missing = Some(folder.to_owned());
    }
    Ok(missing)
}
