//! What a supervisor does when the app of the live slot does not start, whatever it tries.
//! Owns who is asked for the one step back; the step itself is `service back`.

use super::tell::port_of;
use super::watch::{News, Next, Supervisor};
use crate::child;
use crate::platform::{self, Caught};
use crate::store::SlotName;
use std::io::{self, Read, Write};
use std::process::{Command, Stdio};
use std::thread;

/// Waits until what was to step back has ended.
type Wait = Box<dyn FnOnce() + Send>;

impl Supervisor<'_> {
    /// Too many starts have failed: back to the slot before, once. A user's service does
    /// that itself, the system's has its guard do it, or ends and leaves it to its manager.
    pub(super) fn step_back(&self, slot: &SlotName) -> Next {
        (self.say)(&format!("the app of {slot} failed to start too often"));
        let somebody = !self.job.system || self.job.guarded;
        if !somebody || self.stepped_back.replace(true) {
            return Next::GiveUp;
        }
        self.note(slot, None, port_of(&self.user()));
        let asked = if self.job.system { ask() } else { self.begin() };
        let wait = match asked {
            Ok(wait) => wait,
            Err(error) => {
                (self.say)(&format!("could not go back: {error}"));
                return Next::GiveUp;
            }
        };
        let sender = self.sender.clone();
        thread::spawn(move || {
            wait();
            // Nobody hears it any more: we are ending.
            let _ = sender.send(News::Returned);
        });
        self.until_returned(slot)
    }

    fn until_returned(&self, slot: &SlotName) -> Next {
        loop {
            match self.news.recv() {
                // It waits until the slot that it has made the live one answers.
                Ok(News::Caught(Caught::HangUp)) => return Next::Reload,
                Ok(News::Returned) => {
                    let same = self.job.store.live().as_ref() == Some(slot);
                    return if same { Next::GiveUp } else { Next::Reload };
                }
                Ok(News::Ended(..)) => {}
                Ok(News::Caught(_)) | Err(_) => return Next::Stop,
            }
        }
    }

    /// As who we are.
    fn begin(&self) -> io::Result<Wait> {
        let mut command = Command::new(self.job.store.program());
        command.args(["self", "service", "back", "--yes"]).stdin(Stdio::null());
        let mut back = child::spawn(&mut command)?;
        // How it ended is seen by which slot is live.
        Ok(Box::new(move || drop(back.wait())))
    }
}

/// The guard, who is root (`service::guard`).
fn ask() -> io::Result<Wait> {
    let mut line = platform::own_line()?;
    line.write_all(b"\n")?;
    // A guard that is gone has ended us too.
    Ok(Box::new(move || drop(line.read(&mut [0]))))
}
