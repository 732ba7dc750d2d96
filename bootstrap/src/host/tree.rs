//! A file tree to read facts from: the running machine, a captured one on a disk,
//! or one that is held in memory.
//!
//! Every read is bounded and stays inside the root: symlinks are resolved here,
//! one part at a time, and an absolute one starts again at the root. Never
//! writes, and never opens anything but plain files and folders, so a pipe in a
//! captured tree cannot make us wait. Not a defence against somebody who
//! changes the tree while it is read.
//!
//! A tree may remember what was looked at: that is what a capture is made of.

use super::place::{Kind, Node, Nodes, Place};
use crate::platform;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use thiserror::Error;

/// Enough for every file of facts.
pub(super) const TEXT_LIMIT: u64 = 1 << 20;
/// As many links as Linux follows.
const MAX_LINKS: u32 = 40;

/// Where facts are read.
#[derive(Clone, Debug)]
pub struct Tree {
    place: Place,
    live: bool,
    looks: Option<Rc<RefCell<Looks>>>,
}

/// What was looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct Looks {
    /// By the path without links; of a file that was not read, no bytes.
    pub(super) nodes: Nodes,
    /// The path that was asked for, by the one without links. Of several the
    /// first.
    pub(super) asked: BTreeMap<String, String>,
    /// What is in no file, by its name in `.setup/`.
    pub(super) said: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Error)]
pub enum TreeError {
    #[error("`{}` is not a folder", .0.display())]
    NotAFolder(PathBuf),
    #[error("`{0}` is not there")]
    Missing(String),
    #[error("`{0}` is not a plain file")]
    NotAFile(String),
    #[error("`{0}` leads through too many links")]
    TooManyLinks(String),
    #[error("`{0}` has a part that is no file name here")]
    BadName(String),
    #[error("could not read `{path}`")]
    Io { path: String, source: io::Error },
}

impl Tree {
    fn of(place: Place, live: bool) -> Tree {
        Tree { place, live, looks: None }
    }

    /// The running machine.
    pub fn live() -> Tree {
        Tree::of(Place::Disk(platform::root()), true)
    }

    /// A captured tree, as `detect --capture` writes it.
    ///
    /// # Errors
    /// When this is no folder.
    pub fn sysroot(dir: &Path) -> Result<Tree, TreeError> {
        if !dir.is_dir() {
            return Err(TreeError::NotAFolder(dir.to_owned()));
        }
        Ok(Tree::of(Place::Disk(dir.to_owned()), false))
    }

    /// A captured tree that is not on a disk, or not yet.
    pub fn held(nodes: Nodes) -> Tree {
        Tree::of(Place::Held(Arc::new(nodes)), false)
    }

    /// The same tree, which from now on remembers what is looked at.
    pub(super) fn remembering(&self) -> Tree {
        Tree { looks: Some(Rc::default()), ..self.clone() }
    }

    /// What was looked at, if it is remembered.
    pub(super) fn looks(&self) -> Option<Looks> {
        self.looks.as_ref().map(|looks| looks.borrow().clone())
    }

    pub fn is_live(&self) -> bool {
        self.live
    }

    /// The first `limit` bytes of a file.
    ///
    /// # Errors
    /// When there is no such plain file, or it cannot be read.
    pub fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, TreeError> {
        let (real, kind) = self.resolve(path)?;
        if kind != Kind::File {
            return Err(TreeError::NotAFile(path.to_owned()));
        }
        let bytes = self.place.read(&real, limit).map_err(|source| failed(path, source))?;
        self.remember(path, &real, || Node::File(bytes.as_slice().into()));
        Ok(bytes)
    }

    /// A file as text; bytes that are no UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// As [`Tree::read`].
    pub fn text(&self, path: &str) -> Result<String, TreeError> {
        let bytes = self.read(path, TEXT_LIMIT)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// One of the `.setup/` files of a captured tree. The live machine has
    /// none, whatever lies in `/.setup`.
    pub fn captured(&self, name: &str) -> Option<String> {
        if self.live {
            return None;
        }
        self.text(&format!("/.setup/{name}")).ok()
    }

    pub fn exists(&self, path: &str) -> bool {
        let Ok((real, kind)) = self.resolve(path) else { return false };
        self.remember(path, &real, || kind.node());
        true
    }

    pub fn is_dir(&self, path: &str) -> bool {
        let Ok((real, kind)) = self.resolve(path) else { return false };
        self.remember(path, &real, || kind.node());
        kind == Kind::Folder
    }

    /// The names in a folder, sorted.
    ///
    /// # Errors
    /// When there is no such folder, or it cannot be read.
    pub fn names(&self, path: &str) -> Result<Vec<String>, TreeError> {
        let (real, kind) = self.resolve(path)?;
        if kind != Kind::Folder {
            return Err(TreeError::NotAFolder(PathBuf::from(path)));
        }
        let names = self.place.names(&real).map_err(|source| failed(path, source))?;
        self.remember(path, &real, || Node::Folder);
        Ok(names)
    }

    /// Where a link points, as it is written.
    ///
    /// # Errors
    /// When there is no such link.
    pub fn link(&self, path: &str) -> Result<String, TreeError> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let real = self.resolve(folder)?.0 + "/" + file_name(name, path)?;
        let target = self.place.link(&real).map_err(|source| failed(path, source))?;
        self.remember(path, &real, || Node::Link(target.clone()));
        Ok(target)
    }

    /// The path inside the tree that `path` leads to, links resolved.
    ///
    /// # Errors
    /// When it leads nowhere.
    pub fn canonical(&self, path: &str) -> Result<String, TreeError> {
        let (real, kind) = self.resolve(path)?;
        self.remember(path, &real, || kind.node());
        Ok(if real.is_empty() { "/".to_owned() } else { real })
    }

    /// Keeps a line that is in no file for a capture, in the file of this name in
    /// `.setup/`.
    pub(super) fn say(&self, name: &str, line: impl FnOnce() -> String) {
        let Some(looks) = &self.looks else { return };
        let (line, looks) = (line(), &mut *looks.borrow_mut());
        let lines = looks.said.entry(name.to_owned()).or_default();
        if !lines.contains(&line) {
            lines.push(line);
        }
    }

    /// Whether what is looked at is remembered.
    pub(super) fn is_remembering(&self) -> bool {
        self.looks.is_some()
    }

    fn remember(&self, path: &str, real: &str, node: impl FnOnce() -> Node) {
        let Some(looks) = &self.looks else { return };
        let looks = &mut *looks.borrow_mut();
        looks.asked.entry(real.to_owned()).or_insert_with(|| path.to_owned());
        let node = node();
        match looks.nodes.get(real) {
            // To know less than before is nothing new.
            Some(known) if known.size() >= node.size() => {}
            _ => drop(looks.nodes.insert(real.to_owned(), node)),
        }
    }

    /// The path without links, and what is there. The root is the empty path.
    fn resolve(&self, path: &str) -> Result<(String, Kind), TreeError> {
        let mut todo = parts(path);
        let mut done = String::new();
        let mut kind = Kind::Folder;
        let mut links = 0;
        while let Some(part) = todo.pop() {
            if part == ".." {
                // At the root it stays there, as in a chroot.
                done.truncate(done.rfind('/').unwrap_or(0));
                kind = Kind::Folder;
                continue;
            }
            let above = done.len();
            done.push('/');
            done.push_str(file_name(&part, path)?);
            kind = self.place.kind(&done).map_err(|source| match source.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                    TreeError::Missing(path.to_owned())
                }
                _ => failed(path, source),
            })?;
            if kind != Kind::Link {
                continue;
            }
            links += 1;
            if links > MAX_LINKS {
                return Err(TreeError::TooManyLinks(path.to_owned()));
            }
            let target = self.place.link(&done).map_err(|source| failed(path, source))?;
            self.remember(path, &done, || Node::Link(target.clone()));
            done.truncate(if target.starts_with('/') { 0 } else { above });
            kind = Kind::Folder;
            todo.extend(parts(&target));
        }
        Ok((done, kind))
    }
}

fn failed(path: &str, source: io::Error) -> TreeError {
    TreeError::Io { path: path.to_owned(), source }
}

/// The parts of a path, last one first, without those that change nothing.
fn parts(path: &str) -> Vec<String> {
    path.split('/')
        .rev()
        .filter(|part| !part.is_empty() && *part != ".")
        .map(str::to_owned)
        .collect()
}

/// `part` if joining it can only go one step down: `C:` and `a\b` may be names
/// on Linux and are something else on Windows.
fn file_name<'a>(part: &'a str, path: &str) -> Result<&'a str, TreeError> {
    let mut components = Path::new(part).components();
    match (components.next(), components.next()) {
        (Some(Component::Normal(name)), None) if name == part => Ok(part),
        _ => Err(TreeError::BadName(path.to_owned())),
    }
}

/// Text of a file as one short line that is safe on a terminal: a captured
/// tree may hold escape sequences.
pub(super) fn plain(text: &str) -> String {
    let visible: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    visible.trim().to_owned()
}

#[cfg(test)]
mod tests;
