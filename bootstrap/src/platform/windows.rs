//! Windows.

#[path = "windows/aside.rs"]
mod aside;
#[path = "windows/clock.rs"]
mod clock;
#[path = "windows/devices.rs"]
mod devices;
#[path = "windows/display.rs"]
mod display;
#[path = "windows/dxgi.rs"]
mod dxgi;
#[path = "windows/facts.rs"]
mod facts;
#[path = "windows/folder.rs"]
mod folder;
#[path = "windows/library.rs"]
mod library;
#[path = "windows/load.rs"]
mod load;
#[path = "windows/process.rs"]
mod process;
#[path = "windows/registry.rs"]
mod registry;
#[path = "windows/rights.rs"]
mod rights;
#[path = "windows/signal.rs"]
mod signal;
#[path = "windows/sockets.rs"]
mod sockets;

pub(crate) use aside::{aside, rename};
pub(crate) use clock::{flatten, give_dir, give_tree, local_now, lower_rights, lowers_rights};
pub(crate) use facts::{live_facts, root};
pub(crate) use folder::Folder;
pub(crate) use process::{is_first, process_id_alive, run_as_first, signal};
pub(crate) use rights::{may_use, owner_of, rights_of, user, user_name};
pub(crate) use signal::on_signal;
pub(crate) use sockets::{
    inherited_listener, keep_alive, let_wait, line, own_line, raise_open_files,
};

use super::Caught;
use super::sync::{Kind, sync_each};
use crate::disk;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::windows::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use windows_sys::Win32::Storage::FileSystem::GetDiskFreeSpaceExW;
use windows_sys::Win32::System::LibraryLoader::{
    LOAD_LIBRARY_SEARCH_SYSTEM32, SetDefaultDllDirectories, SetDllDirectoryW,
};

/// Libraries come from System32 alone, also those that system libraries load by
/// name later: not from the folder of this program, which is where downloads lie,
/// and not from the folder that it was started in (reference/trust.md L11). What
/// was linked is loaded before this runs; `tests/scenarios/local/libraries.rs` holds
/// that list against the system's own.
#[expect(unsafe_code, reason = "a system call")]
pub fn harden() {
    // What nobody names is not linked.
    std::hint::black_box(&load::LOAD_CONFIG);
    // SAFETY: takes a number, and a string that ends with a zero.
    // It fails only on systems older than those that Rust programs run on.
    unsafe {
        SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_SYSTEM32);
        SetDllDirectoryW([0_u16].as_ptr());
    }
}

// files

pub(crate) fn exe_name(stem: &str) -> String {
    format!("{stem}.exe")
}

/// There are no modes: a file gets the rights of its folder. The standard
/// library does not follow a link here.
pub(crate) fn create_new(path: &Path, _mode: u32) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).open(path)
}

pub(crate) fn create_dir(path: &Path, _mode: u32) -> io::Result<()> {
    fs::create_dir(path)
}

pub(crate) fn open_own(path: &Path) -> io::Result<Option<File>> {
    if !path.symlink_metadata()?.is_file() {
        return Ok(None);
    }
    OpenOptions::new().read(true).write(true).open(path).map(Some)
}

pub(crate) fn open_plain(path: &Path, _follow: bool) -> io::Result<File> {
    File::open(path)
}

/// There are no modes; the path is looked at, so that the errors are the same.
pub(crate) fn set_mode(path: &Path, _mode: u32) -> io::Result<()> {
    path.symlink_metadata().map(drop)
}

pub(crate) fn mode_of(path: &Path) -> io::Result<u32> {
    path.metadata()?;
    let program = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("exe"));
    Ok(if program { 0o755 } else { 0o644 })
}

/// A file gets its owner and its rights from its folder.
pub(crate) fn own_like(_file: &File, path: &Path) -> io::Result<()> {
    path.metadata().map(drop)
}

/// Making one needs a right that not everybody has, so nothing may rely on it.
pub(crate) fn make_link(_path: &Path, _target: &Path) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

pub(crate) fn read_link(path: &Path) -> Option<PathBuf> {
    fs::read_link(path).ok()
}

/// A file with one line, because not everybody may make a link, and a junction
/// cannot be replaced by one rename.
pub(crate) fn point(current: &Path, to: &Path) -> io::Result<()> {
    let line = to.to_str().filter(|line| !line.contains(['\r', '\n']));
    let line = line.ok_or_else(|| io::Error::from(ErrorKind::InvalidInput))?;
    let part = disk::beside(current);
    disk::remove_file(&part).map_err(|error| error.source)?;
    let mut file = create_new(&part, 0o644)?;
    writeln!(file, "{line}")?;
    file.sync_all()?;
    drop(file);
    fs::rename(&part, current)
}

pub(crate) fn pointed(current: &Path) -> io::Result<Option<PathBuf>> {
    let bytes = match disk::read(current, 4096) {
        Err(error) if error.source.kind() == ErrorKind::FileTooLarge => None,
        bytes => bytes.map_err(|error| error.source)?,
    };
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let line = text.as_deref().and_then(|text| text.strip_suffix('\n'));
    Ok(line.filter(|line| !line.is_empty() && !line.contains('\n')).map(PathBuf::from))
}

/// A file that is open is not taken away here.
pub(crate) fn is_same_file(_file: &File, path: &Path) -> io::Result<bool> {
    disk::is_there(path).map_err(|error| error.source)
}

/// Nothing is known here about who owns a file.
pub(crate) fn is_exactly(_file: &File, _mode: u32) -> bool {
    false
}

/// Nothing is shared here yet.
pub(crate) fn reuse_is_free(_path: &Path, _linking: bool) -> bool {
    false
}

pub(crate) fn sync_file(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.sync_all()
}

/// Windows syncs no folders: NTFS keeps a log of its entries, and a rename is
/// there after a power cut or not, but never half.
pub(crate) fn sync_dir(_path: &Path) -> io::Result<()> {
    Ok(())
}

pub(crate) fn sync_tree(path: &Path) -> io::Result<()> {
    sync_each(path, &|path, kind| match kind {
        Kind::File => sync_file(path),
        Kind::Folder => sync_dir(path),
    })
}

#[expect(unsafe_code, reason = "the standard library does not tell")]
pub(crate) fn free_space(path: &Path) -> Option<u64> {
    let path = std::path::absolute(path).ok()?;
    let folder = path.ancestors().find(|path| path.is_dir())?.join(""); // a share ends with `\`
    let name: Vec<u16> = folder.as_os_str().encode_wide().chain([0]).collect();
    let (mut free, none) = (0, std::ptr::null_mut());
    // SAFETY: the name ends with a zero, the number outlives the call, and the
    // two that we do not ask for may be null.
    let done = unsafe { GetDiskFreeSpaceExW(name.as_ptr(), &raw mut free, none, none) };
    (done != 0).then_some(free)
}

/// Which volume a path is on, by its drive or share. One that is mounted in a folder
/// is taken for its parent's.
pub(crate) fn file_system(path: &Path) -> Option<String> {
    let path = std::path::absolute(path).ok()?;
    let first = path.components().next()?;
    Some(first.as_os_str().to_string_lossy().to_uppercase())
}

/// Nothing is found yet: who owns a file is in its access control list, and the
/// checks of those come with the work on Windows.
pub(crate) fn foreign(_path: &Path) -> io::Result<Option<String>> {
    Ok(None)
}

/// As [`foreign`], but a link is seen.
pub(crate) fn planted(path: &Path) -> io::Result<Option<String>> {
    let target = disk::link_target(path).map_err(|error| error.source)?;
    let why = "is a link, and nothing that this program makes there is one";
    Ok(target.map(|_| why.to_owned()))
}

/// As [`foreign`].
pub(crate) fn writable_by_others(_folder: &Path) -> io::Result<Option<String>> {
    Ok(None)
}

/// As [`foreign`].
pub(crate) fn writable_by_any_other(_folder: &Path) -> io::Result<Option<String>> {
    Ok(None)
}

/// As [`foreign`]; so nothing is known to be an administrator's alone.
pub(crate) fn exchangeable(path: &Path, root_alone: bool) -> io::Result<Option<String>> {
    let why = || format!("nobody can tell here who may change `{}`", path.display());
    Ok(root_alone.then(why))
}

/// Names of shares begin with two backslashes; a drive letter for one is not seen.
pub(crate) fn is_remote(path: &Path) -> bool {
    use std::path::{Component, Prefix};
    matches!(
        path.components().next(),
        Some(Component::Prefix(prefix))
            if matches!(prefix.kind(), Prefix::UNC(..) | Prefix::VerbatimUNC(..))
    )
}

// processes

/// A process cannot become another one; this one waits and ends as that did.
/// Ctrl-C reaches both, and what it means is the other's affair.
#[expect(clippy::exit, reason = "nothing may happen after what stands for exec")]
pub(crate) fn exec(command: &mut Command) -> io::Error {
    if let Err(error) = on_signal(&[Caught::Interrupt], |_| {}) {
        return error;
    }
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => error,
    }
}

/// Nothing: as [`own_group`], it takes a job object.
pub(crate) fn end_rest(_pid: u32) {}

/// A process stays what it is, and its file cannot be removed while it runs.
pub(crate) fn becomes_another() -> bool {
    false
}

/// Nothing: a new group here would be deaf to Ctrl-C for good, and could not be
/// ended as a whole either; that takes a job object.
pub(crate) fn own_group(_command: &mut Command) {}

/// Nothing yet: as [`own_group`], it takes a job object.
pub(crate) fn ends_with_us(_command: &mut Command) {}

/// Nobody can say so before we begin.
pub(crate) fn is_ignored(_kind: Caught) -> bool {
    false
}

pub(crate) fn can_supervise() -> bool {
    false
}

/// Nobody is root: the scope is the user's unless it is asked otherwise, also
/// for an administrator.
pub(crate) fn is_root() -> bool {
    false
}

/// Whether the link could be made: it needs a right that not everybody has.
#[cfg(test)]
pub(crate) fn link_for_tests(target: &str, at: &std::path::Path) -> bool {
    std::os::windows::fs::symlink_file(target, at).is_ok()
}
