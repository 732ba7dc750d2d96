//! A home on a small disk of its own: a tmpfs in a mount namespace, which ends
//! with the value. Nothing of it is seen outside, and no rights are needed where
//! user namespaces are allowed.

use crate::{Snapshot, World};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// The disk.
pub struct Room {
    /// Keeps the namespace; it ends when its stdin does.
    holder: Child,
    home: PathBuf,
    /// Whether it is root of the whole system who mounts, and not of a namespace.
    real: bool,
}

impl Room {
    /// Over the home of a world, with these mount options. `Err` says why this
    /// system cannot do it.
    pub fn over(world: &World, options: &str) -> Result<Room, String> {
        Room::with(world, &format!("mount -t tmpfs -o {options} tmpfs \"$1\""))
    }

    /// The disk over `/opt`, and the other places that an installation for everybody
    /// uses: empty ones that only this room sees.
    pub fn for_everybody(options: &str) -> Result<Room, String> {
        let script = format!(
            "mount -t tmpfs -o {options} tmpfs \"$1\"\nfor place in /usr/local/bin /var/lib; do \
             mount -t tmpfs -o mode=755 tmpfs \"$place\"; done"
        );
        Room::start("/opt".into(), "/".into(), &script, false)
    }

    /// The same by root itself, with a cache: who may become another user.
    pub fn for_everybody_of_root() -> Result<Room, String> {
        let script = "for place in \"$1\" /usr/local/bin /var/lib /var/cache; do \
                      mount -t tmpfs -o mode=755 tmpfs \"$place\"; done";
        Room::start("/opt".into(), "/".into(), script, true)
    }

    /// What this script of the shell mounts; `$1` is the home, `$2` the world.
    pub fn with(world: &World, script: &str) -> Result<Room, String> {
        Room::start(world.home(), world.path(""), script, false)
    }

    /// The same by root itself, who may mount images of disks.
    pub fn of_root(world: &World, script: &str) -> Result<Room, String> {
        Room::start(world.home(), world.path(""), script, true)
    }

    fn start(home: PathBuf, world: PathBuf, script: &str, real: bool) -> Result<Room, String> {
        let script = format!("set -e\n{script}\necho ready\nexec cat >/dev/null");
        let mut holder = Command::new("unshare")
            .args([if real { "-m" } else { "-rm" }, "sh", "-c", &script, "sh"])
            .arg(&home)
            .arg(world)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line.trim() != "ready" {
            let output = holder.wait_with_output().unwrap();
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        let room = Room { holder, home, real };
        let entered = room.enter().arg("true").output().unwrap();
        if !entered.status.success() {
            return Err(String::from_utf8_lossy(&entered.stderr).trim().to_owned());
        }
        Ok(room)
    }

    fn enter(&self) -> Command {
        let mut command = Command::new("nsenter");
        let id = self.holder.id().to_string();
        command.args(["-t", &id, "-m"]);
        if !self.real {
            command.args(["-U", "--preserve-credentials"]);
        }
        command
    }

    /// Any program of a world, in here.
    pub fn command(&self, world: &World, exe: impl AsRef<OsStr>) -> Command {
        let (mut command, plain) = (self.enter(), world.command(&exe));
        command.env_clear().arg(&exe).stdin(Stdio::null());
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("OFFGRID_SETUP_SOURCE", world.depot());
        command
    }

    /// The home, or `/opt`, seen from outside.
    pub fn home(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(self.home.strip_prefix("/").unwrap())
    }

    /// Bytes that may still be written, as it is seen in there.
    pub fn free(&self) -> u64 {
        let mut df = self.enter();
        df.args(["df", "--output=avail", "-B1"]).arg(&self.home);
        let text = String::from_utf8(df.output().unwrap().stdout).unwrap();
        text.lines().last().unwrap().trim().parse().unwrap()
    }

    /// Everything in the home but these paths.
    pub fn snapshot(&self, without: &[&str]) -> Snapshot {
        Snapshot::of(&self.home(), without)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
