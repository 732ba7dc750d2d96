//! What differs between operating systems: sibling files with the same
//! functions, and one `cfg` that picks. OS `cfg` and `unsafe` stand nowhere
//! else. Each gives:
//!
//! Before all else
//! - `harden()`: closes what the system leaves open to who can put files beside a
//!   program.
//!
//! Host facts
//! - `live_facts() -> LiveFacts`: of the running machine, as far as they are in
//!   no file; starts no process.
//! - `root() -> PathBuf`: what a path in a tree of files begins at.
//!
//! - `local_now() -> Option<(day, minute)>`: the clock on the wall; day 0 is Monday.
//!
//! Files
//! - `exe_name(stem) -> String`: a program's file name.
//! - `create_new(path, mode) -> io::Result<File>`: a file that was not there, for
//!   reading and writing, with exactly this mode, whatever the umask; never through a link.
//! - `create_dir(path, mode)`: a folder that was not there, with at most this mode.
//! - `open_plain(path, follow) -> io::Result<File>`: a plain file for reading, `follow`:
//!   wherever its name leads; nothing else that somebody put there is opened, and nobody
//!   is waited for.
//! - `open_own(path) -> io::Result<Option<File>>`: a file for reading and writing,
//!   never through a link; `None` when what is there is no file with this one name.
//! - `Folder`: a folder that is held open, and what is made in it, never through
//!   a link; also clones of open files and other names for them, where there are such.
//!   `Folder::read` opens a plain file of one name in it, never through a link.
//! - `give_tree(path, uid, gid)`: gives a folder to a user, with all that its owner has in
//!   it, while that owner may be at work in it.
//! - `flatten(path, why) -> io::Result<bool>`: where a tree could not be removed because too
//!   many files were open: brings folders that lie very deep nearer to its top; whether there
//!   were any.
//! - `give_dir(path, uid, gid)`: makes a folder another user's, for that user alone.
//! - `set_mode(path, mode)`, `mode_of(path) -> u32`: permission bits, `0o7777`.
//! - `own_like(file, path)`: gives an open file the owner and group of another.
//! - `rename(from, to)`: puts a file in the place of whatever is at `to`, also of a
//!   program that runs. `aside(path) -> Option<PathBuf>`: where such a program waits
//!   until it can be removed; `None` where it never has to.
//! - `make_link(path, target)`: a symbolic link; Windows has none for everybody.
//! - `read_link(path) -> Option<PathBuf>`: where a link leads; `None` when it is
//!   none.
//! - `point(current, to)`, `pointed(current) -> io::Result<Option<PathBuf>>`: what
//!   names the live slot, replaced by one rename, and what it says.
//! - `is_same_file(file, path) -> io::Result<bool>`: whether an open file is still
//!   the one with this name.
//! - `is_exactly(file, mode) -> bool`: whether an open file is a plain one of this
//!   user and group with exactly this mode.
//! - `reuse_is_free(path, linking) -> bool`: whether a file that is cloned or, when
//!   `linking`, hard-linked there surely takes no room.
//! - `sync_file(path)`: makes the bytes and the mode of one file durable.
//! - `sync_dir(path)`: makes the entries of one folder durable.
//! - `sync_tree(path)`: makes everything in a freshly written tree durable.
//! - `free_space(path) -> Option<u64>`: bytes that this user may still write
//!   where `path` is or would be.
//! - `file_system(path) -> Option<String>`: which one `path` is or would be on; equal
//!   for two places that share their room.
//! - `foreign(path) -> io::Result<Option<String>>`: why a file or folder is not
//!   ours, in words that follow its name; `None` when it is ours or not there.
//! - `planted(path)`: the same for what only we make: no link, and no folder that
//!   others may write to.
//! - `writable_by_others(folder)`: why somebody else could change what is in a
//!   folder; `None` when nobody can or it is not there.
//!   `writable_by_any_other(folder)` also names sticky folders.
//! - `exchangeable(path, root_alone) -> io::Result<Option<String>>`: why somebody else
//!   could exchange a program or what it loads from its folder, in a whole sentence
//!   part; `root_alone`: this user is somebody else too.
//! - `is_remote(path) -> bool`: whether it lies on another computer, or may.
//!
//! Processes
//! - `process_id_alive(pid) -> bool`, `signal(pid, Signal)`.
//! - `is_halted(pid) -> bool`: whether somebody has stopped it, so that it does nothing; false
//!   where that is not told.
//! - `companions(pid, unit) -> Vec<pid>`: who else is of the service of this name, where a
//!   manager keeps together what it has started and that process is of it.
//! - `shield() -> io::Result<()>`: from now on no other process of our user may look into
//!   this one or change it, where there is such a thing.
//! - `user_of(pid) -> Option<uid>`: as whom a process runs; `None` where that is not told.
//! - `processes_of(uid) -> Vec<pid>`: who runs as this user here, and in no container; none
//!   where that is not told.
//! - `cpu_time(pid) -> Option<Duration>`: how long a process has worked; `None` where that
//!   is not told.
//! - `end_rest(pid)`: ends what a child of ours that has ended by itself, and was not
//!   asked about yet, left running in its group.
//! - `exec(command) -> io::Error`: becomes another program; returns only when
//!   that failed.
//! - `becomes_another() -> bool`: whether `exec` takes this one's place, so that
//!   nobody waits for the other one.
//! - `is_first() -> bool`: whether this is process 1, which inherits the orphans of all.
//! - `run_as_first(command, name) -> io::Result<u8>`: runs a program under that name, passes
//!   signals on to it, and asks about everybody who ends, until it does; its status.
//! - `own_group(command)`: a child that the terminal's Ctrl-C does not reach.
//! - `ends_with_us(command)`: a child that the kernel kills when we are gone,
//!   where it can.
//! - `lower_rights(command, uid, gid, groups)`: a child of root that runs as this user, in
//!   no other groups, and that gains no rights by what it starts; `lowers_rights()`:
//!   whether there is such a thing.
//! - `line() -> io::Result<(File, Stdio)>`: two ends that say to each other what is written
//!   to them; the second is for a child's standard input, who takes it with `own_line()`.
//! - `on_signal(kinds, act)`: calls `act` on a thread for each; more than one
//!   caller may listen.
//! - `is_ignored(kind) -> bool`: whether who started us wants it to do nothing;
//!   asked before `on_signal`.
//! - `can_supervise() -> bool`: whether `signal` knows [`Signal::Stop`] and
//!   [`Signal::Reload`].
//! - `leave_network() -> io::Result<()>`: a network with nothing but loopback for this
//!   process and what it starts; only before there is a second thread. Sockets that are
//!   open stay where they are.
//! - `may_enclose() -> io::Result<()>`: whether `run_enclosed` could do it; likewise.
//! - `run_enclosed(parent, command) -> io::Result<u8>`: runs a program that sees and
//!   reaches no process but its own, passes signals on to it, and gives its status.
//!   Everything inside ends with it, with us, and with `parent`, who must have started us.
//! - `inherited_listener(number) -> io::Result<TcpListener>`: a socket that somebody
//!   opened for us and that we are the first to take.
//! - `let_wait(listener, clients)`: how many may wait to be accepted.
//! - `keep_alive(stream)`: notices a peer that is gone without a word.
//! - `raise_open_files(wanted) -> u64`: how many files may be open from now on.
//! - `is_root() -> bool`: whether system scope is the default.
//! - `user() -> Option<(uid, groups)>`: who runs this, where users are numbers.
//! - `user_name() -> Option<String>`: that user's name.
//! - `owner_of(path) -> io::Result<(uid, gid)>`: of a file or folder, never through a link.
//! - `rights_of(path) -> Option<(mode, uid, gid)>`: of a device node.
//! - `may_use(path) -> Option<bool>`: whether the kernel would let us read and
//!   write it; `None` for root, whom it lets do everything.
//!
//! The same everywhere, beside this file
//! - `places(env, system) -> Option<Places>`.
//! - `stamp_section() -> Vec<u8>`: the stamp's section of this executable.

#![allow(clippy::disallowed_methods, reason = "`disk` stands on this")]

#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(target_os = "macos", path = "macos.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod imp;
mod places;
mod stamp;
// Linux syncs a tree by one call.
#[cfg(any(test, not(target_os = "linux")))]
mod sync;
#[cfg(test)]
mod tests;
#[cfg(not(target_os = "linux"))]
mod unconfined;
#[cfg(unix)]
mod unix;
#[cfg(not(target_os = "linux"))]
mod untold;

pub use imp::harden;
pub(crate) use imp::*;
pub(crate) use places::places;
pub(crate) use stamp::stamp_section;
#[cfg(not(target_os = "linux"))]
pub(crate) use unconfined::{leave_network, may_enclose, run_enclosed};
#[cfg(unix)]
pub(crate) use unix::*;
#[cfg(not(target_os = "linux"))]
pub(crate) use untold::{companions, cpu_time, is_halted, processes_of, shield, user_of};

use crate::host::{Arch, Cpu, Uname};

/// Host facts that the running system tells; `None` where a file tells them
/// or nothing does.
#[derive(Debug, Default)]
pub(crate) struct LiveFacts {
    pub(crate) uname: Option<Uname>,
    /// What this program was built for.
    pub(crate) process_arch: Option<Arch>,
    /// Where it is not what `uname` says.
    pub(crate) native_arch: Option<Arch>,
    pub(crate) os_name: Option<String>,
    pub(crate) cpu: Cpu,
    pub(crate) memory_bytes: Option<u64>,
    /// Linux: of a page of memory.
    pub(crate) page_bytes: Option<u64>,
    /// macOS: `key: value` a line, as in a captured tree.
    pub(crate) sysctl: Option<String>,
    /// Windows: the display parts of `windows.json`, as in a captured tree.
    pub(crate) windows: Option<String>,
    pub(crate) elevated: Option<bool>,
}

/// What another process is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// End in your own time.
    Stop,
    /// End now.
    Kill,
    /// Read your settings and the live slot again.
    Reload,
}

/// What this process is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caught {
    /// Ctrl-C; on Windows everything that asks a program to end.
    Interrupt,
    /// The service manager, or `kill`.
    Terminate,
    /// The terminal went away, or [`Signal::Reload`].
    HangUp,
}
