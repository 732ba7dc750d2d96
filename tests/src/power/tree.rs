//! A tree that a power cut may leave, and putting it on a real disk.

use super::disk::{Content, Disk};
use offgrid_manifest::Digest;
use std::cell::RefCell;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::hash::{Hash, Hasher};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Leaf {
    Folder(u32),
    File(u32, Content),
    Link(PathBuf),
}

/// Everything of a disk, by path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Tree(BTreeMap<PathBuf, Leaf>);

impl Tree {
    pub fn insert(&mut self, path: PathBuf, leaf: Leaf) {
        self.0.insert(path, leaf);
    }

    pub fn get(&self, path: impl AsRef<Path>) -> Option<&Leaf> {
        self.0.get(path.as_ref())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&PathBuf, &Leaf)> {
        self.0.iter()
    }

    /// Equal for equal trees.
    pub fn mark(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

/// Files of this size and more are linked into a tree, not written again.
const LARGE: usize = 64 * 1024;

/// Where large files wait that many trees have in common.
pub struct Shelf<'a> {
    disk: &'a Disk,
    folder: PathBuf,
    digests: RefCell<HashMap<Content, Digest>>,
}

impl<'a> Shelf<'a> {
    /// In this folder, on the file system of the trees.
    pub fn new(disk: &'a Disk, folder: PathBuf) -> Shelf<'a> {
        fs::create_dir_all(&folder).unwrap();
        Shelf { disk, folder, digests: RefCell::default() }
    }

    /// Of the bytes of a file.
    pub fn digest(&self, content: &Content) -> Digest {
        if let Some(digest) = self.digests.borrow().get(content) {
            return *digest;
        }
        let digest = Digest::of(&self.disk.bytes(content));
        self.digests.borrow_mut().insert(content.clone(), digest);
        digest
    }

    /// Makes a folder hold this tree and nothing else.
    pub fn put(&self, tree: &Tree, to: &Path) {
        if to.exists() {
            fs::remove_dir_all(to).unwrap();
        }
        fs::create_dir(to).unwrap();
        for (path, leaf) in tree.iter() {
            let at = to.join(path);
            match leaf {
                Leaf::Folder(_) => fs::create_dir(&at).unwrap(),
                Leaf::Link(target) => symlink(target, &at).unwrap(),
                Leaf::File(mode, content) => self.put_file(*mode, content, &at),
            }
        }
        // Last, for a folder that nobody may write to.
        for (path, leaf) in tree.iter() {
            if let Leaf::Folder(mode) = leaf {
                fs::set_permissions(to.join(path), fs::Permissions::from_mode(*mode)).unwrap();
            }
        }
    }

    fn put_file(&self, mode: u32, content: &Content, at: &Path) {
        let bytes = self.disk.bytes(content);
        let write = |at: &Path| {
            fs::write(at, &*bytes).unwrap();
            fs::set_permissions(at, fs::Permissions::from_mode(mode)).unwrap();
        };
        // What is only half there is opened and written to again.
        let written_again = at.extension().is_some_and(|end| end == "part");
        if bytes.len() < LARGE || written_again {
            return write(at);
        }
        let digest = self.digest(content);
        let kept = self.folder.join(format!("{mode:o}-{digest}"));
        if !kept.exists() {
            write(&kept);
        }
        fs::hard_link(&kept, at).unwrap();
    }

    /// Stops the test when one of the files that were linked was written to.
    pub fn check(&self) {
        for entry in fs::read_dir(&self.folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let (mode, digest) = name.split_once('-').unwrap();
            let found = Digest::of(&fs::read(&path).unwrap()).to_string();
            assert_eq!(found, digest, "a file that was complete was written to");
            let is = path.metadata().unwrap().permissions().mode() & 0o7777;
            assert_eq!(format!("{is:o}"), mode, "a file that was complete has another mode");
        }
    }
}
