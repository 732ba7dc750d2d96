//! Linux; the rest is in `unix.rs`.

#[path = "linux/confine.rs"]
mod confine;

pub(crate) use confine::{leave_network, may_enclose, run_enclosed};

use crate::host::{Arch, Uname};

use super::LiveFacts;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Nothing to close: libraries are looked for in the system's folders.
pub fn harden() {}

// host facts

/// Everything else is in a file, which `host` reads.
pub(crate) fn live_facts() -> LiveFacts {
    let uname = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    let info = rustix::system::sysinfo();
    let memory = info.totalram.checked_mul(u64::from(info.mem_unit));
    LiveFacts {
        uname: Some(Uname {
            sysname: text(uname.sysname()),
            machine: text(uname.machine()),
            release: text(uname.release()),
        }),
        process_arch: Arch::from_machine(std::env::consts::ARCH),
        memory_bytes: memory.filter(|bytes| *bytes > 0),
        page_bytes: page_bytes(),
        elevated: Some(rustix::process::geteuid().is_root()),
        ..LiveFacts::default()
    }
}

/// As the kernel told this program when it started it (`AT_PAGESZ`, getauxval(3)).
#[expect(unsafe_code, reason = "rustix has it, too, with a reader of /proc of its own")]
fn page_bytes() -> Option<u64> {
    // SAFETY: it reads a list that the process has for all its life.
    let bytes = unsafe { libc::getauxval(libc::AT_PAGESZ) };
    Some(bytes).filter(|bytes| *bytes > 0)
}

// files

/// The whole file system by one call, which is faster than thousands of files
/// one by one.
pub(crate) fn sync_tree(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(path)?)?)
}

/// A new file that shares its bytes with `source`.
pub(super) fn clone_file(source: &File, folder: &OwnedFd, name: &str) -> rustix::io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(folder, name, flags, Mode::RUSR | Mode::WUSR)?;
    rustix::fs::ioctl_ficlone(&file, source)?;
    Ok(File::from(file))
}

const BTRFS: u32 = 0x9123_683e;
/// ext4, xfs, tmpfs and f2fs: hard links for sure.
const LINKING: [u32; 4] = [0xef53, 0x5846_5342, 0x0102_1994, 0xf2f5_2010];

/// By the kind of file system. What may or may not clone, as XFS, does not count.
pub(crate) fn reuse_is_free(path: &Path, linking: bool) -> bool {
    let folder = path.ancestors().find(|path| path.is_dir());
    let Some(facts) = folder.and_then(|folder| rustix::fs::statfs(folder).ok()) else {
        return false;
    };
    let Ok(kind) = u32::try_from(facts.f_type) else { return false };
    kind == BTRFS || (linking && LINKING.contains(&kind))
}

/// NFS, SMB 1 to 3, Coda, AFS, Ceph, Lustre, 9P (also the disks of Windows in WSL), and
/// FUSE, which may be anything.
const REMOTE: [u32; 10] = [
    0x6969,
    0x517b,
    0xff53_4d42,
    0xfe53_4d42,
    0x7375_7245,
    0x5346_414f,
    0x00c3_6400,
    0x0bd0_0bd0,
    0x0102_1997,
    0x6573_5546,
];

pub(crate) fn is_remote(path: &Path) -> bool {
    let kind = rustix::fs::statfs(path).ok().map(|facts| facts.f_type & 0xffff_ffff);
    kind.and_then(|kind| u32::try_from(kind).ok()).is_some_and(|kind| REMOTE.contains(&kind))
}

// processes

/// The kernel does it, also when we are killed. Of a thread that starts a child
/// and ends, it is the end of the thread that counts.
#[expect(unsafe_code, reason = "the standard library runs nothing between fork and exec itself")]
pub(crate) fn ends_with_us(command: &mut Command) {
    let ask = || {
        let signal = Some(rustix::process::Signal::KILL);
        Ok(rustix::process::set_parent_process_death_signal(signal)?)
    };
    // SAFETY: one system call, no memory is taken and no lock.
    unsafe { command.pre_exec(ask) };
}

/// proc(5), `stat`: the fields after the name in brackets, of which 12 and 13 are ticks in
/// user and in kernel mode.
pub(crate) fn cpu_time(pid: u32) -> Option<std::time::Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let ticks = ticks()? + ticks()?;
    let a_second = rustix::param::clock_ticks_per_second().max(1);
    Some(std::time::Duration::from_millis(ticks * 1000 / a_second))
}

/// proc(5), `status`: the second number of `Uid` is the one that counts.
pub(crate) fn user_of(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// proc(5): those of our process namespace that see the same root.
pub(crate) fn processes_of(uid: u32) -> Vec<u32> {
    let namespace = |of: &str| std::fs::read_link(format!("/proc/{of}/ns/pid")).ok();
    let root = |of: &str| {
        let root = std::fs::metadata(format!("/proc/{of}/root/.")).ok()?;
        Some((root.dev(), root.ino()))
    };
    let (ours, here) = (namespace("self"), root("self"));
    let is_one =
        |of: &str, pid: u32| user_of(pid) == Some(uid) && namespace(of) == ours && root(of) == here;
    let names = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let found = names.filter_map(|name| {
        let name = name.file_name().into_string().ok()?;
        let pid = name.parse().ok()?;
        is_one(&name, pid).then_some(pid)
    });
    found.collect()
}

/// proc(5).
pub(crate) fn is_halted(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| matches!(super::unix::state_in(&stat), Some('T' | 't')))
}

/// cgroups(7): the group in which systemd keeps what it has started. It is not left by
/// whoever may not write to it.
pub(crate) fn companions(own: u32, unit: &str) -> Vec<u32> {
    let groups = std::fs::read_to_string(format!("/proc/{own}/cgroup")).unwrap_or_default();
    let of_it = |line: &str| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (kind, path) = (parts.next()?, parts.next()?);
        // The only hierarchies that systemd keeps services in.
        let its = matches!(kind, "" | "name=systemd") && path.rsplit('/').next() == Some(unit);
        its.then(|| path.trim_start_matches('/').to_owned())
    };
    let folders = groups.lines().filter_map(of_it).flat_map(|path| {
        let roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"];
        roots.map(|root| Path::new(root).join(&path).join("cgroup.procs"))
    });
    let members = folders.filter_map(|path| {
        let text = std::fs::read_to_string(path).ok()?;
        Some(text.lines().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>())
    });
    // Another one of the same name is not ours.
    let ours = members.into_iter().find(|members| members.contains(&own));
    ours.into_iter().flatten().filter(|pid| *pid != own).collect()
}

/// prctl(2), `PR_SET_DUMPABLE`.
pub(crate) fn shield() -> io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}
