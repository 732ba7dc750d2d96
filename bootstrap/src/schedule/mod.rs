//! Scheduled updates: what the timer is told, whether a run is due, and what it may
//! do. Pure: the time, the machine's number and what earlier runs did are arguments.
//!
//! Never fetches and never writes; `cli/scheduled.rs` does. Signed documents never
//! widen what is allowed here: a window, a budget and a metered link are the owner's
//! word, also when the live release was withdrawn (reference/trust.md 2.9 lets such a
//! release pass the rollout, and nothing else).

pub mod metered;
mod record;
mod timer;
mod window;

pub use record::{Available, Record, Waiting};
pub use timer::{cache_name, definition, state};
pub use window::{Moment, Window};

use offgrid_manifest::Digest;
use serde::{Deserialize, Serialize};

/// Seconds in a day.
const DAY: u64 = 24 * 3600;
/// How long to wait before another try at a source that could not be reached.
const AGAIN: u64 = 3600;
/// Over how many minutes of a window the machines of a fleet spread, at most.
const SPREAD: u16 = 240;
/// For how many seconds a budget counts.
pub const BUDGET_FOR: u64 = 30 * DAY;

/// What a scheduled run is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Nothing: none runs.
    #[default]
    Never,
    /// Say that there is an update.
    Notify,
    /// Fetch it, too, so that it is here when somebody asks for it.
    Download,
    /// Install it, too.
    Install,
}

impl Mode {
    /// All.
    pub const ALL: [Mode; 4] = [Mode::Never, Mode::Notify, Mode::Download, Mode::Install];

    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Mode::Never => "never",
            Mode::Notify => "notify",
            Mode::Download => "download",
            Mode::Install => "install",
        }
    }

    /// Of the word, or what it should have been.
    pub(crate) fn read(word: &str) -> Result<Mode, String> {
        let known = Mode::ALL.into_iter().find(|mode| mode.name() == word);
        known.ok_or_else(|| "never, notify, download or install".to_owned())
    }
}

/// Whether bytes cost money here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Metered {
    /// They do.
    Yes,
    /// They do not.
    No,
    /// What the system's files say; where they say nothing, they do not.
    #[default]
    Auto,
}

impl Metered {
    /// Of the word, or what it should have been.
    pub(crate) fn read(word: &str) -> Result<Metered, String> {
        match word {
            "yes" => Ok(Metered::Yes),
            "no" => Ok(Metered::No),
            "auto" => Ok(Metered::Auto),
            _ => Err("yes, no or auto".to_owned()),
        }
    }
}

/// Whether a run is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// It is.
    Now,
    /// Scheduled updates are off.
    Never,
    /// This machine's moment has not come, or has passed with a run.
    Later,
    /// It is not the time of the week.
    Closed,
}

/// What decides whether a run is due.
#[derive(Debug, Clone, Copy)]
pub struct Timing<'a> {
    /// What for.
    pub mode: Mode,
    /// When; always, when there are none.
    pub windows: &'a [Window],
    /// Now.
    pub now: Moment,
    /// When the last one was, in seconds since 1970, and whether nothing could be
    /// reached then.
    pub last: Option<(u64, bool)>,
    /// The machine's own random number (`state/id`).
    pub machine: Option<&'a str>,
}

/// Whether a run is due: once a day at a moment of the machine's own, or once in each
/// window; an hour after one that reached nothing. Whatever runs at the same minute on
/// each machine of a fleet, the fleet spreads.
pub fn due(timing: &Timing<'_>) -> Due {
    let Timing { mode, windows, now, last, machine } = *timing;
    if mode == Mode::Never {
        return Due::Never;
    }
    let seed = machine.unwrap_or_default();
    // A clock that once ran ahead must not hold everything up.
    let last = last.filter(|(at, _)| *at <= now.unix);
    let began = if windows.is_empty() {
        let own = spread(seed, "day") % DAY;
        let today = now.unix - now.unix % DAY + own;
        Some(if today <= now.unix { today } else { today.saturating_sub(DAY) })
    } else {
        let open = windows.iter().filter_map(|window| Some((window, window.since(&now)?)));
        let Some((window, since)) = open.min_by_key(|(_, since)| *since) else {
            return Due::Closed;
        };
        let room = window.long().saturating_sub(window::LEAST).min(SPREAD);
        let own = spread(seed, "window") % (u64::from(room) + 1);
        let began = now.unix.saturating_sub(u64::from(since) * 60 + now.unix % 60);
        (u64::from(since) >= own).then_some(began)
    };
    let is_due = match (began, last) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(began), Some((at, failed))) => at < began || (failed && at + AGAIN <= now.unix),
    };
    if is_due { Due::Now } else { Due::Later }
}

/// A number of the machine's own. Its random text is never given away: only a digest
/// of it decides anything.
pub fn spread(machine: &str, what: &str) -> u64 {
    let digest = Digest::of(format!("schedule/v1\0{what}\0{machine}").as_bytes()).to_string();
    u64::from_str_radix(&digest[..16], 16).unwrap_or_default()
}

/// What decides how far a run may go when there is an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Means {
    /// What for.
    pub mode: Mode,
    /// What it takes to fetch.
    pub bytes: u64,
    /// What scheduled runs may fetch in 30 days.
    pub budget: Option<u64>,
    /// What they have.
    pub spent: u64,
    /// Whether bytes cost money.
    pub metered: bool,
}

/// How far a run may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum May {
    /// Say that there is an update, and why it is not here yet.
    Tell(Option<Held>),
    /// Fetch it.
    Fetch,
    /// Install it.
    Install,
}

/// What holds an update back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// More bytes than are left.
    Budget {
        /// How many are.
        left: u64,
    },
    /// Bytes cost money here.
    Metered,
}

/// How far a run may go. What needs no bytes costs none.
pub fn may(means: &Means) -> May {
    let Means { mode, bytes, budget, spent, metered } = *means;
    if matches!(mode, Mode::Never | Mode::Notify) {
        return May::Tell(None);
    }
    let left = budget.map(|budget| budget.saturating_sub(spent));
    match left {
        _ if metered && bytes > 0 => May::Tell(Some(Held::Metered)),
        Some(left) if bytes > left => May::Tell(Some(Held::Budget { left })),
        _ if mode == Mode::Download => May::Fetch,
        _ => May::Install,
    }
}

#[cfg(test)]
mod tests;
