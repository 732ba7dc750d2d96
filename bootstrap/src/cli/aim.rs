//! What is wanted of this machine: the variant and the GPUs that are asked for now,
//! or were asked for before and are remembered with the live slot; and what was
//! learned on the way, because it did not work.
//!
//! Owns who of them wins. Never chooses (`select` does) and never writes: what is to
//! be remembered goes into the plan's receipt.

use super::ready;
use super::session::Session;
use crate::error::Error as Any;
use crate::host::Host;
use crate::mend;
use crate::receipt::{Chosen, Failed, Receipt};
use crate::select::{self, Selection, Wanted};
use crate::settings::VariantWish;
use crate::{gate, platform};
use offgrid_manifest::release::Variant;
use offgrid_manifest::verify::Verified;
use offgrid_manifest::{Digest, Id, Release};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The longest reason that is kept, in characters: an engine may say anything.
const REASON_MAX: usize = 600;

/// What is wanted.
pub(super) struct Aim {
    pub(super) host: Host,
    facts: Digest,
    /// Asked for, now or before.
    variant: Option<Id>,
    remembered: bool,
    gpu: Wanted,
    /// What the receipt is to remember of it.
    record: (Option<Id>, Wanted),
    live: Option<Id>,
    rematch: bool,
    /// What did not work on this machine as it is.
    failed: BTreeMap<Id, Failed>,
    /// What did not work in this command.
    pub(super) given_up: Vec<(Id, String)>,
    /// Files of slots that are not what was installed.
    pub(super) damaged: BTreeSet<PathBuf>,
    /// An engine of this machine that nobody named and that did not prove itself.
    pub(super) unproved: Option<PathBuf>,
}

impl Aim {
    /// From what was said, and from the receipt.
    ///
    /// # Errors
    /// A captured machine that cannot be read.
    pub(super) fn of(session: &Session<'_>, receipt: Option<&Receipt>) -> Result<Aim, Any> {
        let settings = session.settings;
        let host = session.host()?;
        let facts = select::fingerprint(&host);
        // A captured machine is another one than that of the receipt.
        let receipt = receipt.filter(|_| settings.sysroot.is_none());
        let before = receipt.and_then(Receipt::chosen).cloned().unwrap_or_default();
        let said = settings.variant.as_ref().map(|wish| match wish {
            VariantWish::Best => None,
            VariantWish::This(id) => Some(id.clone()),
        });
        let remembered = said.is_none();
        // Who says it here and now wants it now, and not at the next occasion.
        let now = (matches!(said, Some(None)) && !settings.variant_in_file)
            || settings.gpu.is_some_and(|gpu| !settings.gpu_in_file && gpu != before.gpu);
        let mut record = (before.variant.clone(), before.gpu);
        if let Some(said) = said.clone().filter(|_| !settings.variant_in_file) {
            record.0 = said;
        }
        if let Some(said) = settings.gpu.filter(|_| !settings.gpu_in_file) {
            record.1 = said;
        }
        let failed = receipt.map_or(BTreeMap::new(), |receipt| receipt.failed.clone());
        let still = |failed: &Failed| failed.facts == facts && !settings.rematch;
        Ok(Aim {
            variant: said.unwrap_or(before.variant),
            remembered,
            gpu: settings.gpu.unwrap_or(before.gpu),
            record,
            live: receipt.map(|receipt| receipt.live.variant.clone()),
            rematch: settings.rematch || now,
            failed: failed.into_iter().filter(|(_, one)| still(one)).collect(),
            given_up: Vec::new(),
            damaged: BTreeSet::new(),
            unproved: None,
            host,
            facts,
        })
    }

    /// The variant of a release that is to be installed.
    ///
    /// # Errors
    /// As [`select::select`].
    pub(super) fn select(
        &self,
        session: &Session<'_>,
        release: &Verified<Release>,
    ) -> Result<Selection, Any> {
        let gone = self.remembered && self.variant.as_ref().is_some_and(|id| !has(release, id));
        if let Some(id) = self.variant.as_ref().filter(|_| gone) {
            let what = format!("release {} has no {id}, which you asked for", release.version);
            let hint = "the best that fits is taken; --variant auto ends the asking";
            session.warn("W_VARIANT_GONE", &what, Some(hint));
        }
        let disk = match session.settings.sysroot {
            None => platform::free_space(session.store().prefix()),
            Some(_) => {
                let disks = ready::disks(session)?;
                disks.iter().find(|disk| disk.is_for("prefix")).and_then(|disk| disk.free)
            }
        };
        let reasons = self.reasons();
        let wish = select::Wish { disk, ..self.wish(gone, &reasons) };
        Ok(select::select(release, &self.host, &wish)?)
    }

    fn wish<'a>(&'a self, gone: bool, failed: &'a BTreeMap<Id, String>) -> select::Wish<'a> {
        select::Wish {
            disk: None,
            variant: self.variant.as_ref().filter(|_| !gone),
            remembered: self.remembered,
            gpu: self.gpu,
            live: self.live.as_ref(),
            rematch: self.rematch,
            failed: Some(failed),
        }
    }

    fn reasons(&self) -> BTreeMap<Id, String> {
        self.failed.iter().map(|(id, failed)| (id.clone(), failed.why.clone())).collect()
    }

    /// How the live variant fits this machine now, by the document in its slot;
    /// nothing is fetched. `None` where that document cannot be read, and for a
    /// machine that nothing fits any more.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(super) fn judge(
        &self,
        session: &Session<'_>,
        receipt: &Receipt,
    ) -> Result<Option<Selection>, Any> {
        let Some(slot) = receipt.slots.get(&receipt.live.to_string()) else { return Ok(None) };
        // One that is damaged is `verify`'s matter.
        let release = mend::release_of(session.store(), &receipt.live, slot).ok().flatten();
        let Some(release) = release else { return Ok(None) };
        let gone = self.remembered && self.variant.as_ref().is_some_and(|id| !has(&release, id));
        let reasons = self.reasons();
        let disk = platform::free_space(session.store().prefix());
        let wish = select::Wish { disk, ..self.wish(gone, &reasons) };
        Ok(select::advise(&release, &self.host, &wish).ok())
    }

    /// Whether what was said is other than what the receipt remembers.
    pub(super) fn says_something_new(&self, receipt: &Receipt) -> bool {
        let before = receipt.chosen().cloned().unwrap_or_default();
        self.record != (before.variant, before.gpu)
    }

    /// What the receipt is to say of a selection.
    pub(super) fn chosen(&self, selection: &Selection) -> Chosen {
        let (variant, gpu) = self.record.clone();
        Chosen { variant, gpu, facts: Some(self.facts), why: selection.why.clone() }
    }

    /// The same of what does not work here; the one that is proved now does.
    pub(super) fn failed_but(&self, variant: &Variant) -> BTreeMap<Id, Failed> {
        let others = self.failed.iter().filter(|(id, _)| **id != variant.id);
        others.map(|(id, failed)| (id.clone(), failed.clone())).collect()
    }

    /// Learns from a run that was taken back: a variant for a GPU that did not pass
    /// its proof is left out from now on. Gives the error back where nothing is to be
    /// learned, and where somebody asked for this variant or this engine and no other.
    ///
    /// # Errors
    /// The same.
    pub(super) fn learn(&mut self, selection: &Selection, error: Any) -> Result<Any, Any> {
        let on_device = matches!(&error, Any::Gate(gate::Error::OnDevice { .. }));
        let named = selection.asked.0.is_some() || selection.engine.used.is_some();
        if !on_device || named {
            return Err(error);
        }
        let why = reason(&error);
        let id = selection.variant.id.clone();
        self.failed.insert(id.clone(), Failed { facts: self.facts, why: why.clone() });
        self.given_up.push((id, why));
        Ok(error)
    }
}

fn has(release: &Release, id: &Id) -> bool {
    release.variants.iter().any(|variant| variant.id == *id)
}

/// One line of an error and of what caused it.
fn reason(error: &Any) -> String {
    let mut words = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_words = cause.to_string();
        let line = cause_words.lines().find(|line| !line.trim().is_empty());
        words = format!("{words}: {}", line.unwrap_or_default().trim());
        source = cause.source();
    }
    words.chars().take(REASON_MAX).collect()
}

/// The live variant, as `status --json` and the ends of `update` tell of it.
pub(super) fn fit_json(receipt: &Receipt, fit: Option<&Selection>) -> Value {
    let chosen = receipt.chosen().cloned().unwrap_or_default();
    let lost = |one: &select::Rejected| json!({"variant": one.variant, "why": one.reasons});
    let better = fit.and_then(|fit| fit.better.as_ref()).map(lost);
    let unfit = fit.and_then(|fit| fit.instead_of.as_ref());
    let moved = fit.filter(|fit| unfit.is_some() && fit.variant.id != receipt.live.variant);
    let failed: Vec<Value> = receipt
        .failed
        .iter()
        .map(|(id, failed)| json!({"variant": id, "why": failed.why}))
        .collect();
    json!({
        "asked": {"variant": chosen.variant, "gpu": chosen.gpu},
        "why": chosen.why,
        "fits": fit.map(|_| unfit.is_none()),
        "unfit": unfit.map(|one| &one.reasons),
        "better": better.or_else(|| moved.map(|fit| {
            json!({"variant": fit.variant.id, "why": fit.why})
        })),
        "failed": failed,
    })
}

/// The same for people.
pub(super) fn fit_lines(fit: Option<&Selection>) -> Vec<String> {
    let mut lines = Vec::new();
    let Some(fit) = fit else { return lines };
    if let Some(gone) = &fit.instead_of {
        let next = match fit.variant.id == gone.variant {
            true => "and no other does".to_owned(),
            false => format!("`offgrid update` takes {}", fit.variant.id),
        };
        let why = gone.reasons.join(", and ");
        lines.push(format!(
            "{} does not fit this computer any more: it {why}; {next}",
            gone.variant
        ));
    } else if let Some(better) = &fit.better {
        lines.push(format!(
            "{} fits this computer better now: {} (`offgrid update --rematch` takes it)",
            better.variant,
            better.reasons.join("; "),
        ));
    }
    lines
}
