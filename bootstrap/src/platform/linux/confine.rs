//! Namespaces: a network of its own for this process and what it starts, and
//! processes of its own for one program.
//!
//! Owns the calls and their order. What the host forbids is found out by a child that
//! tries it: a process that is half way in a user namespace cannot go back.

use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::process::{self, Pid, WaitOptions, WaitStatus};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::mem::{MaybeUninit, zeroed};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// What is passed on to the program, and the end of a child.
const HEARD: [i32; 4] = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGCHLD];

pub(crate) fn leave_network() -> io::Result<()> {
    let enter = || {
        unshare(UnshareFlags::NEWNET)?;
        raise_loopback()
    };
    tried(enter)?;
    enter()
}

pub(crate) fn may_enclose() -> io::Result<()> {
    tried(|| {
        unshare(UnshareFlags::NEWPID | UnshareFlags::NEWNS)?;
        // The first process inside: there has to be one.
        tried(|| Ok(()))
    })
}

/// `parent` waits for us and forwards its wishes as signals. Between it and the program
/// are two of us: this one, and the first process inside. That one hears signals for
/// which a program has to ask where it is the first, takes in what others leave
/// behind, and its end is the end of everything inside.
pub(crate) fn run_enclosed(parent: u32, command: &mut Command) -> io::Result<u8> {
    alone()?;
    die_with_parent()?;
    let ours = process::getppid().is_some_and(|pid| u32::try_from(pid.as_raw_pid()) == Ok(parent));
    if !ours {
        return Err(io::Error::other("who wanted this program is gone"));
    }
    let heard = block(&HEARD)?;
    unshare(UnshareFlags::NEWPID | UnshareFlags::NEWNS)?;
    die_with_parent()?;
    let (mut ours, mut theirs) = UnixStream::pair()?;
    if let Some(first) = fork()? {
        drop(theirs);
        // It ends with us from here on; before, it waits for our word.
        ours.read_exact(&mut [0])?;
        ours.write_all(&[0])?;
        return tend(first, &heard);
    }
    drop(ours);
    die_with_parent()?;
    theirs.write_all(&[0])?;
    theirs.read_exact(&mut [0])?;
    drop(theirs);
    // Where a container forbids it, the old one still shows the numbers of outside:
    // what is sent to them from inside reaches nobody there.
    let apart = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    if mount_change("/", apart).is_ok() {
        let plain = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        let _ = mount("proc", "/proc", "proc", plain, None);
    }
    let program = start(command)?;
    tend(program, &heard)
}

/// Waits for one child, passes signals on to it, and takes in whoever else ends here.
fn tend(child: Pid, heard: &libc::sigset_t) -> io::Result<u8> {
    loop {
        loop {
            match process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == child => return Ok(code(status)),
                Ok(Some(_)) => {}
                Ok(None) | Err(Errno::CHILD) => break,
                Err(error) => return Err(error.into()),
            }
        }
        let signal = match next(heard)? {
            libc::SIGTERM => process::Signal::TERM,
            libc::SIGINT => process::Signal::INT,
            libc::SIGHUP => process::Signal::HUP,
            _ => continue,
        };
        // It may end at this moment: that is the next news.
        let _ = process::kill_process(child, signal);
    }
}

/// As a shell tells it: 128 and more for a signal.
fn code(status: WaitStatus) -> u8 {
    let number = status.exit_status().or(status.terminating_signal().map(|signal| 128 + signal));
    number.and_then(|number| u8::try_from(number).ok()).unwrap_or(u8::MAX)
}

#[expect(unsafe_code, reason = "a child inherits which signals wait, and has to hear them")]
fn start(command: &mut Command) -> io::Result<Pid> {
    // SAFETY: one system call, no memory is taken and no lock.
    let child = unsafe { command.pre_exec(|| mask(libc::SIG_SETMASK, &set(&[])?)).spawn()? };
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    pid.ok_or_else(|| ErrorKind::InvalidData.into())
}

fn die_with_parent() -> io::Result<()> {
    Ok(process::set_parent_process_death_signal(Some(process::Signal::KILL))?)
}

/// Root does without a user namespace, where it may. In one, this user is who it was,
/// alone; the groups that own device nodes stay.
fn unshare(flags: UnshareFlags) -> io::Result<()> {
    if process::geteuid().is_root() && unshare_now(flags).is_ok() {
        return Ok(());
    }
    let (uid, gid) = (process::geteuid().as_raw(), process::getegid().as_raw());
    unshare_now(flags | UnshareFlags::NEWUSER)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
    fs::write("/proc/self/gid_map", format!("{gid} {gid} 1"))
}

#[expect(unsafe_code, reason = "a system call")]
fn unshare_now(flags: UnshareFlags) -> io::Result<()> {
    // SAFETY: the table of open files, which alone is dangerous, is never among them.
    unsafe { unshare_unsafe(flags) }.map_err(io::Error::from)
}

/// It is down in a new network.
#[expect(unsafe_code, reason = "a system call")]
fn raise_loopback() -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // SAFETY: plain data, for which zeroes are a value.
    let mut request: libc::ifreq = unsafe { zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = from.cast_signed() as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
    // SAFETY: the kernel reads a request of this kind, which lives as long as the call.
    let done =
        unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Other threads would stay where they are.
fn alone() -> io::Result<()> {
    match fs::read_dir("/proc/self/task")?.count() {
        1 => Ok(()),
        _ => Err(io::Error::other("this process has several threads")),
    }
}

/// Does it in a child that ends; its error is ours.
#[expect(unsafe_code, reason = "ends a child without what is done at our own end")]
fn tried(act: impl Fn() -> io::Result<()>) -> io::Result<()> {
    alone()?;
    let Some(child) = fork()? else {
        let error = act().err().map(|error| error.raw_os_error().unwrap_or(libc::EPERM));
        // SAFETY: never returns; nothing of ours has to be written out.
        unsafe { libc::_exit(error.unwrap_or(0)) }
    };
    loop {
        match process::waitpid(Some(child), WaitOptions::empty()) {
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(ended) => {
                return match ended.map(|(_, status)| code(status)) {
                    Some(0) => Ok(()),
                    Some(number) => Err(io::Error::from_raw_os_error(number.into())),
                    None => Err(ErrorKind::Other.into()),
                };
            }
        }
    }
}

/// `None` in the child.
#[expect(unsafe_code, reason = "the standard library starts other programs only")]
fn fork() -> io::Result<Option<Pid>> {
    // SAFETY: there is one thread, so no lock is held by one that the child lacks.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(Pid::from_raw(pid)),
    }
}

// signals

fn block(signals: &[i32]) -> io::Result<libc::sigset_t> {
    let set = set(signals)?;
    mask(libc::SIG_BLOCK, &set)?;
    Ok(set)
}

#[expect(unsafe_code, reason = "system calls")]
fn set(signals: &[i32]) -> io::Result<libc::sigset_t> {
    let mut set = MaybeUninit::uninit();
    // SAFETY: the first call makes it a set, and the others take numbers of signals.
    unsafe {
        if libc::sigemptyset(set.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), *signal);
        }
        Ok(set.assume_init())
    }
}

#[expect(unsafe_code, reason = "a system call")]
fn mask(how: i32, set: &libc::sigset_t) -> io::Result<()> {
    // SAFETY: reads a set; the old one is not asked for.
    match unsafe { libc::sigprocmask(how, set, std::ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The next signal of a set that is blocked.
#[expect(unsafe_code, reason = "a system call")]
fn next(set: &libc::sigset_t) -> io::Result<i32> {
    let mut signal = 0;
    // SAFETY: reads a set and writes one number.
    match unsafe { libc::sigwait(set, &raw mut signal) } {
        0 => Ok(signal),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_several_threads_stays_where_it_is() {
        let before = fs::read_link("/proc/self/ns/net").unwrap();
        let other = std::thread::spawn(|| leave_network().unwrap_err().to_string());
        assert!(other.join().unwrap().contains("several threads"));
        assert!(may_enclose().is_err());
        assert_eq!(fs::read_link("/proc/self/ns/net").unwrap(), before);
    }
}
