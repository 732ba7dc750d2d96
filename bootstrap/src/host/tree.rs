//! A file tree to read facts from: the running machine, or a captured one.
//!
//! Every read is bounded and stays inside the root: symlinks are resolved here,
//! one part at a time, and an absolute one starts again at the root. Never
//! writes, and never opens anything but plain files and folders, so a pipe in a
//! captured tree cannot make us wait. Not a defence against somebody who
//! changes the tree while it is read.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use thiserror::Error;

/// Enough for every file of facts.
pub(super) const TEXT_LIMIT: u64 = 1 << 20;
/// As many links as Linux follows.
const MAX_LINKS: u32 = 40;
/// More names than any folder we look into has: System32 has some 5000, a folder
/// of libraries on a developer's machine as many.
const MAX_NAMES: usize = 1 << 16;

#[derive(Clone, Debug)]
pub struct Tree {
    root: PathBuf,
    live: bool,
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
    /// The running machine.
    pub fn live() -> Tree {
        Tree { root: PathBuf::from("/"), live: true }
    }

    /// A captured tree, as `detect --capture` writes it.
    pub fn sysroot(dir: &Path) -> Result<Tree, TreeError> {
        if !dir.is_dir() {
            return Err(TreeError::NotAFolder(dir.to_owned()));
        }
        Ok(Tree { root: dir.to_owned(), live: false })
    }

    pub fn is_live(&self) -> bool {
        self.live
    }

    /// The first `limit` bytes of a file.
    pub fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, TreeError> {
        let real = self.resolve(path)?;
        let failed = |source| TreeError::Io { path: path.to_owned(), source };
        if !fs::metadata(&real).map_err(failed)?.is_file() {
            return Err(TreeError::NotAFile(path.to_owned()));
        }
        let mut bytes = Vec::new();
        let file = File::open(&real).map_err(failed)?;
        file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }

    /// A file as text; bytes that are no UTF-8 become U+FFFD.
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
        self.resolve(path).is_ok()
    }

    pub fn is_dir(&self, path: &str) -> bool {
        self.resolve(path).is_ok_and(|real| real.is_dir())
    }

    /// The names in a folder, sorted.
    pub fn names(&self, path: &str) -> Result<Vec<String>, TreeError> {
        let real = self.resolve(path)?;
        let failed = |source| TreeError::Io { path: path.to_owned(), source };
        let mut names = Vec::new();
        for entry in fs::read_dir(&real).map_err(failed)?.take(MAX_NAMES) {
            names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    /// Where a link points, as it is written.
    pub fn link(&self, path: &str) -> Result<String, TreeError> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let real = self.resolve(folder)?.join(file_name(name, path)?);
        match fs::read_link(real) {
            Ok(target) => Ok(target.to_string_lossy().into_owned()),
            Err(source) => Err(TreeError::Io { path: path.to_owned(), source }),
        }
    }

    /// The path inside the tree that `path` leads to, links resolved.
    pub fn canonical(&self, path: &str) -> Result<String, TreeError> {
        let real = self.resolve(path)?;
        let inside = real.strip_prefix(&self.root).unwrap_or(&real);
        Ok(format!("/{}", inside.to_string_lossy().replace('\\', "/")))
    }

    fn resolve(&self, path: &str) -> Result<PathBuf, TreeError> {
        let mut todo = parts(path);
        let mut done: Vec<String> = Vec::new();
        let mut links = 0;
        while let Some(part) = todo.pop() {
            if part == ".." {
                done.pop(); // at the root it stays there, as in a chroot
                continue;
            }
            done.push(file_name(&part, path)?.to_owned());
            let here = done.iter().fold(self.root.clone(), |at, name| at.join(name));
            let kind = fs::symlink_metadata(&here).map_err(|source| match source.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                    TreeError::Missing(path.to_owned())
                }
                _ => TreeError::Io { path: path.to_owned(), source },
            })?;
            if !kind.is_symlink() {
                continue;
            }
            links += 1;
            if links > MAX_LINKS {
                return Err(TreeError::TooManyLinks(path.to_owned()));
            }
            let target = fs::read_link(&here)
                .map_err(|source| TreeError::Io { path: path.to_owned(), source })?;
            let target = target.to_string_lossy().into_owned();
            match target.starts_with('/') {
                true => done.clear(),
                false => drop(done.pop()),
            }
            todo.extend(parts(&target));
        }
        Ok(done.iter().fold(self.root.clone(), |at, name| at.join(name)))
    }
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
mod tests {
    use super::*;

    #[test]
    fn links_stay_inside_the_root_and_loops_end() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "secret").unwrap();
        let dir = outside.path().join("root");
        fs::create_dir_all(dir.join("etc")).unwrap();
        fs::write(dir.join("etc/real"), "inside").unwrap();
        let made = [
            ("/etc/real", "etc/absolute"),
            ("../../../etc/real", "etc/up"),
            ("../../secret", "etc/escape"),
            ("/secret", "etc/escape2"),
            ("/etc/loop", "etc/loop"),
            ("/..", "up"),
        ];
        for (target, name) in made {
            if !crate::platform::link_for_tests(target, &dir.join(name)) {
                return; // no links on this machine
            }
        }
        let tree = Tree::sysroot(&dir).unwrap();
        assert_eq!(tree.text("/etc/absolute").unwrap(), "inside");
        assert_eq!(tree.text("/etc/up").unwrap(), "inside");
        assert_eq!(tree.text("/up/etc/real").unwrap(), "inside");
        for path in ["/etc/escape", "/etc/escape2", "/up/secret", "/../secret", "../secret"] {
            assert!(matches!(tree.text(path), Err(TreeError::Missing(_))), "{path}");
        }
        assert!(matches!(tree.text("/etc/loop"), Err(TreeError::TooManyLinks(_))));
        assert_eq!(tree.canonical("/etc/up").unwrap(), "/etc/real");
        assert_eq!(tree.link("/etc/up").unwrap(), "../../../etc/real");
    }

    #[test]
    fn reads_are_bounded_and_folders_are_no_files() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("long"), vec![b'x'; (TEXT_LIMIT + 9) as usize]).unwrap();
        let tree = Tree::sysroot(dir.path()).unwrap();
        assert_eq!(tree.text("/long").unwrap().len() as u64, TEXT_LIMIT);
        assert_eq!(tree.read("long", 3).unwrap(), b"xxx");
        assert!(matches!(tree.text("/"), Err(TreeError::NotAFile(_))));
        assert!(matches!(tree.text("/long/er"), Err(TreeError::Missing(_))));
        assert_eq!(tree.names("/").unwrap(), ["long"]);
        assert!(Tree::sysroot(&dir.path().join("none")).is_err());
    }

    #[test]
    fn a_line_has_no_control_characters() {
        assert_eq!(plain("\x1b[2Jevil\n\0 x "), "[2Jevil x");
    }
}
