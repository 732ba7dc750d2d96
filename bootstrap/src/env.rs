//! What the process was started with, read once. Plain data: tests make their
//! own, and nothing below this module asks the operating system for it again.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;

/// Words, variables and places of this process.
#[derive(Debug, Clone, Default)]
pub struct Env {
    /// `argv[0]`: by which name this program was called.
    pub name: OsString,
    /// The words after it.
    pub args: Vec<OsString>,
    /// Every variable.
    pub vars: BTreeMap<OsString, OsString>,
    /// The folder it was started in.
    pub cwd: PathBuf,
    /// This executable, links resolved.
    pub exe: PathBuf,
    /// Whether a person can be asked: both ends are a terminal.
    pub can_ask: bool,
    /// Whether errors and progress go to a terminal.
    pub stderr_tty: bool,
}

impl Env {
    /// Of this process.
    pub fn capture() -> Env {
        let mut args = std::env::args_os();
        let name = args.next().unwrap_or_default();
        let exe = loop {
            match std::env::current_exe() {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                // The name cannot be read; the kernel still shows the program there.
                exe => break exe.unwrap_or_else(|_| PathBuf::from("/proc/self/exe")),
            }
        };
        let stderr_tty = std::io::stderr().is_terminal();
        Env {
            name,
            args: args.collect(),
            vars: std::env::vars_os().collect(),
            cwd: std::env::current_dir().unwrap_or_default(),
            exe: exe.canonicalize().unwrap_or(exe),
            can_ask: std::io::stdin().is_terminal() && stderr_tty,
            stderr_tty,
        }
    }

    /// A variable; empty counts as not set.
    pub fn var(&self, name: &str) -> Option<&OsString> {
        self.vars.get(&OsString::from(name)).filter(|value| !value.is_empty())
    }

    /// A variable that names a folder; relative ones count as not set, as the
    /// XDG base directory specification asks.
    pub fn dir(&self, name: &str) -> Option<PathBuf> {
        self.var(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }

    /// The user's home.
    pub fn home(&self) -> Option<PathBuf> {
        self.dir("HOME").or_else(|| self.dir("USERPROFILE"))
    }
}
