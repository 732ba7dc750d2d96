//! What a service manager is told, as plain data: files, commands, and how its
//! answer is read. Owns the types; each manager is a file beside this one.
//!
//! Never runs a command and never writes a file: `act` and steps do. So the data
//! of every system is tested on each.
//!
//! What a manager starts is always our own supervisor (`service run`), so that no
//! file here names a slot, and an update changes none of them.

use crate::settings::ServiceKind;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Who may reach the app.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Listen {
    /// This computer alone.
    #[default]
    Loopback,
    /// Everybody who can reach this computer.
    Lan,
}

impl Listen {
    /// Whether it is what nobody has to ask for.
    pub fn is_loopback(&self) -> bool {
        *self == Listen::Loopback
    }
}

/// The user that a service of the whole system runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Of the user and of its group.
    pub user: String,
    /// Groups that own the GPUs' device nodes here, those that exist: `render`, `video`.
    pub groups: Vec<String>,
    /// Its home.
    pub home: PathBuf,
}

/// What is wanted of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The prefix.
    pub prefix: &'a Path,
    /// The installed program, `PREFIX/bin/offgrid`.
    pub program: &'a Path,
    /// Folder of `offgrid.env` and `setup.toml`.
    pub config: &'a Path,
    /// The models folder.
    pub models: &'a Path,
    /// None: it runs as the user who installs it, for that user alone.
    pub account: Option<&'a Account>,
    /// The user's own folder, for what is registered there; none in system scope.
    pub home: Option<&'a Path>,
    /// The user's number, where users are numbers.
    pub uid: Option<u32>,
    /// Where the app is to be found.
    pub port: u16,
    /// By whom.
    pub listen: Listen,
    /// For requests under way when another slot takes over, in seconds.
    pub drain: u64,
}

/// A file that a manager reads. Ours, and made anew whenever it changes; people's own
/// settings are in `offgrid.env` and in drop-ins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitFile {
    /// Where.
    pub path: PathBuf,
    /// All of it.
    pub text: String,
    /// Permission bits.
    pub mode: u32,
}

/// One command: a program's name, and its words.
pub type Words = Vec<String>;

/// What to type for each verb; several commands one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commands {
    /// Have the manager read its files again.
    pub reload: Vec<Words>,
    /// Start it with the system, or with the user's session.
    pub enable: Vec<Words>,
    /// No longer.
    pub disable: Vec<Words>,
    /// Start it now.
    pub start: Vec<Words>,
    /// End it.
    pub stop: Vec<Words>,
    /// End it and start it.
    pub restart: Vec<Words>,
    /// Say how it is; [`Backend::state`] reads the answer.
    pub query: Vec<Words>,
    /// Show its last lines; the last word is how many.
    pub logs: Vec<Words>,
}

/// Files and commands of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Definition {
    /// In the order in which they are written.
    pub files: Vec<UnitFile>,
    /// What to type.
    pub commands: Commands,
}

/// What a manager says of a service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct State {
    /// Whether the manager knows it.
    pub known: bool,
    /// Whether it runs.
    pub running: bool,
    /// Whether it was given up after failures.
    pub failed: bool,
    /// Whether it starts with the system or the session.
    pub autostart: bool,
}

/// The answer of one query command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Exit status; none when it was ended by a signal.
    pub status: Option<i32>,
    /// Its standard output.
    pub text: String,
}

/// The back end of a kind.
pub fn backend(_kind: ServiceKind) -> Option<&'static dyn Backend> {
    None
}

/// One kind of service manager. Pure.
pub trait Backend: Sync {
    /// Which.
    fn kind(&self) -> ServiceKind;
    /// What it has to be told.
    fn definition(&self, wanted: &Wanted<'_>) -> Definition;
    /// What it said, one answer for each command of [`Commands::query`].
    fn state(&self, answers: &[Answer]) -> State;
}
