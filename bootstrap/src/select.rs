//! Selection: which variant of a release is for this host, and why the others
//! are not. A pure function of a verified release and the host.

use crate::host::{Host, LibcKind};
use offgrid_manifest::needs::{self, Facts};
use offgrid_manifest::release::Variant;
use offgrid_manifest::verify::Verified;
use offgrid_manifest::{Code, Id, Release, Target};
use serde_json::{Value, json};

/// Why no variant was chosen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This kind of machine is not one that releases are made for.
    #[error("releases are not made for this kind of machine ({machine})")]
    NoTarget {
        /// What it is.
        machine: String,
    },
    /// The release has nothing for it.
    #[error("release {version} has nothing for {target}; it has {known}")]
    NothingFor {
        /// The release.
        version: String,
        /// What this machine is.
        target: Target,
        /// Targets of the release.
        known: String,
    },
    /// The release has something for it, but nothing fits.
    #[error("no variant of release {version} fits this machine: {reasons}")]
    NothingFits {
        /// The release.
        version: String,
        /// Every variant with its reasons.
        reasons: String,
    },
    /// A variant that was asked for by name and is not there.
    #[error("release {version} has no variant `{wanted}` for {target}; it has {known}")]
    NoVariant {
        /// The release.
        version: String,
        /// As asked for.
        wanted: Id,
        /// What this machine is.
        target: Target,
        /// Those that are.
        known: String,
    },
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::NoVariant { .. } => Code::Usage,
            _ => Code::Unsupported,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Error::NoVariant { .. } => "name one of them with --variant ID".into(),
            Error::NothingFits { .. } => {
                "type `offgrid-setup plan --explain` to see every reason".into()
            }
            _ => "type `offgrid-setup detect` to see what was found".into(),
        })
    }
}

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
            "engine": {"kind": "bundled", "path": null},
        })
    }

    /// As people read it.
    pub fn lines(&self) -> Vec<String> {
        let won = format!("{}: {}", self.variant.id, self.why.join("; "));
        let lost = self
            .rejected
            .iter()
            .map(|lost| format!("not {}: {}", lost.variant, lost.reasons.join("; ")));
        std::iter::once(won).chain(lost).collect()
    }
}

/// Chooses the variant of highest rank that fits, or the one that was named.
/// `disk` is how much is free where the slot will be.
///
/// # Errors
/// `E_UNSUPPORTED`, `E_USAGE`.
pub fn select(
    release: &Verified<Release>,
    host: &Host,
    disk: Option<u64>,
    wanted: Option<&Id>,
) -> Result<Selection, Error> {
    choose(release, host, disk, wanted)
}

fn choose(
    release: &Release,
    host: &Host,
    disk: Option<u64>,
    wanted: Option<&Id>,
) -> Result<Selection, Error> {
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
    let facts = facts_of(host, disk);
    let judged: Vec<(&Variant, Vec<String>)> =
        of_target.iter().map(|variant| (*variant, needs::unmet(&variant.needs, &facts))).collect();
    let winner = match wanted {
        Some(id) => named(&judged, id).ok_or_else(|| Error::NoVariant {
            version: version.clone(),
            wanted: id.clone(),
            target,
            known: ids(&judged),
        })?,
        None => judged.iter().position(|(_, unmet)| unmet.is_empty()).ok_or_else(|| {
            let reasons = judged.iter().map(|(v, unmet)| format!("{} {}", v.id, unmet.join(", ")));
            Error::NothingFits { version, reasons: reasons.collect::<Vec<_>>().join("; ") }
        })?,
    };
    Ok(choice(&judged, winner, wanted.is_some()))
}

fn named(judged: &[(&Variant, Vec<String>)], id: &Id) -> Option<usize> {
    judged.iter().position(|(variant, _)| variant.id == *id)
}

fn ids(judged: &[(&Variant, Vec<String>)]) -> String {
    judged.iter().map(|(variant, _)| variant.id.as_str()).collect::<Vec<_>>().join(", ")
}

fn choice(judged: &[(&Variant, Vec<String>)], winner: usize, asked: bool) -> Selection {
    let (variant, unmet) = &judged[winner];
    let mut why = if asked {
        vec!["it was asked for with --variant".to_owned()]
    } else {
        vec![format!("of all that fit it has the highest rank, {}", variant.rank)]
    };
    why.extend(unmet.iter().map(|reason| format!("although it {reason}")));
    let rejected = judged.iter().enumerate().filter(|(index, _)| *index != winner);
    let rejected = rejected.map(|(_, (lost, unmet))| {
        let reasons = if unmet.is_empty() {
            vec![format!("it fits, but its rank is {}", lost.rank)]
        } else {
            unmet.clone()
        };
        Rejected { variant: lost.id.clone(), reasons }
    });
    Selection { variant: (*variant).clone(), why, rejected: rejected.collect() }
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

fn facts_of(host: &Host, disk: Option<u64>) -> Facts {
    let libc = |kind: LibcKind| {
        host.libc.as_ref().filter(|libc| libc.kind == kind).and_then(|libc| libc.version.clone())
    };
    Facts {
        os: host.kernel.clone(),
        glibc: libc(LibcKind::Glibc),
        musl: libc(LibcKind::Musl),
        cpu: host.cpu.features.clone(),
        memory: host.memory_bytes,
        disk,
    }
}

#[cfg(test)]
mod tests;
