//! A child without the rights of root, and what it leaves in its folder.

use super::Folder;
use super::folder::FOLDER;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Dir, Gid, Mode, OFlags, Uid, chownat, fstat, openat};
use rustix::io::Errno;
use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::unix::fs::fchown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

pub(crate) fn lowers_rights() -> bool {
    true
}

/// All of it between fork and exec, for the standard library knows of no groups. Root's own
/// are given up too, and the kernel takes every other right of root with the last call.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the standard library runs nothing between fork and exec itself")]
pub(crate) fn lower_rights(command: &mut Command, uid: u32, gid: u32, groups: &[u32]) {
    use rustix::thread::{set_no_new_privs, set_thread_gid, set_thread_groups, set_thread_uid};
    let groups: Vec<Gid> = groups.iter().map(|group| Gid::from_raw(*group)).collect();
    let lower = move || {
        set_thread_groups(&groups)?;
        set_thread_gid(Gid::from_raw(gid))?;
        set_thread_uid(Uid::from_raw(uid))?;
        Ok(set_no_new_privs(true)?)
    };
    // SAFETY: four system calls in a process of one thread; no memory is taken and no lock.
    unsafe { command.pre_exec(lower) };
}

/// With a user number, the standard library has a child of root give up its groups,
/// too; then its group, then its user. No group owns a GPU here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn lower_rights(command: &mut Command, uid: u32, gid: u32, _groups: &[u32]) {
    command.uid(uid).gid(gid);
}

pub(crate) fn give_dir(path: &Path, uid: u32, gid: u32) -> io::Result<()> {
    let folder = openat(rustix::fs::CWD, path, FOLDER, Mode::empty())?;
    rustix::fs::fchmod(&folder, Mode::RWXU)?;
    fchown(&folder, Some(uid), Some(gid))
}

/// Far deeper than anything of ours, and far fewer than files may be open at once.
const DEEPEST: usize = 64;

/// By descriptors alone: who owns it may exchange any name in it meanwhile.
pub(crate) fn give_tree(path: &Path, uid: u32, gid: u32) -> io::Result<()> {
    let folder = openat(rustix::fs::CWD, path, FOLDER, Mode::empty())?;
    let was = fstat(&folder)?.st_uid;
    give(&folder, was, (uid, gid), DEEPEST)
}

/// What is deeper, what has a second name elsewhere, and what goes meanwhile is left.
fn give(folder: &OwnedFd, was: u32, to: (u32, u32), deep: usize) -> io::Result<()> {
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if deep == 0 || name == c"." || name == c".." {
            continue;
        }
        match openat(folder, name, FOLDER, Mode::empty()) {
            Ok(inner) => give(&inner, was, to, deep - 1)?,
            Err(_) => give_file(folder, name, was, to)?,
        }
    }
    // Last: when it is cut off, its owner still says whose things are to be given.
    if fstat(folder)?.st_uid == was {
        fchown(folder, Some(to.0), Some(to.1))?;
    }
    Ok(())
}

/// The file that was looked at, and no other that has its name by now.
#[cfg(target_os = "linux")]
fn give_file(folder: &OwnedFd, name: &CStr, was: u32, to: (u32, u32)) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Ok(file) = openat(folder, name, flags, Mode::empty()) else { return Ok(()) };
    let is = fstat(&file)?;
    if is.st_uid == was && is.st_nlink == 1 {
        let (uid, gid) = (Uid::from_raw(to.0), Gid::from_raw(to.1));
        chownat(&file, c"", Some(uid), Some(gid), AtFlags::EMPTY_PATH)?;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn give_file(folder: &OwnedFd, name: &CStr, was: u32, to: (u32, u32)) -> io::Result<()> {
    use rustix::fs::statat;
    let Ok(is) = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) else { return Ok(()) };
    if is.st_uid == was && is.st_nlink == 1 {
        let (uid, gid) = (Uid::from_raw(to.0), Gid::from_raw(to.1));
        chownat(folder, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
    }
    Ok(())
}

impl Folder {
    /// A plain file with one name, for reading; a pipe makes nobody wait.
    pub(crate) fn read(&self, path: &str) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = self.within(path, |folder, name| openat(folder, name, flags, Mode::empty()))?;
        let (links, file) = (fstat(&file)?.st_nlink, File::from(file));
        let plain = links == 1 && file.metadata()?.is_file();
        if plain { Ok(file) } else { Err(Errno::LOOP.into()) }
    }
}
