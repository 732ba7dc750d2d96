//! Where the files of a tree are: on a disk below a folder, or in memory. Follows
//! no link and judges nothing; `tree` does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

/// More names than any folder we look into has.
const MAX_NAMES: usize = 1 << 16;

/// The files of a tree by their whole paths, `/etc/os-release`. The folders above
/// need not be named.
pub type Nodes = BTreeMap<String, Node>;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A plain file; a device node and a library have no bytes.
    File(Arc<[u8]>),
    /// A folder, perhaps an empty one.
    Folder,
    /// A link, as it is written.
    Link(String),
}

/// What something is, whatever is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    Link,
    /// A device, a pipe: there, and nothing to read.
    Other,
}

#[derive(Clone, Debug)]
pub(super) enum Place {
    Disk(PathBuf),
    Held(Arc<Nodes>),
}

impl Node {
    /// How much is known of it.
    pub(super) fn size(&self) -> usize {
        match self {
            Node::File(bytes) => bytes.len(),
            Node::Folder | Node::Link(_) => 0,
        }
    }
}

impl Kind {
    /// One of which nothing else is known.
    pub(super) fn node(self) -> Node {
        match self {
            Kind::Folder => Node::Folder,
            Kind::File | Kind::Link | Kind::Other => Node::File([].into()),
        }
    }
}

/// Every path begins with a slash; the root is the empty one.
impl Place {
    pub(super) fn kind(&self, path: &str) -> io::Result<Kind> {
        match self {
            Place::Disk(root) => {
                let kind = fs::symlink_metadata(on_disk(root, path))?.file_type();
                Ok(match (kind.is_symlink(), kind.is_dir(), kind.is_file()) {
                    (true, ..) => Kind::Link,
                    (_, true, _) => Kind::Folder,
                    (.., true) => Kind::File,
                    _ => Kind::Other,
                })
            }
            Place::Held(nodes) => match nodes.get(path) {
                Some(Node::File(_)) => Ok(Kind::File),
                Some(Node::Folder) => Ok(Kind::Folder),
                Some(Node::Link(_)) => Ok(Kind::Link),
                None if below(nodes, path).next().is_some() => Ok(Kind::Folder),
                None => Err(io::ErrorKind::NotFound.into()),
            },
        }
    }

    pub(super) fn read(&self, path: &str, limit: u64) -> io::Result<Vec<u8>> {
        match self {
            Place::Disk(root) => {
                let mut bytes = Vec::new();
                File::open(on_disk(root, path))?.take(limit).read_to_end(&mut bytes)?;
                Ok(bytes)
            }
            Place::Held(nodes) => match nodes.get(path) {
                Some(Node::File(bytes)) => {
                    let end = usize::try_from(limit).unwrap_or(usize::MAX).min(bytes.len());
                    Ok(bytes.get(..end).unwrap_or_default().to_vec())
                }
                _ => Err(io::ErrorKind::NotFound.into()),
            },
        }
    }

    pub(super) fn link(&self, path: &str) -> io::Result<String> {
        match self {
            Place::Disk(root) => {
                Ok(fs::read_link(on_disk(root, path))?.to_string_lossy().into_owned())
            }
            Place::Held(nodes) => match nodes.get(path) {
                Some(Node::Link(target)) => Ok(target.clone()),
                _ => Err(io::ErrorKind::InvalidInput.into()),
            },
        }
    }

    pub(super) fn names(&self, path: &str) -> io::Result<Vec<String>> {
        let mut names = match self {
            Place::Disk(root) => {
                let mut names = Vec::new();
                for entry in fs::read_dir(on_disk(root, path))?.take(MAX_NAMES) {
                    names.push(entry?.file_name().to_string_lossy().into_owned());
                }
                names
            }
            Place::Held(nodes) => {
                let rest = below(nodes, path).filter_map(|below| below.get(path.len() + 1..));
                let names: BTreeSet<&str> =
                    rest.map(|rest| rest.split('/').next().unwrap_or(rest)).collect();
                names.into_iter().take(MAX_NAMES).map(str::to_owned).collect()
            }
        };
        names.sort();
        Ok(names)
    }
}

/// Part by part: on Windows a path with slashes inside would do as well, and one
/// that begins with a slash would not.
fn on_disk(root: &std::path::Path, path: &str) -> PathBuf {
    path.split('/').filter(|part| !part.is_empty()).fold(root.to_owned(), |at, part| at.join(part))
}

/// The paths of what lies in a folder, however deep.
fn below<'a>(nodes: &'a Nodes, path: &str) -> impl Iterator<Item = &'a String> {
    let folder = format!("{path}/");
    let from = nodes.range(folder.clone()..).map(|(path, _)| path);
    from.take_while(move |path| path.starts_with(&folder))
}
