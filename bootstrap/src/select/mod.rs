//! Selection: which variant of a release is for this host, and why the others
//! are not. A pure function of a verified release and the host.

mod error;
mod fingerprint;
mod gpus;
mod judge;

pub use error::Error;
pub use fingerprint::fingerprint;
pub use gpus::Wanted;

use crate::doctor;
use crate::engine::Choice;
use crate::host::{Host, LibcKind, Os};
use gpus::InUse;
use judge::{Judged, best};
use offgrid_manifest::needs::Facts;
use offgrid_manifest::release::Variant;
use offgrid_manifest::verify::Verified;
use offgrid_manifest::{Id, Release, Target};
use serde_json::{Value, json};
use std::collections::BTreeMap;

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
    /// What speaks against it, when it was asked for all the same.
    pub unmet: Vec<String>,
    /// Every other variant of this target.
    pub rejected: Vec<Rejected>,
    /// Which engine it has; the release's own until somebody has looked for others.
    pub engine: Choice,
    /// What was asked for.
    pub asked: (Option<Id>, Wanted),
    /// The variant that would have won if this one were not installed, and why.
    pub better: Option<Rejected>,
    /// The installed variant, when it does not do any more, and why.
    pub instead_of: Option<Rejected>,
}

impl Selection {
    /// As `plan --json` shows it (DESIGN 6).
    pub fn json(&self, release: &Release) -> Value {
        let one = |lost: &Rejected| json!({"variant": lost.variant, "reasons": lost.reasons});
        json!({
            "release": release.version,
            "variant": self.variant.id,
            "why": self.why,
            "rejected": self.rejected.iter().map(one).collect::<Vec<_>>(),
            "asked": {"variant": self.asked.0, "gpu": self.asked.1},
            "better": self.better.as_ref().map(one),
            "instead_of": self.instead_of.as_ref().map(one),
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
    /// Whether that was asked for before, and not now.
    pub remembered: bool,
    /// Whose GPUs.
    pub gpu: Wanted,
    /// The installed variant: it stays as long as it fits. It needs no more room.
    pub live: Option<&'a Id>,
    /// Whether the best is to be taken all the same.
    pub rematch: bool,
    /// Variants that do not work here, and why.
    pub failed: Option<&'a BTreeMap<Id, String>>,
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

/// What [`select`] would say about a release that is installed. For advice alone:
/// its document was verified when it was installed, and its digest since. Where
/// nothing fits any more it is the live variant, and why it does not.
///
/// # Errors
/// As [`select`], but for that.
pub fn advise(release: &Release, host: &Host, wish: &Wish<'_>) -> Result<Selection, Error> {
    match (choose(release, host, wish), wish.live) {
        (Err(Error::NothingFits { .. }), Some(live)) => {
            let it = Wish { variant: Some(live), ..*wish };
            let mut it = choose(release, host, &it)?;
            let reasons = std::mem::take(&mut it.unmet);
            it.instead_of = Some(Rejected { variant: live.clone(), reasons });
            it.asked.0 = None;
            Ok(it)
        }
        (result, _) => result,
    }
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
        of_target.iter().map(|variant| Judged::new(variant, &facts, wish)).collect();
    let at = |id: &Id| judged.iter().position(|one| one.variant.id == *id);
    let none = || {
        let reasons =
            judged.iter().map(|one| format!("{} {}", one.variant.id, one.unmet.join(", ")));
        let reasons = reasons.collect::<Vec<_>>().join("; ");
        let install = doctor::how_to_get(host, &missing(&of_target, &facts, wish));
        Error::NothingFits { version: version.clone(), reasons, install }
    };
    let winner = match wish.variant {
        Some(id) => at(id).ok_or_else(|| {
            let (wanted, known) = (id.clone(), ids(&judged));
            Error::NoVariant { version: version.clone(), wanted, target, known }
        })?,
        None => {
            let stays = wish.live.filter(|_| !wish.rematch).and_then(at);
            let stays = stays.filter(|&index| judged[index].fits());
            stays.or_else(|| best(&judged)).ok_or_else(none)?
        }
    };
    Ok(choice(&judged, winner, wish))
}

/// Of the libraries that a person can be told how to get, those that the best variant
/// lacks to fit, when it lacks nothing else.
fn missing(variants: &[&Variant], facts: &Facts, wish: &Wish<'_>) -> Vec<&'static str> {
    let Some(have) = &facts.libs else { return Vec::new() };
    let fits = |variant: &Variant, more: &[&str]| {
        let libs = have.iter().cloned().chain(more.iter().map(|name| (*name).to_owned()));
        let facts = Facts { libs: Some(libs.collect()), ..facts.clone() };
        Judged::new(variant, &facts, wish).fits()
    };
    let mut more: Vec<&str> = doctor::libraries().filter(|name| !have.contains(*name)).collect();
    let Some(variant) = variants.iter().find(|variant| fits(variant, &more)) else {
        return Vec::new();
    };
    for name in more.clone() {
        let others: Vec<&str> = more.iter().copied().filter(|other| *other != name).collect();
        if fits(variant, &others) {
            more = others;
        }
    }
    more
}

fn ids(judged: &[Judged<'_>]) -> String {
    judged.iter().map(|one| one.variant.id.as_str()).collect::<Vec<_>>().join(", ")
}

/// The winner, and what is to be said of it and of the others.
fn choice(judged: &[Judged<'_>], winner: usize, wish: &Wish<'_>) -> Selection {
    let first = best(judged);
    let installed = |one: &Judged<'_>| wish.live == Some(&one.variant.id);
    let why = match wish.variant {
        Some(_) if wish.remembered => {
            "it was asked for with --variant before (`--variant auto` ends that)".to_owned()
        }
        Some(_) => "it was asked for with --variant".to_owned(),
        None if first != Some(winner) => "it is installed, and it fits".to_owned(),
        None => judged[winner].ranked(),
    };
    let free = wish.variant.is_none();
    let better = first.filter(|&first| free && first != winner).map(|first| {
        let one = &judged[first];
        Rejected { variant: one.variant.id.clone(), reasons: one.why(one.ranked()) }
    });
    let instead_of = wish.live.filter(|_| free).and_then(|id| {
        let reasons = match judged.iter().find(|one| installed(one)) {
            Some(one) if one.fits() => return None,
            Some(one) => one.unmet.clone(),
            None => vec!["is not in this release".to_owned()],
        };
        Some(Rejected { variant: id.clone(), reasons })
    });
    let others = judged.iter().enumerate().filter(|(index, _)| *index != winner);
    let rejected = others.map(|(index, lost)| {
        let reasons = if !lost.unmet.is_empty() {
            lost.unmet.clone()
        } else if first == Some(index) && free {
            vec!["it fits better, but another is installed; `update --rematch` takes it".into()]
        } else {
            vec![format!("it fits, but its rank is {}", lost.variant.rank)]
        };
        Rejected { variant: lost.variant.id.clone(), reasons }
    });
    Selection {
        variant: judged[winner].variant.clone(),
        why: judged[winner].why(why),
        unmet: if judged[winner].fits() { Vec::new() } else { judged[winner].unmet.clone() },
        rejected: rejected.collect(),
        asked: (wish.variant.cloned(), wish.gpu),
        better,
        instead_of,
        engine: Choice::default(),
    }
}

/// The target of this machine.
///
/// # Errors
/// `E_UNSUPPORTED`.
pub fn target_of(host: &Host) -> Result<Target, Error> {
    let name = host.target_name();
    name.as_deref().and_then(|name| name.parse().ok()).ok_or_else(|| {
        let machine = name.or_else(|| host.machine.clone());
        Error::NoTarget { machine: machine.unwrap_or_else(|| "unknown".to_owned()) }
    })
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
        memory: host.usable_memory(),
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
