//! The assets of a release: files in folders, and what saved answers of GitHub's
//! API say of them. Lists names and reads nothing but answers and the pointer of a
//! stable release; whether a file is right is asked when a pattern wants it.

use super::github::{self, Listed};
use super::pattern::{Bound, is_build};
use super::{Error, Options};
use crate::disk::{self, failed};
use offgrid_manifest::{Digest, TreePath};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The one asset of a stable release: a line like `b11146` (gpu.md 0.1).
const POINTER: &str = "nightly-tag.txt";

/// An asset by its name.
#[derive(Debug, Clone)]
pub(super) struct Asset {
    /// Where it lies, or where it will be expected.
    pub(super) path: PathBuf,
    /// Whether it lies there.
    pub(super) is_here: bool,
    /// As its makers publish it.
    pub(super) sha256: Option<Digest>,
    pub(super) size: Option<u64>,
    /// What GitHub calls it while it is not whole.
    pub(super) state: Option<String>,
    pub(super) url: Option<String>,
}

/// Everything that was named.
#[derive(Debug, Default)]
pub(super) struct Assets {
    pub(super) all: BTreeMap<String, Asset>,
    /// Builds that tags and pointers name.
    builds: Vec<String>,
}

/// Lists them all. Values that a tag or a pointer settles are in the second part.
pub(super) fn list(options: &Options) -> Result<(Assets, Bound), Error> {
    let mut assets = Assets::default();
    // Folders first: an answer says what its files must be, wherever they lie.
    let (folders, answers): (Vec<&PathBuf>, Vec<&PathBuf>) =
        options.assets.iter().partition(|path| path.is_dir());
    for folder in folders {
        assets.folder(folder)?;
    }
    for answer in answers {
        assets.answer(answer, options.tag.as_deref())?;
    }
    let mut bound = Bound { engine: options.engine.clone(), app: None };
    bound.app = options.app.as_ref().map(ToString::to_string);
    assets.builds.sort();
    assets.builds.dedup();
    match &assets.builds[..] {
        [] => {}
        [build] if bound.engine.as_ref().is_none_or(|engine| engine == build) => {
            bound.engine = Some(build.clone());
        }
        builds if bound.engine.as_ref().is_some_and(|engine| builds.contains(engine)) => {}
        builds => {
            let mut values = builds.to_vec();
            values.extend(bound.engine);
            return Err(Error::Mixed { word: super::Word::Engine, values });
        }
    }
    Ok((assets, bound))
}

impl Assets {
    fn folder(&mut self, folder: &Path) -> Result<(), Error> {
        for entry in fs::read_dir(folder).map_err(failed("list", folder))? {
            let path = entry.map_err(failed("list", folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !path.is_file() || name.starts_with('.') {
                continue;
            }
            if name == POINTER {
                self.builds.push(pointer(&path, None)?);
                continue;
            }
            // A saved answer may lie among what it is about.
            if name.ends_with(".json") {
                continue;
            }
            let (is_here, sha256, size, state, url) = (true, None, None, None, None);
            self.add(name, Asset { path, is_here, sha256, size, state, url })?;
        }
        Ok(())
    }

    fn answer(&mut self, path: &Path, tag: Option<&str>) -> Result<(), Error> {
        let releases = github::read(path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut release = github::pick(path, &releases, tag)?;
        if let Some(listed) = release.assets.iter().find(|asset| asset.name == POINTER) {
            let file = folder.join(POINTER);
            if !file.is_file() {
                let (tag, folder) = (release.tag_name.clone(), folder.to_owned());
                return Err(Error::NoPointer { tag, folder });
            }
            let build = pointer(&file, Some(listed))?;
            let pointed = releases.iter().find(|release| release.tag_name == build);
            self.builds.push(build);
            let Some(pointed) = pointed else { return Ok(()) };
            release = pointed;
        }
        if is_build(&release.tag_name) {
            self.builds.push(release.tag_name.clone());
        }
        for listed in &release.assets {
            self.listed(listed, folder)?;
        }
        Ok(())
    }

    fn listed(&mut self, listed: &Listed, folder: &Path) -> Result<(), Error> {
        let name = &listed.name;
        let plain = name.parse::<TreePath>().is_ok_and(|path| !path.as_str().contains('/'));
        if !plain {
            return Err(Error::BadName(name.clone()));
        }
        let beside = folder.join(name);
        let found = self.all.get(name).map(|asset| asset.path.clone());
        let path = found.unwrap_or(beside);
        let asset = Asset {
            is_here: path.is_file(),
            path,
            sha256: listed.sha256()?,
            size: Some(listed.size),
            state: listed.state.clone().filter(|state| state != "uploaded"),
            url: listed.browser_download_url.clone(),
        };
        self.add(name.clone(), asset)
    }

    /// An answer completes what a folder has; two that differ are refused.
    fn add(&mut self, name: String, asset: Asset) -> Result<(), Error> {
        if let Some(old) = self.all.get(&name) {
            let same_file = old.path == asset.path;
            let same_bytes = old.sha256.is_some() && old.sha256 == asset.sha256;
            if !(same_bytes || (same_file && old.sha256.is_none() && old.size.is_none())) {
                return Err(Error::Twice(name));
            }
        }
        self.all.insert(name, asset);
        Ok(())
    }
}

/// The build that a pointer file names, checked against what is published of it.
fn pointer(path: &Path, listed: Option<&Listed>) -> Result<String, Error> {
    let bad = || Error::BadPointer(path.to_owned());
    let bytes = disk::read_bounded(path, 64)?.ok_or_else(bad)?;
    if let Some(wanted) = listed.map(Listed::sha256).transpose()?.flatten() {
        let found = Digest::of(&bytes);
        if found != wanted {
            return Err(Error::Digest { path: path.to_owned(), wanted, found });
        }
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| bad())?.trim();
    is_build(text).then(|| text.to_owned()).ok_or_else(bad)
}

impl Asset {
    /// Its digest and size, from who publishes it and from the file; both have to
    /// agree where both are there.
    pub(super) fn pin(&self, name: &str) -> Result<(Digest, u64), Error> {
        if let Some(state) = &self.state {
            return Err(Error::Uploading { name: name.to_owned(), state: state.clone() });
        }
        if !self.is_here {
            let known = self.sha256.zip(self.size);
            return known.ok_or_else(|| Error::NoDigest(name.to_owned()));
        }
        let path = || self.path.clone();
        let length = fs::metadata(&self.path).map_err(failed("look at", &self.path))?.len();
        if let Some(wanted) = self.size.filter(|size| *size != length) {
            return Err(Error::Size { path: path(), wanted, found: length });
        }
        let (found, size) = disk::hash(&self.path)?;
        match self.sha256 {
            Some(wanted) if wanted != found => Err(Error::Digest { path: path(), wanted, found }),
            _ => Ok((found, size)),
        }
    }
}
