//! macOS; the rest is in `unix.rs`.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use crate::host::macos::{TEXTS, keys};
use crate::host::{Arch, Uname};

use super::LiveFacts;
use super::sync::sync_each;

/// Nothing to close: the names of libraries in a program are whole paths.
pub fn harden() {}

// host facts

/// Everything else is in the lines of `sysctl`.
pub(crate) fn live_facts() -> LiveFacts {
    let uname = rustix::system::uname();
    let text = |part: &CStr| part.to_string_lossy().into_owned();
    LiveFacts {
        uname: Some(Uname {
            sysname: text(uname.sysname()),
            machine: text(uname.machine()),
            release: text(uname.release()),
        }),
        process_arch: Arch::from_machine(std::env::consts::ARCH),
        sysctl: Some(sysctl_lines()),
        elevated: Some(rustix::process::geteuid().is_root()),
        ..LiveFacts::default()
    }
}

/// In the form of a captured tree; without the keys that this Mac does not have.
fn sysctl_lines() -> String {
    let line = |key: &str| Some(format!("{key}: {}\n", value(key, &sysctl(key)?)?));
    keys().filter_map(line).collect()
}

/// As `sysctl` shows it: numbers have four or eight bytes, texts end with a zero.
fn value(key: &str, bytes: &[u8]) -> Option<String> {
    if TEXTS.contains(&key) {
        let text = CStr::from_bytes_until_nul(bytes).ok()?;
        return Some(text.to_string_lossy().into_owned());
    }
    match *bytes {
        [a, b, c, d] => Some(i32::from_ne_bytes([a, b, c, d]).to_string()),
        _ => Some(i64::from_ne_bytes(bytes.try_into().ok()?).to_string()),
    }
}

/// The bytes of a key; `None` where this Mac has no such key.
#[expect(unsafe_code, reason = "no crate we use gives any key by its name")]
fn sysctl(key: &str) -> Option<Vec<u8>> {
    let name = CString::new(key).ok()?;
    let mut bytes = vec![0; 256];
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
    bytes.truncate(length);
    (result == 0).then_some(bytes)
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
