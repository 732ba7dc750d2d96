//! For which computers a program is, by the first bytes of its file. Pure; the bytes
//! may be anything.

use super::Refusal;

/// As much of a file as is looked at.
pub(super) const HEAD: usize = 4096;

/// The targets that a program runs on, as releases name them: `linux-x86_64`. Several
/// for a Mac program with code for both processors.
///
/// # Errors
/// A script, or no program at all.
pub(super) fn targets(bytes: &[u8]) -> Result<Vec<String>, Refusal> {
    if bytes.starts_with(b"#!") {
        return Err(Refusal::Script);
    }
    elf(bytes).or_else(|| pe(bytes)).or_else(|| mach(bytes)).ok_or(Refusal::NotAProgram)
}

/// Of a 64-bit little-endian file; another one is for a machine without a name here.
fn elf(bytes: &[u8]) -> Option<Vec<String>> {
    bytes.strip_prefix(b"\x7fELF")?;
    let wide = bytes.get(4..6)? == [2, 1];
    // Executable, or position-independent as most are.
    let runs = matches!(half(bytes, 16)?, 2 | 3);
    if !runs {
        return None;
    }
    // 0 and 3: what Linux runs. FreeBSD's say 9.
    let system = if matches!(bytes.get(7)?, 0 | 3) { "linux" } else { "another system" };
    Some(vec![named(system, if wide { half(bytes, 18)? } else { 0 }, 62, 183)])
}

fn pe(bytes: &[u8]) -> Option<Vec<String>> {
    bytes.strip_prefix(b"MZ")?;
    let at = usize::try_from(word(bytes, 60)?).ok()?;
    let header = bytes.get(at..)?.strip_prefix(b"PE\0\0")?;
    Some(vec![named("windows", half(header, 0)?, 0x8664, 0xaa64)])
}

/// One processor, or several behind a table, which is big-endian.
fn mach(bytes: &[u8]) -> Option<Vec<String>> {
    const X86_64: u32 = 0x0100_0007;
    const ARM64: u32 = 0x0100_000c;
    let name = |cpu| match cpu {
        X86_64 => "macos-x86_64".to_owned(),
        ARM64 => "macos-aarch64".to_owned(),
        _ => "macos on another processor".to_owned(),
    };
    if word(bytes, 0)? == 0xfeed_facf {
        return Some(vec![name(word(bytes, 4)?)]);
    }
    // The same four bytes begin a Java class; its next number is a version above 40.
    let count = bytes.strip_prefix(&[0xca, 0xfe, 0xba, 0xbe]).and_then(|rest| word(rest, 0))?;
    let count = usize::try_from(count.swap_bytes()).ok().filter(|count| *count <= 16)?;
    let cpu = |index: usize| Some(word(bytes, 8 + index * 20)?.swap_bytes());
    (0..count).map(|index| Some(name(cpu(index)?))).collect()
}

fn named(system: &str, machine: u16, x86_64: u16, aarch64: u16) -> String {
    match machine {
        _ if machine == x86_64 => format!("{system}-x86_64"),
        _ if machine == aarch64 => format!("{system}-aarch64"),
        _ => format!("{system} on another processor"),
    }
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(machine: u8) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01\x01\0".to_vec();
        bytes.resize(64, 0);
        (bytes[16], bytes[18]) = (3, machine);
        bytes
    }

    fn pe(machine: u16) -> Vec<u8> {
        let mut bytes = b"MZ".to_vec();
        bytes.resize(128, 0);
        bytes[60] = 64;
        bytes[64..68].copy_from_slice(b"PE\0\0");
        bytes[68..70].copy_from_slice(&machine.to_le_bytes());
        bytes
    }

    fn fat(cpus: &[u32]) -> Vec<u8> {
        let mut bytes = vec![0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, cpus.len() as u8];
        for cpu in cpus {
            bytes.extend(cpu.to_be_bytes());
            bytes.extend([0; 16]);
        }
        bytes
    }

    #[test]
    fn every_kind_of_program_says_for_which_computer_it_is() {
        let thin = [0xcf, 0xfa, 0xed, 0xfe, 0x0c, 0, 0, 1];
        for (bytes, wanted) in [
            (elf(62), vec!["linux-x86_64"]),
            (elf(183), vec!["linux-aarch64"]),
            (elf(40), vec!["linux on another processor"]),
            (pe(0x8664), vec!["windows-x86_64"]),
            (pe(0xaa64), vec!["windows-aarch64"]),
            (thin.to_vec(), vec!["macos-aarch64"]),
            (fat(&[0x0100_0007, 0x0100_000c]), vec!["macos-x86_64", "macos-aarch64"]),
        ] {
            assert_eq!(targets(&bytes).unwrap(), wanted);
        }
        let mut narrow = elf(62);
        narrow[4] = 1;
        assert_eq!(targets(&narrow).unwrap(), ["linux on another processor"]);
    }

    #[test]
    fn what_is_no_program_is_told_from_a_script() {
        assert_eq!(targets(b"#!/bin/sh\n"), Err(Refusal::Script));
        let mut object = elf(62);
        object[16] = 1;
        // A Java class, of the format's version 61.
        let class = vec![0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 61];
        for bytes in [Vec::new(), b"text".to_vec(), b"MZ".to_vec(), object, class] {
            assert_eq!(targets(&bytes), Err(Refusal::NotAProgram), "{bytes:?}");
        }
    }

    #[test]
    fn no_cut_and_no_flipped_byte_makes_it_panic() {
        for good in [elf(62), pe(0x8664), fat(&[0x0100_000c])] {
            for end in 0..good.len() {
                let _ = targets(&good[..end]);
                for value in [0, 1, 0x7f, 0x80, 0xff] {
                    let mut bad = good.clone();
                    bad[end] = value;
                    let _ = targets(&bad);
                }
            }
        }
    }
}
