//! Linux.

use crate::host::{Arch, Uname};

use super::LiveFacts;

// host facts

/// Everything else is in a file, which `host` reads.
pub(crate) fn live_facts() -> LiveFacts {
    let uname = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    let info = rustix::system::sysinfo();
    let memory = info.totalram.checked_mul(u64::from(info.mem_unit));
    LiveFacts {
        uname: Some(Uname {
            sysname: text(uname.sysname()),
            machine: text(uname.machine()),
            release: text(uname.release()),
        }),
        process_arch: Arch::from_machine(std::env::consts::ARCH),
        memory_bytes: memory.filter(|bytes| *bytes > 0),
        elevated: Some(rustix::process::geteuid().is_root()),
        ..LiveFacts::default()
    }
}

/// Whether the link could be made.
#[cfg(test)]
pub(crate) fn link_for_tests(target: &str, at: &std::path::Path) -> bool {
    std::os::unix::fs::symlink(target, at).is_ok()
}
