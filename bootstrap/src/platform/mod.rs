//! What differs between operating systems: sibling files with the same
//! functions, and one `cfg` that picks. OS `cfg` and `unsafe` stand nowhere
//! else. Each gives:
//!
//! - `live_facts() -> LiveFacts`: host facts of the running machine that are in
//!   no file; starts no process.

#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(target_os = "macos", path = "macos.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod imp;

pub(crate) use imp::*;

use crate::host::{Arch, Cpu, Uname};

/// Host facts that the running system tells; `None` where a file tells them
/// or nothing does.
#[derive(Debug, Default)]
pub(crate) struct LiveFacts {
    pub(crate) uname: Option<Uname>,
    /// What this program was built for.
    pub(crate) process_arch: Option<Arch>,
    /// Where it is not what `uname` says.
    pub(crate) native_arch: Option<Arch>,
    pub(crate) os_name: Option<String>,
    pub(crate) cpu: Cpu,
    pub(crate) memory_bytes: Option<u64>,
    /// macOS: `key: value` a line, as in a captured tree.
    pub(crate) sysctl: Option<String>,
    pub(crate) elevated: Option<bool>,
}
