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
mod tests {
    use super::*;
    use crate::host::{Arch, Cpu, Libc, Os};

    /// A variant: name, target, rank, needs.
    type Made = (&'static str, &'static str, i64, Value);

    /// A release with these variants.
    fn release(variants: &[Made]) -> Release {
        let variants: Vec<Value> = variants
            .iter()
            .map(|(id, target, rank, needs)| {
                json!({"id": id, "target": target, "rank": rank, "components": [], "needs": needs})
            })
            .collect();
        serde_json::from_value(json!({
            "schema": 1, "type": "offgrid/release", "product": "offgrid", "version": "1.0.0",
            "app": "1", "engine": "b1", "source": {"repo": "", "commit": "", "epoch": 0},
            "components": {}, "variants": variants, "setup": {"version": "1.0.0", "targets": {}},
        }))
        .unwrap()
    }

    fn linux() -> Host {
        Host {
            os: Some(Os::Linux),
            kernel: Some("6.1.0".into()),
            arch: Some(Arch::X86_64),
            native_arch: Some(Arch::X86_64),
            libc: Some(Libc { kind: LibcKind::Glibc, version: Some("2.36".into()) }),
            cpu: Cpu { features: Some(vec!["avx2".into()]), ..Cpu::default() },
            memory_bytes: Some(8 << 30),
            ..Host::default()
        }
    }

    fn won(release: &Release, host: &Host, wanted: Option<&str>) -> Result<Selection, Error> {
        let wanted = wanted.map(|id| id.parse().unwrap());
        choose(release, host, Some(1 << 40), wanted.as_ref())
    }

    #[test]
    fn the_highest_rank_that_fits_wins_and_every_other_says_why_not() {
        let l = "linux-x86_64";
        let cases: [(&str, Vec<Made>, &str, &[&str]); 5] = [
            (
                "rank decides",
                vec![("a", l, 1, json!({})), ("b", l, 2, json!({}))],
                "b",
                &["rank is 1"],
            ),
            (
                "equal ranks: by name",
                vec![("b", l, 1, json!({})), ("a", l, 1, json!({}))],
                "a",
                &["rank"],
            ),
            (
                "needs come before rank",
                vec![
                    ("plain", l, 1, json!({})),
                    ("new", l, 9, json!({"glibc": ">=2.38"})),
                    ("big", l, 8, json!({"memory": ">=16GiB"})),
                    ("gpu", l, 7, json!({"nvidia": [{"compute": ["8.9"], "driver": ">=550"}]})),
                    ("odd", l, 6, json!({"quantum": "1"})),
                ],
                "plain",
                &["has 2.36", "memory", "cannot judge", "does not know"],
            ),
            (
                "other targets are not in question",
                vec![("mine", l, 1, json!({})), ("other", "macos-aarch64", 9, json!({}))],
                "mine",
                &[],
            ),
            (
                "musl is not glibc",
                vec![
                    ("m", l, 9, json!({"musl": ">=1.2"})),
                    ("g", l, 1, json!({"glibc": ">=2.31"})),
                ],
                "g",
                &["this machine has glibc 2.36"],
            ),
        ];
        for (claim, variants, winner, reasons) in cases {
            let selection = won(&release(&variants), &linux(), None).expect(claim);
            assert_eq!(selection.variant.id.as_str(), winner, "{claim}");
            assert_eq!(selection.rejected.len(), reasons.len(), "{claim}");
            for (lost, reason) in selection.rejected.iter().zip(reasons) {
                assert!(lost.reasons.join(" ").contains(reason), "{claim}: {:?}", lost.reasons);
            }
        }
    }

    #[test]
    fn what_cannot_be_chosen_is_refused_with_what_there_is() {
        let l = "linux-x86_64";
        let some = release(&[("a", l, 1, json!({"glibc": ">=3"})), ("b", l, 2, json!({"x": "1"}))]);
        let error = won(&some, &linux(), None).unwrap_err();
        assert_eq!(error.code(), Code::Unsupported);
        assert!(error.to_string().contains("has 2.36") && error.to_string().contains("`x`"));
        // Asked for by name it is taken, and says what speaks against it.
        let forced = won(&some, &linux(), Some("a")).unwrap();
        assert!(forced.why.join(" ").contains("although it needs glibc"));
        assert_eq!(won(&some, &linux(), Some("c")).unwrap_err().code(), Code::Usage);
        let arm = Host { native_arch: Some(Arch::Aarch64), ..linux() };
        let error = won(&some, &arm, None).unwrap_err();
        assert!(error.to_string().contains("nothing for linux-aarch64"), "{error}");
        assert_eq!(won(&some, &Host::default(), None).unwrap_err().code(), Code::Unsupported);
    }

    #[test]
    fn a_fact_that_nobody_could_read_makes_unfit() {
        let blind = Host { libc: None, memory_bytes: None, ..linux() };
        for needs in [json!({"glibc": ">=2.17"}), json!({"memory": ">=1"})] {
            let release = release(&[("a", "linux-x86_64", 1, needs)]);
            let error = won(&release, &blind, None).unwrap_err();
            assert!(error.to_string().contains("not known"), "{error}");
        }
    }
}
