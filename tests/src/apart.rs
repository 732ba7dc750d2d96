//! A network and processes apart from those of this computer, with one address that is
//! not loopback: what listens there for everybody is reached by nobody, and what kills
//! by name kills nobody else. Ends with the value.

use crate::World;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// The address, of those that nobody has (RFC 5737).
pub const ADDRESS: &str = "192.0.2.7";

/// The place.
pub struct Apart {
    holder: Child,
    /// Its first process, by the number that it has here.
    first: u32,
}

impl Apart {
    /// `Err` says why this system cannot do it.
    pub fn new() -> Result<Apart, String> {
        let script = format!(
            "set -e; ip link set lo up; ip addr add {ADDRESS}/32 dev lo; echo ready; exec cat"
        );
        let mut holder = Command::new("unshare")
            .args(["-rnpf", "--kill-child", "--mount-proc", "sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let mut line = String::new();
        let mut said = BufReader::new(holder.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        let id = holder.id();
        let first = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        let first = first.ok().and_then(|text| text.trim().parse().ok());
        match first.filter(|_| line.trim() == "ready") {
            Some(first) => Ok(Apart { holder, first }),
            None => {
                let _ = holder.kill();
                let output = holder.wait_with_output().unwrap();
                Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
            }
        }
    }

    /// Any program of a world, in here.
    pub fn command(&self, world: &World, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        let plain = world.command("env");
        command.args(["-t", &self.first.to_string(), "-U", "-n", "-p", "-m"]);
        command.arg("--preserve-credentials").args(words).env_clear().stdin(Stdio::null());
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
    }

    /// What is found at this address, of in here; none when nobody answers.
    pub fn get(&self, world: &World, url: &str) -> Option<String> {
        let mut command = self.command(world, &["curl", "-sSg", "--max-time", "20", url]);
        let output = command.output().unwrap();
        let refused = output.status.code() == Some(7);
        assert!(output.status.success() || refused, "{url}: {output:?}");
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
