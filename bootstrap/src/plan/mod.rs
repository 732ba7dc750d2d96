//! The plan: what a run will do, step by step. A pure function of what is
//! wanted, what is installed and what the host is; `plan` prints it, `run` does
//! it, and both are the same value.

mod back;
mod collect;
mod mend;
mod record;
mod service;
mod slot;

pub use back::{models, renew, replace, rollback, uninstall};
pub use collect::{KEEP_LEAST, clean, surplus};
pub use mend::{Remedies, mend};
pub use service::{Service, register, unregister};
pub use slot::{OnDisk, bare as bare_slot};

use crate::adopt::{self, Adoption};
use crate::engine::{self, Existing};
use crate::fill::SlotPlan;
use crate::models;
use crate::profile::Edit;
use crate::receipt::{Chosen, Failed, Receipt, Slot};
use crate::step::Step;
use crate::store::{SlotName, Store};
use offgrid_manifest::release::{Folder, Variant};
use offgrid_manifest::verify::Verified;
use offgrid_manifest::{Channel, Digest, Id, Parts, Release};
use record::{new_receipt, old_slots};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// The first release on this prefix.
    Install,
    /// Another release, or more of the same.
    Update,
    /// Back to the slot before.
    Rollback,
    /// Models alone.
    Model,
    /// The service alone.
    Service,
    /// This program alone.
    Setup,
    /// Old slots are removed; what is live stays.
    Clean,
    /// What is damaged is made anew; what is live stays.
    Mend,
    /// Everything is given back.
    Uninstall,
}

/// What a run will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The run's name, random.
    pub id: String,
    /// What it is for.
    pub verb: Verb,
    /// The live slot before.
    pub from: Option<SlotName>,
    /// The live slot after.
    pub to: Option<SlotName>,
    /// What is done, in this order.
    pub steps: Vec<Step>,
    /// The receipt to write at the end, without what the steps make; `None`
    /// when nothing is left installed.
    pub receipt: Option<Box<Receipt>>,
    /// Bytes to fetch.
    pub download_bytes: u64,
    /// Bytes that are taken from slots on disk instead.
    pub reused_bytes: u64,
    /// Bytes that will be written.
    pub disk_bytes: u64,
}

/// Everything that installing or updating depends on.
pub struct Wish<'a> {
    /// The run's name.
    pub id: String,
    /// Where.
    pub store: &'a Store,
    /// What is installed.
    pub receipt: Option<&'a Receipt>,
    /// What others put into slots.
    pub foreign: &'a Foreign,
    /// Files of slots that are not what was installed.
    pub damaged: &'a BTreeSet<PathBuf>,
    /// The release.
    pub release: &'a Verified<Release>,
    /// The channel that lists it.
    pub channel: &'a Verified<Channel>,
    /// The variant that was selected.
    pub variant: &'a Variant,
    /// The engine of this machine that is used in the place of the release's own, and
    /// what was asked for.
    pub engine: (Option<&'a Existing>, engine::Wish),
    /// How it came to be selected.
    pub chosen: Chosen,
    /// Variants that do not work here.
    pub failed: BTreeMap<Id, Failed>,
    /// The parts of each of its components, with the component's folder; not those of
    /// the engine where another one is used and the slot does not hold its own already.
    pub parts: &'a [(Folder, Verified<Parts>)],
    /// The running program: its file and digest.
    pub program: (&'a Path, Digest),
    /// Whether a package put it where it is: it is not copied, and its package puts
    /// it on PATH.
    pub packaged: bool,
    /// Where `offgrid` is to be found on PATH; `None` when something that is
    /// not ours is there.
    pub link: Option<&'a Path>,
    /// Blocks for shell profiles, when the link needs them to be found.
    pub blocks: &'a [Edit],
    /// The models folder.
    pub models: &'a Path,
    /// Models to install.
    pub wanted_models: &'a [models::Wanted],
    /// Trust state to write, when it is another one.
    pub memory: Option<String>,
    /// `user` or `system`.
    pub scope: &'a str,
    /// How the app is kept running.
    pub service: &'a Service,
    /// Whether bytes cost next to nothing, so that time counts instead.
    pub near: bool,
    /// Whether files of earlier slots may be hard-linked: the whole system's
    /// installation, where nobody else can write.
    pub link_files: bool,
    /// Whether a file that is reused surely takes no room.
    pub free_reuse: bool,
    /// How many slots stay, the live one counted; at least two.
    pub keep: usize,
    /// The slot that a running service still uses.
    pub in_use: Option<SlotName>,
    /// What of others a first install takes over.
    pub adoption: Option<&'a Adoption>,
    /// Random text that places this machine in a rollout, for a first install.
    pub machine_id: String,
}

impl Plan {
    /// Whether this run only makes a newer program ready to take over, before
    /// anything is installed.
    pub fn is_overture(&self) -> bool {
        self.verb == Verb::Setup && self.receipt.is_none()
    }

    /// Both as one, for showing and counting; it is never done like this.
    pub fn then(&self, other: &Plan) -> Plan {
        if other.steps.is_empty() {
            return self.clone();
        }
        let mut both = other.clone();
        both.steps = self.steps.iter().chain(&other.steps).cloned().collect();
        both.download_bytes += self.download_bytes;
        both.reused_bytes += self.reused_bytes;
        both.disk_bytes += self.disk_bytes;
        both
    }
}

/// Files in slots that nobody but their owner put there: by the slot's folder.
pub type Foreign = BTreeMap<PathBuf, Vec<String>>;

/// Installs or updates.
pub fn install(wish: &Wish<'_>) -> Plan {
    let Wish { store, release, variant, receipt, .. } = wish;
    let name = SlotName { version: release.version.clone(), variant: variant.id.clone() };
    let live = receipt.map(|receipt| receipt.live.clone());
    let there = receipt.and_then(|receipt| receipt.slots.get(&name.to_string()));
    // A slot with another engine is another slot, and is made beside the old one.
    let fresh = there.is_none_or(|slot| !slot::fits(slot, wish.engine.0));
    let settled = live.as_ref() == Some(&name) && !fresh;
    let other_wish = receipt.is_some_and(|receipt| receipt.engine != wish.engine.1);
    let old = old_slots(wish, &name);
    let slot = fresh.then(|| slot::plan(wish, name.clone()));
    let models: u64 = wish.wanted_models.iter().map(|model| model.size).sum();
    let mut steps: Vec<Step> = slot.iter().map(|slot| fill(store, there, slot)).collect();
    // Later it is its user's, who may have something else there: no update needs it. A wish
    // alone is a run all the same, and has a step.
    if receipt.is_none() || settled || !wish.wanted_models.is_empty() {
        steps.push(Step::MakeDir { path: wish.models.to_owned() });
    }
    steps.extend(prepare(wish, &name, !settled || other_wish));
    if !settled {
        steps.push(Step::Switch { current: store.current(), slot: name.clone() });
        steps.extend(wish.service.start());
        steps.push(Step::Health { slot: name.clone(), asks: true });
        steps.extend(old.iter().map(|name| collect::step(store, wish.foreign, name)));
    } else {
        steps.extend(wish.service.start());
    }
    steps.extend(wish.service.schedule());
    let plan = Plan {
        id: wish.id.clone(),
        verb: if receipt.is_none() { Verb::Install } else { Verb::Update },
        from: live,
        to: Some(name.clone()),
        steps: adopt::weave(wish.adoption, steps, &store.staging()),
        download_bytes: models + slot.as_ref().map_or(0, |slot| slot.download_bytes),
        reused_bytes: slot.as_ref().map_or(0, slot::reused_bytes),
        disk_bytes: models + slot.as_ref().map_or(0, |slot| slot.disk_bytes),
        receipt: Some(Box::new(new_receipt(wish, name, slot.as_ref(), &old))),
    };
    let nothing = settled
        && !other_wish
        && wish.wanted_models.is_empty()
        && !slot::is_noted(wish)
        && wish.service.is_as_it_was();
    if nothing { Plan { steps: Vec::new(), ..plan } } else { plan }
}

/// Puts a slot in place, of which there may be one that does not fit.
fn fill(store: &Store, there: Option<&Slot>, slot: &SlotPlan) -> Step {
    let trash = store.trash().join(slot.name.to_string());
    let slot = Box::new(slot.clone());
    match there {
        None => Step::FillSlot { slot },
        Some(_) => Step::Rebuild { slot, trash },
    }
}

/// What comes between a slot in place and its being live.
fn prepare(wish: &Wish<'_>, name: &SlotName, prove: bool) -> Vec<Step> {
    let (store, first) = (wish.store, wish.receipt.is_none());
    let mut steps = wish.service.people();
    // The proof may run in the sandbox of the service, by the installed program.
    let within = wish.service.sandbox();
    let (early, late) = match (&within, first) {
        (Some(_), true) => (program(wish), Vec::new()),
        (_, true) => (Vec::new(), program(wish)),
        _ => (Vec::new(), Vec::new()),
    };
    steps.extend(early);
    let confined = within.is_some();
    if confined {
        steps.extend(wish.service.register());
    }
    if let Some(text) = &wish.memory {
        steps.push(Step::PutText { path: store.trust(), text: text.clone(), keep: true });
    }
    if prove {
        steps.push(Step::Prove { slot: name.clone(), within });
    }
    // After the proof: a variant that does not work here costs no model.
    for model in wish.wanted_models {
        steps.push(Step::FetchModel { model: Box::new(model.clone()), trash: None });
    }
    if first {
        let text = format!("{}\n", wish.machine_id);
        steps.push(Step::PutText { path: store.id(), text, keep: true });
    }
    steps.extend(late);
    if !confined {
        steps.extend(wish.service.register());
    }
    steps
}

/// Puts this program where it stays, and a link to it on PATH. A packaged one stays
/// where it is, and its package puts it on PATH.
fn program(wish: &Wish<'_>) -> Vec<Step> {
    let path = wish.store.program();
    let (from, sha256) = (wish.program.0.to_owned(), wish.program.1);
    if wish.packaged {
        let linked = wish.link.is_some() && from != path;
        return linked.then_some(Step::Link { path, target: from }).into_iter().collect();
    }
    let put = Step::PutFile { path, from, sha256 };
    [put].into_iter().chain(on_path(wish)).collect()
}

/// How `offgrid` is found by its name.
fn on_path(wish: &Wish<'_>) -> Vec<Step> {
    let Some(link) = wish.link else { return Vec::new() };
    let folder = link.parent().map(|path| Step::MakeDir { path: path.to_owned() });
    let link = Step::Link { path: link.to_owned(), target: wish.store.program() };
    folder.into_iter().chain([link]).chain(wish.blocks.iter().map(Edit::step)).collect()
}

#[cfg(test)]
mod tests;
