//! Commands that run while a test does something else, and waiting with an end.

use crate::{Lie, Origin, Outcome, World};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Whatever takes longer than this is not going to happen.
const PATIENCE: Duration = Duration::from_secs(25);

/// Waits until it is so; stops the test when it never is.
#[track_caller]
pub fn until(what: &str, is_so: impl FnMut() -> bool) {
    assert!(came(is_so), "it never came to this: {what}");
}

fn came(mut is_so: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        if Instant::now() > end {
            return false;
        }
        thread::sleep(Duration::from_millis(10));
    }
    true
}

/// A running command; it is killed with the value.
pub struct Running {
    line: String,
    child: Option<Child>,
}

impl Running {
    /// Starts it as a terminal does.
    pub fn start(command: Command) -> Running {
        Running::start_as_it_is(hearing(&command, "--default-signal"))
    }

    /// Starts it with the signals that it has.
    pub fn start_as_it_is(mut command: Command) -> Running {
        let line = format!("{command:?}");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Running { line, child: Some(command.spawn().unwrap()) }
    }

    /// The same, and what it says goes to this file, where it can be read meanwhile.
    pub fn start_said(command: Command, said: &std::path::Path) -> Running {
        let line = format!("{command:?}");
        let mut command = hearing(&command, "--default-signal");
        let file = std::fs::File::create(said).unwrap();
        command.stdout(file.try_clone().unwrap()).stderr(file);
        Running { line, child: Some(command.spawn().unwrap()) }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().unwrap().try_wait().unwrap().is_none()
    }

    /// Sends it a signal by its name, such as `INT`.
    pub fn signal(&self, name: &str) {
        let words = [&format!("-{name}"), &self.id().to_string()];
        assert!(Command::new("kill").args(words).status().unwrap().success());
    }

    /// Waits for its end; it must come.
    #[track_caller]
    pub fn end(mut self) -> Outcome {
        let mut child = self.child.take().unwrap();
        if !came(|| child.try_wait().unwrap().is_some()) {
            let _ = child.kill();
            let outcome = Outcome::new(self.line.clone(), child.wait_with_output().unwrap());
            panic!("it did not end by itself: {outcome:?}");
        }
        Outcome::new(self.line.clone(), child.wait_with_output().unwrap())
    }

    /// Ends it as a power cut would.
    pub fn kill(mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The command as a terminal starts it (`--default-signal`), whatever this test run
/// inherited; or as `nohup` and scripts do (`--ignore-signal`).
pub fn hearing(command: &Command, how: &str) -> Command {
    let mut heard = Command::new("env");
    heard.arg(format!("{how}=INT,TERM,HUP"));
    heard.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    let vars: Vec<_> = command.get_envs().collect();
    if !vars.is_empty() {
        heard.env_clear(); // as the command of a world
    }
    heard.envs(vars.into_iter().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        heard.current_dir(folder);
    }
    heard
}

/// The bootstrapper with these words, from a server that falls silent after so
/// many bytes of every blob; it waits in such a download when this returns.
pub fn stalled(world: &World, words: &[&str], after: u64) -> (Origin, Running) {
    let origin = Origin::of(&world.depot());
    origin.lie("blob/", Lie::Stall(after));
    let mut command = world.command(world.setup());
    command.env("OFFGRID_SETUP_SOURCE", origin.url()).args(words);
    let mut running = Running::start(command);
    // Sent is not yet received: what counts is what lies on the disk.
    let kept = || {
        let blobs = std::fs::read_dir(world.prefix().join("blobs")).into_iter().flatten();
        blobs.flatten().any(|blob| blob.metadata().is_ok_and(|meta| meta.len() >= after))
    };
    let waits = || kept() && origin.seen().iter().any(|seen| seen.sent == after);
    until("a download stalls", || waits() || !running.is_running());
    if !waits() {
        panic!("no download stalled: {:?}", running.end());
    }
    (origin, running)
}

/// Whether an engine of this folder serves: not one that only says its version.
pub fn engine_runs(folder: &std::path::Path) -> bool {
    programs_under(folder).iter().any(|id| {
        let words = std::fs::read_to_string(format!("/proc/{id}/cmdline"));
        words.is_ok_and(|words| words.contains("--port"))
    })
}

/// Waits until no program of this folder runs; ends those that stay.
#[track_caller]
pub fn none_stays(folder: &std::path::Path) {
    if came(|| programs_under(folder).is_empty()) {
        return;
    }
    let left = programs_under(folder);
    for id in &left {
        let _ = Command::new("kill").args(["-KILL", &id.to_string()]).status();
    }
    panic!("{left:?} ran on");
}

/// The processes whose program lies under this folder.
pub fn programs_under(folder: &std::path::Path) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| {
            let exe = std::fs::read_link(entry.path().join("exe")).ok()?;
            exe.starts_with(folder).then(|| entry.file_name().to_str()?.parse().ok()).flatten()
        })
        .collect()
}
