//! The tree of a component while it is collected: its files with where their
//! bytes lie, its links, and which entries of a source belong to it.

use globset::{GlobBuilder, GlobMatcher};
use offgrid_manifest::parts::{File, Link, Mode};
use offgrid_manifest::{Digest, TreePath};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A file of a tree.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) mode: Mode,
    pub(crate) sha256: Digest,
    pub(crate) size: u64,
    /// Where its bytes lie for now.
    pub(crate) at: PathBuf,
}

/// A component's tree, sorted by the bytes of its paths.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) files: BTreeMap<TreePath, Entry>,
    pub(crate) links: BTreeMap<TreePath, String>,
}

impl Tree {
    /// The files as parts name them, all of them in the pack.
    pub(crate) fn files(&self) -> Vec<File> {
        let file = |(path, entry): (&TreePath, &Entry)| File {
            path: path.clone(),
            mode: entry.mode,
            sha256: entry.sha256,
            size: entry.size,
            encodings: Vec::new(),
            patches: Vec::new(),
        };
        self.files.iter().map(file).collect()
    }

    /// The links as parts name them.
    pub(crate) fn links(&self) -> Vec<Link> {
        let link = |(path, target): (&TreePath, &String)| Link {
            path: path.clone(),
            target: target.clone(),
        };
        self.links.iter().map(link).collect()
    }
}

/// `strip`, `keep` and `drop` of a component.
pub(crate) struct Selection {
    strip: usize,
    keep: Vec<(GlobMatcher, bool)>,
    drop: Vec<GlobMatcher>,
}

impl Selection {
    /// From the patterns as they are typed.
    pub(crate) fn new(
        strip: usize,
        keep: &[String],
        drop: &[String],
    ) -> Result<Selection, globset::Error> {
        let matcher = |glob: &String| {
            let glob = GlobBuilder::new(glob.trim_end_matches('/')).literal_separator(true).build();
            glob.map(|glob| glob.compile_matcher())
        };
        let keep = keep.iter().map(|glob| Ok((matcher(glob)?, false))).collect::<Result<_, _>>()?;
        Ok(Selection { strip, keep, drop: drop.iter().map(matcher).collect::<Result<_, _>>()? })
    }

    /// Where an entry of the source goes in the tree; `None` when it is left out.
    /// A pattern that fits a folder fits everything in it.
    pub(crate) fn place(&mut self, path: &TreePath) -> Option<TreePath> {
        let mut parts = path.as_str().splitn(self.strip + 1, '/');
        let stripped: TreePath = parts.nth(self.strip)?.parse().ok()?;
        let fits = |glob: &GlobMatcher| {
            glob.is_match(stripped.as_str()) || stripped.folders().any(|f| glob.is_match(f))
        };
        let mut kept = self.keep.is_empty();
        for (glob, used) in &mut self.keep {
            if fits(glob) {
                *used = true;
                kept = true;
            }
        }
        (kept && !self.drop.iter().any(fits)).then_some(stripped)
    }

    /// The first `keep` that has fitted nothing.
    pub(crate) fn unused(&self) -> Option<&str> {
        self.keep.iter().find(|(_, used)| !used).map(|(glob, _)| glob.glob().glob())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strip_keep_and_drop_work_on_paths_of_the_tree() {
        let globs = |list: &[&str]| list.iter().map(|g| (*g).to_owned()).collect::<Vec<_>>();
        let mut selection =
            Selection::new(1, &globs(&["*.so", "web", "**/x.txt"]), &globs(&["web/old/"])).unwrap();
        let mut place = |path: &str| selection.place(&path.parse().unwrap()).map(|p| p.to_string());
        assert_eq!(place("build/libggml.so"), Some("libggml.so".into()));
        assert_eq!(place("build/lib/libggml.so"), None);
        assert_eq!(place("build/web/ui/index.html"), Some("web/ui/index.html".into()));
        assert_eq!(place("build/web/old/index.html"), None);
        assert_eq!(place("README"), None);
        assert_eq!(selection.unused(), Some("**/x.txt"));
    }
}
