//! Windows. Ctrl-C ends the process by the system's own handler, and a service
//! manager terminates it: nothing is caught here, and an engine may outlive
//! the stand-in (upstream's fate as well; a job object would need `unsafe`).

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{Child, Command};

/// Nothing to wait for: the system ends the process.
pub(crate) struct StopSignal;

impl StopSignal {
    pub(crate) fn catch() -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) fn wait(self) {
        loop {
            std::thread::park();
        }
    }
}

pub(crate) fn engine_command(engine: &Path) -> Command {
    Command::new(engine)
}

pub(crate) fn guarded_exec(_words: &[OsString]) -> io::Error {
    io::ErrorKind::Unsupported.into()
}

/// There is no gentle way without a console: the process is terminated.
pub(crate) fn ask_to_end(child: &mut Child) -> io::Result<()> {
    child.kill()
}
