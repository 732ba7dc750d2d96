//! Parts: how a component's tree travels. Large files are blobs of their own,
//! small ones share a pack; the document is pinned by the release (DESIGN 5).

use crate::error::{Error, parse};
use crate::release::Component;
use crate::{Code, Digest, Pin, TreePath, name, tree};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Files of this size or more are blobs of their own.
pub const OWN_BLOB_MIN: u64 = 256 * 1024;
/// Windows and dictionaries of encodings are at most this large.
pub const WINDOW_MAX: u64 = 8 * 1024 * 1024;

/// The list of a tree's files and links, and the blobs that carry them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// 1.
    pub schema: u64,
    /// Every regular file.
    pub files: Vec<File>,
    /// Every symbolic link.
    #[serde(default)]
    pub links: Vec<Link>,
    /// The tar of all files without encodings of their own.
    #[serde(default)]
    pub pack: Option<Pack>,
}

/// A regular file of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Where in the tree.
    pub path: TreePath,
    /// 0644 or 0755.
    pub mode: Mode,
    /// Of the plain bytes.
    pub sha256: Digest,
    /// Of the plain bytes.
    pub size: u64,
    /// How it can be fetched; none: it is in the pack.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub encodings: Vec<Encoding>,
    /// How it can be made from an older file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<Patch>,
}

/// A symbolic link of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Where in the tree.
    pub path: TreePath,
    /// Relative, and inside the tree.
    pub target: String,
}

/// The tar of the small files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pack {
    /// Of the plain tar.
    pub size: u64,
    /// How it can be fetched.
    pub encodings: Vec<Encoding>,
}

/// One way to fetch something. Digest and size are those of the stored bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encoding {
    /// How the stored bytes become plain ones.
    pub kind: EncodingKind,
    /// Of the stored bytes.
    pub sha256: Digest,
    /// Of the stored bytes.
    pub size: u64,
}

impl Encoding {
    /// Digest and size.
    pub fn pin(&self) -> Pin {
        Pin { sha256: self.sha256, size: self.size }
    }
}

/// The encodings that this crate knows. A reader skips the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EncodingKind {
    /// Zstandard (RFC 8878).
    Zst,
    /// The .xz format.
    Xz,
    /// As it is.
    Raw,
    /// One that a later release brought.
    #[serde(other)]
    Unknown,
}

/// A way to make a file from an older one. Digest and size are those of the
/// stored bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patch {
    /// The old file's plain digest.
    pub from: Digest,
    /// The patch format.
    pub kind: String,
    /// Of the stored bytes.
    pub sha256: Digest,
    /// Of the stored bytes.
    pub size: u64,
}

/// The two modes that a file may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Read by all, written by its owner.
    #[serde(rename = "0644")]
    Plain,
    /// The same, and it can be run.
    #[serde(rename = "0755")]
    Executable,
}

impl Mode {
    /// As a number.
    pub fn bits(self) -> u32 {
        match self {
            Mode::Plain => 0o644,
            Mode::Executable => 0o755,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.bits())
    }
}

/// Why one of the names in a document that cannot be read is refused: the JSON
/// reader knows no code but `E_PARSE`, and a name that would leave its folder is
/// told apart from a mistake.
pub(crate) fn name_problem(bytes: &[u8]) -> Option<Error> {
    #[derive(Deserialize)]
    struct Names {
        #[serde(default)]
        files: Vec<Named>,
        #[serde(default)]
        links: Vec<Named>,
    }
    #[derive(Deserialize)]
    struct Named {
        path: String,
    }
    let names: Names = crate::json::read(bytes).ok()?;
    let mut all = names.files.iter().chain(&names.links);
    all.find_map(|named| named.path.parse::<TreePath>().err())
}

impl Parts {
    /// The files that travel in the pack.
    pub fn packed(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.encodings.is_empty())
    }

    /// Sum of the plain sizes.
    pub fn unpacked_size(&self) -> u64 {
        self.files.iter().fold(0, |sum: u64, file| sum.saturating_add(file.size))
    }

    /// Whether this is the tree that the release signed for: paths that can live
    /// side by side, links that stay inside, and the three figures of the
    /// component.
    ///
    /// # Errors
    /// `E_PARSE`, `E_PATH`, `E_ENTRY` or `E_TREE`.
    pub fn check(&self, component: &Component) -> Result<(), Error> {
        self.check_shape()?;
        let same = tree::digest(&self.files, &self.links) == component.tree_sha256
            && self.unpacked_size() == component.unpacked_size
            && self.files.len() as u64 == component.file_count;
        if !same {
            return Err(Error::new(Code::Tree, "the parts are not those of the signed tree"));
        }
        Ok(())
    }

    /// The part of [`Parts::check`] that needs no component.
    ///
    /// # Errors
    /// As [`Parts::check`].
    pub fn check_shape(&self) -> Result<(), Error> {
        if self.packed().next().is_some() && self.pack.is_none() {
            return Err(parse("files without encodings, and no pack"));
        }
        for link in &self.links {
            if name::link_end(&link.path, &link.target).is_none() {
                let shown = link.target.escape_default();
                let message = format!("the link `{}` to `{shown}` leaves its tree", link.path);
                return Err(Error::new(Code::Path, message));
            }
        }
        self.check_collisions()
    }

    /// No two entries that one folder of any file system could not hold, and
    /// no entry that is a folder of another (reference/trust.md L5).
    fn check_collisions(&self) -> Result<(), Error> {
        let refuse = |path: &str, other: &str| {
            let message = format!("`{path}` and `{other}` cannot both be in one tree");
            Err(Error::new(Code::Entry, message))
        };
        let paths = || {
            self.files.iter().map(|file| &file.path).chain(self.links.iter().map(|link| &link.path))
        };
        let mut folders: BTreeMap<String, &str> = BTreeMap::new();
        for path in paths() {
            for folder in path.folders() {
                match folders.insert(folder.to_lowercase(), folder) {
                    Some(other) if other != folder => return refuse(folder, other),
                    _ => {}
                }
            }
        }
        let mut leaves: BTreeMap<String, &str> = BTreeMap::new();
        for path in paths() {
            let folded = path.folded();
            if let Some(folder) = folders.get(&folded) {
                return refuse(path.as_str(), folder);
            }
            if let Some(other) = leaves.insert(folded, path.as_str()) {
                return refuse(path.as_str(), other);
            }
        }
        Ok(())
    }
}
