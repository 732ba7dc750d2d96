//! Makes of what a probe looked at a tree that can be probed again elsewhere
//! (DESIGN 6), for a report of a wrong decision.
//!
//! Nothing personal is in it: no serial numbers, no ids of cards, no names of
//! people, computers or containers. What a file may keep is listed, file by file
//! (`clean`); a file that is not listed is there and empty. Owns what is left out;
//! decides nothing else, and writes only into a folder that was not there.

mod clean;
mod names;
#[cfg(test)]
mod tests;

use super::gpu::{index_of, is_deciding};
use super::place::{Node, Nodes};
use super::tree::Looks;
use super::{Host, Os, Tree};
use crate::disk;
use names::Names;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Why no tree was written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something is in that place.
    #[error("`{}` is there already", .0.display())]
    Exists(PathBuf),
    /// A file operation failed.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

impl Error {
    /// The stable name. A place that a person typed is a matter of usage.
    pub fn code(&self) -> offgrid_manifest::Code {
        match self {
            Error::Exists(_) => offgrid_manifest::Code::Usage,
            Error::Disk(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Exists(_) => Some("choose the name of a folder that is not there yet".into()),
            Error::Disk(error) => error.hint(),
        }
    }
}

/// A tree that can be probed again, not written yet.
#[derive(Debug)]
pub struct Capture {
    /// The facts of the machine itself.
    pub host: Host,
    nodes: Nodes,
}

impl Capture {
    /// Probes a machine and keeps what was looked at.
    pub fn of(tree: &Tree) -> Capture {
        let tree = tree.remembering();
        let host = Host::probe(&tree);
        let looks = tree.looks().unwrap_or_default();
        let nodes = nodes(&looks, &host);
        Capture { host, nodes }
    }

    /// Keeps what is said of this machine and is in no file, in the file of this name
    /// in `.setup/`. There must be nothing personal in it.
    pub fn say(&mut self, name: &str, text: String) {
        self.nodes.insert(format!("/.setup/{name}"), Node::File(text.into_bytes().into()));
    }

    /// What is in it.
    pub fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// The facts for which the captured tree does not speak as the machine itself
    /// does; of every machine that we know there are none.
    pub fn differing(&self) -> Vec<String> {
        let again = Host::probe(&Tree::held(self.nodes.clone()));
        let of = |host: &Host| serde_json::to_value(host).unwrap_or_default();
        let (here, there) = (of(&self.host), of(&again));
        let keys = here.as_object().into_iter().flat_map(|facts| facts.keys());
        // Nobody runs in a captured tree, and it is another place.
        let facts = keys.filter(|key| !["elevated", "evidence"].contains(&key.as_str()));
        let mut differing: Vec<String> =
            facts.filter(|key| here[*key] != there[*key]).cloned().collect();
        let limit = |host: &Host| {
            let limit = host.evidence.get("memory_limit")?;
            limit.split(' ').next().map(str::to_owned)
        };
        if limit(&self.host) != limit(&again) {
            differing.push("memory_limit".to_owned());
        }
        differing
    }

    /// Writes it into a new folder.
    ///
    /// # Errors
    /// When the folder is there already, and any file operation; then nothing
    /// stays of it.
    pub fn write(&self, into: &Path) -> Result<(), Error> {
        if disk::is_there(into)? {
            return Err(Error::Exists(into.to_owned()));
        }
        self.fill(into).inspect_err(|_| {
            // The first error counts.
            let _ = disk::remove_tree(into);
        })
    }

    fn fill(&self, into: &Path) -> Result<(), Error> {
        disk::make_dirs(into)?;
        for (path, node) in &self.nodes {
            let at = path.split('/').filter(|part| !part.is_empty());
            let at = at.fold(into.to_owned(), |at, part| at.join(part));
            at.parent().map_or(Ok(()), disk::make_dirs)?;
            match node {
                Node::Folder => disk::make_dirs(&at)?,
                Node::File(bytes) => disk::write_new(&at, bytes)?,
                Node::Link(target) => disk::link(&at, Path::new(target))?,
            }
        }
        Ok(())
    }
}

fn nodes(looks: &Looks, host: &Host) -> Nodes {
    let mut names = Names::of(looks, host);
    let mut nodes = Nodes::new();
    for (path, node) in &looks.nodes {
        let asked = looks.asked.get(path).map_or(path.as_str(), String::as_str);
        if path.is_empty() || path.starts_with("/.setup") || is_other_library(asked) {
            continue;
        }
        let node = match node {
            Node::Folder => Node::Folder,
            Node::Link(target) => Node::Link(names.link(path, target)),
            Node::File(bytes) if asked.ends_with("/ld.so.cache") => {
                Node::File(index_of(bytes, |path| names.path(path)).into())
            }
            Node::File(bytes) => Node::File(clean::file(asked, bytes, &mut names).into()),
        };
        nodes.insert(names.path(path), node);
    }
    if host.os == Some(Os::Linux) && host.libs.is_some() {
        // It says that libraries are shown.
        let index = || Node::File(index_of(&[], |path| path.to_owned()).into());
        nodes.entry("/etc/ld.so.cache".to_owned()).or_insert_with(index);
    }
    for (name, lines) in said(looks, host) {
        let text = clean::said(&name, &lines, &mut names);
        nodes.insert(format!("/.setup/{name}"), Node::File(text.into_bytes().into()));
    }
    without_what_is_above(nodes)
}

/// Some other library: a link that leads to a deciding one keeps its own name.
fn is_other_library(asked: &str) -> bool {
    let name = asked.rsplit('/').next().unwrap_or_default();
    name.contains(".so") && name != "ld.so.cache" && !is_deciding(name)
}

/// What is in no file, and what a live machine tells by asking.
fn said(looks: &Looks, host: &Host) -> BTreeMap<String, Vec<String>> {
    let mut said = looks.said.clone();
    match host.os {
        Some(Os::Macos) => {
            let mut line = |key: &str, value: Option<String>| {
                let lines = said.entry("sysctl".to_owned()).or_default();
                let is_there = lines.iter().any(|line| line.split(':').next() == Some(key));
                if let Some(value) = value.filter(|_| !is_there) {
                    lines.push(format!("{key}: {value}"));
                }
            };
            line("hw.memsize", host.memory_bytes.map(|bytes| bytes.to_string()));
            line("hw.logicalcpu", host.cpu.cores.map(|cores| cores.to_string()));
            line("machdep.cpu.brand_string", host.cpu.name.clone());
            let version = host.os_name.as_deref().and_then(|name| name.strip_prefix("macOS "));
            line("kern.osproductversion", version.map(str::to_owned));
        }
        Some(Os::Windows) => {
            let lines = said.entry("windows.json".to_owned()).or_default();
            let display = lines.join("\n");
            *lines = vec![clean::windows(&display, host)];
        }
        _ => {}
    }
    said
}

/// A folder is there by what is in it; only an empty one needs to be named.
fn without_what_is_above(nodes: Nodes) -> Nodes {
    let paths: Vec<String> = nodes.keys().cloned().collect();
    let is_full = |path: &str| {
        let folder = format!("{path}/");
        let next = paths.partition_point(|other| *other < folder);
        paths.get(next).is_some_and(|other| other.starts_with(&folder))
    };
    let needed = |(path, node): &(String, Node)| !is_full(path) || matches!(node, Node::Link(_));
    nodes.into_iter().filter(needed).collect()
}
