//! What is wrong with an installation, and what would mend each of it. The one
//! answer for `verify`, which tells it, and for `repair`, which does it.
//!
//! Looks at the disk; changes nothing and fetches nothing.

mod find;

pub use find::{Patient, find};

use crate::error::Error as Any;
use crate::plan::OnDisk;
use crate::receipt::Slot;
use crate::store::{SlotName, Store};
use crate::{disk, gate};
use offgrid_manifest::Digest;
use offgrid_manifest::release::Release;
use offgrid_manifest::verify::LARGE_MAX;
use std::fmt;
use std::path::{Path, PathBuf};

/// What is not as it was installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thing {
    /// A whole slot.
    Slot(SlotName),
    /// Something in a slot that makes it be built anew.
    Part(SlotName),
    /// Something that is not ours in the place of ours.
    Stranger,
    /// This program.
    Program,
    /// What names the live slot.
    Current,
    /// The link on PATH.
    Link,
    /// A model, by its name.
    Model(String),
    /// The running service.
    Service,
    /// An engine of this machine that is used in the place of the release's own.
    Engine,
}

impl Thing {
    /// The word for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Thing::Slot(_) => "slot",
            Thing::Part(_) => "file",
            Thing::Stranger => "stranger",
            Thing::Program => "program",
            Thing::Current => "current",
            Thing::Link => "link",
            Thing::Model(_) => "model",
            Thing::Service => "service",
            Thing::Engine => "engine",
        }
    }

    /// The slot that it is about.
    pub fn slot(&self) -> Option<&SlotName> {
        match self {
            Thing::Slot(name) | Thing::Part(name) => Some(name),
            _ => None,
        }
    }
}

/// What `repair` does about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cure {
    /// Copies these bytes, which are right.
    Copy(PathBuf),
    /// Fetches it again.
    Fetch,
    /// Makes it again; no bytes are needed.
    Make,
    /// Moves what is there to this place, where it is kept.
    Aside(PathBuf),
    /// Nothing, because it is not ours.
    Leave,
    /// Nothing that it could; what to do instead.
    Hopeless(&'static str),
}

impl Cure {
    /// The word for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Cure::Copy(_) => "copy",
            Cure::Fetch => "fetch",
            Cure::Make => "make",
            Cure::Aside(_) => "aside",
            Cure::Leave => "leave",
            Cure::Hopeless(_) => "none",
        }
    }

    /// Whether `repair` does something.
    pub fn is_one(&self) -> bool {
        !matches!(self, Cure::Leave | Cure::Hopeless(_))
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// With what.
    pub thing: Thing,
    /// Where.
    pub path: PathBuf,
    /// In words that follow the path.
    pub what: String,
    /// What mends it.
    pub cure: Cure,
}

impl Problem {
    fn new(thing: Thing, path: impl Into<PathBuf>, what: &str, cure: Cure) -> Problem {
        Problem { thing, path: path.into(), what: what.to_owned(), cure }
    }

    /// What `repair` does about it, in words that end the line.
    fn remedy(&self) -> String {
        match &self.cure {
            Cure::Copy(from) if *from == self.path => "repair makes it anew".to_owned(),
            Cure::Copy(from) => format!("repair copies it from {}", from.display()),
            Cure::Fetch => "repair downloads it again".to_owned(),
            Cure::Make => "repair makes it again".to_owned(),
            Cure::Aside(to) => format!("repair moves it to {}", to.display()),
            Cure::Leave => "left alone, because it is not ours".to_owned(),
            Cure::Hopeless(instead) => format!("repair cannot mend it: {instead}"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.path.display(), self.what, self.remedy())
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Everything that is wrong.
    pub problems: Vec<Problem>,
    /// Files of slots with the right bytes, whatever else is wrong with them.
    pub good: OnDisk,
    /// How many files of slots were looked at.
    pub files: usize,
}

impl Findings {
    /// Whether something is wrong that is ours.
    pub fn is_damaged(&self) -> bool {
        self.problems.iter().any(|problem| problem.cure != Cure::Leave)
    }

    /// Whether a cure of these problems needs bytes that are not on this disk.
    pub fn needs_source(&self) -> bool {
        self.problems.iter().any(|problem| problem.cure == Cure::Fetch)
    }
}

/// The document of a slot's release.
pub const RELEASE: &str = "release.json";
/// The document of another engine in the place of the release's own.
pub use crate::engine::FILE as ENGINE;
/// The document of the channel that listed it.
pub const CHANNEL: &str = "channel.json";

/// The release of a slot, as far as its document is the one that was installed:
/// it was verified then, and the receipt has its digest.
///
/// # Errors
/// A file that cannot be read.
pub fn release_of(store: &Store, name: &SlotName, slot: &Slot) -> Result<Option<Release>, Any> {
    let Some(wanted) = slot.files.get(RELEASE) else { return Ok(None) };
    let bytes = disk::read(&store.slot(name).join(RELEASE), LARGE_MAX)?;
    let bytes = bytes.filter(|bytes| Digest::of(bytes) == wanted.sha256);
    bytes.map(|bytes| read_release(&store.slot(name), &bytes)).transpose()
}

/// Reads a release document of the right digest.
///
/// # Errors
/// `E_HEALTH` when it is none after all.
pub fn read_release(folder: &Path, bytes: &[u8]) -> Result<Release, Any> {
    let release = serde_json::from_slice(bytes);
    release.map_err(|source| gate::Error::Release { path: folder.join(RELEASE), source }.into())
}
