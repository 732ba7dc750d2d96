//! What may never be lost: a tree that a power cut left, held against what the disk
//! held before the command and what it holds after it. No program runs for this, so
//! every state is looked at.

use super::PREFIX;
use e2e::power::disk::Survival;
use e2e::power::tree::{Leaf, Shelf};
use e2e::power::{Cut, Disk, Tree};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Both ends of a run.
pub(super) struct Ends<'a> {
    before: Tree,
    after: Tree,
    pub(super) shelf: Shelf<'a>,
    disk: &'a Disk,
    /// The disk's folder in the real file system, as the journal names it.
    home: PathBuf,
    /// Whether nothing is installed after the run.
    removes: bool,
}

impl<'a> Ends<'a> {
    pub(super) fn of(disk: &'a Disk, shelf: Shelf<'a>, home: &Path, removes: bool) -> Ends<'a> {
        let end = disk.events.len();
        let before = disk.tree(end, |_| Survival::Lost);
        let after = disk.tree(end, |index| disk.done(index));
        Ends { before, after, shelf, disk, home: home.to_owned(), removes }
    }

    /// What is lost in this state, if anything is.
    pub(super) fn lost(&self, cut: &Cut) -> Option<String> {
        let receipt = Path::new(PREFIX).join("state/receipt.json");
        let is = |end: &Tree| self.same(&cut.tree, end, &receipt);
        if self.removes {
            // What an uninstall moves away is the state itself.
            let torn = cut.tree.get(&receipt).is_some() && !is(&self.before);
            let torn = torn.then(|| "the receipt is torn".to_owned());
            return torn.or_else(|| self.nobodys(&cut.tree));
        }
        if is(&self.after) {
            return self.unlike_after(&cut.tree);
        }
        if cut.is_end {
            return Some("the command had ended, and the receipt is not there".to_owned());
        }
        if !is(&self.before) {
            return Some("the receipt is neither the old nor the new one".to_owned());
        }
        let broken = self.broken(&cut.tree).or_else(|| self.never_was(&cut.tree));
        broken.or_else(|| self.unmarked(&cut.tree)).or_else(|| self.unannounced(&cut.tree))
    }

    /// When the record of our folders has left its place, they are removed if they are
    /// empty: a file in one of them would stay for ever.
    fn nobodys(&self, tree: &Tree) -> Option<String> {
        let prefix = Path::new(PREFIX);
        let record = prefix.join("state/made.json");
        if self.before.get(&record).is_none() || tree.get(&record).is_some() {
            return None;
        }
        let left = tree.iter().find(|(path, leaf)| {
            let state = path.starts_with(prefix.join("state"));
            path.starts_with(prefix) && !state && !matches!(leaf, Leaf::Folder(_))
        });
        left.map(|(path, _)| format!("{} is there, and nobody knows whose it is", path.display()))
    }

    /// Whether two trees hold the same at a path.
    fn same(&self, one: &Tree, other: &Tree, path: &Path) -> bool {
        match (one.get(path), other.get(path)) {
            (Some(Leaf::File(mode, one)), Some(Leaf::File(its, other))) => {
                let bytes = |content| self.disk.bytes(content);
                mode == its && (one == other || bytes(one) == bytes(other))
            }
            (one, other) => one == other,
        }
    }

    /// What is at a path, for people.
    fn at(&self, tree: &Tree, path: &Path) -> String {
        match tree.get(path) {
            None => "not there".to_owned(),
            Some(Leaf::Folder(mode)) => format!("a folder {mode:o}"),
            Some(Leaf::Link(target)) => format!("a link to {}", target.display()),
            Some(Leaf::File(mode, content)) => {
                let (size, digest) = (self.disk.bytes(content).len(), self.shelf.digest(content));
                format!("a file {mode:o} of {size} bytes, {digest}")
            }
        }
    }

    /// The run counts as done: all that it made is there, and nothing else but what
    /// every next run clears away.
    fn unlike_after(&self, tree: &Tree) -> Option<String> {
        paths(tree, &self.after).into_iter().filter(|path| !passes(path)).find_map(|path| {
            (!self.same(tree, &self.after, path)).then(|| {
                let (is, must) = (self.at(tree, path), self.at(&self.after, path));
                let path = path.display();
                format!("the run counts as done, but {path} is {is}, which should be {must}")
            })
        })
    }

    /// What names the live release names a whole one.
    fn broken(&self, tree: &Tree) -> Option<String> {
        let Leaf::Link(target) = tree.get(Path::new(PREFIX).join("current"))? else { return None };
        let slot = Path::new(PREFIX).join(target);
        let as_in = |end: &Tree| {
            let mut within = paths(tree, end).into_iter().filter(|path| path.starts_with(&slot));
            end.get(&slot).is_some() && within.all(|path| self.same(tree, end, path))
        };
        let whole = as_in(&self.before) || as_in(&self.after);
        (!whole).then(|| format!("{} is live and not whole", slot.display()))
    }

    /// All that was there before is there, or is what the run makes of it, or waits
    /// where it can be put back from.
    fn never_was(&self, tree: &Tree) -> Option<String> {
        self.before.iter().map(|(path, _)| path).filter(|path| !passes(path)).find_map(|path| {
            let is = |end: &Tree| self.same(tree, end, path);
            if is(&self.before) {
                return None;
            }
            if !is(&self.after) {
                return Some(format!(
                    "{} is {}, which it never was",
                    path.display(),
                    self.at(tree, path)
                ));
            }
            let slots = Path::new(PREFIX).join("versions");
            let waits = match path.strip_prefix(&slots) {
                Ok(name) => tree.get(Path::new(PREFIX).join("state/trash").join(name)).is_some(),
                Err(_) => true,
            };
            let gone = tree.get(path).is_none() && !waits;
            gone.then(|| format!("{} is gone, and the run is not done", path.display()))
        })
    }

    /// The marks against older releases rise before a newer one is live.
    fn unmarked(&self, tree: &Tree) -> Option<String> {
        let [current, marks] =
            ["current", "state/trust.json"].map(|name| Path::new(PREFIX).join(name));
        let switched = !self.same(tree, &self.before, &current);
        (switched && !self.same(tree, &self.after, &marks))
            .then(|| format!("{} is behind what is live", marks.display()))
    }

    /// Nothing has changed of which the journal does not say how to take it back.
    fn unannounced(&self, tree: &Tree) -> Option<String> {
        let journal = match tree.get(Path::new(PREFIX).join("state/journal")) {
            Some(Leaf::File(_, content)) => self.disk.bytes(content),
            _ => Default::default(),
        };
        let journal = String::from_utf8_lossy(&journal);
        let intents: Vec<&str> = journal
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n') && line.starts_with("{\"intent\""))
            .collect();
        paths(tree, &self.before).into_iter().filter(|path| !passes(path)).find_map(|path| {
            if self.same(tree, &self.before, path) {
                return None;
            }
            let words = undos(path, self.before.get(path).is_some())?;
            let announced = intents.iter().any(|line| {
                words.iter().any(|word| line.contains(word))
                    && path.ancestors().take_while(|path| path.parent().is_some()).any(|path| {
                        line.contains(&format!("\"{}\"", self.home.join(path).display()))
                    })
            });
            (!announced).then(|| format!("{} has changed, and no journal says so", path.display()))
        })
    }
}

/// Every path of two trees.
fn paths<'t>(one: &'t Tree, other: &'t Tree) -> BTreeSet<&'t PathBuf> {
    one.iter().chain(other.iter()).map(|(path, _)| path).collect()
}

/// What is of one run alone, and what is only half written under its other name:
/// the next run clears it away.
fn passes(path: &Path) -> bool {
    let names = [
        "state/lock",
        "state/history.jsonl",
        "state/journal",
        "state/staging",
        "state/setup",
        "state/trash",
        "state/reserve",
        "blobs",
    ];
    let passing = names.iter().any(|name| path.starts_with(Path::new(PREFIX).join(name)));
    passing || path.iter().any(|name| name.to_string_lossy().ends_with(".part~"))
}

/// By which words the journal takes a change of this path back; `None` for what
/// it need not: marks that only rise, and what `made.json` records.
fn undos(path: &Path, was_there: bool) -> Option<&'static [&'static str]> {
    let inner = path.strip_prefix(PREFIX).ok();
    Some(match inner.and_then(|path| path.to_str()) {
        Some("current") => &["switch-to"],
        Some(name) if name.starts_with("versions/") && was_there => &["move-back"],
        Some(name) if name.starts_with("versions/") => &["remove-tree"],
        Some(name) if name.starts_with("bin/") => &["remove-file", "set-file"],
        Some(_) => return None,
        None if Path::new(PREFIX).starts_with(path) => return None,
        None => &["remove-file", "remove-dirs", "set-link", "set-block"],
    })
}
