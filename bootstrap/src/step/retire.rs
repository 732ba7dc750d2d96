//! Somebody else's installation of the app is put out of service while ours takes its
//! place, and comes back when ours goes (DESIGN 7): its units are stopped, the links
//! that start them are taken away, and its files wait beside their places, so that
//! owner, mode and everything else of them stay as they are.
//!
//! A file that is replaced by one of ours is one step: two would undo each other when
//! a run is taken back twice. Nothing of others is ever removed, and what somebody put
//! into a place since is left to them, and told of.

mod back;
mod manager;

use super::Undo;
use crate::adopt;
use crate::disk;
use crate::error::Error;
use crate::event::{Event, Sink};
use offgrid_manifest::Digest;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// One thing that is put out of service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Retire {
    /// A unit of systemd is stopped.
    Unit {
        /// Its name.
        name: String,
        /// Whether it is of the user's own manager.
        user: bool,
    },
    /// A link that starts a unit is taken away.
    Link {
        /// The link.
        path: PathBuf,
    },
    /// A file, link or folder waits beside its place, where ours may be now.
    Place {
        /// Its place.
        path: PathBuf,
        /// Where it waits: in the same folder.
        kept: PathBuf,
        /// What is put there.
        ours: Ours,
    },
    /// What its units set is written where ours reads it.
    Settings {
        /// The file, which is not there.
        path: PathBuf,
        /// All of it.
        text: String,
    },
    /// The manager reads its files again.
    Reload {
        /// Whether it is the user's own.
        user: bool,
    },
}

/// What of ours takes a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ours {
    /// Nothing.
    Nothing,
    /// A link.
    Link {
        /// What it points to.
        target: PathBuf,
    },
    /// A small file.
    Text {
        /// All of it.
        text: String,
        /// Permission bits.
        mode: u32,
    },
}

/// How one thing comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reinstate {
    /// The unit was known to the manager, and ran or not.
    Unit {
        /// Its name.
        name: String,
        /// Whether it is of the user's own manager.
        user: bool,
        /// Whether it ran.
        running: bool,
    },
    /// The link was there.
    Link {
        /// The link.
        path: PathBuf,
        /// What it pointed to.
        target: PathBuf,
    },
    /// What was in this place waits beside it.
    Place {
        /// Its place.
        path: PathBuf,
        /// Where it waits.
        kept: PathBuf,
        /// What of ours is there now.
        ours: Mark,
    },
    /// There was no such file of settings. One that somebody has changed since stays.
    Settings {
        /// The file.
        path: PathBuf,
        /// As it was written.
        sha256: Digest,
    },
    /// The other way round, for an uninstall that is taken back: what is in this place
    /// waited beside it, and ours, which waits now, was there.
    Displaced {
        /// The place.
        path: PathBuf,
        /// Where theirs waited.
        kept: PathBuf,
        /// Where ours waits.
        trash: PathBuf,
    },
}

/// How ours is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// Nothing of ours is there.
    Nothing,
    /// This link.
    Link {
        /// What it points to.
        target: PathBuf,
    },
    /// A file, which updates write anew.
    File,
}

impl Ours {
    fn mark(&self) -> Mark {
        match self {
            Ours::Nothing => Mark::Nothing,
            Ours::Link { target } => Mark::Link { target: target.clone() },
            Ours::Text { .. } => Mark::File,
        }
    }

    /// Whether exactly this is in a place already.
    fn is_at(&self, path: &Path) -> Result<bool, Error> {
        Ok(match self {
            Ours::Nothing => !disk::is_there(path)?,
            Ours::Link { target } => disk::link_target(path)?.as_ref() == Some(target),
            Ours::Text { text, .. } => {
                let is_file = path.symlink_metadata().is_ok_and(|meta| meta.is_file());
                is_file && crate::fetch::digest_of(path)? == Some(Digest::of(text.as_bytes()))
            }
        })
    }

    fn put(&self, path: &Path) -> Result<(), Error> {
        match self {
            Ours::Nothing => {}
            Ours::Link { target } => disk::link(path, target)?,
            Ours::Text { text, mode } => disk::write(path, text.as_bytes(), *mode)?,
        }
        Ok(())
    }
}

impl Retire {
    pub(super) fn prepare(&self) -> Result<Undo, Error> {
        let what = match self {
            Retire::Unit { name, user } => {
                let running = manager::is_running(name, *user)?;
                Reinstate::Unit { name: name.clone(), user: *user, running }
            }
            Retire::Link { path } => match disk::link_target(path)? {
                Some(target) => Reinstate::Link { path: path.clone(), target },
                None => return Ok(Undo::Nothing),
            },
            Retire::Place { path, kept, ours } => {
                if !disk::is_there(path)? {
                    return Ok(absent(path, ours));
                }
                if disk::is_there(kept)? {
                    let (path, kept) = (path.clone(), kept.clone());
                    return Err(adopt::Error::InTheWay { path, kept }.into());
                }
                Reinstate::Place { path: path.clone(), kept: kept.clone(), ours: ours.mark() }
            }
            // What somebody wrote meanwhile is left to them, which `apply` sees, too.
            Retire::Settings { path, .. } if disk::is_there(path)? => return Ok(Undo::Nothing),
            Retire::Settings { path, text } => {
                let sha256 = Digest::of(text.as_bytes());
                Reinstate::Settings { path: path.clone(), sha256 }
            }
            Retire::Reload { .. } => return Ok(Undo::Nothing),
        };
        Ok(Undo::Reinstate { what })
    }

    pub(super) fn apply(&self) -> Result<(), Error> {
        match self {
            Retire::Unit { name, user } => manager::stop(name, *user)?,
            Retire::Link { path } => {
                if disk::link_target(path)?.is_some() {
                    disk::remove_file(path)?;
                }
                disk::sync_above(path)?;
            }
            Retire::Place { path, kept, ours } => {
                // Done already when an earlier try was cut off.
                if !disk::is_there(kept)? && disk::is_there(path)? && !ours.is_at(path)? {
                    disk::rename(path, kept)?;
                }
                ours.put(path)?;
            }
            Retire::Settings { path, text } => {
                if !disk::is_there(path)? {
                    disk::write(path, text.as_bytes(), 0o644)?;
                }
            }
            Retire::Reload { user } => manager::reload(*user)?,
        }
        Ok(())
    }

    /// Whether it is bookkeeping.
    pub(super) fn is_minor(&self) -> bool {
        matches!(self, Retire::Reload { .. } | Retire::Link { .. })
    }

    /// The line that people read.
    pub(super) fn describe(&self) -> String {
        match self {
            Retire::Unit { name, .. } => format!("stop the service {name}"),
            Retire::Link { path } => {
                format!("start it by itself no more: take away {}", path.display())
            }
            Retire::Place { path, kept, ours } => {
                let then = match ours {
                    Ours::Nothing => String::new(),
                    Ours::Link { target } => format!(", and link it to {}", target.display()),
                    Ours::Text { .. } => ", and write ours in its place".to_owned(),
                };
                format!("keep {} as {}{then}", path.display(), kept.display())
            }
            Retire::Settings { path, .. } => format!("write its settings into {}", path.display()),
            Retire::Reload { .. } => "have systemd read its files again".to_owned(),
        }
    }
}

/// The way back where nothing was in the place any more.
fn absent(path: &Path, ours: &Ours) -> Undo {
    let path = path.to_owned();
    match ours {
        Ours::Nothing => Undo::Nothing,
        Ours::Link { .. } => Undo::SetLink { path, target: None },
        Ours::Text { .. } => Undo::RemoveFile { path },
    }
}

/// What is left to somebody is told.
fn tell(sink: &dyn Sink, what: &str, hint: &str) {
    sink.event(&Event::Noted { what, hint: Some(hint), code: Some("W_UPSTREAM") });
}

#[cfg(test)]
mod tests;
