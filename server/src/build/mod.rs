//! `build`: from release.toml to blobs and an unsigned release document.
//!
//! Collects every component into a tree, encodes its files, writes parts and
//! release, and refuses what a client would refuse. Signs nothing and needs no
//! key. The same inputs give the same bytes.

mod archive;
mod component;
mod encode;
mod error;
mod pack;
mod refused;
mod setup;
mod slot;
mod source;
mod spec;
mod tree;

pub(crate) use archive::Kind as ArchiveKind;
pub use error::Error;
pub use spec::Error as SpecError;
pub(crate) use spec::{Spec, parse};
pub(crate) use tree::Selection;

use crate::depot::{self, Depot};
use crate::{disk, trust};
use offgrid_manifest::release::{Model, PRODUCT, Source, Variant};
use offgrid_manifest::verify::{self, LARGE_MAX};
use offgrid_manifest::{Digest, Id, Pin, Release, Target, Time, Version, layout};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

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

    let (setup, remarks) = setup::files(&depot, &roots, &spec, base)?;
    let mut collected = Vec::new();
    for component in &spec.components {
        collected.push(component::collect(&depot, component, base, spec.source.epoch)?);
    }
    let encodings = encode::all(&depot, component::jobs(&collected), options.fast)?;
    let (mut components, mut rows) = (BTreeMap::<_, BTreeMap<_, _>>::new(), Vec::new());
    let mut all_parts = BTreeMap::new();
    for done in &collected {
        let (component, parts) = component::finish(&depot, done, &encodings)?;
        rows.push(component::row(done, &component, &parts));
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
    let mut notes = notes(&release, &roots, options.now);
    notes.extend(remarks);
    Ok(Built { version: release.version, digest, rows, notes })
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
