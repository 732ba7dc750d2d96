//! What the facts of a computer mean, and what to type about it here.
//!
//! Pure: facts in, findings out. Reads nothing, changes nothing, and never installs
//! a driver or anything else: a finding says what a person may type.
//!
//! | word | what |
//! | --- | --- |
//! | `W_GPU_DRIVER` | no driver that computes, or not all of it |
//! | `W_GPU_MODULE` `W_GPU_RESTART` | it is installed, and not (or another version is) at work |
//! | `W_GPU_NODE` `W_GPU_CONTAINER` | device nodes are missing; in a container, where they may be lent |
//! | `W_GPU_RIGHTS` | the service's user may not use the device nodes |
//! | `W_GPU_SET_ASIDE` | it is kept for something else |
//! | `W_GPU_WSL` | what Windows lends is hidden or missing |
//! | `W_GPU_OTHER` | it cannot be used for another reason |
//! | `W_CUDA_DRIVER` `W_CUDA13_DRIVER` | NVIDIA's driver is too old for any CUDA build, or only for CUDA 13 |
//! | `W_CUDA_CARD` | the card is too old for every CUDA build |
//! | `W_VULKAN_LOADER` `W_VULKAN_DRIVER` | one of the two halves of Vulkan is missing |
//! | `W_OPENMP` `W_OPENSSL` `W_VCRUNTIME` | a library that engines take from the system |
//! | `W_MUSL` `W_GLIBC` `W_GLIBC_GPU` | the C library is another one, too old, or too old for a GPU build |
//! | `W_NETWORK_NAMESPACE` `W_USER_NAMESPACE` `W_ADDRESS_RULES` `W_CGROUP1` | what of a service cannot be confined |
//! | `W_ARCH` `W_32BIT` | no engine is built for the kernel, or for the programs, of this system |
//! | `W_NIXOS` | programs that were not made for NixOS cannot be started |
//! | `W_STEAMOS` | the system is read-only, so an installation for everybody is none |
//! | `W_SELINUX_HOME` | what SELinux means for an installation in a home |
//! | `W_ROCM` | ROCm is installed, and its device cannot be used |
//! | `W_MACOS` | older than 13.3 |
//! | `W_WSL1` `W_NO_GPU` | there is no GPU; nothing is wrong |

mod advice;
mod cuda;
mod family;
mod gpu;
pub mod service;
mod special;
mod system;
mod table;

pub use family::Family;

use crate::host::Host;
use crate::preflight;
use serde_json::{Value, json};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Something does not work as it is.
    Problem,
    /// It works; something could be better or has to be known.
    Advice,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its stable word.
    pub word: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is so.
    pub what: String,
    /// What to type or do; `None` where there is nothing to do.
    pub hint: Option<String>,
}

impl Severity {
    /// As people and scripts see it.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Problem => "problem",
            Severity::Advice => "advice",
        }
    }
}

impl Finding {
    fn problem(word: &'static str, what: impl Into<String>, hint: impl Into<String>) -> Finding {
        let (what, hint) = (what.into(), Some(hint.into()));
        Finding { word, severity: Severity::Problem, what, hint }
    }

    fn advice(word: &'static str, what: impl Into<String>, hint: impl Into<String>) -> Finding {
        Finding { severity: Severity::Advice, ..Finding::problem(word, what, hint) }
    }

    /// As `doctor --json` shows it.
    pub fn json(&self) -> Value {
        json!({
            "word": self.word, "severity": self.severity.name(),
            "what": self.what, "hint": self.hint,
        })
    }

    /// As people read it: one line, and below it what to type.
    pub fn text(&self) -> String {
        let hint = self.hint.as_ref().map(|hint| format!("\n    {hint}")).unwrap_or_default();
        format!("{}: {} ({}){hint}", self.severity.name(), self.what, self.word)
    }
}

/// What `preflight` found belongs here too: what stops is a problem, what warns is
/// advice.
impl From<preflight::Finding> for Finding {
    fn from(found: preflight::Finding) -> Finding {
        let severity = match found.word {
            preflight::Word::Stop(_) => Severity::Problem,
            preflight::Word::Warn(_) => Severity::Advice,
        };
        Finding { word: found.word.name(), severity, what: found.what, hint: found.hint }
    }
}

/// Everything that is to be said of these facts, problems first. What is not known
/// is not judged.
pub fn judge(host: &Host) -> Vec<Finding> {
    let family = Family::of(host);
    let mut found = system::judge(host, family);
    for finding in gpu::judge(host, family) {
        // Two cards of one kind have one trouble.
        if !found.contains(&finding) {
            found.push(finding);
        }
    }
    in_order(found)
}

/// The libraries of the system that this program knows how to get.
pub fn libraries() -> impl Iterator<Item = &'static str> {
    table::LIBRARIES.iter().map(|(name, _)| *name)
}

/// What to type here for those of these libraries that [`libraries`] names.
pub fn how_to_get(host: &Host, names: &[&str]) -> Option<String> {
    let mut things: Vec<table::Thing> = Vec::new();
    for (name, thing) in table::LIBRARIES {
        if names.contains(&name) && !things.contains(&thing) {
            things.push(thing);
        }
    }
    let say = || advice::advice_for_all(Family::of(host), &things, host.native_arch);
    (!things.is_empty()).then(say)
}

/// Problems first, otherwise as they were found.
pub fn in_order(mut found: Vec<Finding>) -> Vec<Finding> {
    found.sort_by_key(|finding| finding.severity == Severity::Advice);
    found
}

/// All of it, as people read it.
pub fn text(found: &[Finding]) -> String {
    if found.is_empty() {
        return "everything that this program needs is here".to_owned();
    }
    found.iter().map(Finding::text).collect::<Vec<_>>().join("\n")
}

/// Whether a version is at least this one, number by number; parts that are missing
/// count as 0. `None` when one of them does not begin with a number.
fn at_least(have: &str, least: &str) -> Option<bool> {
    let numbers = |text: &str| -> Option<Vec<u64>> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let parts = text[..end].trim_end_matches('.').split('.');
        let mut parts: Vec<u64> = parts.map(|part| part.parse().ok()).collect::<Option<_>>()?;
        while parts.last() == Some(&0) {
            parts.pop();
        }
        Some(parts)
    };
    Some(numbers(have)? >= numbers(least)?)
}

#[cfg(test)]
mod tests;
