//! Process 1 of a container: it inherits every process whose parent has ended, and those
//! stay in the table of processes until it asks about them.

use super::{Caught, Signal, on_signal, signal};
use rustix::io::Errno;
use rustix::process::{WaitOptions, wait};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

pub(crate) fn is_first() -> bool {
    std::process::id() == 1
}

pub(crate) fn run_as_first(command: &mut Command, name: &str) -> io::Result<u8> {
    let child = command.arg0(name).spawn()?;
    let pid = child.id();
    on_signal(&[Caught::Interrupt, Caught::Terminate, Caught::HangUp], move |kind| {
        let passed_on = match kind {
            Caught::HangUp => Signal::Reload,
            Caught::Interrupt | Caught::Terminate => Signal::Stop,
        };
        // It may have ended at this moment: then so do we.
        let _ = signal(pid, passed_on);
    })?;
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((ended, status))) if ended.as_raw_pid().cast_unsigned() == pid => {
                // As a shell says it.
                let by_signal = || status.terminating_signal().map_or(1, |number| 128 + number);
                let code = status.exit_status().unwrap_or_else(by_signal);
                return Ok(u8::try_from(code).unwrap_or(1));
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
