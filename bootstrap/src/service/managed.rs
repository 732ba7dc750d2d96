//! The service as its manager knows it: registered, enabled, started, and what it
//! is now. Owns which back end is meant and what it is asked; the back end says how
//! that is typed, and `act` types it.
//!
//! Never writes a unit: steps do. Never decides whether there is to be a service.

use super::account::NAME;
use super::backend::{Account, Backend, Definition, Listen, State, Wanted, backend};
use super::{Error, act, state};
use crate::env::Env;
use crate::settings::ServiceKind;
use crate::store::Store;
use crate::{disk, platform, schedule};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// How long a manager may take until the supervisor says that it is there.
const UP: Duration = Duration::from_secs(30);

/// Of the end of a log at most this is read.
const LOG_MAX: u64 = 1024 * 1024;

/// A service that a manager knows, or is to know. What a journal holds of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Managed {
    /// Which manager.
    pub kind: ServiceKind,
    /// Whose, where it is a user's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<PathBuf>,
    /// That user's folder of settings, where the manager looks for units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<PathBuf>,
    /// Whether it is what asks for updates from time to time, and not the app.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub timer: bool,
}

impl Managed {
    fn backend(&self) -> Result<&'static dyn Backend, Error> {
        let kind = || Error::NoManager { kind: self.kind.name().to_owned() };
        backend(self.kind).ok_or_else(kind)
    }

    /// Whether there is such a manager here.
    pub(super) fn is_known(&self) -> bool {
        backend(self.kind).is_some()
    }

    /// What it is called where there may be two.
    pub fn name(&self) -> String {
        format!("{}{}", self.kind.name(), if self.timer { " timer" } else { "" })
    }

    /// The same manager, for what asks for updates.
    pub fn timer(&self) -> Managed {
        Managed { timer: true, ..self.clone() }
    }

    /// Its files and commands; the files of a service depend on settings, those of a timer
    /// do not. And where its log is.
    pub(crate) fn definition(&self, store: &Store) -> Result<Definition, Error> {
        let program = store.program();
        let nowhere = Path::new("/");
        let account =
            Account { user: NAME.to_owned(), groups: Vec::new(), home: nowhere.to_owned() };
        let account = Some(&account).filter(|_| self.home.is_none());
        let wanted = Wanted {
            prefix: store.prefix(),
            program: &program,
            config: self.config.as_deref().unwrap_or(nowhere),
            models: nowhere,
            account,
            home: self.home.as_deref(),
            uid: platform::user().map(|(uid, _)| uid),
            port: super::PORT,
            listen: Listen::Loopback,
            drain: 0,
        };
        if self.timer {
            let machine = disk::read(&store.id(), 1024).ok().flatten().unwrap_or_default();
            let machine = String::from_utf8_lossy(&machine);
            let none = || Error::NoManager { kind: self.kind.name().to_owned() };
            return schedule::definition(self.kind, &wanted, machine.trim()).ok_or_else(none);
        }
        Ok(self.backend()?.definition(&wanted)?)
    }

    /// What the manager says of it.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn state(&self, store: &Store) -> Result<State, Error> {
        let definition = self.definition(store)?;
        let answers = act::ask(&definition.commands.query, &Env::capture(), &|| false)?;
        if self.timer {
            return Ok(schedule::state(self.kind, &answers));
        }
        Ok(self.backend()?.state(&answers))
    }

    /// Has the manager read its files again.
    ///
    /// # Errors
    /// What the manager said.
    pub fn reload(&self, store: &Store) -> Result<(), Error> {
        act::run_all(&self.definition(store)?.commands.reload)
    }

    /// Has it start with the system or the session, or no longer.
    ///
    /// # Errors
    /// What the manager said.
    pub fn enable(&self, store: &Store, on: bool) -> Result<(), Error> {
        let commands = self.definition(store)?.commands;
        act::run_all(if on { &commands.enable } else { &commands.disable })
    }

    /// Starts it and waits until the supervisor says that it is there.
    ///
    /// # Errors
    /// What the manager said; `E_HEALTH` when no supervisor came.
    pub fn start(&self, store: &Store) -> Result<(), Error> {
        act::run_all(&self.definition(store)?.commands.start)?;
        self.wait(store, None)
    }

    /// Ends it and starts it.
    ///
    /// # Errors
    /// As [`Managed::start`].
    pub fn restart(&self, store: &Store) -> Result<(), Error> {
        let before = state(store).running;
        act::run_all(&self.definition(store)?.commands.restart)?;
        self.wait(store, before)
    }

    /// Ends it.
    ///
    /// # Errors
    /// What the manager said.
    pub fn stop(&self, store: &Store) -> Result<(), Error> {
        act::run_all(&self.definition(store)?.commands.stop)
    }

    /// Its last lines, as the manager keeps them.
    ///
    /// # Errors
    /// What the manager said.
    pub fn logs(&self, store: &Store, lines: usize) -> Result<String, crate::Error> {
        let definition = self.definition(store)?;
        if let Some(path) = definition.log {
            return Ok(disk::last_lines(&path, lines, LOG_MAX)?.join("\n"));
        }
        let mut commands = definition.commands.logs;
        for words in &mut commands {
            words.pop();
            words.push(lines.to_string());
        }
        let answers = act::ask(&commands, &Env::capture(), &|| false).map_err(Error::from)?;
        Ok(answers.into_iter().map(|answer| answer.text).collect())
    }

    /// Until a supervisor other than this one runs.
    fn wait(&self, store: &Store, other_than: Option<u32>) -> Result<(), Error> {
        let until = Instant::now() + UP;
        loop {
            let running = state(store).running;
            if running.is_some() && running != other_than {
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(Error::NotUp { kind: self.kind.name().to_owned(), limit: UP });
            }
            thread::sleep(super::LOOK);
        }
    }
}
