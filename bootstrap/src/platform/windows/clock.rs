//! The clock on the wall, and what Windows has no word for: a child with fewer rights.

use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::path::Path;
use std::process::Command;
use windows_sys::Win32::System::SystemInformation::GetLocalTime;

#[expect(unsafe_code, reason = "a system call")]
pub(crate) fn local_now() -> Option<(u8, u16)> {
    let mut now = MaybeUninit::zeroed();
    // SAFETY: the call fills the struct, and cannot fail.
    let now = unsafe {
        GetLocalTime(now.as_mut_ptr());
        now.assume_init()
    };
    let day = u8::try_from((now.wDayOfWeek + 6) % 7).ok()?;
    Some((day, now.wHour * 60 + now.wMinute))
}

pub(crate) fn lowers_rights() -> bool {
    false
}

pub(crate) fn lower_rights(_command: &mut Command, _uid: u32, _gid: u32, _groups: &[u32]) {}

/// Here a tree is removed by names.
#[expect(clippy::unnecessary_wraps, reason = "as on the others")]
pub(crate) fn flatten(_path: &Path, _why: &io::Error) -> io::Result<bool> {
    Ok(false)
}

pub(crate) fn give_tree(_path: &Path, _uid: u32, _gid: u32) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

pub(crate) fn give_dir(_path: &Path, _uid: u32, _gid: u32) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}
