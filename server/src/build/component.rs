//! A component: collected into a tree, packed, and described by its parts.

use super::source::{self, Collector, Limits};
use super::tree::{Selection, Tree};
use super::{Error, Row, encode, pack, spec};
use crate::depot::{self, Depot};
use offgrid_manifest::parts::{Encoding, File, Mode, OWN_BLOB_MIN, Pack};
use offgrid_manifest::release::{Component, Folder};
use offgrid_manifest::{Digest, Id, Parts, Pin, Target, TreePath, tree, verify};
use std::collections::BTreeMap;
use std::path::Path;
use tempfile::{NamedTempFile, TempDir};

/// A component whose files are known and whose bytes lie ready.
pub(super) struct Collected {
    pub(super) name: Id,
    pub(super) target: Target,
    into: Folder,
    tree: Tree,
    pack: Option<(NamedTempFile, Pin)>,
    /// Holds unpacked files until they are encoded.
    _staging: TempDir,
}

pub(super) fn collect(
    depot: &Depot,
    spec: &spec::Component,
    base: &Path,
    epoch: u64,
) -> Result<Collected, Error> {
    let target = spec.target.0;
    let refused = |source: source::Error| Error::Source {
        name: spec.name.clone(),
        target,
        source: Box::new(source),
    };
    let staging = depot.temporary_folder()?;
    let selection = Selection::new(spec.strip, &spec.keep, &spec.drop)
        .map_err(|error| refused(error.into()))?;
    let from = base.join(&spec.from);
    let collector = Collector::new(&from, staging.path(), selection, Limits::default());
    let mut tree = collector.collect(spec.sha256, spec.size).map_err(refused)?;
    if tree.files.is_empty() {
        return Err(Error::Wrong(format!("the component `{}` for {target} is empty", spec.name)));
    }
    license(spec, &base.join(&spec.license), staging.path(), &mut tree)?;
    let pack = pack::write(depot, &tree, epoch)?;
    let (name, into) = (spec.name.clone(), spec.into.clone());
    Ok(Collected { name, target, into, tree, pack, _staging: staging })
}

/// Puts the license, a file or a folder, at `LICENSES/<component>/<its name>`.
fn license(
    spec: &spec::Component,
    path: &Path,
    staging: &Path,
    tree: &mut Tree,
) -> Result<(), Error> {
    let target = spec.target.0;
    let refused = |source: source::Error| Error::Source {
        name: spec.name.clone(),
        target,
        source: Box::new(source),
    };
    let all = Selection::new(0, &[], &[]).map_err(|error| refused(error.into()))?;
    let folder = path.is_dir();
    let found = Collector::new(path, staging, all, Limits::default())
        .collect(None, None)
        .map_err(refused)?;
    let base = path.file_name().unwrap_or_default().to_string_lossy();
    for (inner, mut entry) in found.files {
        let inner = if folder { format!("{base}/{inner}") } else { inner.to_string() };
        let place: TreePath = format!("LICENSES/{}/{inner}", spec.name).parse()?;
        entry.mode = Mode::Plain;
        tree.files.insert(place, entry);
    }
    Ok(())
}

pub(super) fn jobs(collected: &[Collected]) -> Vec<encode::Job> {
    let mut jobs = Vec::new();
    for done in collected {
        let large = done.tree.files.values().filter(|entry| entry.size >= OWN_BLOB_MIN);
        jobs.extend(large.map(|entry| encode::Job {
            plain: Pin { sha256: entry.sha256, size: entry.size },
            at: entry.at.clone(),
        }));
        if let Some((file, plain)) = &done.pack {
            jobs.push(encode::Job { plain: *plain, at: file.path().to_owned() });
        }
    }
    jobs
}

/// Writes the parts of a component, and reads them as a client will.
pub(super) fn finish(
    depot: &Depot,
    done: &Collected,
    encodings: &BTreeMap<Digest, Vec<Encoding>>,
) -> Result<(Component, Parts), Error> {
    let of = |digest: &Digest| encodings.get(digest).cloned().unwrap_or_default();
    let mut files = done.tree.files();
    for file in files.iter_mut().filter(|file| file.size >= OWN_BLOB_MIN) {
        file.encodings = of(&file.sha256);
    }
    let pack = done.pack.as_ref();
    let pack = pack.map(|(_, plain)| Pack { size: plain.size, encodings: of(&plain.sha256) });
    let parts = Parts { schema: 1, files, links: done.tree.links(), pack };
    let bytes = depot::document(&parts);
    let component = Component {
        into: done.into.clone(),
        tree_sha256: tree::digest(&parts.files, &parts.links),
        unpacked_size: parts.unpacked_size(),
        file_count: parts.files.len() as u64,
        parts: Pin { sha256: Digest::of(&bytes), size: bytes.len() as u64 },
    };
    let place = format!("the component `{}` for {}", done.name, done.target);
    verify::parts(&component, &bytes).map_err(|error| error.at(&place))?;
    depot.put_blob(&bytes)?;
    Ok((component, parts))
}

pub(super) fn row(done: &Collected, component: &Component, parts: &Parts) -> Row {
    let smallest = |encodings: &[Encoding]| encodings.iter().map(|e| e.size).min().unwrap_or(0);
    let own: u64 = parts.files.iter().map(|file: &File| smallest(&file.encodings)).sum();
    let pack = parts.pack.as_ref().map_or(0, |pack| smallest(&pack.encodings));
    Row {
        name: done.name.clone(),
        target: done.target,
        files: component.file_count,
        plain: component.unpacked_size,
        packed: own + pack + component.parts.size,
    }
}
