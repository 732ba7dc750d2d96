//! What a service manager is told, as plain data: files, commands, and how its
//! answer is read. Owns the types; each manager is a file beside this one.
//!
//! Never runs a command and never writes a file: `act` and steps do. So the data
//! of every system is tested on each.
//!
//! What a manager starts is always our own supervisor (`service run`), so that no
//! file here names a slot, and an update changes none of them.

use super::{launchd, systemd};
use crate::settings::ServiceKind;
use offgrid_manifest::Code;
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

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Listen::Loopback => "loopback",
            Listen::Lan => "lan",
        }
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

impl Account {
    /// The user's name, which is a plain word.
    pub(super) fn user(&self) -> Result<&str, Unfit> {
        is_name(&self.user).then_some(self.user.as_str()).ok_or(Unfit::Account)
    }

    /// The groups' names.
    pub(super) fn groups(&self) -> Result<&[String], Unfit> {
        let plain = self.groups.iter().all(|group| is_name(group));
        plain.then_some(self.groups.as_slice()).ok_or(Unfit::Account)
    }
}

fn is_name(text: &str) -> bool {
    let in_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !text.is_empty() && !text.starts_with('-') && text.chars().all(in_name)
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

/// One command: a program's name, and its words. One that begins with [`MAY_FAIL`]
/// may end with any status.
pub type Words = Vec<String>;

/// The word before a command whose status means nothing.
pub const MAY_FAIL: &str = "-";

/// What to type for each verb; several commands one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commands {
    /// Have the manager read its files again; or, where no file tells it, tell it.
    pub reload: Vec<Words>,
    /// Take back what `reload` told a manager that reads no files of ours.
    pub forget: Vec<Words>,
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
    /// The file with what the service said, where no command shows it.
    pub log: Option<PathBuf>,
}

/// What a manager says of a service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct State {
    /// Whether the manager knows it.
    pub known: bool,
    /// Whether it runs.
    pub running: bool,
    /// The process that the manager has started, while it runs; none where it is not told.
    pub pid: Option<u32>,
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

/// What no file of a manager can say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A path with a line break, or one that is not text.
    #[error("`{}` cannot be written into the file of a service", .0.display())]
    Path(PathBuf),
    /// A service of the whole system needs a user of its own.
    #[error("a service of the whole system needs a user of its own with a plain name")]
    Account,
    /// A service of one user needs its home, and its number.
    #[error("it is not known whose service this is to be")]
    Home,
}

impl Unfit {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Unfit::Path(_) | Unfit::Account => Code::Usage,
            Unfit::Home => Code::Unsupported,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Unfit::Path(_) => "take a folder whose name has no line breaks and no bytes that \
                               are not text"
                .to_owned(),
            Unfit::Account => return None,
            Unfit::Home => "set HOME, or take `--service none`".to_owned(),
        })
    }
}

/// A path as text that stays on its line. Everything that is written into a file of a
/// manager goes through here.
pub(super) fn text_of(path: &Path) -> Result<&str, Unfit> {
    let text = path.to_str().filter(|text| !text.chars().any(char::is_control));
    text.ok_or_else(|| Unfit::Path(path.to_owned()))
}

/// The words of a command line.
pub(super) fn words<const N: usize>(line: [&str; N]) -> Words {
    line.map(str::to_owned).to_vec()
}

/// One kind of service manager. Pure.
pub trait Backend: Sync {
    /// Which.
    fn kind(&self) -> ServiceKind;
    /// What it has to be told.
    ///
    /// # Errors
    /// [`Unfit`], which is never told: a path that could end its line would be a
    /// setting of the unit.
    fn definition(&self, wanted: &Wanted<'_>) -> Result<Definition, Unfit>;
    /// What it said, one answer for each command of [`Commands::query`].
    fn state(&self, answers: &[Answer]) -> State;
}

/// The back end of a kind; none where nothing is registered.
pub fn backend(kind: ServiceKind) -> Option<&'static dyn Backend> {
    Some(match kind {
        ServiceKind::Systemd => &systemd::SYSTEM,
        ServiceKind::SystemdUser => &systemd::USER,
        ServiceKind::Openrc => &super::openrc::Openrc,
        ServiceKind::Launchd => &launchd::DAEMON,
        ServiceKind::LaunchdAgent => &launchd::AGENT,
        ServiceKind::Windows => &super::windows::Windows,
        ServiceKind::Auto | ServiceKind::Supervise | ServiceKind::None => return None,
    })
}
