//! What was written and the log does not show: the end of a long write, and all
//! of what was copied.

use super::Replay;
use crate::base;
use crate::power::disk::{Change, Event, Node, ROOT};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

impl Replay {
    /// Fills in what the log does not show: from the file as it is now, or from
    /// another one that begins as each of its writes does.
    pub(super) fn complete(&mut self, blobs: &Path) {
        let mut cut: BTreeMap<Node, Vec<usize>> = BTreeMap::new();
        for index in std::mem::take(&mut self.cut) {
            cut.entry(self.write_of(index).0).or_default().push(index);
        }
        for (node, writes) in cut {
            let source = self.source(node, &writes, blobs);
            for index in writes {
                let (node, at, len, _) = self.write_of(index);
                let bytes = Rc::new(source[at..at + len].to_vec());
                self.disk.events[index] = Event::Change(Change::Write { node, at, len, bytes });
            }
        }
    }

    fn write_of(&self, index: usize) -> (Node, usize, usize, &[u8]) {
        match &self.disk.events[index] {
            Event::Change(Change::Write { node, at, len, bytes }) => (*node, *at, *len, bytes),
            other => panic!("no write: {other:?}"),
        }
    }

    fn source(&self, node: Node, writes: &[usize], blobs: &Path) -> Vec<u8> {
        let fits = |bytes: &[u8]| {
            bytes.len() == self.sizes[node]
                && writes.iter().all(|index| {
                    let (_, at, len, begin) = self.write_of(*index);
                    bytes.get(at..at + len).is_some_and(|bytes| bytes.starts_with(begin))
                })
        };
        let now = self.path(ROOT, node, &self.root).map(|path| fs::read(path).unwrap());
        if let Some(bytes) = now.filter(|bytes| fits(bytes)) {
            return bytes;
        }
        let shown = writes.iter().all(|index| !self.write_of(*index).3.is_empty());
        let large =
            |path: &PathBuf| path.metadata().is_ok_and(|m| m.len() == self.sizes[node] as u64);
        let read = |path: PathBuf| fs::read(path).unwrap();
        let of_disk = (0..self.sizes.len()).filter_map(|other| self.path(ROOT, other, &self.root));
        let of_base = files_below(base::folder());
        // Only looked at when nothing else fits.
        let decoded = files_below(blobs).into_iter().map(read);
        let decoded = decoded.filter_map(|blob| zstd::stream::decode_all(&blob[..]).ok());
        let plain = of_disk.chain(files_below(blobs)).chain(of_base).filter(large).map(read);
        let found = plain.chain(decoded).find(|bytes| shown && fits(bytes));
        if let Some(bytes) = found {
            return bytes;
        }
        // What was being made and was taken back again is nothing that anybody relies on: it
        // may hold anything, and may itself have been made of what a power cut had torn.
        let name = &self.disk.names[node];
        let gone = self.path(ROOT, node, &self.root).is_none();
        let draft = name.components().any(|part| part.as_os_str() == "staging");
        assert!(gone && draft, "what {} held is not known", name.display());
        let mut bytes = vec![0; self.sizes[node]];
        for index in writes {
            let (_, at, _, begin) = self.write_of(*index);
            bytes[at..at + begin.len()].copy_from_slice(begin);
        }
        bytes
    }

    /// Where a node is now.
    fn path(&self, folder: Node, node: Node, at: &Path) -> Option<PathBuf> {
        self.entries[folder].iter().find_map(|(name, inner)| match *inner == node {
            true => Some(at.join(name)),
            false => self.path(*inner, node, &at.join(name)),
        })
    }
}

/// Every plain file, also in folders of folders.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let entry = entry.unwrap();
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => folders.push(entry.path()),
                kind if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files
}
