//! `rollout`, `halt` and `yank`: the next document of a channel, which says
//! something else of releases that are there already.

use crate::depot::Depot;
use crate::keys::Keyring;
use crate::publish::{Steps, salt};
use crate::sign::{self, Published, Session};
use offgrid_manifest::channel::{Rollout, RolloutStep, Yank};
use offgrid_manifest::{Channel, Code, Id, Time, Version};

/// The longest reason of a yank, in bytes.
const REASON_MAX: usize = 500;

/// What a channel shall say from now on.
#[derive(Debug, Clone)]
pub enum Change {
    /// Other steps of the rollout; `None`: as before, for another 180 days.
    Rollout(Option<Steps>),
    /// Nobody more gets the current release.
    Halt,
    /// A release is withdrawn.
    Yank {
        /// Which.
        release: Version,
        /// In words for people.
        reason: String,
        /// An advisory's name.
        advisory: Option<String>,
    },
}

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The channel.
    pub channel: Id,
    /// What changes.
    pub change: Change,
    /// Sign the channel and leave the head to somebody else.
    pub no_head: bool,
    /// The time.
    pub now: Time,
}

/// Why the channel stays as it was.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not in the channel.
    #[error("release {version} is not in the channel `{channel}`; there is {known}")]
    NotListed {
        /// As asked for.
        version: Version,
        /// Where.
        channel: String,
        /// Those that are.
        known: String,
    },
    /// A reason that nobody can read.
    #[error("the reason is empty, longer than {REASON_MAX} bytes, or has control characters")]
    Reason,
    /// Signing and writing.
    #[error(transparent)]
    Sign(#[from] sign::Error),
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::NotListed { .. } => Code::NotListed,
            Error::Reason => Code::Usage,
            Error::Sign(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::NotListed { .. } => Some("name one of them with --release V".into()),
            Error::Reason => Some("say in one sentence why, with --reason TEXT".into()),
            Error::Sign(error) => error.hint(),
        }
    }
}

/// Signs and publishes the channel's next document.
///
/// # Errors
/// Then the old head stands.
pub fn run(depot: &Depot, ring: &mut Keyring, options: &Options) -> Result<Published, Error> {
    let mut session = Session::open(depot, ring, options.now)?;
    let old = session.channel(&options.channel)?;
    let mut next = sign::successor(depot, &session.state.root, old, options.now)?;
    let mut notes = match &options.change {
        Change::Rollout(None) => vec!["it says what it said, for another 180 days".to_owned()],
        Change::Rollout(Some(steps)) => roll(&mut next, old, steps.steps(options.now)),
        Change::Halt => halt(&mut next, old, depot, options.now),
        Change::Yank { release, reason, advisory } => {
            yank(&mut next, release, reason, advisory.as_ref())?
        }
    };
    let mut published = session.offer(&next, !options.no_head)?;
    notes.append(&mut published.notes);
    published.notes = notes;
    Ok(published)
}

fn roll(next: &mut Channel, old: &Channel, steps: Vec<RolloutStep>) -> Vec<String> {
    next.rollout = Some(Rollout { salt: salt(old, &old.current, next.version), steps });
    if next.critical {
        let what = "it is critical: everybody gets it, whatever the steps say; \
                    `offgrid-depot halt` takes that back";
        return vec![what.into()];
    }
    Vec::new()
}

fn halt(next: &mut Channel, old: &Channel, depot: &Depot, now: Time) -> Vec<String> {
    roll(next, old, vec![RolloutStep { at: now, permyriad: 0 }]);
    next.critical = false;
    let (release, name, dir) = (&next.current, &next.name, depot.dir().display());
    vec![
        format!("no more machines are offered {release}; those that have it keep it"),
        format!(
            "go on with `offgrid-depot rollout {dir} --channel {name} STEPS`, or withdraw it with \
             `offgrid-depot yank {dir} --channel {name} --release {release} --reason TEXT`"
        ),
    ]
}

/// Lists a release as withdrawn, and offers another one when it was current.
fn yank(
    next: &mut Channel,
    release: &Version,
    reason: &str,
    advisory: Option<&String>,
) -> Result<Vec<String>, Error> {
    if !next.releases.contains_key(release) {
        let known: Vec<String> = next.releases.keys().rev().map(Version::to_string).collect();
        let (channel, known) = (next.name.to_string(), known.join(", "));
        return Err(Error::NotListed { version: release.clone(), channel, known });
    }
    let texts = [Some(reason), advisory.map(String::as_str)];
    let bad = |text: &str| {
        text.trim().is_empty() || text.len() > REASON_MAX || text.chars().any(char::is_control)
    };
    if texts.into_iter().flatten().any(bad) {
        return Err(Error::Reason);
    }
    let yank = Yank { reason: reason.to_owned(), advisory: advisory.cloned() };
    next.yanked.insert(release.clone(), yank);
    if next.current != *release {
        return Ok(Vec::new());
    }
    let least = next.minimum_safe.clone();
    let good = |version: &&Version| {
        !next.yanked.contains_key(version) && least.as_ref().is_none_or(|least| *version >= least)
    };
    let Some(best) = next.releases.keys().rev().find(good).cloned() else {
        let name = &next.name;
        return Ok(vec![format!(
            "the channel {name} now offers nothing that can be installed: publish a better release"
        )]);
    };
    let note = format!("{release} was current; now it is {best}, for everybody");
    next.current = best;
    next.rollout = None;
    next.critical = false;
    Ok(vec![note])
}
