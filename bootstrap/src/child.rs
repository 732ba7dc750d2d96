//! How this program starts other programs: by an absolute path, in a folder
//! that is given, without input, with nothing in the environment but what is
//! given, in a process group of its own, and never for longer than it may take.
//!
//! Owns the child's end: one that has to go goes with everything it started,
//! and is reaped. Never searches PATH, never passes on our own environment, and
//! never keeps more than [`KEPT`] of what a program says.

mod said;
mod tail;

pub use said::Said;

use crate::platform;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tail::Tail;

/// What is kept of each of a program's two streams: its end.
pub const KEPT: usize = 64 * 1024;
/// PATH for programs that start others by name.
pub const PATH: &str = "/usr/bin:/bin:/usr/sbin:/sbin";
/// Between two looks at a child.
const LOOK: Duration = Duration::from_millis(20);
/// How long the streams of a child that has ended are waited for; somebody whom
/// it left behind may hold them open.
const DRAIN: Duration = Duration::from_secs(1);
/// How long a file that another thread's child still has open for writing is
/// tried again.
const BUSY: Duration = Duration::from_secs(1);

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this status.
    Exited(i32),
    /// By a signal; the words of the operating system for it.
    Signal(String),
    /// By us, because it took longer than this.
    TimedOut(Duration),
    /// By us, because it said more than so many bytes.
    Babbled(u64),
    /// By us, because we were asked to stop.
    Stopped,
}

impl Ended {
    fn of(status: ExitStatus) -> Ended {
        status.code().map_or_else(|| Ended::Signal(status.to_string()), Ended::Exited)
    }

    /// Whether it did what it was started for.
    pub fn is_success(&self) -> bool {
        *self == Ended::Exited(0)
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // What Windows says of a missing library only looks right in hex.
            Ended::Exited(code @ ..0) => write!(f, "ended with status {code:#010x}"),
            Ended::Exited(code) => write!(f, "ended with status {code}"),
            Ended::Signal(words) => write!(f, "was ended by {words}"),
            Ended::TimedOut(limit) => write!(f, "did not end within {} s", limit.as_secs_f32()),
            Ended::Babbled(most) => write!(f, "said more than {most} bytes"),
            Ended::Stopped => write!(f, "was stopped"),
        }
    }
}

/// How a program ended, and the end of what it said.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How it ended.
    pub ended: Ended,
    /// The last [`KEPT`] bytes.
    pub stdout: String,
    /// The last [`KEPT`] bytes.
    pub stderr: String,
}

impl Outcome {
    /// What it said last, for an error.
    pub fn said(&self) -> Option<Said> {
        Said::last(&self.stderr).or_else(|| Said::last(&self.stdout))
    }
}

/// A program to be started in this folder, with nothing in its environment.
pub fn command(program: &Path, cwd: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(cwd).env_clear().stdin(Stdio::null());
    // Windows cannot open a socket without it, and sets it nowhere else; every
    // child gets it, as Go does it.
    if let Some(root) = std::env::var_os("SystemRoot") {
        command.env("SystemRoot", root);
    }
    platform::own_group(&mut command);
    command
}

/// Gives a program variables. Those that change what the loader loads are left out.
pub fn give<K: AsRef<OsStr>>(command: &mut Command, vars: impl IntoIterator<Item = (K, OsString)>) {
    for (name, value) in vars {
        if !steers_loader(name.as_ref()) {
            command.env(name, value);
        }
    }
}

/// Whether a variable makes a program load other code.
pub fn steers_loader(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b"LD_") || name.starts_with(b"DYLD_")
}

/// Starts a program; one that was written a moment ago may need a second try.
///
/// # Errors
/// Any; a relative path is one.
pub fn spawn(command: &mut Command) -> io::Result<Child> {
    if !Path::new(command.get_program()).is_absolute() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "not an absolute path"));
    }
    let until = Instant::now() + BUSY;
    loop {
        match command.spawn() {
            Err(error)
                if error.kind() == ErrorKind::ExecutableFileBusy && Instant::now() < until =>
            {
                thread::sleep(LOOK);
            }
            result => return result,
        }
    }
}

/// Runs a program to its end, or to ours: when it takes longer than `limit`, or
/// when `stop` says so.
///
/// # Errors
/// When it could not be started at all.
pub fn run(command: Command, limit: Duration, stop: &dyn Fn() -> bool) -> io::Result<Outcome> {
    run_within(command, limit, u64::MAX, stop)
}

/// The same for a program that nobody vouches for: also to our end when it says more
/// than so many bytes on one of its streams.
///
/// # Errors
/// As [`run`].
pub fn run_within(
    command: Command,
    limit: Duration,
    most: u64,
    stop: &dyn Fn() -> bool,
) -> io::Result<Outcome> {
    Background::start(command)?.follow(limit, most, stop)
}

/// The same for a command of a service manager, which leaves running what it started.
///
/// # Errors
/// As [`run`].
pub fn run_and_leave(
    command: Command,
    limit: Duration,
    stop: &dyn Fn() -> bool,
) -> io::Result<Outcome> {
    let mut child = Background::start(command)?;
    child.leaves = true;
    child.follow(limit, u64::MAX, stop)
}

/// A program that runs until it is not needed any more: dropping this ends it
/// and everything it started, and reaps it.
#[derive(Debug)]
pub struct Background {
    child: Child,
    ended: Option<Ended>,
    /// Whether what it started goes on when it has ended.
    leaves: bool,
    stdout: Tail,
    stderr: Tail,
}

impl Background {
    /// Starts it.
    ///
    /// # Errors
    /// Any.
    pub fn start(mut command: Command) -> io::Result<Background> {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        platform::ends_with_us(&mut command);
        let mut child = spawn(&mut command)?;
        let (stdout, stderr) = (Tail::of(child.stdout.take()), Tail::of(child.stderr.take()));
        Ok(Background { child, ended: None, leaves: false, stdout, stderr })
    }

    /// To its end, or to ours.
    fn follow(
        mut self,
        limit: Duration,
        most: u64,
        stop: &dyn Fn() -> bool,
    ) -> io::Result<Outcome> {
        let until = Instant::now() + limit;
        let mut pause = Duration::from_millis(1);
        let ended = loop {
            if self.stdout.said() > most || self.stderr.said() > most {
                break Ended::Babbled(most);
            }
            if let Some(ended) = self.ended() {
                break ended;
            }
            if stop() {
                break Ended::Stopped;
            }
            if Instant::now() >= until {
                break Ended::TimedOut(limit);
            }
            thread::sleep(pause);
            pause = (pause * 2).min(LOOK);
        };
        Ok(self.finish(ended))
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<Ended> {
        if self.ended.is_none() {
            // What it leaves running goes with it, while its number is still its own.
            if !self.leaves {
                platform::end_rest(self.child.id());
            }
            // A child that cannot be asked is not one of ours any more.
            self.ended = match self.child.try_wait() {
                Ok(status) => status.map(Ended::of),
                Err(error) => Some(Ended::Signal(error.to_string())),
            };
        }
        self.ended.clone()
    }

    /// Ends it if it still runs; what it said is in the outcome.
    pub fn finish(mut self, ended: Ended) -> Outcome {
        self.kill();
        let until = Instant::now() + DRAIN;
        Outcome { ended, stdout: self.stdout.text(until), stderr: self.stderr.text(until) }
    }

    fn kill(&mut self) {
        if self.ended().is_none() {
            // First all of the group, then surely the child, which is ours.
            let _ = platform::signal(self.child.id(), platform::Signal::Kill);
            let _ = self.child.kill();
            let _ = self.child.wait();
            self.ended = Some(Ended::Stopped);
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests;
