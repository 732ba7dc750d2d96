//! The receipt: what is installed, and how to give back what was there before.
//! Written once at the end of a run, by one rename. Only what it names is ever
//! removed. Receipts of every released schema are read for ever.

use crate::disk;
use crate::engine::{Existing, Wish};
use crate::error::Error;
use crate::schema::{self, What};
use crate::select::Wanted;
use crate::service::backend::Listen;
use crate::step::Undo;
use crate::store::{self, SlotName, Store};
use offgrid_manifest::parts::Mode;
use offgrid_manifest::{Digest, Id, Version};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The schema of today.
pub const SCHEMA: u64 = 1;
const SIZE_MAX: u64 = 64 * 1024 * 1024;

/// What is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// [`SCHEMA`].
    pub schema: u64,
    /// The offgrid-setup that wrote it; the first ones did not say.
    #[serde(
        default,
        deserialize_with = "schema::version_or_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub by: Option<Version>,
    /// The run that wrote it.
    pub run: String,
    /// `user` or `system`.
    pub scope: String,
    /// Where it came from.
    pub channel: String,
    /// The live slot.
    pub live: SlotName,
    /// The slot that was live before it.
    #[serde(default)]
    pub previous: Option<SlotName>,
    /// The release that somebody went back from; `update` does not return to it
    /// unasked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Version>,
    /// Why it was left, when it was not a person's wish: it did not work here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_why: Option<String>,
    /// Every slot.
    pub slots: BTreeMap<String, Slot>,
    /// Variants that did not pass their proof on this computer, until the facts
    /// are others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failed: BTreeMap<Id, Failed>,
    /// This program as it was installed.
    pub program: Digest,
    /// Whether a package brings and updates it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub packaged: bool,
    /// How the app is run.
    pub service: String,
    /// Who may reach it.
    #[serde(default, skip_serializing_if = "Listen::is_loopback")]
    pub listen: Listen,
    /// Which engine somebody wants; updates go on wanting it.
    #[serde(default, skip_serializing_if = "is_bundled")]
    pub engine: Wish,
    /// Models that were installed by name.
    #[serde(default)]
    pub models: BTreeMap<String, InstalledModel>,
    /// What we made, oldest first, with the first Undo of each.
    pub made: Vec<Made>,
}

/// One slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The app's version.
    pub app: String,
    /// llama.cpp's version.
    pub engine: String,
    /// The bootstrapper's version that goes with the release.
    pub setup: String,
    /// The engine of this machine that was tried out for it, in the place of the
    /// release's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<Existing>,
    /// Every file by its path in the slot.
    pub files: BTreeMap<String, SlotFile>,
    /// Every link by its path in the slot, with its target.
    #[serde(default)]
    pub links: BTreeMap<String, String>,
    /// How its variant came to be chosen; the first programs did not say. It goes
    /// with the slot, so that a rollback also brings back what was asked for then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<Chosen>,
}

/// How a variant came to be chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// The variant that was asked for (`--variant`), kept by later updates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<Id>,
    /// Whose GPUs were asked for (`--gpu`), kept by later updates.
    #[serde(default)]
    pub gpu: Wanted,
    /// [`crate::select::fingerprint`] of the computer then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Digest>,
    /// Why this variant, a sentence each.
    #[serde(default)]
    pub why: Vec<String>,
}

/// A variant that did not pass its proof here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// [`crate::select::fingerprint`] of the computer then: on another one it is
    /// tried again.
    pub facts: Digest,
    /// What went wrong.
    pub why: String,
}

impl Slot {
    /// Which llama.cpp it uses.
    pub fn engine_version(&self) -> &str {
        self.existing.as_ref().map_or(&self.engine, |existing| &existing.version)
    }

    /// Whether it holds its release's own engine.
    pub fn has_own_engine(&self) -> bool {
        self.files.keys().any(|path| path.starts_with("llama/"))
    }
}

fn is_bundled(wish: &Wish) -> bool {
    *wish == Wish::Bundled
}

/// One file of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotFile {
    /// Its mode.
    pub mode: Mode,
    /// Its digest.
    pub sha256: Digest,
    /// Its size.
    pub size: u64,
}

/// A model from the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledModel {
    /// Its path.
    pub path: std::path::PathBuf,
    /// Its digest.
    pub sha256: Digest,
    /// Its size.
    pub size: u64,
}

/// Something that we made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// [`Undo::resource`].
    pub resource: String,
    /// How to give back what was there before the first install.
    pub undo: Undo,
}

impl Receipt {
    /// How the live variant came to be chosen.
    pub fn chosen(&self) -> Option<&Chosen> {
        self.slots.get(&self.live.to_string())?.chosen.as_ref()
    }

    /// Takes in what a run made; a resource that is known keeps its first Undo.
    pub fn add(&mut self, undo: &Undo) {
        let Some(resource) = undo.resource() else { return };
        if !self.made.iter().any(|made| made.resource == resource) {
            self.made.push(Made { resource, undo: undo.clone() });
        }
    }

    /// Forgets what a run gave back.
    pub fn forget(&mut self, undo: &Undo) {
        let resource = undo.resource();
        self.made.retain(|made| Some(&made.resource) != resource.as_ref());
    }
}

/// Reads the receipt; `None` when nothing is installed.
///
/// # Errors
/// `E_STATE` when it is damaged, `E_SCHEMA` when it is newer.
pub fn read(store: &Store) -> Result<Option<Receipt>, Error> {
    let path = store.receipt();
    let Some(bytes) = disk::read(&path, SIZE_MAX)? else { return Ok(None) };
    let damaged = |source| store::Error::Damaged { path: path.clone(), source };
    let opening: schema::Opening = serde_json::from_slice(&bytes).map_err(damaged)?;
    opening.check(SCHEMA, &path)?;
    let receipt = serde_json::from_slice(&bytes);
    Ok(Some(receipt.map_err(|source| match schema::is_unknown_kind(&source) {
        true => {
            let (path, by, what) = (path.clone(), opening.by, What::Word(source));
            Error::from(schema::Error { path, by, what })
        }
        false => damaged(source).into(),
    })?))
}

/// The scope that a receipt of any schema says, for what has to be found before
/// anything is believed; `None` when it says none.
pub fn scope(store: &Store) -> Option<String> {
    #[derive(Deserialize)]
    struct Scope {
        scope: String,
    }
    let bytes = disk::read(&store.receipt(), SIZE_MAX).ok().flatten()?;
    serde_json::from_slice::<Scope>(&bytes).ok().map(|receipt| receipt.scope)
}

/// Writes the receipt: the moment in which a run counts as done.
///
/// # Errors
/// Any file operation.
pub fn write(store: &Store, receipt: &Receipt) -> Result<(), Error> {
    let path = store.receipt();
    let receipt = Receipt { by: Some(schema::own()), ..receipt.clone() };
    let bytes = store::to_json(&receipt, &path)?;
    Ok(disk::write(&path, &bytes, 0o600)?)
}
