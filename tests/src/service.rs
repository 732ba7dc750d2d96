//! A supervisor of a world: started, asked, ended, and nothing left of it.

use crate::World;
use crate::http::{ask, free_port};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// For anything that another process does; far more than it needs.
pub const LIMIT: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(20);

/// Looks until something holds; stops the test when it never does.
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + LIMIT;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "{what}: not within {LIMIT:?}");
        std::thread::sleep(LOOK);
    }
}

/// `offgrid self service run` of an installed world. Whatever it started is gone
/// with the value.
pub struct Service {
    child: Child,
    /// Where the app answers.
    pub port: u16,
    root: PathBuf,
    log: PathBuf,
}

impl Service {
    /// Starts it on a port of its own and waits until the app answers.
    #[track_caller]
    pub fn start(world: &World) -> Service {
        let port = free_port();
        let config = world.home().join(".config/offgrid");
        fs::create_dir_all(&config).unwrap();
        // Only this host may talk to a test.
        let text = format!(
            "# for a test\nOFFGRID_PORT={port}\nSTANDIN_LISTEN=127.0.0.1:{port}\n\
             STANDIN_ENGINE_PORT={}\n",
            free_port()
        );
        fs::write(config.join("offgrid.env"), text).unwrap();
        Service::resume(world, port)
    }

    /// Starts it with the settings that are there.
    #[track_caller]
    pub fn resume(world: &World, port: u16) -> Service {
        let mut command = world.command(world.offgrid());
        command.args(["self", "service", "run"]);
        let mut service = Service::of(world, port, command);
        eventually("the app answers", || {
            assert!(!service.has_ended(), "the supervisor ended:\n{}", service.log());
            service.get("/livez").filter(|text| text == "ok")
        });
        service
    }

    /// A supervisor by this command, which may end at once.
    #[track_caller]
    pub fn of(world: &World, port: u16, mut command: Command) -> Service {
        let log = world.path("service.log");
        let file = File::create(&log).unwrap();
        command.stdout(file.try_clone().unwrap()).stderr(file).stdin(Stdio::null());
        let child = command.spawn().unwrap();
        let root = world.home().canonicalize().unwrap();
        Service { child, port, root, log }
    }

    /// The supervisor's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All that the supervisor and the app said.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The body of a 200.
    pub fn get(&self, path: &str) -> Option<String> {
        let (status, body) = ask(self.port, path, None).ok()?;
        (status == 200).then_some(body)
    }

    /// The version that the running app names.
    pub fn version(&self) -> Option<String> {
        let health: serde_json::Value = serde_json::from_str(&self.get("/health")?).ok()?;
        Some(health["version"].as_str()?.to_owned())
    }

    /// So many tokens from the model, through the app and its engine.
    #[track_caller]
    pub fn chat(&self) -> u64 {
        // The weights are random, and so is when they say that they have finished.
        let body = r#"{"model":"tiny","max_tokens":4,"ignore_eos":true,
            "messages":[{"role":"user","content":"hi"}]}"#;
        let (status, text) = ask(self.port, "/v1/chat/completions", Some(body)).unwrap();
        assert_eq!(status, 200, "{text}\n{}", self.log());
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
        answer["usage"]["completion_tokens"].as_u64().unwrap_or(0)
    }

    /// Whether the supervisor is gone.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits until the supervisor has ended and everything it started is gone.
    #[track_caller]
    pub fn ended(&mut self) -> ExitStatus {
        let status = eventually("the supervisor ends", || self.child.try_wait().unwrap());
        eventually("no process is left", || processes(&self.root).is_empty().then_some(()));
        status
    }

    /// Ends the supervisor alone, at once, as a crash would.
    pub fn crash(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for pid in processes(&self.root) {
            signal(pid, "KILL");
        }
    }
}

/// Sends a signal to one process.
pub fn signal(pid: u32, name: &str) {
    let status = std::process::Command::new("kill")
        .args([format!("-{name}"), pid.to_string()])
        .stderr(Stdio::null())
        .status();
    status.expect("there is no `kill`");
}

/// Processes whose executable lies under this folder: those of one world, which
/// nobody else has. Empty where the system does not show them.
pub fn processes(root: &Path) -> Vec<u32> {
    let Ok(list) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = list.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let of_world = |pid: &u32| {
        fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe.starts_with(root))
    };
    numbers.filter(of_world).collect()
}
