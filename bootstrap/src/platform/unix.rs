//! What Linux and macOS share.

mod clock;
mod deep;
mod first;
mod folder;
mod lower;
mod open;
mod owners;
mod rights;
mod sockets;

pub(crate) use clock::local_now;
pub(crate) use deep::flatten;
pub(crate) use first::{is_first, run_as_first};
pub(crate) use folder::Folder;
pub(crate) use lower::{give_dir, give_tree, lower_rights, lowers_rights};
pub(crate) use open::{open_own, open_plain};
pub(crate) use owners::{
    exchangeable, foreign, planted, writable_by_any_other, writable_by_others,
};
pub(crate) use rights::{is_root, may_use, owner_of, rights_of, user, user_name};
pub(crate) use sockets::{
    inherited_listener, keep_alive, let_wait, line, own_line, raise_open_files,
};

use super::{Caught, Signal};
use crate::disk;
use rustix::fs::OFlags;
use rustix::process::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

// host facts

pub(crate) fn root() -> PathBuf {
    PathBuf::from("/")
}

// files

pub(crate) fn exe_name(stem: &str) -> String {
    stem.to_owned()
}

pub(crate) fn create_new(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // EXCL alone refuses a link already; NOFOLLOW is for file systems that err.
    options
        .read(true)
        .write(true)
        .create_new(true)
        .mode(mode)
        .custom_flags(flags(OFlags::NOFOLLOW));
    let file = options.open(path)?;
    file.set_permissions(Permissions::from_mode(mode))?; // the umask took bits away
    Ok(file)
}

/// The umask may take bits away.
pub(crate) fn create_dir(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().mode(mode).create(path)
}

/// Through a descriptor, because Linux before 6.6 cannot change a mode by name
/// without following a link.
pub(crate) fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    // NONBLOCK: a pipe in that place must not stop us.
    options.read(true).custom_flags(flags(OFlags::NOFOLLOW | OFlags::NONBLOCK));
    options.open(path)?.set_permissions(Permissions::from_mode(mode))
}

fn flags(flags: OFlags) -> i32 {
    flags.bits().cast_signed()
}

/// Of what a link leads to: a link's own bits mean nothing, and would open a
/// file to everybody that is given them.
pub(crate) fn mode_of(path: &Path) -> io::Result<u32> {
    Ok(path.metadata()?.permissions().mode() & 0o7777)
}

/// Asked for only where it differs: not everybody may say so.
pub(crate) fn own_like(file: &File, path: &Path) -> io::Result<()> {
    let (is, wanted) = (file.metadata()?, path.metadata()?);
    let changed = |is: u32, wanted: u32| (is != wanted).then_some(wanted);
    match (changed(is.uid(), wanted.uid()), changed(is.gid(), wanted.gid())) {
        (None, None) => Ok(()),
        (user, group) => std::os::unix::fs::fchown(file, user, group),
    }
}

pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// Never: a program that runs keeps its file, whatever becomes of the name.
pub(crate) fn aside(_path: &Path) -> Option<PathBuf> {
    None
}

pub(crate) fn make_link(path: &Path, target: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

pub(crate) fn read_link(path: &Path) -> Option<PathBuf> {
    fs::read_link(path).ok()
}

/// `to` is relative, so that the prefix can be looked at from elsewhere.
pub(crate) fn point(current: &Path, to: &Path) -> io::Result<()> {
    let part = disk::beside(current);
    disk::remove_file(&part).map_err(|error| error.source)?;
    make_link(&part, to)?;
    fs::rename(&part, current)
}

pub(crate) fn pointed(current: &Path) -> io::Result<Option<PathBuf>> {
    disk::link_target(current).map_err(|error| error.source)
}

pub(crate) fn is_same_file(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match path.symlink_metadata() {
        Ok(theirs) => Ok((ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino())),
        Err(error) if disk::is_absent(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

pub(crate) fn is_exactly(file: &File, mode: u32) -> bool {
    let Ok(meta) = file.metadata() else { return false };
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    meta.is_file() && meta.mode() & 0o7777 == mode && (meta.uid(), meta.gid()) == (uid, gid)
}

pub(crate) fn sync_file(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    match File::open(path)?.sync_all() {
        // Some network file systems cannot sync a folder, and say so like this.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {
            Ok(())
        }
        result => result,
    }
}

pub(crate) fn free_space(path: &Path) -> Option<u64> {
    let path = std::path::absolute(path).ok()?;
    let folder = path.ancestors().find(|path| path.is_dir())?;
    let facts = rustix::fs::statvfs(folder).ok()?;
    facts.f_bavail.checked_mul(facts.f_frsize) // of bfree a part is root's alone
}

pub(crate) fn file_system(path: &Path) -> Option<String> {
    let path = std::path::absolute(path).ok()?;
    let folder = path.ancestors().find(|path| path.is_dir())?;
    Some(folder.metadata().ok()?.dev().to_string())
}

// processes

/// A process that ended and that nobody asked about yet is not alive; macOS has
/// no such file, and there init asks about all.
pub(crate) fn process_id_alive(pid: u32) -> bool {
    let answers = match process(pid).map(rustix::process::test_kill_process) {
        Ok(Ok(()) | Err(rustix::io::Errno::PERM)) => true,
        Ok(Err(_)) | Err(_) => false,
    };
    answers && !fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| ended(&stat))
}

/// `1234 (its name) Z ...`, where the name may hold anything.
pub(super) fn state_in(stat: &str) -> Option<char> {
    stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next())
}

fn ended(stat: &str) -> bool {
    matches!(state_in(stat), Some('Z' | 'X'))
}

pub(crate) fn signal(pid: u32, signal: Signal) -> io::Result<()> {
    let signal = match signal {
        Signal::Stop => rustix::process::Signal::TERM,
        Signal::Kill => rustix::process::Signal::KILL,
        Signal::Reload => rustix::process::Signal::HUP,
    };
    let pid = process(pid)?;
    // What a child in a group of its own has started goes with it.
    if signal == rustix::process::Signal::KILL
        && rustix::process::kill_process_group(pid, signal).is_ok()
    {
        return Ok(());
    }
    Ok(rustix::process::kill_process(pid, signal)?)
}

/// A child that has ended and was not asked about yet keeps its number, and so does
/// its group.
pub(crate) fn end_rest(pid: u32) {
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    let Ok(pid) = process(pid) else { return };
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    if let Ok(Some(_)) = waitid(WaitId::Pid(pid), look) {
        // An error says that nobody is left in it.
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
}

/// Zero and what is negative to the kernel mean many processes.
fn process(pid: u32) -> io::Result<Pid> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "not the number of a process"))
}

pub(crate) fn exec(command: &mut Command) -> io::Error {
    command.exec()
}

/// Whether [`exec`] takes this one's place.
pub(crate) fn becomes_another() -> bool {
    true
}

pub(crate) fn own_group(command: &mut Command) {
    command.process_group(0);
}

pub(crate) fn on_signal(kinds: &[Caught], act: impl Fn(Caught) + Send + 'static) -> io::Result<()> {
    let numbers = kinds.iter().map(|kind| number(*kind));
    let mut signals = signal_hook::iterator::Signals::new(numbers)?;
    let listen = move || {
        for number in signals.forever() {
            act(match number {
                SIGHUP => Caught::HangUp,
                SIGTERM => Caught::Terminate,
                _ => Caught::Interrupt,
            });
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(listen)?;
    Ok(())
}

fn number(kind: Caught) -> i32 {
    match kind {
        Caught::Interrupt => SIGINT,
        Caught::Terminate => SIGTERM,
        Caught::HangUp => SIGHUP,
    }
}

/// `nohup` ignores a closed terminal, a shell ctrl-c for what a script has put in
/// the background.
#[expect(unsafe_code, reason = "rustix has no question for what is done with a signal")]
pub(crate) fn is_ignored(kind: Caught) -> bool {
    let mut now = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: with no new action the call only fills the struct, which is plain
    // data and, zeroed, one in any case.
    let now = unsafe {
        let asked = libc::sigaction(number(kind), std::ptr::null(), now.as_mut_ptr());
        (asked == 0).then(|| now.assume_init())
    };
    now.is_some_and(|now| now.sa_sigaction == libc::SIG_IGN)
}

pub(crate) fn can_supervise() -> bool {
    true
}

/// Whether the link could be made.
#[cfg(test)]
pub(crate) fn link_for_tests(target: &str, at: &Path) -> bool {
    make_link(at, Path::new(target)).is_ok()
}

#[cfg(test)]
mod tests;
