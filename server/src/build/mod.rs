//! `build`: from release.toml to blobs and an unsigned release document.
//!
//! Collects every component into a tree, encodes its files, writes parts and
//! release, and refuses what a client would refuse. Signs nothing and needs no
//! key. The same inputs give the same bytes.

mod archive;
mod encode;
mod pack;
mod slot;
mod spec;
mod tree;

use crate::depot::{self, Depot};
use crate::stamp::{self, Executable};
use crate::{disk, trust};
use archive::{Collector, Limits};
use offgrid_manifest::parts::{Encoding, File, OWN_BLOB_MIN, Pack};
use offgrid_manifest::release::{self, Component, Model, PRODUCT, Setup, Source, Variant};
use offgrid_manifest::verify::{self, LARGE_MAX};
use offgrid_manifest::{Code, Digest, Id, Parts, Pin, Release, Target, Time, TreePath, Version};
use offgrid_manifest::{layout, tree as tree_digest};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempDir};
use tree::{Selection, Tree};

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// release.toml.
    pub spec: PathBuf,
    /// Built into this depot.
    pub depot: PathBuf,
    /// Quick and large instead of small.
    pub fast: bool,
    /// Also rules of `needs` that this version does not know.
    pub unknown_needs: bool,
    /// The time, for remarks alone: no byte depends on it.
    pub now: Time,
}

/// What came out.
#[derive(Debug)]
pub struct Built {
    /// The release.
    pub version: Version,
    /// Of the release document.
    pub digest: Digest,
    /// One for each component and target.
    pub rows: Vec<Row>,
    /// Remarks.
    pub notes: Vec<String>,
}

/// A component in figures.
#[derive(Debug)]
pub struct Row {
    /// Its name.
    pub name: Id,
    /// Its target.
    pub target: Target,
    /// Its files.
    pub files: u64,
    /// Unpacked bytes.
    pub plain: u64,
    /// Bytes to fetch in the smallest encodings.
    pub packed: u64,
}

/// Why nothing was built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// release.toml.
    #[error(transparent)]
    Spec(#[from] spec::Error),
    /// A source of a component.
    #[error("the component `{name}` for {target} could not be collected")]
    Source {
        /// The component.
        name: Id,
        /// Its target.
        target: Target,
        /// Why.
        source: archive::Error,
    },
    /// Things that do not fit together.
    #[error("{0}")]
    Wrong(String),
    /// A setup file without a stamp.
    #[error("`{}` is not stamped", .0.display())]
    Unstamped(PathBuf),
    /// A setup file with a root of another depot.
    #[error("`{}` is stamped with a root that is not in this depot", .0.display())]
    ForeignRoot(PathBuf),
    /// This release is out with other bytes.
    #[error("release {0} was signed with other contents")]
    Published(Version),
    /// A setup file.
    #[error(transparent)]
    Stamp(#[from] stamp::Error),
    /// The depot's roots.
    #[error(transparent)]
    Trust(#[from] trust::Error),
    /// The depot's folder.
    #[error(transparent)]
    Depot(#[from] depot::Error),
    /// The new documents.
    #[error(transparent)]
    Document(#[from] offgrid_manifest::Error),
    /// A file operation.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Spec(error) => error.code(),
            Error::Source { source, .. } => source.code(),
            Error::Wrong(_) | Error::Published(_) => Code::Usage,
            Error::Unstamped(_) => Code::Unstamped,
            Error::ForeignRoot(_) => Code::UntrustedBinary,
            Error::Stamp(error) => error.code(),
            Error::Trust(error) => error.code(),
            Error::Depot(error) => error.code(),
            Error::Document(error) => error.code(),
            Error::Disk(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Spec(error) => error.hint(),
            Error::Source { source, .. } => source.hint(),
            Error::Unstamped(_) => Some("stamp it first with `offgrid-depot stamp`".into()),
            Error::ForeignRoot(_) => Some("stamp it again with --root DEPOT/root/<n>.json".into()),
            Error::Published(_) => Some("a release never changes: take the next number".into()),
            Error::Stamp(error) => error.hint(),
            Error::Trust(error) => error.hint(),
            Error::Depot(error) => error.hint(),
            Error::Disk(error) => error.hint(),
            Error::Wrong(_) | Error::Document(_) => None,
        }
    }
}

/// A component whose files are known and whose bytes lie ready.
struct Collected {
    name: Id,
    target: Target,
    into: release::Folder,
    tree: Tree,
    pack: Option<(NamedTempFile, Pin)>,
    /// Holds unpacked files until they are encoded.
    _staging: TempDir,
}

/// Builds the release.
///
/// # Errors
/// Then the depot has at most blobs that nothing names.
pub fn run(options: &Options) -> Result<Built, Error> {
    let spec = spec::read(&options.spec, options.unknown_needs)?;
    let base = options.spec.parent().unwrap_or(Path::new(""));
    let depot = Depot::open(&options.depot)?;
    let _lock = depot.lock()?;
    let roots = trust::roots(&depot)?;

    let setup = setup(&depot, &roots, &spec, base)?;
    let mut collected = Vec::new();
    for component in &spec.components {
        collected.push(collect(&depot, component, base, spec.source.epoch)?);
    }
    let encodings = encode::all(&depot, jobs(&collected), options.fast)?;
    let (mut components, mut rows) = (BTreeMap::<_, BTreeMap<_, _>>::new(), Vec::new());
    let mut all_parts = BTreeMap::new();
    for done in &collected {
        let (component, parts) = finish(&depot, done, &encodings)?;
        rows.push(row(done, &component, &parts));
        all_parts.insert((done.name.clone(), done.target), parts);
        components.entry(done.name.clone()).or_default().insert(done.target, component);
    }
    let models = spec.models.iter().map(|m| model(&depot, m, base)).collect::<Result<_, _>>()?;
    let release = Release {
        schema: 1,
        kind: "offgrid/release".into(),
        product: PRODUCT.into(),
        version: spec.version.0.clone(),
        app: spec.app.clone(),
        engine: spec.engine.clone(),
        source: Source {
            repo: spec.source.repo.clone(),
            commit: spec.source.commit.clone(),
            epoch: spec.source.epoch,
        },
        components,
        variants: spec.variants.iter().map(variant).collect(),
        setup,
        models,
        notes: spec.notes.clone(),
        provenance: Vec::new(),
        must_understand: Vec::new(),
    };
    release.check()?;
    slot::check(&release, &all_parts).map_err(Error::Wrong)?;
    let digest = write(&depot, &release)?;
    let notes = notes(&release, &roots, options.now);
    Ok(Built { version: release.version, digest, rows, notes })
}

/// The bootstrappers, each stamped with a root of this depot.
fn setup(
    depot: &Depot,
    roots: &[offgrid_manifest::Verified<offgrid_manifest::Root>],
    spec: &spec::Spec,
    base: &Path,
) -> Result<Setup, Error> {
    let mut targets = BTreeMap::new();
    for (target, path) in &spec.setup.files {
        let path = base.join(path);
        let file = Executable::open(&path)?;
        let stamp = file.stamp()?.ok_or_else(|| Error::Unstamped(path.clone()))?;
        let stamped = stamp.root.bytes()?;
        if !roots.iter().any(|root| root.bytes() == stamped) {
            return Err(Error::ForeignRoot(path));
        }
        if !file.is_for(&target.0) {
            return Err(Error::Wrong(format!("`{}` is not for {}", path.display(), target.0)));
        }
        targets.insert(target.0, depot.copy_blob(&path)?);
    }
    Ok(Setup { version: spec.setup.version.0.clone(), targets })
}

fn collect(
    depot: &Depot,
    spec: &spec::Component,
    base: &Path,
    epoch: u64,
) -> Result<Collected, Error> {
    let target = spec.target.0;
    let refused = |source| Error::Source { name: spec.name.clone(), target, source };
    let staging = depot.temporary_folder()?;
    let selection = Selection::new(spec.strip, &spec.keep, &spec.drop)
        .map_err(|error| refused(error.into()))?;
    let from = base.join(&spec.from);
    let collector = Collector::new(&from, staging.path(), selection, Limits::default());
    let mut tree = collector.collect(spec.sha256).map_err(refused)?;
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
    let refused = |source| Error::Source { name: spec.name.clone(), target, source };
    let all = Selection::new(0, &[], &[]).map_err(|error| refused(error.into()))?;
    let folder = path.is_dir();
    let found =
        Collector::new(path, staging, all, Limits::default()).collect(None).map_err(refused)?;
    let base = path.file_name().unwrap_or_default().to_string_lossy();
    for (inner, mut entry) in found.files {
        let inner = if folder { format!("{base}/{inner}") } else { inner.to_string() };
        let place: TreePath = format!("LICENSES/{}/{inner}", spec.name).parse()?;
        entry.mode = offgrid_manifest::parts::Mode::Plain;
        tree.files.insert(place, entry);
    }
    Ok(())
}

fn jobs(collected: &[Collected]) -> Vec<encode::Job> {
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
fn finish(
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
        tree_sha256: tree_digest::digest(&parts.files, &parts.links),
        unpacked_size: parts.unpacked_size(),
        file_count: parts.files.len() as u64,
        parts: Pin { sha256: Digest::of(&bytes), size: bytes.len() as u64 },
    };
    let place = format!("the component `{}` for {}", done.name, done.target);
    verify::parts(&component, &bytes).map_err(|error| error.at(&place))?;
    depot.put_blob(&bytes)?;
    Ok((component, parts))
}

fn row(done: &Collected, component: &Component, parts: &Parts) -> Row {
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

fn variant(spec: &spec::Variant) -> Variant {
    Variant {
        id: spec.id.clone(),
        target: spec.target.0,
        rank: spec.rank,
        components: spec.components.clone(),
        needs: spec.needs.clone(),
        device: spec.device.clone(),
    }
}

fn model(depot: &Depot, spec: &spec::Model, base: &Path) -> Result<Model, Error> {
    let wrong = |what: &str| Error::Wrong(format!("the model `{}` {what}", spec.name));
    let pin = match &spec.from {
        Some(from) => {
            let (sha256, size) = disk::hash(&base.join(from))?;
            if spec.sha256.is_some_and(|wanted| wanted != sha256)
                || spec.size.is_some_and(|wanted| wanted != size)
            {
                return Err(wrong("is not the file that its sha256 and size say"));
            }
            depot.copy_blob(&base.join(from))?
        }
        None => {
            let both = spec.sha256.zip(spec.size);
            let (sha256, size) = both.ok_or_else(|| wrong("has no sha256 and size"))?;
            Pin { sha256, size }
        }
    };
    let url = || spec.urls.first().and_then(|url| url.rsplit('/').next()).map(str::to_owned);
    let from = || Some(spec.from.as_ref()?.file_name()?.to_string_lossy().into_owned());
    let file = match &spec.file {
        Some(file) => file.clone(),
        None => from().or_else(url).unwrap_or_default().parse()?,
    };
    Ok(Model {
        name: spec.name.clone(),
        file,
        sha256: pin.sha256,
        size: pin.size,
        urls: spec.urls.clone(),
        memory_bytes: spec.memory_bytes,
        license: spec.license.clone(),
        title: spec.title.clone(),
        default: spec.default,
    })
}

/// Writes the release document. One that was signed is never replaced.
fn write(depot: &Depot, release: &Release) -> Result<Digest, Error> {
    let bytes = depot::document(release);
    if bytes.len() as u64 > LARGE_MAX {
        return Err(Error::Wrong(format!("the release document is larger than {LARGE_MAX} bytes")));
    }
    verify::unsigned_release(&bytes)?;
    let digest = Digest::of(&bytes);
    let place = layout::release(&release.version, &digest);
    let folder = format!("release/{}", release.version);
    let mut old = Vec::new();
    for name in depot.list(&folder)? {
        let name = format!("{folder}/{name}");
        if name == place || name == layout::signature(&place) {
            continue;
        }
        if name.ends_with(&layout::signature("")) {
            return Err(Error::Published(release.version.clone()));
        }
        old.push(depot.path(&name));
    }
    depot.put(&place, &bytes)?;
    for path in old {
        std::fs::remove_file(&path).map_err(disk::failed("remove", &path))?;
    }
    Ok(digest)
}

fn notes(
    release: &Release,
    roots: &[offgrid_manifest::Verified<offgrid_manifest::Root>],
    now: Time,
) -> Vec<String> {
    let mut notes = Vec::new();
    let targets: BTreeSet<_> = release.variants.iter().map(|variant| variant.target).collect();
    for target in targets {
        if !release.setup.targets.contains_key(&target) {
            notes.push(format!("there are variants for {target} and no setup file for it"));
        }
    }
    let used = |name: &Id| release.variants.iter().any(|v| v.components.contains(name));
    for name in release.components.keys().filter(|name| !used(name)) {
        notes.push(format!("no variant has the component `{name}`"));
    }
    if let Some(root) = roots.last().filter(|root| root.expires <= now) {
        notes.push(format!("the root expired at {}", root.expires));
    }
    notes
}
