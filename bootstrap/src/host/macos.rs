//! `sysctl` of macOS as `key: value` lines: from `.setup/sysctl`, or made by
//! `platform` from the live machine, which is asked for [`keys`]. Pure; reads nothing.

use std::collections::BTreeMap;

use super::tree::plain;
use super::{Arch, Cpu};

/// What the keys say; the rest of the file is left alone.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sysctl {
    pub(super) native_arch: Option<Arch>,
    pub(super) translated: bool,
    pub(super) version: Option<String>,
    pub(super) memory_bytes: Option<u64>,
    pub(super) cpu: Cpu,
}

const ARM64: &str = "hw.optional.arm64";
const TRANSLATED: &str = "sysctl.proc_translated";
const VERSION: &str = "kern.osproductversion";
const MEMORY: &str = "hw.memsize";
const PROCESSOR: &str = "machdep.cpu.brand_string";
/// The better one first.
const CORES: [&str; 2] = ["hw.logicalcpu", "hw.ncpu"];

/// Keys whose values are texts; all others are numbers.
pub(crate) const TEXTS: [&str; 2] = [VERSION, PROCESSOR];

/// Every key that says something here, each once.
pub(crate) fn keys() -> impl Iterator<Item = &'static str> {
    let single = [ARM64, TRANSLATED, VERSION, MEMORY, PROCESSOR];
    single.into_iter().chain(CORES).chain(FEATURES.iter().map(|(key, _, _)| *key))
}

/// Apple's names of what llama.cpp's builds ask for, and Linux' names.
const FEATURES: [(&str, &str, Arch); 25] = [
    ("hw.optional.sse3", "pni", Arch::X86_64),
    ("hw.optional.supplementalsse3", "ssse3", Arch::X86_64),
    ("hw.optional.sse4_1", "sse4_1", Arch::X86_64),
    ("hw.optional.sse4_2", "sse4_2", Arch::X86_64),
    ("hw.optional.avx1_0", "avx", Arch::X86_64),
    ("hw.optional.avx2_0", "avx2", Arch::X86_64),
    ("hw.optional.bmi1", "bmi1", Arch::X86_64),
    ("hw.optional.bmi2", "bmi2", Arch::X86_64),
    ("hw.optional.f16c", "f16c", Arch::X86_64),
    ("hw.optional.fma", "fma", Arch::X86_64),
    ("hw.optional.avx512f", "avx512f", Arch::X86_64),
    ("hw.optional.avx512bw", "avx512bw", Arch::X86_64),
    ("hw.optional.avx512cd", "avx512cd", Arch::X86_64),
    ("hw.optional.avx512dq", "avx512dq", Arch::X86_64),
    ("hw.optional.avx512vl", "avx512vl", Arch::X86_64),
    ("hw.optional.avx512vbmi", "avx512vbmi", Arch::X86_64),
    ("hw.optional.neon", "asimd", Arch::Aarch64),
    ("hw.optional.AdvSIMD", "asimd", Arch::Aarch64),
    ("hw.optional.arm.FEAT_FP16", "asimdhp", Arch::Aarch64),
    ("hw.optional.arm.FEAT_DotProd", "asimddp", Arch::Aarch64),
    ("hw.optional.arm.FEAT_LSE", "atomics", Arch::Aarch64),
    ("hw.optional.arm.FEAT_I8MM", "i8mm", Arch::Aarch64),
    ("hw.optional.arm.FEAT_BF16", "bf16", Arch::Aarch64),
    ("hw.optional.arm.FEAT_SME", "sme", Arch::Aarch64),
    ("hw.optional.arm.FEAT_SME2", "sme2", Arch::Aarch64),
];

/// `process` is what the program that asked ran as: an Intel Mac has no
/// `hw.optional.arm64` at all, so only both together tell the processor.
pub(super) fn parse(text: &str, process: Option<Arch>) -> Sysctl {
    let facts = Facts(text.lines().filter_map(|line| line.split_once(':')).map(trim).collect());
    let on = |key| facts.get(key) == Some("1");
    let text = |key: &str| {
        debug_assert!(TEXTS.contains(&key), "{key} is no text");
        facts.get(key).map(plain).filter(|value| !value.is_empty())
    };
    let translated = on(TRANSLATED);
    let native_arch = match on(ARM64) || translated {
        true => Some(Arch::Aarch64),
        false => process,
    };
    let cores = CORES.iter().find_map(|key| facts.get(key)?.parse().ok());
    Sysctl {
        native_arch,
        translated,
        version: text(VERSION),
        memory_bytes: facts.get(MEMORY).and_then(|bytes| bytes.parse().ok()),
        cpu: Cpu {
            name: text(PROCESSOR),
            cores: cores.filter(|cores| *cores > 0),
            features: native_arch.and_then(|arch| features(&facts, arch)),
        },
    }
}

struct Facts<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Facts<'a> {
    fn get(&self, key: &str) -> Option<&'a str> {
        debug_assert!(keys().any(|known| known == key), "nobody asks a Mac for {key}");
        self.0.get(key).copied()
    }
}

fn trim<'a>((key, value): (&'a str, &'a str)) -> (&'a str, &'a str) {
    (key.trim(), value.trim())
}

/// Of the native processor only: under Rosetta the keys of the other one show
/// what is emulated. None of the keys there: not known.
fn features(facts: &Facts, arch: Arch) -> Option<Vec<String>> {
    let ours = FEATURES.iter().filter(|(_, _, of)| *of == arch);
    let known: Vec<_> = ours.filter_map(|(key, name, _)| Some((facts.get(key)?, *name))).collect();
    if known.is_empty() {
        return None;
    }
    let mut names: Vec<String> =
        known.iter().filter(|(value, _)| *value == "1").map(|(_, name)| (*name).into()).collect();
    names.sort();
    names.dedup();
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rosetta_does_not_hide_apple_silicon() {
        let text = "hw.optional.arm64: 1\nsysctl.proc_translated: 1\nhw.memsize: 17179869184\n\
                    machdep.cpu.brand_string: Apple M3\nkern.osproductversion: 14.5\n\
                    hw.optional.avx2_0: 1\nhw.optional.arm.FEAT_DotProd: 1\nhw.logicalcpu: 8\n";
        let found = parse(text, Some(Arch::X86_64));
        assert_eq!((found.native_arch, found.translated), (Some(Arch::Aarch64), true));
        assert_eq!(found.memory_bytes, Some(17179869184));
        assert_eq!(found.version.as_deref(), Some("14.5"));
        assert_eq!((found.cpu.name.as_deref(), found.cpu.cores), (Some("Apple M3"), Some(8)));
        assert_eq!(found.cpu.features.as_deref().unwrap(), ["asimddp"]);
    }

    #[test]
    fn an_intel_mac_has_no_arm_key() {
        let text = "hw.optional.avx2_0: 1\nhw.optional.avx512f: 0\nnonsense\nhw.memsize: many\n";
        let found = parse(text, Some(Arch::X86_64));
        assert_eq!(found.native_arch, Some(Arch::X86_64));
        assert_eq!(found.memory_bytes, None);
        assert_eq!(found.cpu.features.as_deref().unwrap(), ["avx2"]);
        assert_eq!(parse("", None), Sysctl::default());
    }

    #[test]
    fn a_mac_is_asked_for_every_key_that_is_read_and_for_no_other() {
        let of = |keys: &[&str]| {
            let lines: String = keys.iter().map(|key| format!("{key}: 1\n")).collect();
            [Some(Arch::X86_64), Some(Arch::Aarch64)].map(|process| parse(&lines, process))
        };
        // `Facts::get` stops this test where a key is read that is not asked for.
        let nothing = of(&[]);
        let mut seen = Vec::new();
        for key in keys() {
            assert_ne!(of(&[key]), nothing, "{key} is asked for and not read");
            assert!(!seen.contains(&key), "{key} is asked for twice");
            seen.push(key);
        }
        let [_, all] = of(&seen);
        assert!(all.translated && all.version.is_some() && all.memory_bytes.is_some());
        assert!(all.cpu.name.is_some() && all.cpu.cores.is_some() && all.cpu.features.is_some());
    }
}
