//! `/proc/cpuinfo` of x86-64 and 64-bit Arm. Pure; reads nothing.
//!
//! The kernel leaves out what it does not save on a task switch (AVX without
//! XSAVE), so these flags are what a program may really use.

use std::collections::BTreeSet;

use super::Cpu;
use super::tree::plain;

pub(super) fn parse(text: &str) -> Cpu {
    let mut cores = 0;
    let mut names: Vec<String> = Vec::new();
    let mut features: Option<BTreeSet<&str>> = None;
    let mut last_flags = "";
    let mut implementer = "";
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        let name = match key.trim() {
            "processor" => {
                cores += 1;
                continue;
            }
            "flags" | "Features" => {
                if last_flags != value {
                    narrow(&mut features, value);
                    last_flags = value;
                }
                continue;
            }
            "CPU implementer" => {
                implementer = value;
                continue;
            }
            "model name" => plain(value),
            "CPU part" => arm_name(implementer, value),
            _ => continue,
        };
        if !name.is_empty() && names.len() < 4 && !names.contains(&name) {
            names.push(name);
        }
    }
    Cpu {
        name: Some(names.join(" + ")).filter(|name| !name.is_empty()),
        cores: Some(cores).filter(|cores| *cores > 0),
        features: features.map(|set| set.into_iter().map(plain).collect()),
    }
}

/// Keep what every processor has: on big.LITTLE a program may move at any time.
fn narrow<'a>(features: &mut Option<BTreeSet<&'a str>>, flags: &'a str) {
    let these: BTreeSet<&str> = flags.split_whitespace().collect();
    match features {
        None => *features = Some(these),
        Some(all) => all.retain(|flag| these.contains(flag)),
    }
}

/// Arm kernels give numbers only.
fn arm_name(implementer: &str, part: &str) -> String {
    let known = match (implementer, part) {
        ("0x41", "0xd03") => "Cortex-A53",
        ("0x41", "0xd04") => "Cortex-A35",
        ("0x41", "0xd05") => "Cortex-A55",
        ("0x41", "0xd07") => "Cortex-A57",
        ("0x41", "0xd08") => "Cortex-A72",
        ("0x41", "0xd09") => "Cortex-A73",
        ("0x41", "0xd0a") => "Cortex-A75",
        ("0x41", "0xd0b") => "Cortex-A76",
        ("0x41", "0xd0c") => "Neoverse-N1",
        ("0x41", "0xd40") => "Neoverse-V1",
        ("0x41", "0xd41") => "Cortex-A78",
        ("0x41", "0xd42") => "Cortex-A78AE",
        ("0x41", "0xd49") => "Neoverse-N2",
        ("0x41", "0xd4f") => "Neoverse-V2",
        _ => return plain(&format!("Arm implementer {implementer} part {part}")),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x86_and_arm_are_read() {
        let x86 = "processor\t: 0\nmodel name\t: AMD Ryzen 7\nflags\t\t: fpu avx2 avx\n\n\
                   processor\t: 1\nmodel name\t: AMD Ryzen 7\nflags\t\t: fpu avx2 avx\n";
        let cpu = parse(x86);
        assert_eq!((cpu.name.as_deref(), cpu.cores), (Some("AMD Ryzen 7"), Some(2)));
        assert_eq!(cpu.features.as_deref().unwrap(), ["avx", "avx2", "fpu"]);
        assert_eq!((cpu.has("avx2"), cpu.has("avx512f")), (Some(true), Some(false)));

        let core = |n: u32, part: &str, features: &str| {
            format!(
                "processor : {n}\nFeatures : {features}\nCPU implementer : 0x41\nCPU part : {part}\n"
            )
        };
        let cpu = parse(&(core(0, "0xd05", "fp asimd") + &core(1, "0xd41", "asimd fp i8mm")));
        assert_eq!(cpu.name.as_deref(), Some("Cortex-A55 + Cortex-A78"));
        assert_eq!(cpu.features.as_deref().unwrap(), ["asimd", "fp"]);
    }

    #[test]
    fn what_is_not_there_is_not_known() {
        assert_eq!(parse("nonsense\n:\n"), Cpu::default());
        assert_eq!(parse("").has("avx2"), None);
    }
}
