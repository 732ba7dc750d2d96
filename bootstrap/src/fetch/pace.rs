//! How fast a transfer may be, how slow, and how long to wait between tries.

use super::{Wanted, name_of};
use crate::error::Error as Any;
use crate::source::{self, Sources};
use std::time::{Duration, Instant};

/// Keeps a transfer from going too fast, and notices one that is too slow:
/// less than 1 KiB a second for a minute is a stall (reference/trust.md A16).
pub(super) struct Pace {
    rate: Option<u64>,
    began: Instant,
    total: u64,
    window: Instant,
    in_window: u64,
}

impl Pace {
    pub(super) fn new(sources: &Sources) -> Pace {
        let now = Instant::now();
        Pace { rate: sources.rate(), began: now, total: 0, window: now, in_window: 0 }
    }

    pub(super) fn after(
        &mut self,
        read: usize,
        sources: &Sources,
        wanted: &Wanted<'_>,
    ) -> Result<(), Any> {
        self.total += read as u64;
        self.in_window += read as u64;
        let minute = Duration::from_secs(60);
        if self.window.elapsed() > minute {
            if self.in_window < 60 * 1024 {
                return Err(source::Error::Stall { url: name_of(wanted) }.into());
            }
            (self.window, self.in_window) = (Instant::now(), 0);
        }
        if let Some(rate) = self.rate {
            let due = Duration::from_secs_f64(self.total as f64 / rate.max(1) as f64);
            // Not waiting for anything: this is the pace that was asked for.
            while self.began.elapsed() < due && !sources.stop().is_set() {
                std::thread::sleep(due.saturating_sub(self.began.elapsed()).min(SLICE));
            }
        }
        Ok(())
    }
}

const SLICE: Duration = Duration::from_millis(250);

/// Waits before another try: 1, 2, 4 seconds and up to as much again, so that
/// many machines do not come back at once. Whether there is still time.
pub(super) fn pause(sources: &Sources, tries: u32) -> bool {
    let jitter = getrandom::u32().unwrap_or(0) % 1000;
    let base = 500u64 << tries;
    let wait = Duration::from_millis(base + base * u64::from(jitter) / 1000);
    let until = Instant::now() + wait;
    while Instant::now() < until {
        if sources.stop().is_set() {
            return false;
        }
        std::thread::sleep(SLICE.min(until.saturating_duration_since(Instant::now())));
    }
    true
}
