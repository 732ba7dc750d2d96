//! Unix. An engine must not outlive a stand-in killed by SIGKILL. On Linux the
//! kernel sees to that if the engine asks for it; so the stand-in starts
//! itself as `guarded-exec`, which asks and then becomes the engine by exec:
//! no process stays in between, and no `unsafe` between fork and exec. On
//! other Unixes an engine does outlive a SIGKILL of the stand-in.

use std::convert::Infallible;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::{io, process};

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Still there when an update has replaced the file it was started from.
const OWN_IMAGE: &str = "/proc/self/exe";

/// SIGTERM and SIGINT, caught from the moment this is made.
pub(crate) struct StopSignal(Signals);

impl StopSignal {
    pub(crate) fn catch() -> io::Result<Self> {
        Signals::new([SIGTERM, SIGINT]).map(Self)
    }

    pub(crate) fn wait(mut self) {
        self.0.forever().next();
    }
}

/// A command that runs `engine` and dies with the thread that starts it, so
/// start it from a thread that lives as long as the engine should.
pub(crate) fn engine_command(engine: &Path) -> Command {
    if !Path::new(OWN_IMAGE).exists() {
        return Command::new(engine);
    }
    let mut command = Command::new(OWN_IMAGE);
    command.arg(super::GUARD_VERB).arg(process::id().to_string()).arg(engine);
    command
}

/// Becomes the program that the words name; returns only if it cannot.
/// The words: the number of the parent to die with, the program, arguments.
pub(crate) fn guarded_exec(words: &[OsString]) -> io::Error {
    match exec(words) {
        Err(error) => error,
        Ok(never) => match never {},
    }
}

fn exec(words: &[OsString]) -> io::Result<Infallible> {
    let [parent, program, arguments @ ..] = words else {
        return Err(io::Error::other("guarded-exec needs a parent and a program"));
    };
    die_with(parent.to_str().unwrap_or_default())?;
    Err(Command::new(program).args(arguments).exec())
}

#[cfg(target_os = "linux")]
fn die_with(parent: &str) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // A parent that died before the line above sends no signal any more.
    let now = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    if now.to_string() == parent {
        return Ok(());
    }
    Err(io::Error::other("the stand-in that wanted this engine is gone"))
}

#[cfg(not(target_os = "linux"))]
fn die_with(_parent: &str) -> io::Result<()> {
    Ok(())
}

/// Asks an engine to end, as SIGTERM does; the caller waits and insists.
pub(crate) fn ask_to_end(child: &mut Child) -> io::Result<()> {
    // The child is not waited for yet, so its number cannot be another's.
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or(io::ErrorKind::InvalidInput)?;
    Ok(kill_process(pid, Signal::TERM)?)
}
