//! Spans of time and rollout steps, as they are typed, and what a rollout says
//! at a given time.

use offgrid_manifest::channel::RolloutStep;
use offgrid_manifest::{Channel, Time, Version};
use std::str::FromStr;

/// A number of seconds, minutes, hours or days: `90s`, `30m`, `36h`, `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(u64);

/// Text that is no span or no rollout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Wrong(String);

impl Wrong {
    pub(crate) fn new(what: String) -> Wrong {
        Wrong(what)
    }
}

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

/// All machines, in parts of 10,000.
pub(crate) const FULL: u64 = 10_000;

/// How many of 10,000 machines are offered the current release at this time.
pub(crate) fn share(channel: &Channel, now: Time) -> u64 {
    let Some(rollout) = channel.rollout.as_ref().filter(|_| !channel.critical) else {
        return FULL;
    };
    let begun = rollout.steps.iter().filter(|step| step.at <= now);
    begun.max_by_key(|step| step.at).map_or(0, |step| step.permyriad)
}

/// Parts of 10,000 as people write them: `1%`, `0.25%`.
pub(crate) fn percent(permyriad: u64) -> String {
    let text = format!("{}.{:02}", permyriad / 100, permyriad % 100);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// The salt of a rollout of `release`. It stays the same as long as the release
/// does: who was among the first stays in (reference/trust.md 2.9).
pub(crate) fn salt(old: &Channel, release: &Version, version: u64) -> String {
    let kept = old.rollout.as_ref().filter(|_| old.current == *release);
    kept.map_or_else(|| format!("{}:{version}:{release}", old.name), |rollout| rollout.salt.clone())
}

/// The steps of a rollout: `1%@0h,25%@48h,100%@120h`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steps(Vec<(u64, Span)>);

impl Steps {
    /// As a document has them, beginning now.
    pub(crate) fn steps(&self, now: Time) -> Vec<RolloutStep> {
        let step = |(permyriad, after): &(u64, Span)| RolloutStep {
            at: now.plus(after.seconds()),
            permyriad: *permyriad,
        };
        self.0.iter().map(step).collect()
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
        let found: Vec<_> = steps.steps(now).iter().map(|s| (s.at.unix(), s.permyriad)).collect();
        let start = now.unix();
        assert_eq!(found, [(start, 100), (start + 172_800, 2_500), (start + 432_000, 9_950)]);
        assert_eq!([10_000, 9_950, 100, 5, 0].map(percent), ["100%", "99.5%", "1%", "0.05%", "0%"]);
        for bad in ["", "1", "1%", "101%@0h", "1%@x", "50%@2h,60%@1h", "50%@0h,40%@1h", "1.234%@0h"]
        {
            assert!(bad.parse::<Steps>().is_err(), "{bad}");
        }
        for bad in ["", "d", "7", "7w", "-1d", "99999999999999999999d", "7é"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }
}
