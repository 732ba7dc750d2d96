//! How an app ends, with all that it has left behind. Owns the order of asking, killing
//! and looking for the rest.

use super::watch::{News, Next, Supervisor};
use super::{GRACE, KILLED};
use crate::platform::{self, Caught, Signal};
use crate::service::LOOK;
use crate::service::systemd::SERVICE;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Instant;

impl Supervisor<'_> {
    /// Ends the app; what comes after is what was asked last.
    pub(super) fn end(&self, pid: u32, mut next: Next) -> Next {
        // It may have ended at this moment: then that is the next news.
        let _ = platform::signal(pid, Signal::Stop);
        let mut until = Instant::now() + GRACE;
        let mut killed = false;
        loop {
            match self.news.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(News::Ended(ended, _)) if ended == pid => break,
                Ok(News::Ended(..) | News::Returned | News::Caught(Caught::HangUp)) => {}
                Ok(News::Caught(_)) => next = Next::Stop,
                Err(RecvTimeoutError::Timeout) if !killed => {
                    (self.say)(&format!("the app (process {pid}) did not end; killing it"));
                    let _ = platform::signal(pid, Signal::Kill);
                    killed = true;
                    until = Instant::now() + KILLED;
                }
                Err(_) => break,
            }
        }
        self.sweep(pid);
        next
    }

    /// Engines that an app left behind hold memory and ports. With processes of its own it
    /// can leave none.
    pub(super) fn sweep(&self, pid: u32) {
        if self.enclosed {
            return;
        }
        let _ = platform::signal(pid, Signal::Kill);
        if self.job.system {
            self.clear();
        }
    }

    /// Ends whatever an app of the whole system's service left behind, in groups of its own
    /// too: what is no app any more may neither outlive an update nor end the next app.
    fn clear(&self) {
        let until = Instant::now() + KILLED;
        loop {
            let left = platform::companions(std::process::id(), SERVICE);
            if left.is_empty() {
                return;
            }
            if Instant::now() >= until {
                (self.say)(&format!("could not end what the app left behind: {left:?}"));
                return;
            }
            // Each may end at this moment.
            left.into_iter().for_each(|pid| drop(platform::signal(pid, Signal::Kill)));
            thread::sleep(LOOK / 10);
        }
    }
}
