//! What recorded calls change on a disk in memory.

mod hidden;

use super::disk::{Change, Disk, Event, Kind, Node, ROOT, Sync};
use super::log::Call;
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

/// A descriptor of a file or folder on the disk.
#[derive(Debug, Clone)]
struct Open {
    node: Node,
    /// Shared by what `dup` made.
    at: Rc<Cell<usize>>,
    append: bool,
}

/// What is true while the calls are replayed: everything that was done, durable or
/// not.
struct Replay {
    disk: Disk,
    root: PathBuf,
    umask: u32,
    entries: Vec<BTreeMap<OsString, Node>>,
    sizes: Vec<usize>,
    open: HashMap<i64, Open>,
    /// The line in which each event ended.
    lines: Vec<usize>,
    /// Writes of which the log shows the beginning alone.
    cut: Vec<usize>,
}

/// Replays calls on a disk that held what is in `root` before them (`before`).
/// `blobs` holds the bytes of files that are named by their digest; a release is made of
/// what is in the base folder, and what a run took back again is nowhere else any more.
pub fn replay(before: Disk, root: &Path, blobs: &Path, calls: &[Call]) -> Disk {
    let entries = before.first_entries();
    let sizes = (0..entries.len()).map(|node| before.first_bytes(node).len()).collect();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let umask = status.lines().find_map(|line| line.strip_prefix("Umask:")).unwrap().trim();
    let mut replay = Replay {
        umask: u32::from_str_radix(umask, 8).unwrap(),
        disk: before,
        root: root.to_owned(),
        entries,
        sizes,
        open: HashMap::new(),
        lines: Vec::new(),
        cut: Vec::new(),
    };
    for call in calls.iter().filter(|call| call.result >= 0) {
        replay.call(call);
    }
    replay.complete(blobs);
    replay.disk
}

impl Replay {
    fn call(&mut self, call: &Call) {
        match call.name.as_str() {
            "open" | "creat" => panic!("only openat is expected: {call:?}"),
            "openat" => self.open(call),
            "close" => drop(self.open.remove(&call.number(0))),
            "dup" | "dup2" | "dup3" => self.dup(call),
            "fcntl" if call.args[1].starts_with("F_DUPFD") => self.dup(call),
            "fcntl" => {}
            "lseek" => {
                if let Some(open) = self.open.get(&call.number(0)) {
                    open.at.set(usize::try_from(call.result).unwrap());
                }
            }
            "write" => self.write(call),
            "copy_file_range" => self.copy(call),
            "ftruncate" => {
                let Some(Open { node, .. }) = self.open.get(&call.number(0)).cloned() else {
                    return;
                };
                let len = usize::try_from(call.number(1)).unwrap();
                // The same length again changes nothing that could be lost.
                if self.sizes[node] != len {
                    self.sizes[node] = len;
                    self.change(call, Change::Resize { node, len });
                }
            }
            "mkdir" | "mkdirat" | "symlink" | "symlinkat" => self.make(call),
            "unlink" | "unlinkat" | "rmdir" => self.remove(call),
            "rename" | "renameat" | "renameat2" => self.rename(call),
            "fchmod" => {
                let Some(Open { node, .. }) = self.open.get(&call.number(0)).cloned() else {
                    return;
                };
                let mode = u32::try_from(call.number(1)).unwrap();
                self.change(call, Change::Mode { node, mode });
            }
            "fsync" | "fdatasync" | "syncfs" | "sync" => self.sync(call),
            "mmap" => {
                let file = call.number_or(4).and_then(|fd| self.open.get(&fd));
                let writes = call.has(3, "MAP_SHARED") && call.has(2, "PROT_WRITE");
                assert!(file.is_none() || !writes, "a file is written through memory: {call:?}");
            }
            "ioctl" => assert!(!call.args[1].contains("FICLONE"), "not modelled: {call:?}"),
            "clone" | "clone3" => {}
            _ => panic!("this is not modelled: {call:?}"),
        }
    }

    fn change(&mut self, call: &Call, change: Change) {
        self.disk.change(change);
        self.lines.push(call.lines.1);
    }

    /// Where a path leads; `None` outside the disk.
    fn find(&self, folder: Option<&str>, path: &Path) -> Option<(Node, OsString)> {
        let mut at = match folder.map(|text| text.parse::<i64>()) {
            Some(Ok(fd)) if path.is_relative() => self.open.get(&fd)?.node,
            _ if path.is_relative() => return None,
            _ => ROOT,
        };
        let path = if path.is_absolute() { path.strip_prefix(&self.root).ok()? } else { path };
        let name = path.file_name()?.to_owned();
        for part in path.parent().unwrap().components() {
            let Component::Normal(part) = part else { panic!("{}", path.display()) };
            at = self.step(at, part)?;
        }
        Some((at, name))
    }

    /// One folder down, through a link to a folder.
    fn step(&self, folder: Node, name: &OsStr) -> Option<Node> {
        let node = *self.entries[folder].get(name)?;
        let Kind::Link(target) = self.disk.kind(node) else { return Some(node) };
        let (above, name) = match target.is_absolute() {
            true => self.find(None, target)?,
            false => {
                let mut at = folder;
                for part in target.parent().unwrap().components() {
                    let Component::Normal(part) = part else { return None };
                    at = self.step(at, part)?;
                }
                (at, target.file_name()?.to_owned())
            }
        };
        self.step(above, &name)
    }

    fn open(&mut self, call: &Call) {
        let path = call.path(1);
        if path == self.root {
            return self.opened(call, ROOT);
        }
        let Some((folder, name)) = self.find(Some(&call.args[0]), &path) else {
            self.open.remove(&call.result);
            return;
        };
        let node = match self.entries[folder].get(&name) {
            Some(_) => self.step(folder, &name),
            None => None,
        };
        if let Some(node) = node {
            if call.has(2, "O_TRUNC") && self.sizes[node] > 0 {
                self.sizes[node] = 0;
                self.change(call, Change::Resize { node, len: 0 });
            }
            return self.opened(call, node);
        }
        assert!(call.has(2, "O_CREAT"), "it is not there: {call:?}");
        let mode = u32::try_from(call.number(3)).unwrap() & !self.umask;
        let node = self.add(call, Kind::File, mode, folder, name);
        self.opened(call, node);
    }

    fn opened(&mut self, call: &Call, node: Node) {
        let append = call.has(2, "O_APPEND");
        self.open.insert(call.result, Open { node, at: Rc::default(), append });
    }

    fn dup(&mut self, call: &Call) {
        match self.open.get(&call.number(0)).cloned() {
            Some(open) => drop(self.open.insert(call.result, open)),
            None => drop(self.open.remove(&call.result)),
        }
    }

    fn add(&mut self, call: &Call, kind: Kind, mode: u32, folder: Node, name: OsString) -> Node {
        let path = self.disk.names[folder].join(&name);
        let node = self.disk.make(kind, mode, &path);
        self.entries.push(BTreeMap::new());
        self.sizes.push(0);
        self.entries[folder].insert(name.clone(), node);
        self.change(call, Change::Entry { folder, name, to: Some(node) });
        node
    }

    fn make(&mut self, call: &Call) {
        // symlink has its target first.
        let link = call.name.starts_with("symlink").then(|| Kind::Link(call.path(0)));
        let kind = link.unwrap_or(Kind::Folder);
        let first = usize::from(matches!(kind, Kind::Link(_)));
        let relative = call.name.ends_with("at");
        let folder = relative.then(|| call.args[first].as_str());
        let path = call.path(first + usize::from(relative));
        let Some((folder, name)) = self.find(folder, &path) else { return };
        let mode = match kind {
            Kind::Link(_) => 0o777,
            _ => u32::try_from(call.number(1 + usize::from(relative))).unwrap() & !self.umask,
        };
        self.add(call, kind, mode, folder, name);
    }

    fn remove(&mut self, call: &Call) {
        let relative = call.name == "unlinkat";
        let folder = relative.then(|| call.args[0].as_str());
        let path = call.path(usize::from(relative));
        let Some((folder, name)) = self.find(folder, &path) else { return };
        self.entries[folder].remove(&name).unwrap();
        self.change(call, Change::Entry { folder, name, to: None });
    }

    fn rename(&mut self, call: &Call) {
        let relative = call.name != "rename";
        assert!(call.name != "renameat2" || call.args[4] == "0", "not modelled: {call:?}");
        let at = |n: usize| relative.then(|| call.args[n].as_str());
        let (old, new) = if relative { (1, 3) } else { (0, 1) };
        let from = self.find(at(0), &call.path(old));
        let to = self.find(at(2), &call.path(new));
        let (Some((from, old)), Some((to, new))) = (from, to) else {
            panic!("moved over the edge of the disk: {call:?}")
        };
        let node = self.entries[from].remove(&old).unwrap();
        self.entries[to].insert(new.clone(), node);
        self.disk.names[node] = self.disk.names[to].join(&new);
        self.change(call, Change::Move { from, old, to, new, node });
    }

    fn write(&mut self, call: &Call) {
        let Some(Open { node, at, append }) = self.open.get(&call.number(0)).cloned() else {
            return;
        };
        let (mut bytes, cut) = call.bytes(1);
        let len = usize::try_from(call.result).unwrap();
        bytes.truncate(len);
        assert!(cut || bytes.len() == len, "{call:?}");
        let from = if append { self.sizes[node] } else { at.get() };
        at.set(from + len);
        self.sizes[node] = self.sizes[node].max(from + len);
        if cut {
            self.cut.push(self.disk.events.len());
        }
        self.change(call, Change::Write { node, at: from, len, bytes: Rc::new(bytes) });
    }

    /// What was copied is in the source now.
    fn copy(&mut self, call: &Call) {
        let Some(Open { node, at, .. }) = self.open.get(&call.number(2)).cloned() else { return };
        let len = usize::try_from(call.result).unwrap();
        if len == 0 {
            return;
        }
        assert_eq!((call.args[1].as_str(), call.args[3].as_str()), ("NULL", "NULL"), "{call:?}");
        let from = at.get();
        at.set(from + len);
        self.sizes[node] = self.sizes[node].max(from + len);
        self.cut.push(self.disk.events.len());
        self.change(call, Change::Write { node, at: from, len, bytes: Rc::default() });
    }

    fn sync(&mut self, call: &Call) {
        let sync = match call.name.as_str() {
            "syncfs" => {
                assert!(self.open.contains_key(&call.number(0)), "of another disk: {call:?}");
                Sync::All
            }
            "sync" => Sync::All,
            name => {
                let Some(Open { node, .. }) = self.open.get(&call.number(0)) else { return };
                if name == "fsync" { Sync::Node(*node) } else { Sync::Data(*node) }
            }
        };
        // Not what another thread did while it ran.
        let covers = self.lines.partition_point(|line| *line < call.lines.0);
        self.disk.events.push(Event::Sync(sync, covers));
        self.lines.push(call.lines.1);
    }
}
