//! Two facts of an ELF file: the machine it is for and the interpreter that it
//! asks for. Pure; every offset in the file is checked, since it may be anything.

use super::Arch;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Elf {
    /// `None`: a 32-bit file, or a machine that nothing is built for.
    pub(super) arch: Option<Arch>,
    pub(super) interpreter: Interpreter,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Interpreter {
    /// A static program.
    None,
    Path(String),
    /// Its name lies behind the bytes we have.
    Beyond,
}

const PT_INTERP: u32 = 3;
const EM_X86_64: u16 = 62;
const EM_AARCH64: u16 = 183;

/// Where the fields lie in a 32-bit and in a 64-bit file.
struct Layout {
    phoff: usize,
    phentsize: usize,
    phnum: usize,
    p_offset: usize,
    p_filesz: usize,
    wide: bool,
}

const NARROW: Layout =
    Layout { phoff: 28, phentsize: 42, phnum: 44, p_offset: 4, p_filesz: 16, wide: false };
const WIDE: Layout =
    Layout { phoff: 32, phentsize: 54, phnum: 56, p_offset: 8, p_filesz: 32, wide: true };

/// `None` if this is no little-endian ELF file.
pub(super) fn parse(bytes: &[u8]) -> Option<Elf> {
    if bytes.get(..4)? != b"\x7fELF" || bytes.get(5)? != &1 {
        return None;
    }
    let layout = match bytes.get(4)? {
        1 => NARROW,
        2 => WIDE,
        _ => return None,
    };
    let arch = match half(bytes, 18)? {
        EM_X86_64 if layout.wide => Some(Arch::X86_64), // not wide: x32
        EM_AARCH64 if layout.wide => Some(Arch::Aarch64),
        _ => None,
    };
    Some(Elf { arch, interpreter: interpreter(bytes, &layout)? })
}

fn interpreter(bytes: &[u8], layout: &Layout) -> Option<Interpreter> {
    let table = size(bytes, layout.phoff, layout.wide)?;
    let entry_size = usize::from(half(bytes, layout.phentsize)?);
    for index in 0..usize::from(half(bytes, layout.phnum)?) {
        let entry = table.checked_add(index.checked_mul(entry_size)?)?;
        let Some(kind) = word(bytes, entry) else { return Some(Interpreter::Beyond) };
        if kind != PT_INTERP {
            continue;
        }
        let offset = size(bytes, entry.checked_add(layout.p_offset)?, layout.wide)?;
        let length = size(bytes, entry.checked_add(layout.p_filesz)?, layout.wide)?;
        let Some(name) = bytes.get(offset..offset.checked_add(length)?) else {
            return Some(Interpreter::Beyond);
        };
        let name = name.split(|byte| *byte == 0).next()?;
        return Some(Interpreter::Path(std::str::from_utf8(name).ok()?.to_owned()));
    }
    Some(Interpreter::None)
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    let raw = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(raw.try_into().ok()?))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let raw = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(raw.try_into().ok()?))
}

fn size(bytes: &[u8], at: usize, wide: bool) -> Option<usize> {
    if !wide {
        return usize::try_from(word(bytes, at)?).ok();
    }
    let raw = bytes.get(at..at.checked_add(8)?)?;
    usize::try_from(u64::from_le_bytes(raw.try_into().ok()?)).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A 64-bit file with one program header, which names `interpreter`.
    pub(in crate::host) fn program(machine: u16, interpreter: &str) -> Vec<u8> {
        let mut file = vec![0; 120];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[18..20].copy_from_slice(&machine.to_le_bytes());
        file[32..40].copy_from_slice(&64u64.to_le_bytes());
        file[54..56].copy_from_slice(&56u16.to_le_bytes());
        file[56..58].copy_from_slice(&1u16.to_le_bytes());
        file[64..68].copy_from_slice(&PT_INTERP.to_le_bytes());
        file[72..80].copy_from_slice(&120u64.to_le_bytes());
        file[96..104].copy_from_slice(&(interpreter.len() as u64 + 1).to_le_bytes());
        file.extend(interpreter.as_bytes());
        file.push(0);
        file
    }

    #[test]
    fn machine_and_interpreter_are_found() {
        let musl = "/lib/ld-musl-aarch64.so.1";
        let elf = parse(&program(EM_AARCH64, musl)).unwrap();
        assert_eq!(elf.arch, Some(Arch::Aarch64));
        assert_eq!(elf.interpreter, Interpreter::Path(musl.to_owned()));
        let mut none = program(EM_X86_64, "x");
        none[64] = 1;
        assert_eq!(parse(&none).unwrap().interpreter, Interpreter::None);
        assert_eq!(
            parse(&program(EM_X86_64, "x")[..120]).unwrap().interpreter,
            Interpreter::Beyond
        );
        assert_eq!(parse(&program(40, "x")).unwrap().arch, None);
        assert_eq!(parse(b"#!/bin/sh\n"), None);
    }

    #[test]
    fn no_cut_and_no_flipped_byte_makes_it_panic() {
        let good = program(EM_X86_64, "/lib64/ld-linux-x86-64.so.2");
        for end in 0..good.len() {
            parse(&good[..end]);
        }
        for at in 0..good.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bad = good.clone();
                bad[at] = value;
                parse(&bad);
            }
        }
        let mut far = good.clone();
        far[72..80].fill(0xff);
        parse(&far);
    }
}
