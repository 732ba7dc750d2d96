//! `channel/<name>/<n>.json`: which release is current, which may still be
//! installed, and which are withdrawn.

use crate::error::{Error, parse};
use crate::{Id, Pin, Time, Version};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A channel (reference/trust.md 2.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// 1.
    pub schema: u64,
    /// `offgrid/channel`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `stable`, `beta`, ...
    pub name: Id,
    /// n of `channel/<name>/<n>.json`.
    pub version: u64,
    /// When it was made.
    pub issued: Time,
    /// After this nothing new is taken from it.
    pub expires: Time,
    /// The release that the channel offers.
    pub current: Version,
    /// Offered to everybody at once, whatever the rollout says.
    #[serde(default)]
    pub critical: bool,
    /// Releases below it are known to be unsafe.
    #[serde(default)]
    pub minimum_safe: Option<Version>,
    /// How the current release reaches more and more machines.
    #[serde(default)]
    pub rollout: Option<Rollout>,
    /// Every release that may be installed, by digest.
    pub releases: BTreeMap<Version, Pin>,
    /// Releases that were withdrawn, and why.
    #[serde(default)]
    pub yanked: BTreeMap<Version, Yank>,
    /// Other places that hold the same depot.
    #[serde(default)]
    pub mirrors: Vec<String>,
    /// Features that a reader has to know.
    #[serde(default)]
    pub must_understand: Vec<String>,
}

/// A staged rollout (reference/trust.md 2.9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// Makes the early group another one with each release.
    pub salt: String,
    /// From which time on how many of 10,000 machines.
    pub steps: Vec<RolloutStep>,
}

/// One step of a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutStep {
    /// From this time on.
    pub at: Time,
    /// Of 10,000 machines.
    pub permyriad: u64,
}

/// Why a release was withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Yank {
    /// In words for people.
    pub reason: String,
    /// An advisory's name.
    #[serde(default)]
    pub advisory: Option<String>,
}

impl Channel {
    /// # Errors
    /// `E_PARSE`.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.version == 0 {
            return Err(parse("a channel's version begins at 1"));
        }
        if !self.releases.contains_key(&self.current) {
            return Err(parse(format!("the current release {} is not listed", self.current)));
        }
        let steps = self.rollout.iter().flat_map(|rollout| &rollout.steps);
        if steps.into_iter().any(|step| step.permyriad > 10_000) {
            return Err(parse("a rollout step of more than 10,000 of 10,000"));
        }
        Ok(())
    }
}
