//! One thing of a release by its name: the bootstrapper, a component, a variant, a
//! model or a blob, fetched and checked exactly as an installation would, and put
//! into a folder. What `trust download` does; nothing is installed.
//!
//! Works in a hidden folder of its own beside the result, gone at the end.

use crate::error::Error as Any;
use crate::event::Sink;
use crate::fetch::{self, AsStored};
use crate::fill;
use crate::plan::bare_slot;
use crate::run::Context;
use crate::source::{Place, Sources};
use crate::store::{SlotName, Store};
use crate::trust::{self, Trusted};
use crate::{disk, platform};
use offgrid_manifest::release::{Component, Folder};
use offgrid_manifest::verify::{self, Verified};
use offgrid_manifest::{Code, Digest, Id, Parts, Pin, Release, Target, layout};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Why there is nothing to fetch.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not in the release.
    #[error("release {release} has no `{name}`; it has {known}")]
    NotListed {
        /// As typed.
        name: String,
        /// Which release.
        release: String,
        /// Some of what it has.
        known: String,
    },
    /// Something is there already.
    #[error("`{}` is there already", path.display())]
    Exists {
        /// Where the result would go.
        path: PathBuf,
    },
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::NotListed { .. } => Code::NotListed,
            Error::Exists { .. } => Code::Usage,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Error::NotListed { .. } => "name one of them with --target NAME".into(),
            Error::Exists { .. } => "remove it, or name another folder with --into DIR".into(),
        })
    }
}

/// What a name means in a release.
enum Thing<'r> {
    Setup(Target, Pin),
    Tree(Vec<&'r Component>),
    Blob(Pin),
}

/// Everything that a download needs.
pub struct Order<'a> {
    /// What is trusted.
    pub trusted: &'a Trusted,
    /// Where from.
    pub sources: &'a Sources,
    /// The release it is in.
    pub release: &'a Verified<Release>,
    /// What this machine is.
    pub target: &'a Target,
    /// Who listens.
    pub sink: &'a dyn Sink,
}

impl Order<'_> {
    /// Fetches `name` into `folder` and returns where it is: `folder/name`, a file
    /// or a folder. `name` is `setup`, a component, each also with `/TARGET`; a
    /// variant; a model; or the digest of a blob that the release lists.
    ///
    /// # Errors
    /// `E_NOT_LISTED`, `E_USAGE` when the result is there already, and everything
    /// that a download can end with; then the folder is as before.
    pub fn fetch(&self, name: &str, folder: &Path) -> Result<PathBuf, Any> {
        let thing = self.find(name)?;
        let plain = name.split('/').next().unwrap_or(name);
        let result = folder.join(plain);
        if disk::exists(&result) {
            return Err(Error::Exists { path: result }.into());
        }
        disk::make_dirs(folder)?;
        let work = folder.join(format!(".{plain}.part~"));
        disk::remove_tree(&work)?;
        disk::make_work_dir(&work, 0o700)?;
        let store = Store::new(work.clone());
        let done = self.make(&thing, plain, &store).and_then(|made| {
            disk::at("sync", &made, platform::sync_tree(&made))?;
            Ok(disk::rename(&made, &result)?)
        });
        disk::remove_tree(&work)?;
        done.map(|()| result)
    }

    fn find(&self, name: &str) -> Result<Thing<'_>, Any> {
        let release = self.release;
        let (plain, target) = match name.split_once('/') {
            Some((plain, target)) => (plain, target.parse::<Target>()?),
            None => (name, *self.target),
        };
        if plain == "setup"
            && let Some(pin) = release.setup.targets.get(&target)
        {
            return Ok(Thing::Setup(target, *pin));
        }
        let of_target = |name: &Id| release.components.get(name)?.get(&target);
        if let Some(component) = plain.parse::<Id>().ok().as_ref().and_then(of_target) {
            return Ok(Thing::Tree(vec![component]));
        }
        if let Some(variant) = release.variants.iter().find(|v| v.id.as_str() == plain) {
            return Ok(Thing::Tree(release.components_of(variant).map(|(_, c)| c).collect()));
        }
        if let Some(model) = release.model(plain) {
            return Ok(Thing::Blob(Pin { sha256: model.sha256, size: model.size }));
        }
        match plain.parse::<Digest>() {
            Ok(digest) => self.blob(digest)?.map(Thing::Blob).ok_or_else(|| self.unknown(name)),
            Err(_) => Err(self.unknown(name)),
        }
    }

    fn unknown(&self, name: &str) -> Any {
        let release = self.release;
        let mut known: Vec<&str> = release.components.keys().map(Id::as_str).collect();
        known.extend(release.variants.iter().map(|variant| variant.id.as_str()));
        known.extend(release.models.iter().map(|model| model.name.as_str()));
        let known = format!("setup, {}", known.join(", "));
        let name = name.escape_default().to_string();
        Error::NotListed { name, release: release.version.to_string(), known }.into()
    }

    /// The pin of a blob that the release lists, directly or in its parts.
    fn blob(&self, digest: Digest) -> Result<Option<Pin>, Any> {
        let release = self.release;
        let components = || release.components.values().flat_map(BTreeMap::values);
        let pins = release.setup.targets.values().copied();
        let pins = pins.chain(components().map(|component| component.parts));
        let pins =
            pins.chain(release.models.iter().map(|m| Pin { sha256: m.sha256, size: m.size }));
        if let Some(pin) = pins.into_iter().find(|pin| pin.sha256 == digest) {
            return Ok(Some(pin));
        }
        for component in components() {
            let parts = trust::parts(component, self.sources)?;
            let files = parts.files.iter().flat_map(|file| &file.encodings);
            let mut all = files.chain(parts.pack.iter().flat_map(|pack| &pack.encodings));
            if let Some(found) = all.find(|encoding| encoding.sha256 == digest) {
                return Ok(Some(Pin { sha256: found.sha256, size: found.size }));
            }
        }
        Ok(None)
    }

    /// Makes it in the work folder; where it is there.
    fn make(&self, thing: &Thing<'_>, name: &str, store: &Store) -> Result<PathBuf, Any> {
        match thing {
            Thing::Blob(pin) => self.stored(store, *pin),
            Thing::Setup(target, pin) => {
                let path = self.stored(store, *pin)?;
                self.check_setup(&path, target)?;
                disk::at("set the mode of", &path, platform::set_mode(&path, 0o755))?;
                Ok(path)
            }
            Thing::Tree(components) => self.tree(components, name, store),
        }
    }

    /// A blob as it is stored.
    fn stored(&self, store: &Store, pin: Pin) -> Result<PathBuf, Any> {
        disk::make_dir(&store.blobs(), 0o700)?;
        let finished = store.blob(&pin.sha256);
        let places = [Place::Depot(layout::blob(&pin.sha256))];
        let partial = store.partial(&pin.sha256);
        let wanted = fetch::Wanted { places: &places, pin, partial: &partial, finished: &finished };
        fetch::fetch(self.sources, &wanted, &|_| (), || Ok(AsStored))?;
        Ok(finished)
    }

    /// A bootstrapper also has a signature of its own (DESIGN 5).
    fn check_setup(&self, path: &Path, target: &Target) -> Result<(), Any> {
        let (trusted, release) = (self.trusted, self.release);
        let size = release.setup.targets.get(target).map_or(0, |pin| pin.size);
        let bytes = disk::read(path, size)?.unwrap_or_default();
        let beside = layout::signature(&layout::blob(&Digest::of(&bytes)));
        let max = offgrid_manifest::signature::SIZE_MAX as u64;
        self.sources.small(&beside, max, |signature| {
            let version = &release.setup.version;
            let checked = verify::setup(&trusted.root, target, version, &bytes, &signature);
            Ok(checked.map_err(|error| error.at(&beside))?)
        })
    }

    /// Components unpacked, as in a slot; a single one without its folder there.
    fn tree(&self, components: &[&Component], name: &str, store: &Store) -> Result<PathBuf, Any> {
        for folder in [store.state(), store.versions(), store.blobs()] {
            disk::make_dir(&folder, 0o700)?;
        }
        let mut parts: Vec<(Folder, Verified<Parts>)> = Vec::new();
        for component in components {
            parts.push((component.into.clone(), trust::parts(component, self.sources)?));
        }
        let name = SlotName { version: self.release.version.clone(), variant: name.parse()? };
        let near = self.sources.is_near();
        let slot = bare_slot(&parts, &BTreeMap::new(), near, name);
        let context = Context { store, sources: self.sources, sink: self.sink };
        fill::fill(&context, &slot)?;
        let whole = store.slot(&slot.name);
        Ok(match parts.as_slice() {
            [(into, _)] => whole.join(into.path().as_str()),
            _ => whole,
        })
    }
}
