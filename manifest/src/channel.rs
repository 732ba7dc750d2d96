//! `channel/<name>/<n>.json`: which release is current, which may still be
//! installed, and which are withdrawn.

use crate::error::{Error, parse};
use crate::time::lifetime;
use crate::{Id, Pin, Time, Version};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many mirrors a channel may name.
pub const MIRRORS_MAX: usize = 16;
/// How long the address of one may be, in bytes.
const ADDRESS_MAX: usize = 1024;

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
    /// Other places that hold the same depot: addresses of any scheme; a reader skips
    /// those that it does not know.
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
    /// The rules that a single field cannot state.
    ///
    /// # Errors
    /// `E_PARSE`.
    pub fn check(&self) -> Result<(), Error> {
        if self.version == 0 {
            return Err(parse("a channel's version begins at 1"));
        }
        if !self.releases.contains_key(&self.current) {
            return Err(parse(format!("the current release {} is not listed", self.current)));
        }
        lifetime(self.issued, self.expires)?;
        // Each is a folder, and many file systems know no case. A release that is
        // withdrawn under another spelling would not be withdrawn at all.
        let mut spelled = BTreeMap::new();
        for version in self.releases.keys().chain(self.yanked.keys()) {
            let other = spelled.insert(version.to_string().to_lowercase(), version);
            if let Some(other) = other.filter(|other| *other != version) {
                return Err(parse(format!("{other} and {version} are one name in two spellings")));
            }
        }
        if let Some(rollout) = &self.rollout {
            rollout.check()?;
        }
        self.check_mirrors()
    }

    fn check_mirrors(&self) -> Result<(), Error> {
        if self.mirrors.len() > MIRRORS_MAX {
            return Err(parse(format!("more than {MIRRORS_MAX} mirrors")));
        }
        match self.mirrors.iter().find_map(|mirror| Some((mirror, why_no_address(mirror)?))) {
            Some((mirror, why)) => {
                Err(parse(format!("the mirror `{}` {why}", mirror.escape_default())))
            }
            None => Ok(()),
        }
    }
}

impl Rollout {
    fn check(&self) -> Result<(), Error> {
        if self.steps.iter().any(|step| step.permyriad > 10_000) {
            return Err(parse("a rollout step of more than 10,000 of 10,000"));
        }
        // Of two steps at one time nobody could say which one holds.
        if self.steps.is_sorted_by(|a, b| a.at < b.at) {
            return Ok(());
        }
        Err(parse("rollout steps that are not in the order of time"))
    }
}

/// Why a mirror is none: `None` for `scheme://host/path`, of whatever scheme, for
/// a later program may know it. Names and passwords are for nobody to publish, a
/// query or fragment would swallow the names of files, and an address ends up in
/// logs and on terminals.
fn why_no_address(mirror: &str) -> Option<&'static str> {
    if mirror.len() > ADDRESS_MAX {
        return Some("is too long");
    }
    if !mirror.bytes().all(|c| c.is_ascii_graphic()) {
        return Some("has a character that no address has");
    }
    let Some((scheme, rest)) = mirror.split_once("://") else {
        return Some("is not an address");
    };
    let word = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.');
    let host = rest.split('/').next().unwrap_or_default();
    // Only a file has no host.
    if scheme.is_empty() || !scheme.bytes().all(word) || host.is_empty() && scheme != "file" {
        return Some("is not an address");
    }
    if host.contains('@') || rest.contains(['?', '#', '\\']) {
        return Some("has a password, a query or a backslash");
    }
    None
}
