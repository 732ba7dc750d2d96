//! Before the first byte: what would stop an installation here, or trouble it later.
//!
//! Pure: facts in, findings out. `look` reads the facts, from the running machine or
//! from a captured one; everything else decides from them. Never changes anything,
//! never asks, and installs nothing that is missing: a finding says what to type.
//!
//! | word | what |
//! | --- | --- |
//! | `E_PERM` | programs cannot be started from the prefix: a disk without them (noexec), one
//! | | that is read-only, AppLocker |
//! | `E_NOSPACE` | a file system that is written to has too little room |
//! | `W_PORT` | somebody else has the app's port |
//! | `W_UPSTREAM` | the app was installed in its makers' own way, and its service ends ours |
//! | `W_SECOND_INSTALL` | there is another installation of ours, for everybody or for one user |
//! | `W_FAPOLICYD` `W_SELINUX` | a guard of the system may stop what is installed |
//! | `W_MODEL_MEMORY` | a model that was named, or every one there is, is too large for this memory |

mod disks;
mod guards;
mod look;
mod memory;
mod mounts;
mod ports;
mod space;
mod upstream;

pub(crate) use disks::of as disks;
pub use disks::{Disk, parse as parse_disks};
pub use guards::{AppLocker, Guards};
pub(crate) use look::{Looked, facts};
pub use memory::Models;
pub use mounts::Mount;
pub use ports::Holder;
pub use space::Need;
pub use upstream::{Second, Unit, Upstream};

use offgrid_manifest::Code;
use serde_json::{Value, json};
use std::path::PathBuf;

/// What was found of a machine, for one prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The prefix.
    pub prefix: PathBuf,
    /// Its nearest folder that is there, without links.
    pub ground: PathBuf,
    /// Whether it is the whole system's.
    pub system: bool,
    /// Every mount, the latest last.
    pub mounts: Vec<Mount>,
    /// What guards programs here.
    pub guards: Guards,
    /// The app's port.
    pub port: u16,
    /// Who has it; ours does not count.
    pub holder: Option<Holder>,
    /// The app as its makers install it.
    pub upstream: Upstream,
    /// Another installation of ours.
    pub second: Option<Second>,
}

/// A finding's stable word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// It stops.
    Stop(Code),
    /// It warns.
    Warn(&'static str),
}

impl Word {
    /// As people and scripts see it.
    pub fn name(self) -> &'static str {
        match self {
            Word::Stop(code) => code.name(),
            Word::Warn(name) => name,
        }
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its word.
    pub word: Word,
    /// What is so.
    pub what: String,
    /// What to type.
    pub hint: Option<String>,
}

impl Finding {
    fn new(word: Word, what: String, hint: impl Into<String>) -> Finding {
        Finding { word, what, hint: Some(hint.into()) }
    }

    /// As `plan --json` shows it.
    pub fn json(&self) -> Value {
        let stops = matches!(self.word, Word::Stop(_));
        json!({"code": self.word.name(), "stops": stops, "what": self.what, "hint": self.hint})
    }

    /// As people read it in a plan.
    pub fn line(&self) -> String {
        let hint = self.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{}: {}{hint}", self.word.name(), self.what)
    }
}

/// A finding that stops.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Error {
    code: Code,
    what: String,
    hint: Option<String>,
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}

/// Everything that is to be said of these facts, what stops first.
pub fn judge(facts: &Facts) -> Vec<Finding> {
    let forbidden = mounts::judge(facts).into_iter().chain(guards::judge(facts));
    let warned = ports::judge(facts).into_iter().chain(upstream::judge(facts));
    let mut found: Vec<Finding> = forbidden.chain(warned).collect();
    found.sort_by_key(|finding| matches!(finding.word, Word::Warn(_)));
    found
}

/// What is to be said of the room on each file system.
pub fn judge_space(needs: &[Need]) -> Vec<Finding> {
    space::judge(needs)
}

/// Refuses the first finding that stops.
///
/// # Errors
/// `E_PERM`, `E_NOSPACE`.
pub fn refuse(findings: &[Finding]) -> Result<(), Error> {
    let stop = findings.iter().find_map(|finding| match finding.word {
        Word::Stop(code) => Some((code, finding)),
        Word::Warn(_) => None,
    });
    let Some((code, finding)) = stop else { return Ok(()) };
    Err(Error { code, what: finding.what.clone(), hint: finding.hint.clone() })
}

#[cfg(test)]
mod tests;
