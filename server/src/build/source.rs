//! Sources of a component: folders, single files and archives. Everything goes
//! through one narrow door, [`Collector`]: regular files, folders and links that
//! stay inside; anything else stops the build. Unpacks only below a private
//! temporary folder, under numbers and never under a name from the archive.

use super::archive::Kind;
pub(super) use super::refused::Error;
use super::tree::{Entry, Selection, Tree};
use crate::disk::{self, Hashing, failed};
use crate::platform;
use offgrid_manifest::parts::Mode;
use offgrid_manifest::{Digest, TreePath, name};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

/// How much one source may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { entries: 200_000, bytes: 64 << 30 }
    }
}

/// Takes entries, checks them and keeps what the selection wants.
pub(crate) struct Collector<'a> {
    pub(super) source: &'a Path,
    /// Unpacked files lie here as 0, 1, 2, ...
    staging: &'a Path,
    selection: Selection,
    limits: Limits,
    /// Files by their names in the source, for hard links.
    seen: BTreeMap<TreePath, Entry>,
    entries: u64,
    bytes: u64,
    tree: Tree,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(
        source: &'a Path,
        staging: &'a Path,
        selection: Selection,
        limits: Limits,
    ) -> Collector<'a> {
        let (seen, tree) = (BTreeMap::new(), Tree::default());
        Collector { source, staging, selection, limits, seen, entries: 0, bytes: 0, tree }
    }

    /// Collects the source, whatever it is.
    pub(crate) fn collect(
        mut self,
        sha256: Option<Digest>,
        size: Option<u64>,
    ) -> Result<Tree, Error> {
        let metadata = fs::metadata(self.source).map_err(failed("look at", self.source))?;
        let found = metadata.len();
        if let Some(wanted) = size.filter(|&size| metadata.is_file() && size != found) {
            return Err(Error::Size { path: self.source.to_owned(), wanted, found });
        }
        let kind = Kind::of(self.source);
        if metadata.is_dir() {
            self.folder(self.source, "")?;
        } else if let Some(kind) = kind {
            let wanted = sha256.ok_or_else(|| Error::NoDigest(self.source.to_owned()))?;
            self.archive(kind, wanted)?;
        } else {
            let name = self.source.file_name().unwrap_or_default().to_string_lossy().into_owned();
            self.disk_file(self.source, &name, &metadata)?;
            let found = self.seen.values().next().map(|entry| entry.sha256);
            if let (Some(wanted), Some(found)) = (sha256, found) {
                self.same(wanted, found)?;
            }
        }
        if let Some(glob) = self.selection.unused() {
            return Err(Error::Unused { path: self.source.to_owned(), glob: glob.to_owned() });
        }
        Ok(self.tree)
    }

    pub(super) fn refuse<T>(&self, entry: &str, why: &'static str) -> Result<T, Error> {
        Err(Error::Entry { path: self.source.to_owned(), entry: entry.to_owned(), why })
    }

    pub(super) fn same(&self, wanted: Digest, found: Digest) -> Result<(), Error> {
        if wanted == found {
            return Ok(());
        }
        Err(Error::Digest { path: self.source.to_owned(), wanted, found })
    }

    pub(super) fn broken(&self) -> impl Fn(io::Error) -> Error + use<> {
        let path = self.source.to_owned();
        move |source| Error::Broken { path: path.clone(), source }
    }

    /// The checked name of an entry. Archives of folders begin with `./`.
    pub(super) fn name(&mut self, text: &str) -> Result<TreePath, Error> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(Error::Bomb(self.source.to_owned()));
        }
        let bare = text.strip_prefix("./").unwrap_or(text);
        bare.parse().map_err(|source| Error::Name { path: self.source.to_owned(), source })
    }

    /// A file whose bytes come from `from`.
    pub(super) fn file(
        &mut self,
        text: &str,
        executable: bool,
        from: &mut dyn Read,
    ) -> Result<(), Error> {
        let path = self.name(text)?;
        let at = self.staging.join(self.entries.to_string());
        let left = self.limits.bytes - self.bytes;
        let file = File::create_new(&at).map_err(failed("make", &at))?;
        let mut writer = Hashing::new(file);
        disk::copy(&mut from.take(left.saturating_add(1)), |bytes| writer.write_all(bytes))
            .map_err(self.broken())?;
        let (_, sha256, size) = writer.finish();
        if size > left {
            return Err(Error::Bomb(self.source.to_owned()));
        }
        self.bytes += size;
        let mode = if executable { Mode::Executable } else { Mode::Plain };
        self.keep(path, Entry { mode, sha256, size, at })
    }

    /// A file that is used where it lies.
    fn disk_file(&mut self, at: &Path, text: &str, metadata: &fs::Metadata) -> Result<(), Error> {
        let path = self.name(text)?;
        let (sha256, size) = disk::hash(at)?;
        let mode = if platform::is_executable(metadata) { Mode::Executable } else { Mode::Plain };
        self.keep(path, Entry { mode, sha256, size, at: at.to_owned() })
    }

    fn keep(&mut self, path: TreePath, entry: Entry) -> Result<(), Error> {
        if let Some(place) = self.selection.place(&path) {
            if self.tree.links.contains_key(&place) {
                return self.refuse(path.as_str(), "there twice");
            }
            self.tree.files.insert(place, entry.clone());
        }
        if self.seen.insert(path.clone(), entry).is_some() {
            return self.refuse(path.as_str(), "there twice");
        }
        Ok(())
    }

    /// A symbolic link. It has to stay inside, where it is and where it goes.
    pub(super) fn link(&mut self, text: &str, target: &str) -> Result<(), Error> {
        let path = self.name(text)?;
        let parts: Vec<&str> = target.split('/').filter(|part| *part != ".").collect();
        let target = parts.join("/");
        if name::link_end(&path, &target).is_none() {
            return self.refuse(text, "a link that leaves the tree");
        }
        let Some(place) = self.selection.place(&path) else { return Ok(()) };
        if name::link_end(&place, &target).is_none() {
            return self.refuse(text, "a link that leaves the tree");
        }
        let twice = self.tree.files.contains_key(&place);
        if self.tree.links.insert(place, target).is_some() || twice {
            return self.refuse(text, "there twice");
        }
        Ok(())
    }

    /// A hard link to a file that came before becomes a copy of it.
    pub(super) fn hard_link(&mut self, text: &str, target: &str) -> Result<(), Error> {
        let path = self.name(text)?;
        let target = self.name(target)?;
        match self.seen.get(&target).cloned() {
            Some(entry) => self.keep(path, entry),
            None => self.refuse(text, "a hard link to something that did not come before"),
        }
    }

    /// A folder on this machine.
    fn folder(&mut self, folder: &Path, prefix: &str) -> Result<(), Error> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed("list", folder))? {
            paths.push(entry.map_err(failed("list", folder))?.path());
        }
        paths.sort();
        for path in paths {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                return self.refuse(&path.to_string_lossy(), "named in no known characters");
            };
            let text = format!("{prefix}{name}");
            let metadata = path.symlink_metadata().map_err(failed("look at", &path))?;
            if metadata.is_dir() {
                self.name(&text)?;
                self.folder(&path, &format!("{text}/"))?;
            } else if metadata.is_file() {
                self.disk_file(&path, &text, &metadata)?;
            } else if metadata.is_symlink() {
                let target = fs::read_link(&path).map_err(failed("read", &path))?;
                self.link(&text, &target.to_string_lossy())?;
            } else {
                return self.refuse(&text, "neither file, folder nor link");
            }
        }
        Ok(())
    }
}
