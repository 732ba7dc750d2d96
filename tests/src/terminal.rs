//! A terminal of its own, by script(1): what is seen on it, and who types.

use crate::World;
use crate::process::{hearing, until};
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Stdio};

/// A command on a terminal.
pub struct Terminal {
    script: Child,
    /// What is seen on it, and the exit code at the end.
    seen: PathBuf,
    code: PathBuf,
    /// How much of it was waited for.
    at: usize,
}

impl Terminal {
    /// The bootstrapper with these words, from the depot as a folder.
    pub fn start(world: &World, words: &str) -> Terminal {
        let depot = world.depot();
        let line = format!("'{}' {words}", world.setup().display());
        Terminal::shell(world, &line, &[("OFFGRID_SETUP_SOURCE", depot.to_str().unwrap())])
    }

    /// A line of shell, with these variables.
    pub fn shell(world: &World, line: &str, vars: &[(&str, &str)]) -> Terminal {
        let (seen, code) = (world.path("seen"), world.path("code"));
        let _ = fs::remove_file(&code);
        let _ = fs::remove_file(&seen);
        // This shell outlives a terminal that closes, to say how the program ended: a
        // signal that is caught is none for what a shell starts. The outer one, whose
        // terminal it is, ends with it, and by that the system tells all others.
        let keeper = world.path("keeper.sh");
        let shown = code.display();
        let text = format!(
            "trap : HUP INT\n{line}\necho $? >'{shown}.part'\nmv '{shown}.part' '{shown}'\n"
        );
        fs::write(&keeper, text).unwrap();
        let line = format!("sh '{}'; true", keeper.display());
        let mut script = world.command("script");
        script.envs(vars.iter().copied()).env("SHELL", "/bin/sh");
        script.env("TERM", "xterm").args(["-qfec", &line]).arg(&seen);
        let mut script = hearing(&script, "--default-signal");
        script.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Terminal { script: script.spawn().unwrap(), seen, code, at: 0 }
    }

    /// Everything so far.
    pub fn seen(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.seen).unwrap_or_default()).into_owned()
    }

    /// Waits until this is seen.
    #[track_caller]
    pub fn sees(&mut self, what: &str) {
        until(what, || self.seen().contains(what) || self.is_over());
        assert!(self.seen().contains(what), "{what}: {}", self.seen());
    }

    /// Waits until this is seen after all that was waited for, and types.
    #[track_caller]
    pub fn answers(&mut self, what: &str, keys: &str) {
        let at = self.at;
        let after = |seen: &str| seen.get(at..).and_then(|rest| rest.find(what));
        until(what, || after(&self.seen()).is_some() || self.is_over());
        let found = after(&self.seen());
        self.at += found.unwrap_or_else(|| panic!("{what}: {}", self.seen())) + what.len();
        self.types(keys);
    }

    /// Keys are typed.
    pub fn types(&mut self, keys: &str) {
        self.script.stdin.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// As when a window is closed.
    pub fn close(&mut self) {
        self.script.kill().unwrap();
        self.script.wait().unwrap();
    }

    /// Whether the command is over.
    pub fn has_ended(&self) -> bool {
        self.code.exists()
    }

    /// The same, and nothing more will be seen.
    fn is_over(&mut self) -> bool {
        self.has_ended() && self.script.try_wait().unwrap().is_some()
    }

    /// Its exit code, at its end.
    #[track_caller]
    pub fn code(&self) -> String {
        until("it ended", || self.has_ended());
        fs::read_to_string(&self.code).unwrap().trim().to_owned()
    }

    /// Ends with this code; everything that was seen.
    #[track_caller]
    pub fn ends(&mut self, code: &str) -> String {
        until("it ended", || self.is_over());
        assert_eq!(self.code(), code, "{}", self.seen());
        self.seen()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}
