//! Which release of a channel this machine takes: what a person asked for, else
//! what the rollout offers (reference/trust.md 2.3, step 6, 2.9 and 2.10). Pure:
//! the machine's number and the time are arguments.

use super::refuse::Error;
use offgrid_manifest::{Channel, Pin, Time, Version};

/// What was asked for, and of whom.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wish<'a> {
    /// This release and no other.
    pub version: Option<&'a Version>,
    /// The live release.
    pub live: Option<&'a Version>,
    /// The release that somebody went back from.
    pub left: Option<&'a Version>,
    /// This machine's number in rollouts.
    pub machine: Option<&'a str>,
    /// A person asked for the update, here and now: no rollout keeps it back.
    pub by_person: bool,
    /// What was agreed to.
    pub consent: Consent<'a>,
}

/// What was agreed to in so many words.
#[derive(Debug, Clone, Copy, Default)]
pub struct Consent<'a> {
    /// A release older than the live one.
    pub downgrade: bool,
    /// A release that was withdrawn.
    pub yanked: bool,
    /// This release, although it is known to be unsafe.
    pub vulnerable: Option<&'a Version>,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Take this release.
    Take(Version, Pin),
    /// Stay with the live one.
    Stay(Held),
}

/// Why there is nothing to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// The live release is the newest.
    Newest,
    /// The channel has only an older one.
    Older,
    /// The rollout has not come to this machine yet.
    Rollout,
    /// The rollout was stopped.
    Halted,
    /// Somebody went back from it.
    Left,
}

impl Held {
    /// The word in `status` and in `ended` events.
    pub fn name(self) -> &'static str {
        match self {
            Held::Newest => "newest",
            Held::Older => "older",
            Held::Rollout => "rollout",
            Held::Halted => "halted",
            Held::Left => "rolled-back",
        }
    }
}

/// Chooses.
///
/// # Errors
/// `E_NOT_LISTED`, `E_YANKED`, `E_NEEDS_CONSENT`.
pub fn choose(channel: &Channel, wish: &Wish<'_>, now: Time) -> Result<Choice, Error> {
    let version = match wish.version {
        Some(version) => version.clone(),
        None => match offer(channel, wish, now) {
            (Some(version), None) => version,
            (_, Some(held)) if wish.live.is_some() => return Ok(Choice::Stay(held)),
            // Nothing is installed yet: the newest release that nobody stopped.
            _ => before_halt(channel)?,
        },
    };
    let Some(pin) = channel.releases.get(&version) else {
        let known: Vec<String> = channel.releases.keys().rev().map(Version::to_string).collect();
        let (channel, known) = (channel.name.to_string(), known.join(", "));
        return Err(Error::NotListed { version, channel, known });
    };
    consented(channel, wish, &version)?;
    Ok(Choice::Take(version, *pin))
}

/// What the channel offers to this machine: the release, and what holds it back.
/// Without a release before, a person is asking, so no rollout holds it back.
pub(super) fn offer(
    channel: &Channel,
    wish: &Wish<'_>,
    now: Time,
) -> (Option<Version>, Option<Held>) {
    let current = Some(channel.current.clone());
    let halted = channel.share(now) == 0 && channel.has_begun(now);
    let Some(live) = wish.live else {
        return (current, halted.then_some(Held::Halted));
    };
    if channel.current == *live {
        return (None, Some(Held::Newest));
    }
    if channel.current < *live {
        return (None, Some(Held::Older));
    }
    if halted {
        return (current, Some(Held::Halted));
    }
    if wish.left == Some(&channel.current) {
        return (current, Some(Held::Left));
    }
    // Whoever has a bad release gets the way out of it at once.
    let urgent = is_unsafe(channel, live) || channel.yanked.contains_key(live);
    let reached = urgent || wish.by_person || channel.reaches(wish.machine, now);
    (current, (!reached).then_some(Held::Rollout))
}

/// The newest listed release before the current one that may be installed.
fn before_halt(channel: &Channel) -> Result<Version, Error> {
    let fits = |version: &&Version| {
        **version < channel.current
            && !channel.yanked.contains_key(version)
            && !is_unsafe(channel, version)
    };
    let found = channel.releases.keys().rev().find(fits).cloned();
    found.ok_or_else(|| Error::Halted { version: channel.current.clone() })
}

fn is_unsafe(channel: &Channel, version: &Version) -> bool {
    channel.minimum_safe.as_ref().is_some_and(|least| version < least)
}

pub(super) fn consented(
    channel: &Channel,
    wish: &Wish<'_>,
    version: &Version,
) -> Result<(), Error> {
    let Consent { downgrade, yanked, vulnerable } = wish.consent;
    // What is live already is no step back.
    if wish.live == Some(version) {
        return Ok(());
    }
    if let Some(yank) = channel.yanked.get(version).filter(|_| !yanked) {
        let reason = yank.reason.escape_default().to_string();
        return Err(Error::Yanked { version: version.clone(), reason });
    }
    if let Some(least) = channel.minimum_safe.as_ref().filter(|least| version < least)
        && vulnerable != Some(version)
    {
        let (version, least) = (version.clone(), least.clone());
        return Err(Error::Vulnerable { version, least });
    }
    match wish.live {
        Some(live) if version < live && !downgrade => {
            Err(Error::Downgrade { wanted: version.clone(), live: live.clone() })
        }
        _ => Ok(()),
    }
}

/// What whoever runs this release has to be told, a line each.
pub fn notices(channel: &Channel, live: &Version) -> Vec<String> {
    let mut notices = Vec::new();
    if let Some(yank) = channel.yanked.get(live) {
        let reason = yank.reason.escape_default();
        let advisory = yank.advisory.as_ref().map(|name| format!(" ({})", name.escape_default()));
        let advisory = advisory.unwrap_or_default();
        notices.push(format!("release {live}, which is live, was withdrawn: {reason}{advisory}"));
    }
    if let Some(least) = channel.minimum_safe.as_ref().filter(|least| live < least) {
        notices.push(format!(
            "release {live}, which is live, is unsafe; {least} is the first safe one"
        ));
    }
    notices
}
