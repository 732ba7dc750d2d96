//! What Linux and macOS share.

mod folder;

pub(crate) use folder::Folder;

use super::{Caught, Signal};
use crate::disk;
use rustix::fs::OFlags;
use rustix::process::Pid;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

// files

pub(crate) fn exe_name(stem: &str) -> String {
    stem.to_owned()
}

pub(crate) fn create_new(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // EXCL alone refuses a link already; NOFOLLOW is for file systems that err.
    options.write(true).create_new(true).mode(mode).custom_flags(flags(OFlags::NOFOLLOW));
    let file = options.open(path)?;
    file.set_permissions(Permissions::from_mode(mode))?; // the umask took bits away
    Ok(file)
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

pub(crate) fn pointed(current: &Path) -> Option<PathBuf> {
    read_link(current)
}

pub(crate) fn is_same_file(file: &File, path: &Path) -> bool {
    let (Ok(ours), Ok(theirs)) = (file.metadata(), path.symlink_metadata()) else { return false };
    (ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino())
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

// owners

/// Our link to our folder is fine, when the way to that folder is safe too: so
/// people move a prefix to another disk. A link to a file is not.
pub(crate) fn foreign(path: &Path) -> Option<String> {
    let meta = match look(path) {
        Ok(meta) => meta?,
        Err(why) => return Some(why),
    };
    if let Some(why) = other_owner(&meta) {
        return Some(why);
    }
    if !meta.is_symlink() {
        return None;
    }
    match path.metadata() {
        Ok(meta) if meta.is_dir() => {
            let target = path.parent()?.join(read_link(path)?);
            let foreign = other_owner(&meta).map(|why| leads_to(&target, &why));
            foreign.or_else(|| unsafe_way(&target, LINKS))
        }
        Ok(_) => Some("is a link, where only a file of its own is taken".to_owned()),
        Err(error) => Some(format!("is a link that leads nowhere ({error})")),
    }
}

pub(crate) fn writable_by_others(folder: &Path) -> Option<String> {
    writable(folder, LINKS)
}

/// Links in links that are followed.
const LINKS: u8 = 16;
/// Stands in a user namespace for every owner outside: root, as a rule.
const OVERFLOW_UID: u32 = 65534;

/// A link counts as its owner's: who owns it can turn it elsewhere, also where
/// the sticky bit keeps everybody else from it.
fn writable(folder: &Path, links: u8) -> Option<String> {
    let meta = match look(folder) {
        Ok(meta) => meta?,
        Err(why) => return Some(why),
    };
    let us = rustix::process::geteuid().as_raw();
    let owner = meta.uid();
    if ![0, us, OVERFLOW_UID].contains(&owner) {
        return Some(format!("belongs to user {owner}, who could exchange what is in it"));
    }
    if meta.is_symlink() {
        let Some(fewer) = links.checked_sub(1) else {
            return Some("is a link to a link to a link, and so on".to_owned());
        };
        let target = folder.parent()?.join(read_link(folder)?);
        return unsafe_way(&target, fewer);
    }
    let mode = meta.mode();
    if mode & 0o1000 != 0 {
        return None; // sticky: nobody but the owners may exchange what is in it
    }
    if mode & 0o002 != 0 {
        return Some("may be written to by everybody".to_owned());
    }
    let group = meta.gid();
    let our_group = rustix::process::getegid().as_raw();
    // A group with the number of its one member is that user's own.
    let private = group == our_group && group == us;
    (mode & 0o020 != 0 && !private).then(|| format!("may be written to by group {group}"))
}

/// What is wrong with a folder that a link leads to, or with one above it.
fn unsafe_way(target: &Path, links: u8) -> Option<String> {
    target.ancestors().find_map(|path| Some(leads_to(path, &writable(path, links)?)))
}

fn leads_to(path: &Path, why: &str) -> String {
    format!("leads to `{}`, which {why}", path.display())
}

/// Not of what a link leads to; nothing when nothing is there.
fn look(path: &Path) -> Result<Option<Metadata>, String> {
    match path.symlink_metadata() {
        Ok(meta) => Ok(Some(meta)),
        Err(error) if disk::is_absent(&error) => Ok(None),
        Err(error) => Err(format!("cannot be looked at ({error})")),
    }
}

fn other_owner(meta: &Metadata) -> Option<String> {
    let (owner, us) = (meta.uid(), rustix::process::geteuid().as_raw());
    (owner != us).then(|| format!("belongs to user {owner}, and this command runs as user {us}"))
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
fn ended(stat: &str) -> bool {
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    matches!(state, Some('Z' | 'X'))
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

/// Zero and what is negative to the kernel mean many processes.
fn process(pid: u32) -> io::Result<Pid> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "not the number of a process"))
}

pub(crate) fn exec(command: &mut Command) -> io::Error {
    command.exec()
}

pub(crate) fn own_group(command: &mut Command) {
    command.process_group(0);
}

pub(crate) fn on_signal(kinds: &[Caught], act: impl Fn(Caught) + Send + 'static) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let numbers = kinds.iter().map(|kind| match kind {
        Caught::Interrupt => SIGINT,
        Caught::Terminate => SIGTERM,
        Caught::HangUp => SIGHUP,
    });
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

pub(crate) fn can_supervise() -> bool {
    true
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether the link could be made.
#[cfg(test)]
pub(crate) fn link_for_tests(target: &str, at: &Path) -> bool {
    make_link(at, Path::new(target)).is_ok()
}

#[cfg(test)]
mod tests;
