//! A llama.cpp that is on this machine already, used in the place of a release's own
//! engine when somebody asks for it (DESIGN 6, reference/gpu.md 4).
//!
//! Owns where one may be, what it must be like to be taken, and how it is known again.
//! Looking for one starts no program; trying one out starts nothing that somebody else
//! could have changed. Never takes what belongs to another program, changes nothing,
//! and proves nothing about words: that is the gate's.

mod error;
mod format;
mod known;
mod libraries;
mod places;
mod said;
mod search;
mod trial;

pub use error::{Error, Refusal, again};
pub use known::{Existing, FILE, InUse, in_use, is_changed, of_slot};
pub use search::{Choice, Found, Search, choose};

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Which engine somebody wants.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wish {
    /// The one of the release.
    #[default]
    Bundled,
    /// The first one on this machine that does, else the one of the release.
    Auto,
    /// This one and no other.
    Path(PathBuf),
}
