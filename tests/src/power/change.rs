//! What happens to a disk, and what may become of it.

use super::disk::Node;
use std::ffi::OsString;
use std::path::PathBuf;
use std::rc::Rc;

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    File,
    Folder,
    Link(PathBuf),
}

/// One thing that a call changed.
#[derive(Debug, Clone)]
pub enum Change {
    /// This name of a folder is now this node, or none.
    Entry { folder: Node, name: OsString, to: Option<Node> },
    /// A node has another name. Within one folder that is one entry after all.
    Move { from: Node, old: OsString, to: Node, new: OsString, node: Node },
    /// Bytes of a file.
    Write { node: Node, at: usize, len: usize, bytes: Rc<Vec<u8>> },
    /// The length of a file.
    Resize { node: Node, len: usize },
    /// Permission bits.
    Mode { node: Node, mode: u32 },
}

/// What a sync is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// `fsync` of a file or a folder.
    Node(Node),
    /// `fdatasync` of a file: not its mode.
    Data(Node),
    /// Everything.
    All,
}

/// What happened, in the order in which the calls ended.
#[derive(Debug, Clone)]
pub enum Event {
    Change(Change),
    /// A sync has ended; it covers the first so many events.
    Sync(Sync, usize),
}

/// How much of a write reached the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    Whole,
    /// The first bytes of it.
    Head(usize),
    /// What comes after the first bytes; they are zeros, or what was there.
    Tail(usize),
    /// The length alone.
    Length,
}

/// Whether a change is on the disk for sure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durable {
    Yes,
    No,
    /// A move between folders: the new name is, the end of the old one is not.
    NewName,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survival {
    Lost,
    Done,
    /// A move between folders of which the old name is still there.
    BothNames,
    /// Of a write.
    Part(Part),
}
