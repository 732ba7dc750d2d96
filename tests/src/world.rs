//! One world for one test: a home, a depot, the stamped program.

use crate::programs::program;
use crate::{Outcome, Snapshot, base, service};
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// For one command; far more than any needs.
const LIMIT: Duration = Duration::from_secs(240);

/// A temporary world; gone with the value.
pub struct World {
    root: tempfile::TempDir,
    servers: Vec<Child>,
}

impl World {
    /// With the depot in which stable offers 0.1.0.
    pub fn new() -> World {
        World::with("depot-1")
    }

    /// With the depot in which stable offers 0.2.0.
    pub fn newer() -> World {
        World::with("depot-2")
    }

    /// With a depot of the base.
    pub fn with(depot: &str) -> World {
        // In memory where there is room: durable writes cost nothing there.
        let shm = Path::new("/dev/shm");
        let parent = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
        let root = tempfile::Builder::new().prefix("offgrid-e2e-").tempdir_in(parent).unwrap();
        let world = World { root, servers: Vec::new() };
        fs::create_dir(world.home()).unwrap();
        fs::write(world.home().join("a file of the user's"), "untouched\n").unwrap();
        base::copy_tree(&base::folder().join(depot), &world.depot());
        // By `cp`: a file that this process wrote may be held open for writing by
        // a child that another test is just starting, and then cannot be run.
        base::copy_tree(&base::folder().join("offgrid-setup"), &world.setup());
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn home(&self) -> PathBuf {
        self.path("home")
    }

    pub fn depot(&self) -> PathBuf {
        self.path("depot")
    }

    /// The downloaded bootstrapper.
    pub fn setup(&self) -> PathBuf {
        self.path("offgrid-setup")
    }

    pub fn prefix(&self) -> PathBuf {
        self.home().join(".local/share/offgrid")
    }

    /// The installed command.
    pub fn offgrid(&self) -> PathBuf {
        self.home().join(".local/bin/offgrid")
    }

    pub fn models(&self) -> PathBuf {
        self.home().join(".offgrid-llm/models")
    }

    /// Any program in this world: the home, a plain PATH, and no other variables.
    pub fn command(&self, exe: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(exe);
        command
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
            .env("LANG", "C.UTF-8")
            // Root would install for the whole system.
            .env("OFFGRID_SETUP_SCOPE", "user")
            .current_dir(self.root.path())
            .stdin(Stdio::null());
        command
    }

    /// The bootstrapper with these words, from the depot as a folder.
    pub fn run(&self, words: &[&str]) -> Outcome {
        let depot = self.depot();
        self.run_from(depot.to_str().unwrap(), words)
    }

    /// The bootstrapper with these words, from this source.
    pub fn run_from(&self, source: &str, words: &[&str]) -> Outcome {
        let mut command = self.command(self.setup());
        command.env("OFFGRID_SETUP_SOURCE", source).args(words);
        finish(command)
    }

    /// The installed `offgrid` with these words, from the depot as a folder.
    pub fn offgrid_run(&self, words: &[&str]) -> Outcome {
        let mut command = self.command(self.offgrid());
        command.env("OFFGRID_SETUP_SOURCE", self.depot()).args(words);
        finish(command)
    }

    /// Installs 0.1.0 (or what stable offers) and stops the test when that fails.
    #[track_caller]
    pub fn install(&self) {
        self.run(&["install", "--yes"]).expect(0);
    }

    /// Lets stable offer 0.2.0 (a depot of 0.1.0 becomes one of 0.2.0).
    pub fn publish_newer(&self) {
        fs::remove_dir_all(self.depot()).unwrap();
        base::copy_tree(&base::folder().join("depot-2"), &self.depot());
    }

    /// The depot over HTTP, by the real server; its address ends with `/`.
    pub fn serve(&mut self) -> String {
        let mut command = Command::new(program("offgrid-depot"));
        command.arg("serve").arg(self.depot()).args(["--listen", "127.0.0.1:0"]);
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        self.servers.push(child);
        for line in stderr.lines() {
            let line = line.unwrap();
            if let Some(at) = line.find("http://") {
                return line[at..].trim().to_owned();
            }
        }
        panic!("the depot did not say where it listens");
    }

    /// Everything in the home. Not the lock: it names the last process.
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot_but(&[])
    }

    /// The same without these files of the prefix.
    pub fn snapshot_but(&self, names: &[&str]) -> Snapshot {
        let names = names.iter().copied().chain(["state/lock"]);
        let without: Vec<String> =
            names.map(|name| format!(".local/share/offgrid/{name}")).collect();
        let without: Vec<&str> = without.iter().map(String::as_str).collect();
        Snapshot::of(&self.home(), &without)
    }

    /// Everything in the home but what an attack may leave: downloads and the lock.
    pub fn snapshot_but_downloads(&self) -> Snapshot {
        self.snapshot_but(&["blobs"])
    }
}

impl Default for World {
    fn default() -> World {
        World::new()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for server in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// Runs a command to its end; one that does not end stops the test.
pub fn finish(mut command: Command) -> Outcome {
    let line = format!("{command:?}");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap_or_else(|error| panic!("{line}: {error}"));
    let pid = child.id();
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    match ended.recv_timeout(LIMIT) {
        Ok(output) => Outcome::new(line, output.unwrap()),
        Err(_) => {
            service::signal(pid, "KILL");
            panic!("did not end within {LIMIT:?}: {line}");
        }
    }
}
