//! A disk in memory: what it held before a run, every change in the order in
//! which it was made, and every sync.

pub use super::change::{Change, Durable, Event, Kind, Part, Survival, Sync};
use super::tree::{Leaf, Tree};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The number of a file, folder or link.
pub type Node = usize;

/// The bytes of a file after these writes.
pub type Content = (Node, Vec<(usize, Part)>);

#[derive(Debug, Clone)]
struct Held {
    kind: Kind,
    mode: u32,
    /// What was there before the run.
    bytes: Rc<Vec<u8>>,
    entries: BTreeMap<OsString, Node>,
}

/// The disk.
#[derive(Debug, Default)]
pub struct Disk {
    nodes: Vec<Held>,
    pub events: Vec<Event>,
    /// For messages: a name that each node had.
    pub names: Vec<PathBuf>,
    made: RefCell<HashMap<Content, Rc<Vec<u8>>>>,
}

/// The folder that everything is in.
pub const ROOT: Node = 0;

impl Disk {
    /// A disk that holds what is in this folder, all of it durable.
    pub fn of(folder: &Path) -> Disk {
        let mut disk = Disk::default();
        disk.load(folder, Path::new(""));
        disk
    }

    fn load(&mut self, at: &Path, name: &Path) -> Node {
        let meta = at.symlink_metadata().unwrap();
        let mode = meta.permissions().mode() & 0o7777;
        if meta.is_symlink() {
            return self.add(Kind::Link(fs::read_link(at).unwrap()), mode, Vec::new(), name);
        }
        if meta.is_file() {
            return self.add(Kind::File, mode, fs::read(at).unwrap(), name);
        }
        let node = self.add(Kind::Folder, mode, Vec::new(), name);
        for entry in fs::read_dir(at).unwrap() {
            let entry = entry.unwrap();
            let inner = self.load(&entry.path(), &name.join(entry.file_name()));
            self.nodes[node].entries.insert(entry.file_name(), inner);
        }
        node
    }

    fn add(&mut self, kind: Kind, mode: u32, bytes: Vec<u8>, name: &Path) -> Node {
        self.nodes.push(Held { kind, mode, bytes: Rc::new(bytes), entries: BTreeMap::new() });
        self.names.push(name.to_owned());
        self.nodes.len() - 1
    }

    /// A new node that has no name yet.
    pub fn make(&mut self, kind: Kind, mode: u32, name: &Path) -> Node {
        self.add(kind, mode, Vec::new(), name)
    }

    pub fn kind(&self, node: Node) -> &Kind {
        &self.nodes[node].kind
    }

    /// The bytes that a file held before the run.
    pub fn first_bytes(&self, node: Node) -> &[u8] {
        &self.nodes[node].bytes
    }

    pub fn change(&mut self, change: Change) {
        self.events.push(Event::Change(change));
    }

    /// What a folder held before the run.
    pub fn first_entries(&self) -> Vec<BTreeMap<OsString, Node>> {
        self.nodes.iter().map(|held| held.entries.clone()).collect()
    }

    /// For people: what a sync is of, and after which change it comes.
    pub fn describe_sync(&self, at: usize) -> String {
        let name = |node: Node| self.names[node].display().to_string();
        let what = match &self.events[at] {
            Event::Sync(Sync::Node(node) | Sync::Data(node), _) => name(*node),
            _ => "everything".to_owned(),
        };
        let last = self.events[..at].iter().rev().find_map(|event| match event {
            Event::Change(change) => Some(change),
            Event::Sync(..) => None,
        });
        let after = match last {
            None => "nothing".to_owned(),
            Some(Change::Entry { folder, name: entry, .. }) => {
                format!("{}/{}", name(*folder), entry.display())
            }
            Some(Change::Move { node, .. } | Change::Write { node, .. }) => name(*node),
            Some(Change::Resize { node, .. } | Change::Mode { node, .. }) => name(*node),
        };
        format!("{what} after {after}")
    }

    /// Whether the change before event `upto` is on the disk for sure.
    pub fn is_durable(&self, index: usize, upto: usize) -> Durable {
        let Event::Change(change) = &self.events[index] else { return Durable::Yes };
        let covered = |wanted: &dyn Fn(&Sync) -> bool| {
            self.events[index..upto].iter().any(|event| match event {
                Event::Sync(sync, covers) => {
                    *covers > index && (*sync == Sync::All || wanted(sync))
                }
                Event::Change(_) => false,
            })
        };
        let is = |yes| if yes { Durable::Yes } else { Durable::No };
        match *change {
            Change::Entry { folder, .. } => is(covered(&|sync| *sync == Sync::Node(folder))),
            Change::Write { node, .. } | Change::Resize { node, .. } => {
                is(covered(&|sync| [Sync::Node(node), Sync::Data(node)].contains(sync)))
            }
            Change::Mode { node, .. } => is(covered(&|sync| *sync == Sync::Node(node))),
            Change::Move { from, to, .. } => {
                let (old, new) = (
                    covered(&|sync| *sync == Sync::Node(from)),
                    covered(&|sync| *sync == Sync::Node(to)),
                );
                // The old name gone and the new one not there would be neither.
                if old {
                    Durable::Yes
                } else if new {
                    Durable::NewName
                } else {
                    Durable::No
                }
            }
        }
    }

    /// That a change was made, whole.
    pub fn done(&self, index: usize) -> Survival {
        match &self.events[index] {
            Event::Change(Change::Write { .. } | Change::Resize { .. }) => {
                Survival::Part(Part::Whole)
            }
            _ => Survival::Done,
        }
    }

    /// The tree after the changes that `survives` tells of, before event `upto`.
    pub fn tree(&self, upto: usize, survives: impl Fn(usize) -> Survival) -> Tree {
        let mut entries = self.first_entries();
        let mut modes: Vec<u32> = self.nodes.iter().map(|held| held.mode).collect();
        let mut contents: Vec<Vec<(usize, Part)>> = vec![Vec::new(); self.nodes.len()];
        for (index, event) in self.events[..upto].iter().enumerate() {
            let Event::Change(change) = event else { continue };
            let survival = survives(index);
            if survival == Survival::Lost {
                continue;
            }
            match change {
                Change::Entry { folder, name, to: Some(node) } => {
                    entries[*folder].insert(name.clone(), *node);
                }
                Change::Entry { folder, name, to: None } => {
                    entries[*folder].remove(name);
                }
                Change::Move { from, old, to, new, node } => {
                    if survival != Survival::BothNames {
                        entries[*from].remove(old);
                    }
                    entries[*to].insert(new.clone(), *node);
                }
                Change::Write { node, .. } | Change::Resize { node, .. } => {
                    let Survival::Part(part) = survival else { panic!("{survival:?}") };
                    contents[*node].push((index, part));
                }
                Change::Mode { node, mode } => modes[*node] = *mode,
            }
        }
        let mut tree = Tree::default();
        self.walk(ROOT, Path::new(""), &entries, &modes, &contents, &mut tree);
        tree
    }

    fn walk(
        &self,
        node: Node,
        at: &Path,
        entries: &[BTreeMap<OsString, Node>],
        modes: &[u32],
        contents: &[Vec<(usize, Part)>],
        tree: &mut Tree,
    ) {
        for (name, &inner) in &entries[node] {
            let (path, mode) = (at.join(name), modes[inner]);
            let leaf = match &self.nodes[inner].kind {
                Kind::Link(target) => Leaf::Link(target.clone()),
                Kind::Folder => Leaf::Folder(mode),
                Kind::File => Leaf::File(mode, (inner, contents[inner].clone())),
            };
            let is_folder = matches!(leaf, Leaf::Folder(_));
            tree.insert(path.clone(), leaf);
            if is_folder {
                self.walk(inner, &path, entries, modes, contents, tree);
            }
        }
    }

    /// The bytes of a file in a tree of this disk.
    pub fn bytes(&self, content: &Content) -> Rc<Vec<u8>> {
        let (node, pieces) = content;
        if pieces.is_empty() {
            return Rc::clone(&self.nodes[*node].bytes);
        }
        if let Some(bytes) = self.made.borrow().get(content) {
            return Rc::clone(bytes);
        }
        let mut bytes = Vec::clone(&self.nodes[*node].bytes);
        for (index, part) in pieces {
            match &self.events[*index] {
                Event::Change(Change::Resize { len, .. }) => bytes.resize(*len, 0),
                Event::Change(Change::Write { at, bytes: written, .. }) => {
                    put(&mut bytes, *at, written, *part);
                }
                _ => panic!("no change of bytes"),
            }
        }
        let bytes = Rc::new(bytes);
        // Torn files are many and each is looked at once or twice.
        if pieces.iter().all(|(_, part)| *part == Part::Whole) {
            self.made.borrow_mut().insert(content.clone(), Rc::clone(&bytes));
        }
        bytes
    }
}

fn put(bytes: &mut Vec<u8>, at: usize, written: &[u8], part: Part) {
    let (from, to) = match part {
        Part::Whole => (0, written.len()),
        Part::Head(len) => (0, len),
        Part::Tail(from) => (from, written.len()),
        Part::Length => (0, 0),
    };
    // The length of a torn write is as far as it came, or all of it.
    let end = if part == Part::Length { at + written.len() } else { at + to };
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[at + from..at + to].copy_from_slice(&written[from..to]);
}
