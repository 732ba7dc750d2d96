//! One variant held against the machine, and which of all fits best. Pure.

use super::{Wish, gpus};
use offgrid_manifest::needs::{self, Facts};
use offgrid_manifest::release::Variant;

/// A variant held against the machine.
pub(super) struct Judged<'a> {
    pub(super) variant: &'a Variant,
    /// Why it does not do for all GPUs that are meant to be used; empty: it does.
    pub(super) unmet: Vec<String>,
    /// It does when these GPUs are left out: their names, and how to hide them.
    without: Option<(Vec<String>, String)>,
    /// The GPUs that it would use.
    uses: Vec<String>,
}

impl<'a> Judged<'a> {
    pub(super) fn new(variant: &'a Variant, facts: &Facts, wish: &Wish<'_>) -> Judged<'a> {
        let on_disk = Facts { disk: Some(u64::MAX), ..facts.clone() };
        let facts = if wish.live == Some(&variant.id) { &on_disk } else { facts };
        let unmet = needs::unmet(&variant.needs, facts);
        if let Some(why) = wish.failed.and_then(|failed| failed.get(&variant.id)) {
            let why = format!("did not work here: {why}");
            let unmet = unmet.into_iter().chain([why]).collect();
            return Judged { variant, unmet, without: None, uses: Vec::new() };
        }
        let without = match unmet.is_empty() {
            true => None,
            false => vendor_of(variant).and_then(|vendor| without(variant, vendor, facts)),
        };
        let vendor = vendor_of(variant);
        let of = |gpu: &&needs::Gpu| {
            vendor.map_or(variant.needs.contains_key("vulkan"), |v| gpu.vendor == v)
        };
        let left_out = without.as_ref().map_or(0, |(names, _)| names.len());
        let mut uses: Vec<String> =
            facts.gpus.iter().filter(of).map(|gpu| gpu.name.clone()).collect();
        uses.truncate(uses.len() - left_out);
        Judged { variant, unmet, without, uses }
    }

    /// Whether it does, for all GPUs or for the better ones.
    pub(super) fn fits(&self) -> bool {
        self.unmet.is_empty() || self.without.is_some()
    }

    /// Why it comes before all others.
    pub(super) fn ranked(&self) -> String {
        format!("of all that fit it has the highest rank, {}", self.variant.rank)
    }

    /// Why it won, beginning with `first`; what it uses, and what speaks against it.
    pub(super) fn why(&self, first: String) -> Vec<String> {
        let mut why = vec![first];
        if !self.uses.is_empty() && self.fits() {
            why.push(format!("it uses {}", self.uses.join(" and ")));
        }
        match &self.without {
            Some((names, hiding)) => why.push(format!(
                "it leaves out {}, because it {}; {hiding} hides the others",
                names.join(" and "),
                self.unmet.join(", and ")
            )),
            None => why.extend(self.unmet.iter().map(|reason| format!("although it {reason}"))),
        }
        why
    }
}

/// The vendor whose GPUs a variant is made for.
fn vendor_of(variant: &Variant) -> Option<&'static str> {
    ["nvidia", "amd", "intel"].into_iter().find(|vendor| variant.needs.contains_key(*vendor))
}

/// Leaves out the weakest GPUs of this vendor, one after the other, until the
/// variant fits what is left.
fn without(variant: &Variant, vendor: &str, facts: &Facts) -> Option<(Vec<String>, String)> {
    let mine = facts.gpus.iter().filter(|gpu| gpu.vendor == vendor);
    let names: Vec<String> = mine.map(|gpu| gpu.name.clone()).collect();
    (1..names.len()).rev().find_map(|kept| {
        let mut left = facts.clone();
        let mut seen = 0;
        // The strongest come first.
        left.gpus.retain(|gpu| {
            seen += usize::from(gpu.vendor == vendor);
            gpu.vendor != vendor || seen <= kept
        });
        let fits = needs::unmet(&variant.needs, &left).is_empty();
        fits.then(|| (names[kept..].to_vec(), gpus::hiding(vendor, kept)))
    })
}

/// The one of highest rank that fits; one that fits only some of a vendor's GPUs
/// stands back behind one that fits them all.
pub(super) fn best(judged: &[Judged<'_>]) -> Option<usize> {
    let covers_all = |vendor| {
        judged.iter().any(|one| one.unmet.is_empty() && vendor_of(one.variant) == Some(vendor))
    };
    judged.iter().position(|one| {
        let partly = one.without.is_some() && !vendor_of(one.variant).is_some_and(covers_all);
        one.unmet.is_empty() || partly
    })
}
