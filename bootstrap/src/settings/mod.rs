//! What was asked for: by the command line, `OFFGRID_SETUP_*` variables, the
//! user's `setup.toml`, the system's, in this order; what the system's file
//! enforces wins over all of them, and what nobody says has a default.
//!
//! ```text
//! words -> cli::args ---+
//! Env ------------------+-> Layers -> settle -> Settings
//! texts of setup.toml --+
//! ```
//!
//! Owns the table of options and what each value means. Never opens a file,
//! never asks, and changes nothing.

mod command;
mod error;
mod kind;
mod layer;
mod near;
mod reference;
mod settle;
pub mod table;
mod value;

#[cfg(test)]
mod tests;

pub use command::Command;
pub use error::Error;
pub use kind::ServiceKind;
pub use layer::{FileLayers, Given, Layer, Origin, Value};
pub use reference::reference;
pub use value::VariantWish;

pub(crate) use layer::on_or_off;
pub(crate) use near::nearest;
pub(crate) use value::DRAIN;

use crate::schedule::{Metered, Mode, Window};
use crate::service::backend::Listen;
use offgrid_manifest::{Id, Time, Version};
use std::path::PathBuf;

/// What is meant. Paths are absolute; nothing was looked up on a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The answer to every question is yes.
    pub yes: bool,
    /// JSON for programs.
    pub json: bool,
    /// Only what went wrong.
    pub quiet: bool,
    /// More than usual.
    pub verbose: bool,
    /// No network.
    pub offline: bool,
    /// Addresses and absolute folders; empty: those of the receipt or stamp.
    pub sources: Vec<String>,
    /// Whether they came from the command line, and so from a person now.
    pub sources_typed: bool,
    /// Which channel to follow.
    pub channel: Option<Id>,
    /// Where to install.
    pub prefix: Option<PathBuf>,
    /// System scope, or the user's.
    pub system: Option<bool>,
    /// Whether to colour text for people.
    pub color: bool,
    /// Whether shell profiles may be edited.
    pub modify_path: bool,
    /// How the app is kept running.
    pub service: ServiceKind,
    /// Whether that came from the command line.
    pub service_typed: bool,
    /// What becomes of the app as its makers install it.
    pub adopt: crate::adopt::Wish,
    /// Whether it starts with the system or the session.
    pub autostart: bool,
    /// Who may reach the app; `None`: as before, at first this computer alone.
    pub listen: Option<Listen>,
    /// Seconds that requests under way may take when another slot takes over.
    pub drain: u64,
    /// Whether a user's service goes on without a session; `None`: nobody said.
    pub linger: Option<bool>,
    /// Which models to fetch; `Some` of nothing: none, and do not ask.
    pub models: Option<Vec<Id>>,
    /// Which engine; `None`: as before, at first the release's own.
    pub engine: Option<crate::engine::Wish>,
    /// Whether that came from the command line.
    pub engine_typed: bool,
    /// This variant and no other, or the best one again.
    pub variant: Option<VariantWish>,
    /// Whether that stands in a file: there it lasts, and nobody has to remember it.
    pub variant_in_file: bool,
    /// Whose GPUs to use.
    pub gpu: Option<crate::select::Wanted>,
    /// Whether that stands in a file.
    pub gpu_in_file: bool,
    /// `update --rematch`: the variant that fits best, also what did not work before.
    pub rematch: bool,
    /// This release and no other.
    pub version: Option<Version>,
    /// How many slots stay, the live one counted.
    pub keep: usize,
    /// `rollback --to`: which release, and which variant of it where it was typed.
    pub to: Option<(Version, Option<Id>)>,
    /// Take expired heads and channels.
    pub accept_stale: bool,
    /// Take an older release than the installed one.
    pub allow_downgrade: bool,
    /// Take a release that was withdrawn.
    pub allow_yanked: bool,
    /// Take this release although it is known to be unsafe.
    pub accept_vulnerable: Option<Version>,
    /// Certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Bytes a second.
    pub limit_rate: Option<u64>,
    /// Bytes in all.
    pub max_download: Option<u64>,
    /// What scheduled runs are for; `None`: as before, at first nothing.
    pub updates: Option<Mode>,
    /// Whether that stands in a file or is policy: there it lasts, and nobody has to
    /// remember it.
    pub updates_in_file: bool,
    /// When they may run; always, when there are none.
    pub update_windows: Vec<Window>,
    /// What they may fetch in 30 days.
    pub update_budget: Option<u64>,
    /// Whether bytes cost money here.
    pub metered: Metered,
    /// `update --scheduled`
    pub scheduled: bool,
    /// `status --history`
    pub history: bool,
    /// Wait for another run to end.
    pub wait: bool,
    /// Let a newer version of this program go first.
    pub self_update: bool,
    /// `update --check`
    pub check: bool,
    /// `plan --explain`
    pub explain: bool,
    /// `detect` and `plan`: the captured computer.
    pub sysroot: Option<PathBuf>,
    /// `detect`: where a captured tree of this computer is written.
    pub capture: Option<PathBuf>,
    /// `uninstall --purge`
    pub purge: bool,
    /// `repair --finish`
    pub finish: bool,
    /// `repair --back`
    pub back: bool,
    /// `trust`: the folder of its state.
    pub state: Option<PathBuf>,
    /// `trust`: the root to begin with.
    pub root: Option<PathBuf>,
    /// `trust`: the time.
    pub now: Option<Time>,
    /// `trust download`: what to fetch.
    pub target: Option<String>,
    /// `trust download`: where to.
    pub into: Option<PathBuf>,
    /// What was typed and does not count, because policy says otherwise: one
    /// sentence each.
    pub overruled: Vec<String>,
}
