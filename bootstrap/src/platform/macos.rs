//! macOS; the rest is in `unix.rs`.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use crate::host::macos::FEATURES;
use crate::host::{Arch, Cpu, Uname};

use super::LiveFacts;
use super::sync::sync_each;

/// Nothing to close: the names of libraries in a program are whole paths.
pub fn harden() {}

// host facts

pub(crate) fn live_facts() -> LiveFacts {
    let uname = rustix::system::uname();
    let text = |part: &CStr| part.to_string_lossy().into_owned();
    let asked = RefreshKind::nothing()
        .with_cpu(CpuRefreshKind::nothing())
        .with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(asked).ok();
    let cpus = system.as_ref().map(System::cpus).unwrap_or_default();
    LiveFacts {
        uname: Some(Uname {
            sysname: text(uname.sysname()),
            machine: text(uname.machine()),
            release: text(uname.release()),
        }),
        process_arch: Arch::from_machine(std::env::consts::ARCH),
        os_name: System::os_version().ok().map(|version| format!("macOS {version}")),
        cpu: Cpu {
            name: cpus.first().map(|cpu| cpu.brand().to_owned()).filter(|name| !name.is_empty()),
            cores: u32::try_from(cpus.len()).ok().filter(|cores| *cores > 0),
            features: None, // from the sysctl lines
        },
        memory_bytes: system.as_ref().map(System::total_memory).filter(|bytes| *bytes > 0),
        sysctl: Some(sysctl_lines()),
        elevated: Some(rustix::process::geteuid().is_root()),
        ..LiveFacts::default()
    }
}

/// The keys that sysinfo does not ask for, in the form of a captured tree.
fn sysctl_lines() -> String {
    let keys = ["hw.optional.arm64", "sysctl.proc_translated"];
    let features = FEATURES.iter().map(|(key, _, _)| *key);
    let lines = keys.into_iter().chain(features);
    lines.filter_map(|key| Some(format!("{key}: {}\n", sysctl(key)?))).collect()
}

/// A key with a small number; `None` where this Mac has no such key.
#[expect(unsafe_code, reason = "no crate we use gives any key by its name")]
fn sysctl(key: &str) -> Option<i64> {
    let name = CString::new(key).ok()?;
    let mut bytes = [0u8; 8];
    let mut length = bytes.len();
    // SAFETY: `name` ends with a NUL; the kernel writes at most `length` bytes
    // into `bytes`, which lives as long as the call; nothing is set.
    let result = unsafe {
        libc::sysctlbyname(
            name.as_ptr(),
            bytes.as_mut_ptr().cast(),
            &raw mut length,
            std::ptr::null_mut(),
            0,
        )
    };
    match (result, length) {
        (0, 4) => Some(i64::from(i32::from_ne_bytes(bytes.first_chunk().copied()?))),
        (0, 8) => Some(i64::from_ne_bytes(bytes)),
        _ => None,
    }
}

// files

/// `fsync` moves a file to the drive; the last call makes the drive write all
/// that it holds, which it does slowly and so once.
pub(crate) fn sync_tree(path: &Path) -> io::Result<()> {
    sync_each(path, &|path, _| Ok(rustix::fs::fsync(File::open(path)?)?))?;
    File::open(path)?.sync_all()
}

/// A new file that shares its bytes with `source`.
pub(super) fn clone_file(source: &File, folder: &OwnedFd, name: &str) -> rustix::io::Result<File> {
    use rustix::fs::{CloneFlags, Mode, OFlags};
    rustix::fs::fclonefileat(source, folder, name, CloneFlags::empty())?;
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::openat(folder, name, flags, Mode::empty())?))
}

/// Not known before it is tried.
pub(crate) fn reuse_is_free(_path: &Path, _linking: bool) -> bool {
    false
}

/// The flag that says "on this computer".
const MNT_LOCAL: u32 = 0x1000;

pub(crate) fn is_remote(path: &Path) -> bool {
    rustix::fs::statfs(path).is_ok_and(|facts| facts.f_flags & MNT_LOCAL == 0)
}

// processes

/// Nothing: there is no such request here.
pub(crate) fn ends_with_us(_command: &mut std::process::Command) {}

/// Not told in a file here.
pub(crate) fn cpu_time(_pid: u32) -> Option<std::time::Duration> {
    None
}
