//! A disk that loses power: the real system calls of one run are recorded, and
//! from them every tree is made that could be found when the power comes back.
//!
//! - `log`: the calls, by strace, with what was written
//! - `replay`: what they change, on a disk in memory
//! - `change`, `disk`: that disk, and which changes are durable at a moment
//! - `states`: which trees a power cut may leave
//! - `tree`: such a tree, and putting it on a real disk
//!
//! # What survives
//!
//! A change is durable when a sync that covers it has ended: `fsync` of a file for
//! its bytes, length and mode (`fdatasync`: not the mode), `fsync` of a folder for the
//! entries of that folder and its own mode, `syncfs` and `sync` for everything. Of all
//! other changes **any subset** may have survived, because no file system promises
//! more to a program that wants to run on all of them:
//!
//! - POSIX.1-2024, `fsync`: what was not synced may be lost, in any order. The name
//!   of a file is its folder's (`man 2 fsync`: "an explicit fsync() on a file
//!   descriptor for the directory is also needed").
//! - Pillai et al., *All File Systems Are Not Created Equal* (OSDI 2014; ALICE): on
//!   real file systems entries of different folders, and bytes and entries, reach the
//!   disk in either order; an append may be a longer file with zeros or with part of
//!   the bytes in it; a rename that replaces a file may come before the bytes of the
//!   new one (delayed allocation: ext4 without `auto_da_alloc`, XFS, btrfs).
//! - Mohan et al., *Finding Crash-Consistency Bugs with Bounded Black-Box Crash
//!   Testing* (OSDI 2018; CrashMonkey): the states worth trying are those at the
//!   syncs; btrfs and F2FS have lost or doubled entries of renames between folders
//!   when only one of the two was synced.
//! - Linux, `Documentation/filesystems/ext4` and `xfs`: one rename is one
//!   transaction, so its old or its new name is there, never neither.
//!
//! So: each entry that was made or removed may be there or not; a rename is done or
//! not, and between two folders also half done, with both names, until both folders
//! are synced; of the writes to one file any may be missing, the last one torn, and
//! the length may come without the bytes. What lies in a folder that is not there is
//! gone with it.

pub mod change;
pub mod disk;
pub mod log;
pub mod replay;
pub mod states;
pub mod tree;

pub use disk::Disk;
pub use states::{Cut, States};
pub use tree::Tree;
