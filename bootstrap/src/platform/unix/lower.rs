//! A child without the rights of root, and what it leaves in its folder.

use super::Folder;
use rustix::fs::{Mode, OFlags, fstat, openat};
use rustix::io::Errno;
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
    use rustix::process::{Gid, Uid};
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
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = openat(rustix::fs::CWD, path, flags, Mode::empty())?;
    rustix::fs::fchmod(&folder, Mode::RWXU)?;
    fchown(&folder, Some(uid), Some(gid))
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
