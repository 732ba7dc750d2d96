//! Spans of time and rollout steps, as they are typed.

use offgrid_manifest::channel::{Rollout, RolloutStep};
use offgrid_manifest::{Id, Time, Version};
use std::str::FromStr;

/// A number of seconds, minutes, hours or days: `90s`, `30m`, `36h`, `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(u64);

/// Text that is no span or no rollout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Wrong(String);

impl Span {
    /// In seconds.
    pub fn seconds(self) -> u64 {
        self.0
    }
}

impl FromStr for Span {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Span, Wrong> {
        let wrong = || Wrong(format!("`{}` is not a time like 36h or 7d", text.escape_debug()));
        let unit = text.chars().next_back().ok_or_else(wrong)?;
        let factor = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(wrong()),
        };
        let number = &text[..text.len() - 1];
        if number.is_empty() || !number.bytes().all(|c| c.is_ascii_digit()) {
            return Err(wrong());
        }
        let number: u64 = number.parse().map_err(|_| wrong())?;
        Ok(Span(number.checked_mul(factor).ok_or_else(wrong)?))
    }
}

/// The steps of a rollout: `1%@0h,25%@48h,100%@120h`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steps(Vec<(u64, Span)>);

impl Steps {
    /// As a document has them, beginning now.
    pub(crate) fn rollout(&self, now: Time, channel: &Id, n: u64, release: &Version) -> Rollout {
        let step = |(permyriad, after): &(u64, Span)| RolloutStep {
            at: now.plus(after.seconds()),
            permyriad: *permyriad,
        };
        let salt = format!("{channel}:{n}:{release}");
        Rollout { salt, steps: self.0.iter().map(step).collect() }
    }
}

impl FromStr for Steps {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Steps, Wrong> {
        let mut steps: Vec<(u64, Span)> = Vec::new();
        for part in text.split(',') {
            let wrong = || Wrong(format!("`{}` is not a step like 25%@48h", part.escape_debug()));
            let (share, after) = part.trim().split_once('@').ok_or_else(wrong)?;
            let share = share.strip_suffix('%').and_then(permyriad).ok_or_else(wrong)?;
            let after: Span = after.parse().map_err(|_| wrong())?;
            if steps.last().is_some_and(|last| last.1 >= after || last.0 > share) {
                return Err(Wrong(format!(
                    "the step `{part}` is earlier or smaller than its last"
                )));
            }
            steps.push((share, after));
        }
        Ok(Steps(steps))
    }
}

/// Percent with at most two decimals, in parts of 10,000.
fn permyriad(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 2 || whole.len() > 3 {
        return None;
    }
    let part: u64 = format!("{part:0<2}").parse().ok()?;
    let value = whole.parse::<u64>().ok()? * 100 + part;
    (value <= 10_000).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rollouts_are_read_as_people_type_them() {
        let steps: Steps = "1%@0h, 25%@48h,99.5%@5d".parse().unwrap();
        let now = Time::from_unix(1_788_220_800);
        let (channel, version) = ("stable".parse().unwrap(), "1.7.0".parse().unwrap());
        let rollout = steps.rollout(now, &channel, 42, &version);
        assert_eq!(rollout.salt, "stable:42:1.7.0");
        let found: Vec<_> = rollout.steps.iter().map(|s| (s.at.unix(), s.permyriad)).collect();
        let start = now.unix();
        assert_eq!(found, [(start, 100), (start + 172_800, 2_500), (start + 432_000, 9_950)]);
        for bad in ["", "1", "1%", "101%@0h", "1%@x", "50%@2h,60%@1h", "50%@0h,40%@1h", "1.234%@0h"]
        {
            assert!(bad.parse::<Steps>().is_err(), "{bad}");
        }
        for bad in ["", "d", "7", "7w", "-1d", "99999999999999999999d", "7é"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }
}
