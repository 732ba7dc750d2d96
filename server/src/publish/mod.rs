//! `publish` and `promote`: make a release the current one of a channel. What the
//! new channel document says is decided here; `sign` writes it.

mod error;
mod rollout;

pub use crate::sign::Published;
pub use error::Error;
pub(crate) use rollout::{FULL, percent, salt, share};
pub use rollout::{Span, Steps, Wrong};

use crate::address;
use crate::depot::Depot;
use crate::keys::Keyring;
use crate::sign::{self, Session, ready};
use offgrid_manifest::channel::Rollout;
use offgrid_manifest::{Channel, Digest, Id, Pin, Time, Version};

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The channel.
    pub channel: Id,
    /// The release; `None`, with `from`: what that channel offers.
    pub release: Option<Version>,
    /// `promote`: the channel that has the release.
    pub from: Option<Id>,
    /// Step by step; `None`: everybody at once.
    pub rollout: Option<Steps>,
    /// Everybody at once, whatever the rollout says.
    pub critical: bool,
    /// `None`: as before.
    pub minimum_safe: Option<Version>,
    /// None: as before.
    pub mirrors: Vec<String>,
    /// `current` may become older.
    pub allow_downgrade: bool,
    /// Sign the channel and leave the head to somebody else.
    pub no_head: bool,
    /// The time.
    pub now: Time,
}

/// Signs and publishes.
///
/// # Errors
/// Then the old head stands.
pub fn run(depot: &Depot, ring: &mut Keyring, options: &Options) -> Result<Published, Error> {
    let mut session = Session::open(depot, ring, options.now)?;
    let (release, pin) = wanted(&session, options)?;
    let old = session.state.channels.get(&options.channel).map(|channel| (**channel).clone());
    let channel = next(&session, old.as_ref(), &release, pin, options)?;
    let (document, _) = sign::release::pinned(depot, &release, pin)?;
    ready::blobs(depot, &document)?;
    let mut published = session.offer(&channel, !options.no_head)?;
    if let Some(old) = old {
        published.notes.extend(what_that_means(&old, &channel, options.now));
    }
    Ok(published)
}

/// The release that was asked for: of the channel that has it, or as it was built.
fn wanted(session: &Session<'_>, options: &Options) -> Result<(Version, Pin), Error> {
    let Some(from) = &options.from else {
        let version = options
            .release
            .as_ref()
            .ok_or_else(|| Error::Wrong("there is no release to publish".into()))?;
        let (_, bytes) = sign::release::built(session.depot, version)?;
        let pin = Pin { sha256: Digest::of(&bytes), size: bytes.len() as u64 };
        return Ok((version.clone(), pin));
    };
    let channel = session.channel(from)?;
    let version = options.release.as_ref().unwrap_or(&channel.current);
    if channel.yanked.contains_key(version) {
        return Err(Error::Yanked(version.clone()));
    }
    match channel.releases.get(version) {
        Some(pin) => Ok((version.clone(), *pin)),
        None => Err(Error::not_listed(channel, version)),
    }
}

/// The channel document that follows `old`.
fn next(
    session: &Session<'_>,
    old: Option<&Channel>,
    release: &Version,
    pin: Pin,
    options: &Options,
) -> Result<Channel, Error> {
    let Options { channel: name, now, .. } = options;
    if let Some(old) = old {
        if old.yanked.contains_key(release) {
            return Err(Error::Yanked(release.clone()));
        }
        // Whatever replaces a release that was withdrawn is better than it.
        let withdrawn = old.yanked.contains_key(&old.current);
        if *release < old.current && !options.allow_downgrade && !withdrawn {
            return Err(Error::Downgrade { from: old.current.clone(), to: release.clone() });
        }
    }
    let empty = sign::empty(name, release, *now);
    let before = old.unwrap_or(&empty);
    let mut channel = sign::successor(session.depot, &session.state.root, before, *now)?;
    channel.minimum_safe = options.minimum_safe.clone().max(channel.minimum_safe);
    if channel.minimum_safe.as_ref().is_some_and(|least| release < least) {
        return Err(Error::Wrong(format!("release {release} is below the minimum that is safe")));
    }
    if channel.releases.insert(release.clone(), pin).is_some_and(|before| before != pin) {
        return Err(Error::Wrong(format!("the channel has another release {release}")));
    }
    if !options.mirrors.is_empty() {
        let mirrors = options.mirrors.iter().map(|mirror| address::base(mirror));
        channel.mirrors = mirrors.collect::<Result<_, _>>()?;
    }
    channel.rollout = options.rollout.as_ref().map(|steps| Rollout {
        salt: salt(before, release, channel.version),
        steps: steps.steps(*now),
    });
    channel.current = release.clone();
    channel.critical = options.critical;
    Ok(channel)
}

/// What becomes of a release that was not yet for everybody.
fn what_that_means(old: &Channel, new: &Channel, now: Time) -> Option<String> {
    let (before, share) = (&old.current, share(old, now));
    let after = &new.current;
    if old.yanked.contains_key(before) {
        return Some(format!("{before} was yanked; {after} takes its place"));
    }
    if share == FULL {
        return None;
    }
    let reached = match share {
        0 => format!("{before} was halted"),
        share => format!("{before} had reached {}", percent(share)),
    };
    Some(if before == after {
        let then = if new.rollout.is_some() {
            "from now on the new steps count"
        } else {
            "from now on it is for everybody"
        };
        format!("{reached}; {then}")
    } else {
        format!(
            "{reached} and goes no further: {after} takes its place, also for those who have \
             {before}, and begins with other machines"
        )
    })
}
