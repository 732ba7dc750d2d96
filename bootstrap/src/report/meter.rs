//! How fast bytes come in and how long the rest will take. Owns the arithmetic;
//! asks no clock and prints nothing.

use super::units;
use std::time::{Duration, Instant};

/// How long one sample of the speed is.
const SAMPLE: Duration = Duration::from_secs(1);
/// A line is due after this long, or after every tenth of the whole.
const PATIENCE: Duration = Duration::from_secs(10);

/// The speed of one transfer.
#[derive(Debug)]
pub(super) struct Meter {
    done: u64,
    total: u64,
    /// When the sample began, and with how many bytes.
    since: Instant,
    from: u64,
    /// Bytes a second.
    rate: Option<u64>,
    /// When the last line was given, and at which tenth.
    told: Instant,
    tenth: u64,
}

impl Meter {
    /// What is there at the start was not transferred now and gives no speed.
    pub(super) fn new(done: u64, total: u64, now: Instant) -> Meter {
        let tenth = tenth(done, total);
        Meter { done, total, since: now, from: done, rate: None, told: now, tenth }
    }

    /// Takes in how far it is now.
    pub(super) fn update(&mut self, done: u64, total: u64, now: Instant) {
        (self.done, self.total) = (done, total);
        let span = now.saturating_duration_since(self.since);
        if span < SAMPLE {
            return;
        }
        let came = u128::from(done.saturating_sub(self.from));
        let sample = u64::try_from(came * 1000 / span.as_millis().max(1)).unwrap_or(u64::MAX);
        // Smooth, so that the time left does not jump about.
        self.rate = Some(self.rate.map_or(sample, |rate| rate / 4 * 3 + sample / 4));
        (self.since, self.from) = (now, done);
    }

    /// Whether a log should have a line now; says so once.
    pub(super) fn due(&mut self, now: Instant) -> bool {
        let tenth = tenth(self.done, self.total);
        if tenth <= self.tenth && now.saturating_duration_since(self.told) < PATIENCE {
            return false;
        }
        (self.told, self.tenth) = (now, tenth.max(self.tenth));
        true
    }

    /// Whole percents.
    pub(super) fn percent(&self) -> u64 {
        parts(self.done, self.total, 100)
    }

    /// `13.6 MB of 45.2 MB, 10.1 MB/s, 3 s left`.
    pub(super) fn line(&self) -> String {
        let mut line = format!("{} of {}", units::bytes(self.done), units::bytes(self.total));
        let Some(rate) = self.rate else { return line };
        line.push_str(&format!(", {}/s", units::bytes(rate)));
        let rest = self.total.saturating_sub(self.done);
        if rest > 0 && rate > 0 {
            line.push_str(&match (rest / rate).max(1) {
                // Tenths would be a guess.
                seconds @ 1..10 => format!(", {seconds} s left"),
                seconds => format!(", {} left", units::duration(Duration::from_secs(seconds))),
            });
        }
        line
    }
}

fn tenth(done: u64, total: u64) -> u64 {
    parts(done, total, 10)
}

fn parts(done: u64, total: u64, of: u64) -> u64 {
    let parts = u128::from(done) * u128::from(of) / u128::from(total.max(1));
    u64::try_from(parts).unwrap_or(of).min(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_were_there_give_no_speed() {
        let start = Instant::now();
        let mut meter = Meter::new(40_000_000, 100_000_000, start);
        assert_eq!(meter.line(), "40.0 MB of 100.0 MB");
        meter.update(50_000_000, 100_000_000, start + Duration::from_secs(2));
        assert_eq!(meter.line(), "50.0 MB of 100.0 MB, 5.0 MB/s, 10 s left");
        assert_eq!(meter.percent(), 50);
        meter.update(100_000_000, 100_000_000, start + Duration::from_secs(12));
        assert_eq!(meter.line(), "100.0 MB of 100.0 MB, 5.0 MB/s");
    }

    #[test]
    fn a_line_is_due_after_a_tenth_or_ten_seconds() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut meter = Meter::new(0, 1000, start);
        for (done, seconds, due) in
            [(99, 1, false), (100, 2, true), (101, 3, false), (102, 12, true), (103, 13, false)]
        {
            meter.update(done, 1000, at(seconds));
            assert_eq!(meter.due(at(seconds)), due, "{done} after {seconds} s");
        }
    }

    #[test]
    fn nonsense_is_harmless() {
        let start = Instant::now();
        let mut meter = Meter::new(7, 0, start);
        meter.update(3, 0, start + SAMPLE);
        assert_eq!(meter.percent(), 100);
        assert_eq!(meter.line(), "3 B of 0 B, 0 B/s");
        meter.update(u64::MAX, u64::MAX, start + SAMPLE * 2);
        assert_eq!(meter.percent(), 100);
    }
}
