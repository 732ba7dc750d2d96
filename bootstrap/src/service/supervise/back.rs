//! What a supervisor does when the app of the live slot does not start, whatever it tries.
//! Owns the one step back of a user's service; the step itself is `service back`.

use super::tell::port_of;
use super::watch::{News, Next, Supervisor};
use crate::child;
use crate::platform::Caught;
use crate::store::SlotName;
use std::process::{Command, Stdio};
use std::thread;

impl Supervisor<'_> {
    /// Too many starts have failed. A user's service has nobody but us to go back to the
    /// slot before: once.
    pub(super) fn step_back(&self, slot: &SlotName) -> Next {
        (self.say)(&format!("the app of {slot} failed to start too often"));
        if self.job.system || self.stepped_back.replace(true) {
            return Next::GiveUp;
        }
        self.note(slot, None, port_of(&self.user()), false);
        let mut command = Command::new(self.job.store.program());
        command.args(["self", "service", "back", "--yes"]).stdin(Stdio::null());
        let mut back = match child::spawn(&mut command) {
            Ok(back) => back,
            Err(error) => {
                (self.say)(&format!("could not go back: {error}"));
                return Next::GiveUp;
            }
        };
        let (pid, sender) = (back.id(), self.sender.clone());
        thread::spawn(move || {
            let status = back.wait();
            let _ = sender.send(News::Ended(pid, status));
        });
        loop {
            match self.news.recv() {
                // It waits until the slot that it has made the live one answers.
                Ok(News::Caught(Caught::HangUp)) => return Next::Reload,
                Ok(News::Ended(ended, _)) if ended == pid => {
                    let same = self.job.store.live().as_ref() == Some(slot);
                    return if same { Next::GiveUp } else { Next::Reload };
                }
                Ok(News::Ended(..)) => {}
                Ok(News::Caught(_)) | Err(_) => return Next::Stop,
            }
        }
    }
}
