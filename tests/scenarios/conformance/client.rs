//! The client under test: the program, a state folder, and a depot that a
//! simulator writes.

use e2e::simulator::{BEGAN, DAY, Files, Simulator, write};
use e2e::world::finish;
use e2e::{Outcome, programs};
use offgrid_manifest::Time;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A client in a folder of its own.
pub(super) struct Client {
    room: tempfile::TempDir,
}

impl Client {
    /// One that knows nothing yet.
    pub(super) fn new() -> Client {
        let shm = Path::new("/dev/shm");
        let parent = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
        let room = tempfile::Builder::new().prefix("offgrid-trust-").tempdir_in(parent).unwrap();
        Client { room }
    }

    /// One that begins with root 1 of this depot, which lies in [`Client::depot`].
    #[track_caller]
    pub(super) fn of(depot: &Simulator) -> Client {
        let client = Client::new();
        client.publish(depot);
        client.init(&client.depot().join("root/1.json")).expect(0);
        client
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.room.path().join(name)
    }

    /// Where the depot lies.
    pub(super) fn depot(&self) -> PathBuf {
        self.path("depot")
    }

    /// The depot is now as the simulator says.
    pub(super) fn publish(&self, depot: &Simulator) {
        depot.write(&self.depot());
    }

    /// Another depot in a folder of its own; its path.
    pub(super) fn other(&self, name: &str, files: &Files) -> String {
        write(files, &self.path(name));
        self.path(name).display().to_string()
    }

    /// `trust init` with this root.
    pub(super) fn init(&self, root: &Path) -> Outcome {
        self.trust("init", &["--root", root.to_str().unwrap()])
    }

    /// `trust refresh` from the folder, by variable: a folder that is typed would be
    /// a kit.
    pub(super) fn refresh(&self, days: u64) -> Outcome {
        self.refresh_from(&self.depot().display().to_string(), days, &[])
    }

    /// The same from these sources and with more words.
    pub(super) fn refresh_from(&self, sources: &str, days: u64, words: &[&str]) -> Outcome {
        self.from(sources, "refresh", days, words)
    }

    /// `trust download` of this name into `into`.
    pub(super) fn download(&self, sources: &str, name: &str) -> Outcome {
        let into = self.path("into").display().to_string();
        self.from(sources, "download", 0, &["--target", name, "--into", &into])
    }

    fn from(&self, sources: &str, verb: &str, days: u64, words: &[&str]) -> Outcome {
        let now = Time::from_unix(BEGAN + days * DAY).to_string();
        let mut all = vec!["--now", &now];
        all.extend(words);
        let mut command = self.command(verb, &all);
        command.env("OFFGRID_SETUP_SOURCE", sources);
        finish(command)
    }

    /// Any verb of `trust` with `--state` and `--json`.
    pub(super) fn trust(&self, verb: &str, words: &[&str]) -> Outcome {
        finish(self.command(verb, words))
    }

    fn command(&self, verb: &str, words: &[&str]) -> Command {
        let mut command = Command::new(programs::program("offgrid-setup"));
        command.env_clear().env("HOME", self.room.path()).env("OFFGRID_SETUP_SCOPE", "user");
        command.current_dir(self.room.path());
        command.args(["trust", verb, "--json", "--state"]).arg(self.path("state")).args(words);
        command
    }

    /// What is remembered: `trust show --json`.
    pub(super) fn shown(&self) -> Value {
        self.trust("show", &[]).expect(0).events().pop().unwrap()
    }

    /// The remembered versions of root, head and channel `stable`; 0 for none.
    pub(super) fn versions(&self) -> (u64, u64, u64) {
        let shown = self.shown();
        let number = |value: &Value| value["version"].as_u64().unwrap_or(0);
        (number(&shown["root"]), number(&shown["head"]), number(&shown["channels"]["stable"]))
    }
}
