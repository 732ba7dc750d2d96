//! Which machines a staged rollout has reached: a number that each machine works
//! out for itself, so that nobody has to count machines (reference/trust.md 2.9).
//!
//! Never reads the machine's number and never looks at a clock: both are arguments.

use crate::channel::{Channel, Rollout};
use crate::{Hasher, Time};

/// All machines, in the unit of a rollout's steps.
pub const ALL: u64 = 10_000;

/// Where a machine stands in the rollout with this salt: 0 to 9,999. `machine` is
/// its random number in hexadecimal.
pub fn bucket(salt: &str, machine: &str) -> u64 {
    let mut hasher = Hasher::new();
    for part in [b"rollout/v1\0", salt.as_bytes(), b"\0", machine.as_bytes()] {
        hasher.update(part);
    }
    let mut first = [0u8; 8];
    first.copy_from_slice(&hasher.finish().as_bytes()[..8]);
    u64::from_be_bytes(first) % ALL
}

/// How many of 10,000 machines are offered the release at this time.
pub fn share(rollout: &Rollout, at: Time) -> u64 {
    let begun = rollout.steps.iter().filter(|step| step.at <= at);
    begun.max_by_key(|step| step.at).map_or(0, |step| step.permyriad)
}

impl Channel {
    /// How many of 10,000 machines are offered the current release at this time.
    pub fn share(&self, at: Time) -> u64 {
        match &self.rollout {
            Some(rollout) if !self.critical => share(rollout, at),
            _ => ALL,
        }
    }

    /// Whether the first step of the rollout is in the past.
    pub fn has_begun(&self, at: Time) -> bool {
        self.rollout.as_ref().is_none_or(|rollout| rollout.steps.iter().any(|step| step.at <= at))
    }

    /// Whether this machine is among them. One without a number of its own comes
    /// last.
    pub fn reaches(&self, machine: Option<&str>, at: Time) -> bool {
        let share = self.share(at);
        let salt = self.rollout.as_ref().map_or("", |rollout| &rollout.salt);
        machine.map_or(ALL - 1, |machine| bucket(salt, machine)) < share
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::RolloutStep;

    #[test]
    fn the_published_vectors_hold() {
        let zeros = "0".repeat(32);
        let other = "00112233445566778899aabbccddeeff";
        assert_eq!(bucket("stable:42:1.7.0", &zeros), 2421);
        assert_eq!(bucket("stable:42:1.7.0", other), 5813);
        assert_eq!(bucket("stable:43:1.7.1", other), 150);
    }

    #[test]
    fn a_tenth_is_a_tenth_and_another_one_with_each_release() {
        let (mut first, mut both) = (0u32, 0u32);
        let count = 200_000u32;
        for number in 0..count {
            // Spread like random numbers: SHA-256 takes care of the rest.
            let machine = format!("{:032x}", u128::from(number) * 0x9e37_79b9_7f4a_7c15);
            let early = bucket("stable:42:1.7.0", &machine) < 1_000;
            first += u32::from(early);
            both += u32::from(early && bucket("stable:43:1.7.1", &machine) < 1_000);
        }
        let percent = |n: u32| f64::from(n) * 100.0 / f64::from(count);
        assert!((9.8..=10.2).contains(&percent(first)), "{}", percent(first));
        assert!((0.9..=1.1).contains(&percent(both)), "{}", percent(both));
    }

    #[test]
    fn the_last_step_that_has_begun_counts() {
        let step = |at, permyriad| RolloutStep { at: Time::from_unix(at), permyriad };
        let steps = vec![step(200, 10_000), step(100, 2_500), step(150, 0)];
        let rollout = Rollout { salt: "s".into(), steps };
        let at = |at| share(&rollout, Time::from_unix(at));
        assert_eq!(
            (at(99), at(100), at(149), at(150), at(199), at(200)),
            (0, 2500, 2500, 0, 0, ALL)
        );
    }

    /// A channel whose release goes to some machines at 100 and to all at 200.
    fn channel(permyriad: u64) -> Channel {
        let fixture = include_bytes!("../tests/fixtures/v1/channel.json");
        let step = |at, permyriad| RolloutStep { at: Time::from_unix(at), permyriad };
        let steps = vec![step(100, permyriad), step(200, ALL)];
        let rollout = Some(Rollout { salt: "stable:42:1.7.0".into(), steps });
        Channel { critical: false, rollout, ..crate::json::read(fixture).unwrap() }
    }

    #[test]
    fn every_machine_is_offered_what_is_critical_or_in_no_rollout() {
        let staged = channel(2_500);
        let critical = Channel { critical: true, ..staged.clone() };
        let plain = Channel { rollout: None, ..staged.clone() };
        let shares =
            |channel: &Channel| [99, 100, 200].map(|at| channel.share(Time::from_unix(at)));
        assert_eq!(shares(&staged), [0, 2_500, ALL]);
        assert_eq!(shares(&critical), [ALL; 3]);
        assert_eq!(shares(&plain), [ALL; 3]);
    }

    #[test]
    fn a_rollout_begins_at_its_first_step() {
        let staged = channel(2_500);
        let begun = |at| staged.has_begun(Time::from_unix(at));
        assert_eq!([0, 99, 100, 101, 200].map(begun), [false, false, true, true, true]);
        assert!(Channel { rollout: None, ..staged }.has_begun(Time::from_unix(0)));
    }

    #[test]
    fn a_machine_is_reached_when_the_share_is_above_its_place() {
        let zeros = "0".repeat(32); // Its place is 2,421.
        let at = |share, machine, at| channel(share).reaches(machine, Time::from_unix(at));
        for (share, reached) in [(0, false), (2_421, false), (2_422, true), (ALL, true)] {
            assert_eq!(at(share, Some(&*zeros), 100), reached, "{share}");
            assert!(!at(share, Some(&zeros), 99), "{share}");
            assert!(at(share, Some(&zeros), 200), "{share}");
        }
        // One without a number has the last place.
        for (share, reached) in [(0, false), (ALL - 1, false), (ALL, true)] {
            assert_eq!(at(share, None, 100), reached, "{share}");
        }
    }
}
