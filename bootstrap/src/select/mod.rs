//! Selection: which variant of a release is for this host, and why the others
//! are not. A pure function of a verified release and the host.

mod error;
mod gpus;

pub use error::Error;
pub use gpus::Wanted;

use crate::engine::Choice;
use crate::host::{Host, LibcKind, Os};
use gpus::InUse;
use offgrid_manifest::needs::{self, Facts};
use offgrid_manifest::release::Variant;
use offgrid_manifest::verify::Verified;
use offgrid_manifest::{Id, Release, Target};
use serde_json::{Value, json};

/// A variant that lost, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Which.
    pub variant: Id,
    /// Why.
    pub reasons: Vec<String>,
}

/// The choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The variant.
    pub variant: Variant,
    /// Why it won.
    pub why: Vec<String>,
    /// Every other variant of this target.
    pub rejected: Vec<Rejected>,
    /// Which engine it has; the release's own until somebody has looked for others.
    pub engine: Choice,
}

impl Selection {
    /// As `plan --json` shows it (DESIGN 6).
    pub fn json(&self, release: &Release) -> Value {
        let rejected: Vec<Value> = self
            .rejected
            .iter()
            .map(|lost| json!({"variant": lost.variant, "reasons": lost.reasons}))
            .collect();
        json!({
            "release": release.version,
            "variant": self.variant.id,
            "why": self.why,
            "rejected": rejected,
            "engine": self.engine.json(),
        })
    }

    /// As people read it.
    pub fn lines(&self) -> Vec<String> {
        let won = format!("{}: {}", self.variant.id, self.why.join("; "));
        let lost = self
            .rejected
            .iter()
            .map(|lost| format!("not {}: {}", lost.variant, lost.reasons.join("; ")));
        let found = self.engine.lines();
        std::iter::once(won).chain(self.engine.line()).chain(lost).chain(found).collect()
    }

    /// What was chosen, without what was not.
    pub fn brief(&self) -> Vec<String> {
        let won = format!("{}: {}", self.variant.id, self.why.join("; "));
        std::iter::once(won).chain(self.engine.line()).collect()
    }
}

/// What somebody asked for, and what is known beside the host.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wish<'a> {
    /// Bytes free where the slot will be.
    pub disk: Option<u64>,
    /// This variant and no other.
    pub variant: Option<&'a Id>,
    /// Whose GPUs.
    pub gpu: Wanted,
}

/// Chooses the variant of highest rank that fits, or the one that was named.
///
/// # Errors
/// `E_UNSUPPORTED`, `E_USAGE`.
pub fn select(
    release: &Verified<Release>,
    host: &Host,
    wish: &Wish<'_>,
) -> Result<Selection, Error> {
    choose(release, host, wish)
}

fn choose(release: &Release, host: &Host, wish: &Wish<'_>) -> Result<Selection, Error> {
    let target = target_of(host)?;
    let version = release.version.to_string();
    let mut of_target: Vec<&Variant> =
        release.variants.iter().filter(|variant| variant.target == target).collect();
    if of_target.is_empty() {
        let mut known: Vec<String> =
            release.variants.iter().map(|variant| variant.target.to_string()).collect();
        known.dedup();
        return Err(Error::NothingFor { version, target, known: known.join(", ") });
    }
    // Equal ranks: by name, so that every run chooses the same.
    of_target.sort_by(|a, b| b.rank.cmp(&a.rank).then_with(|| a.id.cmp(&b.id)));
    let facts = facts_of(host, wish);
    let judged: Vec<Judged<'_>> =
        of_target.iter().map(|variant| Judged::new(variant, &facts)).collect();
    let winner = match wish.variant {
        Some(id) => judged.iter().position(|one| one.variant.id == *id).ok_or_else(|| {
            let (wanted, known) = (id.clone(), ids(&judged));
            Error::NoVariant { version: version.clone(), wanted, target, known }
        })?,
        None => best(&judged).ok_or_else(|| {
            let reasons =
                judged.iter().map(|one| format!("{} {}", one.variant.id, one.unmet.join(", ")));
            Error::NothingFits { version, reasons: reasons.collect::<Vec<_>>().join("; ") }
        })?,
    };
    Ok(choice(&judged, winner, wish.variant.is_some()))
}

/// A variant held against the machine.
struct Judged<'a> {
    variant: &'a Variant,
    /// Why it does not do for all GPUs that are meant to be used; empty: it does.
    unmet: Vec<String>,
    /// It does when these GPUs are left out: their names, and how to hide them.
    without: Option<(Vec<String>, String)>,
    /// The GPUs that it would use.
    uses: Vec<String>,
}

impl<'a> Judged<'a> {
    fn new(variant: &'a Variant, facts: &Facts) -> Judged<'a> {
        let unmet = needs::unmet(&variant.needs, facts);
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
fn best(judged: &[Judged<'_>]) -> Option<usize> {
    let covers_all = |vendor| {
        judged.iter().any(|one| one.unmet.is_empty() && vendor_of(one.variant) == Some(vendor))
    };
    judged.iter().position(|one| {
        let partly = one.without.is_some() && !vendor_of(one.variant).is_some_and(covers_all);
        one.unmet.is_empty() || partly
    })
}

fn ids(judged: &[Judged<'_>]) -> String {
    judged.iter().map(|one| one.variant.id.as_str()).collect::<Vec<_>>().join(", ")
}

fn choice(judged: &[Judged<'_>], winner: usize, asked: bool) -> Selection {
    let Judged { variant, unmet, without, uses } = &judged[winner];
    let mut why = if asked {
        vec!["it was asked for with --variant".to_owned()]
    } else {
        vec![format!("of all that fit it has the highest rank, {}", variant.rank)]
    };
    if !uses.is_empty() && (unmet.is_empty() || without.is_some()) {
        why.push(format!("it uses {}", uses.join(" and ")));
    }
    match without {
        Some((names, hiding)) => why.push(format!(
            "it leaves out {}, because it {}; {hiding} hides the others",
            names.join(" and "),
            unmet.join(", and ")
        )),
        None => why.extend(unmet.iter().map(|reason| format!("although it {reason}"))),
    }
    let rejected = judged.iter().enumerate().filter(|(index, _)| *index != winner);
    let rejected = rejected.map(|(_, lost)| {
        let reasons = if lost.unmet.is_empty() {
            vec![format!("it fits, but its rank is {}", lost.variant.rank)]
        } else {
            lost.unmet.clone()
        };
        Rejected { variant: lost.variant.id.clone(), reasons }
    });
    let (variant, rejected) = ((*variant).clone(), rejected.collect());
    Selection { variant, why, rejected, engine: Choice::default() }
}

/// The target of this machine.
///
/// # Errors
/// `E_UNSUPPORTED`.
pub fn target_of(host: &Host) -> Result<Target, Error> {
    let name = host.target_name();
    name.as_deref()
        .and_then(|name| name.parse().ok())
        .ok_or_else(|| Error::NoTarget { machine: name.unwrap_or_else(|| "unknown".to_owned()) })
}

fn facts_of(host: &Host, wish: &Wish<'_>) -> Facts {
    let libc = |kind: LibcKind| {
        host.libc.as_ref().filter(|libc| libc.kind == kind).and_then(|libc| libc.version.clone())
    };
    let InUse { gpus, unused } = gpus::in_use(host, wish.gpu);
    Facts {
        os: host.kernel.clone(),
        glibc: libc(LibcKind::Glibc),
        musl: libc(LibcKind::Musl),
        cpu: host.cpu.features.clone(),
        memory: host.memory_bytes,
        disk: wish.disk,
        gpus,
        unused,
        vulkan_loader: host.vulkan.as_ref().and_then(|vulkan| vulkan.loader),
        // Only Linux has manifests that are files.
        vulkan_known: host.os == Some(Os::Linux),
        metal: host.metal.filter(|_| wish.gpu != Wanted::None),
        libs: host.libs.clone(),
    }
}

#[cfg(test)]
mod tests;
