//! Processes by their number: whether one lives, and ending it.

use crate::platform::Signal;
use std::io::{self, ErrorKind};
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use windows_sys::Win32::Foundation::WAIT_TIMEOUT;
use windows_sys::Win32::System::Threading::{
    OpenProcess, PROCESS_SYNCHRONIZE, PROCESS_TERMINATE, TerminateProcess, WaitForSingleObject,
};

pub(crate) fn process_id_alive(pid: u32) -> bool {
    match open_process(pid, PROCESS_SYNCHRONIZE) {
        Ok(process) => !has_ended(&process),
        Err(error) => error.kind() == ErrorKind::PermissionDenied, // somebody else's
    }
}

/// No container begins with one of our supervisors here.
pub(crate) fn is_first() -> bool {
    false
}

pub(crate) fn run_as_first(_command: &mut std::process::Command, _name: &str) -> io::Result<u8> {
    Err(ErrorKind::Unsupported.into())
}

/// Only ending at once is possible; the rest comes with the service.
#[expect(unsafe_code, reason = "a system call")]
pub(crate) fn signal(pid: u32, signal: Signal) -> io::Result<()> {
    match signal {
        Signal::Stop | Signal::Reload => Err(ErrorKind::Unsupported.into()),
        Signal::Kill => {
            let process = open_process(pid, PROCESS_TERMINATE)?;
            // SAFETY: the handle is open until the end of this block.
            let done = unsafe { TerminateProcess(process.as_raw_handle(), 1) };
            if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
        }
    }
}

#[expect(unsafe_code, reason = "the standard library opens only its own children")]
fn open_process(pid: u32, right: u32) -> io::Result<OwnedHandle> {
    // SAFETY: takes numbers; what it gives is ours to close, unless it is null.
    unsafe {
        let handle = OpenProcess(right, 0, pid);
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        Ok(OwnedHandle::from_raw_handle(handle))
    }
}

#[expect(unsafe_code, reason = "a system call")]
fn has_ended(process: &OwnedHandle) -> bool {
    // SAFETY: the handle is open as long as the reference.
    unsafe { WaitForSingleObject(process.as_raw_handle(), 0) != WAIT_TIMEOUT }
}
