//! Host facts of Windows.

use std::ffi::OsString;
use std::os::windows::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use windows_sys::Win32::Foundation::{CloseHandle, HANDLE};
use windows_sys::Win32::Security::{
    GetTokenInformation, TOKEN_ELEVATION, TOKEN_QUERY, TokenElevation,
};
use windows_sys::Win32::System::SystemInformation::{
    GetSystemWindowsDirectoryW, GlobalMemoryStatusEx, IMAGE_FILE_MACHINE_AMD64,
    IMAGE_FILE_MACHINE_ARM64, MEMORYSTATUSEX,
};
use windows_sys::Win32::System::Threading::{
    ALL_PROCESSOR_GROUPS, GetActiveProcessorCount, GetCurrentProcess, IsWow64Process2,
    OpenProcessToken,
};

use super::registry::Key;

use crate::host::{Arch, Cpu, Uname};
use crate::platform::LiveFacts;

pub(crate) fn live_facts() -> LiveFacts {
    let system = os_info::get();
    let process_arch = Arch::from_machine(std::env::consts::ARCH);
    let native_arch = native_arch();
    let mut cpu = cpu();
    if native_arch.is_some() && native_arch == process_arch {
        cpu.features = features(); // of another processor we only see what is emulated
    }
    LiveFacts {
        uname: Some(Uname {
            sysname: "Windows".to_owned(),
            machine: std::env::consts::ARCH.to_owned(),
            release: system.version().to_string(),
        }),
        process_arch,
        native_arch,
        os_name: system.edition().map(str::to_owned),
        cpu,
        memory_bytes: memory(),
        windows: Some(super::display::json()),
        elevated: elevated(),
        ..LiveFacts::default()
    }
}

/// The root of the drive that Windows is on: a path that begins with a slash is one of
/// the current drive.
#[expect(unsafe_code, reason = "the variable that says so is anybody's to set")]
pub(crate) fn root() -> PathBuf {
    let mut name = [0_u16; 260];
    // SAFETY: the name is as long as we say.
    let length = unsafe { GetSystemWindowsDirectoryW(name.as_mut_ptr(), name.len() as u32) };
    let name = name.get(..length as usize).unwrap_or_default();
    let folder = PathBuf::from(OsString::from_wide(name));
    folder.ancestors().last().filter(|root| root.has_root()).unwrap_or(Path::new("/")).to_owned()
}

/// Without its features.
fn cpu() -> Cpu {
    let key = Key::open(r"HARDWARE\DESCRIPTION\System\CentralProcessor\0");
    let name = key.and_then(|key| key.text("ProcessorNameString"));
    let name = name.map(|name| name.trim().to_owned());
    Cpu {
        name: name.filter(|name| !name.is_empty()),
        cores: Some(cores()).filter(|cores| *cores > 0),
        features: None,
    }
}

/// Of all groups of processors: one group has 64 at most.
#[expect(unsafe_code, reason = "a system call")]
fn cores() -> u32 {
    // SAFETY: takes a number.
    unsafe { GetActiveProcessorCount(ALL_PROCESSOR_GROUPS) }
}

#[expect(unsafe_code, reason = "a system call")]
fn memory() -> Option<u64> {
    // SAFETY: plain numbers, for which zero is a value.
    let mut status: MEMORYSTATUSEX = unsafe { std::mem::zeroed() };
    status.dwLength = u32::try_from(size_of::<MEMORYSTATUSEX>()).ok()?;
    // SAFETY: it is as large as it says, and outlives the call.
    let done = unsafe { GlobalMemoryStatusEx(&raw mut status) };
    Some(status.ullTotalPhys).filter(|bytes| done != 0 && *bytes > 0)
}

/// Not `PROCESSOR_ARCHITECTURE` nor GetNativeSystemInfo: both lie to a program
/// that is emulated on Arm.
#[expect(unsafe_code, reason = "a system call")]
fn native_arch() -> Option<Arch> {
    let (mut process, mut native) = (0, 0);
    // SAFETY: the handle is always valid, and both numbers outlive the call.
    let done = unsafe { IsWow64Process2(GetCurrentProcess(), &raw mut process, &raw mut native) };
    match native {
        _ if done == 0 => None,
        IMAGE_FILE_MACHINE_AMD64 => Some(Arch::X86_64),
        IMAGE_FILE_MACHINE_ARM64 => Some(Arch::Aarch64),
        _ => None,
    }
}

#[expect(unsafe_code, reason = "system calls")]
fn elevated() -> Option<bool> {
    let mut token: HANDLE = std::ptr::null_mut();
    let mut answer = TOKEN_ELEVATION { TokenIsElevated: 0 };
    let size = u32::try_from(size_of::<TOKEN_ELEVATION>()).ok()?;
    let mut written = 0;
    // SAFETY: the token is used only when it was opened and closed once; the
    // answer is as large as we say and outlives the call.
    let done = unsafe {
        if OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) == 0 {
            return None;
        }
        let into = (&raw mut answer).cast();
        let done = GetTokenInformation(token, TokenElevation, into, size, &raw mut written);
        CloseHandle(token);
        done
    };
    (done != 0).then_some(answer.TokenIsElevated != 0)
}

/// By the names of Linux.
#[cfg(target_arch = "x86_64")]
fn features() -> Option<Vec<String>> {
    macro_rules! present {
        ($(($rust:tt, $linux:literal)),* $(,)?) => {
            [$((std::arch::is_x86_feature_detected!($rust), $linux)),*]
        };
    }
    // Sorted by the second name.
    let known = present![
        ("avx", "avx"),
        ("avx2", "avx2"),
        ("avx512bf16", "avx512_bf16"),
        ("avx512vnni", "avx512_vnni"),
        ("avx512bw", "avx512bw"),
        ("avx512cd", "avx512cd"),
        ("avx512dq", "avx512dq"),
        ("avx512f", "avx512f"),
        ("avx512vbmi", "avx512vbmi"),
        ("avx512vl", "avx512vl"),
        ("bmi1", "bmi1"),
        ("bmi2", "bmi2"),
        ("f16c", "f16c"),
        ("fma", "fma"),
        ("sse3", "pni"),
        ("popcnt", "popcnt"),
        ("sse4.1", "sse4_1"),
        ("sse4.2", "sse4_2"),
        ("ssse3", "ssse3"),
    ];
    Some(known.iter().filter(|(on, _)| *on).map(|(_, name)| (*name).to_owned()).collect())
}

/// By the names of Linux.
#[cfg(target_arch = "aarch64")]
fn features() -> Option<Vec<String>> {
    use std::arch::is_aarch64_feature_detected as has;
    // Sorted by name.
    let known = [
        (has!("asimd"), "asimd"),
        (has!("dotprod"), "asimddp"),
        (has!("lse"), "atomics"),
        (has!("bf16"), "bf16"),
        (has!("i8mm"), "i8mm"),
        (has!("sve"), "sve"),
    ];
    Some(known.iter().filter(|(on, _)| *on).map(|(_, name)| (*name).to_owned()).collect())
}
