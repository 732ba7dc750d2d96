//! `release/<version>/<sha256>.json`: what a release consists of, for which
//! machines, and which bootstrapper goes with it. Never changed.

use crate::error::{Error, parse};
use crate::{Digest, Id, Pin, Target, TreePath, Version};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The name of the one product.
pub const PRODUCT: &str = "offgrid";

/// A release (DESIGN 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// 1.
    pub schema: u64,
    /// `offgrid/release`.
    #[serde(rename = "type")]
    pub kind: String,
    /// [`PRODUCT`].
    pub product: String,
    /// The release's own number.
    pub version: Version,
    /// The app's version, as its makers write it.
    pub app: String,
    /// llama.cpp's version, as its makers write it.
    pub engine: String,
    /// What it was built from.
    pub source: Source,
    /// Every component by name and target.
    pub components: BTreeMap<Id, BTreeMap<Target, Component>>,
    /// Sets of components for kinds of machines.
    pub variants: Vec<Variant>,
    /// The bootstrapper of this release.
    pub setup: Setup,
    /// Models that can be installed by name.
    #[serde(default)]
    pub models: Vec<Model>,
    /// What is new, in words for people.
    #[serde(default)]
    pub notes: String,
    /// Proofs of how it was built.
    #[serde(default)]
    pub provenance: Vec<Provenance>,
    /// Features that a reader has to know.
    #[serde(default)]
    pub must_understand: Vec<String>,
}

/// Where the release's sources are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Address of the repository.
    pub repo: String,
    /// Commit in it.
    pub commit: String,
    /// Unix seconds that stand for "now" in the build.
    pub epoch: u64,
}

/// A component for one target: a tree, and how it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Folder in the slot, `llama/`.
    pub into: Folder,
    /// [`crate::tree::digest`] of its files and links.
    pub tree_sha256: Digest,
    /// Sum of the sizes of its files.
    pub unpacked_size: u64,
    /// How many files, links not counted.
    pub file_count: u64,
    /// The blob that says how the tree travels, [`crate::Parts`].
    pub parts: Pin,
}

/// A folder in a slot; written with `/` at its end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Folder(TreePath);

impl Folder {
    /// The path without the last `/`.
    pub fn path(&self) -> &TreePath {
        &self.0
    }
}

impl TryFrom<String> for Folder {
    type Error = Error;

    fn try_from(text: String) -> Result<Folder, Error> {
        Ok(Folder(text.strip_suffix('/').unwrap_or(&text).parse()?))
    }
}

impl From<Folder> for String {
    fn from(folder: Folder) -> String {
        format!("{}/", folder.0)
    }
}

/// The set of components for one kind of machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// `linux-x86_64-cuda12`.
    pub id: Id,
    /// Where it can run at all.
    pub target: Target,
    /// The highest that fits wins.
    pub rank: i64,
    /// Names in [`Release::components`].
    pub components: Vec<Id>,
    /// What it asks of a machine, see [`crate::needs`].
    #[serde(default)]
    pub needs: crate::needs::Needs,
    /// What `llama-server --list-devices` must show.
    #[serde(default)]
    pub device: Option<String>,
}

/// The bootstrapper that goes with a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// Its own version.
    pub version: Version,
    /// Its executables, stored raw.
    pub targets: BTreeMap<Target, Pin>,
}

/// A model of the signed catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// What a person types after `--model`.
    pub name: Id,
    /// Its file name in the models folder.
    pub file: TreePath,
    /// Of the file.
    pub sha256: Digest,
    /// Of the file.
    pub size: u64,
    /// Other places to fetch it from; the depot's own blob comes first.
    #[serde(default)]
    pub urls: Vec<String>,
    /// Memory that it takes to run.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// SPDX expression.
    pub license: String,
    /// For people.
    pub title: String,
    /// Offered first in the guided install.
    #[serde(default)]
    pub default: bool,
}

impl Model {
    /// Digest and size.
    pub fn pin(&self) -> Pin {
        Pin { sha256: self.sha256, size: self.size }
    }
}

/// A proof of how the release was built, as a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// `sigstore-bundle`, ...
    pub kind: String,
    /// Of the blob.
    pub sha256: Digest,
    /// Of the blob.
    pub size: u64,
}

impl Release {
    /// The variant of this name.
    pub fn variant(&self, id: &str) -> Option<&Variant> {
        self.variants.iter().find(|variant| variant.id.as_str() == id)
    }

    /// The components of a variant, in its order.
    pub fn components_of<'a>(
        &'a self,
        variant: &'a Variant,
    ) -> impl Iterator<Item = (&'a Id, &'a Component)> {
        variant.components.iter().filter_map(|name| {
            let component = self.components.get(name)?.get(&variant.target)?;
            Some((name, component))
        })
    }

    /// The model of this name.
    pub fn model(&self, name: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.name.as_str() == name)
    }

    /// The rules that a single field cannot state. A depot asks them before it
    /// signs, a client after it has verified.
    ///
    /// # Errors
    /// `E_PARSE`.
    pub fn check(&self) -> Result<(), Error> {
        let mut ids = BTreeSet::new();
        for variant in &self.variants {
            if !ids.insert(&variant.id) {
                return Err(parse(format!("the variant `{}` stands twice", variant.id)));
            }
            let mut once = BTreeSet::new();
            if let Some(name) = variant.components.iter().find(|name| !once.insert(*name)) {
                return Err(parse(format!("`{}` has `{name}` twice", variant.id)));
            }
            if let Some(name) = variant.components.iter().find(|name| {
                !self.components.get(name).is_some_and(|on| on.contains_key(&variant.target))
            }) {
                let message = format!("`{}` needs `{name}` for {}", variant.id, variant.target);
                return Err(parse(format!("{message}, which is not there")));
            }
        }
        let mut names = BTreeSet::new();
        let mut files = BTreeMap::new();
        for model in &self.models {
            if !names.insert(&model.name) {
                return Err(parse(format!("the model `{}` stands twice", model.name)));
            }
            if model.file.as_str().contains('/') {
                return Err(parse(format!("the model file `{}` is in a folder", model.file)));
            }
            // Two names for one file are fine, two files of one name are not.
            if files.insert(model.file.folded(), model.sha256).is_some_and(|d| d != model.sha256) {
                return Err(parse(format!("two models are called `{}`", model.file)));
            }
        }
        Ok(())
    }
}
