//! A tree as it is: every path with its kind, owner, mode, contents or target. Two
//! snapshots are equal when nobody could tell the trees apart.

use offgrid_manifest::Digest;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A tree at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<PathBuf, String>);

impl Snapshot {
    /// Of everything under `root` but the paths in `without`, relative to it.
    pub fn of(root: &Path, without: &[&str]) -> Snapshot {
        let mut entries = BTreeMap::new();
        walk(root, root, without, &mut entries);
        Snapshot(entries)
    }

    /// What differs, a line each.
    pub fn differences(&self, other: &Snapshot) -> Vec<String> {
        let mut lines = Vec::new();
        for (path, was) in &self.0 {
            match other.0.get(path) {
                None => lines.push(format!("- {} {was}", path.display())),
                Some(is) if is != was => lines.push(format!("~ {} {was} -> {is}", path.display())),
                Some(_) => {}
            }
        }
        for (path, is) in other.0.iter().filter(|(path, _)| !self.0.contains_key(*path)) {
            lines.push(format!("+ {} {is}", path.display()));
        }
        lines
    }

    /// Stops the test unless `other` is the same.
    #[track_caller]
    pub fn assert_same(&self, other: &Snapshot) {
        let differences = self.differences(other);
        assert!(differences.is_empty(), "the tree changed:\n{}", differences.join("\n"));
    }
}

fn walk(root: &Path, at: &Path, without: &[&str], entries: &mut BTreeMap<PathBuf, String>) {
    let Ok(list) = fs::read_dir(at) else { return };
    for entry in list {
        let path = entry.unwrap().path();
        let relative = path.strip_prefix(root).unwrap().to_owned();
        // It tells of every run, also of one that was taken back.
        let tells = relative.ends_with("state/history.jsonl");
        if tells || without.iter().any(|out| relative == Path::new(out)) {
            continue;
        }
        let meta = path.symlink_metadata().unwrap();
        let mode = meta.mode() & 0o7777;
        let owner = format!("{}:{}", meta.uid(), meta.gid());
        let text = if meta.is_symlink() {
            format!("link {owner} {}", fs::read_link(&path).unwrap().display())
        } else if meta.is_dir() {
            format!("folder {owner} {mode:o}")
        } else {
            format!("file {owner} {mode:o} {}", Digest::of(&fs::read(&path).unwrap()))
        };
        entries.insert(relative, text);
        if meta.is_dir() {
            walk(root, &path, without, entries);
        }
    }
}
