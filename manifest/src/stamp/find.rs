//! Where the stamp lies in an executable that is not run: ELF, PE and Mach-O, as
//! far as it takes to find one section by name. Every number in the file may be
//! anything, so each is checked; nothing here panics.

use super::{SECTION, SECTION_SIZE};
use crate::{Code, Error, Target};
use std::ops::Range;

/// The section in a Mach-O file, and its segment.
const MACHO: (&[u8], &[u8]) = (b"__ogstamp", b"__DATA");
/// Linkers round a section up to a page at most; the rest is padding.
const PADDING_MAX: u64 = 4096;
/// Mach-O: a command that describes a segment and its sections.
const LC_SEGMENT_64: u32 = 0x19;

enum Format {
    Elf,
    Pe,
    MachO,
}

/// What the tables of a file say, before any of it is believed.
struct Tables {
    /// Begin and size of each section of our name.
    ours: Vec<(u64, u64)>,
    /// Where the tables lie themselves.
    headers: Vec<Range<u64>>,
}

/// The bytes of the stamp's section: [`SECTION_SIZE`] of them, inside the file,
/// not among its headers. Only the table of sections counts; the same bytes
/// elsewhere in the file mean nothing.
///
/// # Errors
/// `E_UNTRUSTED_BINARY` when this is no bootstrapper: no executable for 64 bits,
/// no such section or more than one, or one of another size or place.
pub fn find(bytes: &[u8]) -> Result<Range<usize>, Error> {
    let tables = match format(bytes)? {
        Format::Elf => elf(bytes),
        Format::Pe => pe(bytes),
        Format::MachO => macho(bytes),
    };
    let tables = tables.ok_or_else(|| refuse("its headers are broken"))?;
    let (start, size) = match tables.ours[..] {
        [one] => one,
        [] => return Err(refuse("it has no section for a stamp")),
        _ => return Err(refuse("it has more than one section for a stamp")),
    };
    let room = SECTION_SIZE as u64;
    if !(room..room + PADDING_MAX).contains(&size) {
        return Err(refuse(format!("its section for a stamp has {size} bytes, not {room}")));
    }
    let end = start.checked_add(size).filter(|end| *end <= bytes.len() as u64);
    let end = end.ok_or_else(|| refuse("its section for a stamp lies outside the file"))?;
    if tables.headers.iter().any(|header| start < header.end && header.start < end) {
        return Err(refuse("its section for a stamp lies among its headers"));
    }
    // Both are below the length of a slice.
    Ok(start as usize..start as usize + SECTION_SIZE)
}

/// The target that an executable is made for; `None` when it is for none of
/// ours. An ELF file counts as one for Linux.
pub fn made_for(bytes: &[u8]) -> Option<Target> {
    let target = match format(bytes).ok()? {
        Format::Elf => match half(bytes, 18)? {
            62 => "linux-x86_64",
            183 => "linux-aarch64",
            _ => return None,
        },
        Format::Pe => match half(bytes, pe_header(bytes)?.checked_add(4)?)? {
            0x8664 => "windows-x86_64",
            0xaa64 => "windows-aarch64",
            _ => return None,
        },
        Format::MachO => match word(bytes, 4)? {
            0x0100_0007 => "macos-x86_64",
            0x0100_000c => "macos-aarch64",
            _ => return None,
        },
    };
    target.parse().ok()
}

fn refuse(why: impl Into<String>) -> Error {
    Error::new(Code::UntrustedBinary, why)
}

fn format(bytes: &[u8]) -> Result<Format, Error> {
    match bytes {
        // 64 bits, little-endian.
        [0x7f, b'E', b'L', b'F', 2, 1, ..] => Ok(Format::Elf),
        [b'M', b'Z', ..] => Ok(Format::Pe),
        [0xcf, 0xfa, 0xed, 0xfe, ..] => Ok(Format::MachO),
        [0xca, 0xfe, 0xba, 0xbe | 0xbf, ..] => {
            Err(refuse("it is a Mach-O file for several processors; take one out of it first"))
        }
        _ => Err(refuse("it is not an ELF, PE or Mach-O file for 64 bits")),
    }
}

fn elf(bytes: &[u8]) -> Option<Tables> {
    let (table, count) = (long(bytes, 40)?, u64::from(half(bytes, 60)?));
    if half(bytes, 58)? != 64 {
        return None;
    }
    let end = table.checked_add(count * 64)?;
    let header = |index: u64| table.checked_add(index * 64);
    let names = header(u64::from(half(bytes, 62)?))?;
    let (names, size) =
        (long(bytes, names.checked_add(24)?)?, long(bytes, names.checked_add(32)?)?);
    let names_end = names.checked_add(size)?;
    let mut ours = Vec::new();
    for index in 0..count {
        let at = header(index)?;
        let name = names.checked_add(u64::from(word(bytes, at)?))?;
        let length = SECTION.len() as u64 + 1;
        let called = slice(bytes, name, length).filter(|_| name + length <= names_end);
        if called.and_then(|name| name.strip_suffix(&[0])) == Some(SECTION.as_bytes()) {
            // Of type PROGBITS, the only one with bytes in the file.
            if word(bytes, at.checked_add(4)?)? != 1 {
                return None;
            }
            ours.push((long(bytes, at.checked_add(24)?)?, long(bytes, at.checked_add(32)?)?));
        }
    }
    Some(Tables { ours, headers: vec![0..64, table..end, names..names_end] })
}

/// Where the signature `PE\0\0` is.
fn pe_header(bytes: &[u8]) -> Option<u64> {
    let at = u64::from(word(bytes, 60)?);
    (slice(bytes, at, 4)? == b"PE\0\0").then_some(at)
}

fn pe(bytes: &[u8]) -> Option<Tables> {
    // No sum of these can be too large: each number has 32 bits at most.
    let at = pe_header(bytes)?;
    let (count, optional) = (u64::from(half(bytes, at + 6)?), u64::from(half(bytes, at + 20)?));
    let table = at + 24 + optional;
    let mut ours = Vec::new();
    for index in 0..count {
        let header = slice(bytes, table + index * 40, 40)?;
        if header[..8] == *SECTION.as_bytes() {
            let (used, stored) = (word(header, 8)?, word(header, 16)?);
            ours.push((u64::from(word(header, 20)?), u64::from(used.min(stored))));
        }
    }
    Some(Tables { ours, headers: std::iter::once(0..table + count * 40).collect() })
}

fn macho(bytes: &[u8]) -> Option<Tables> {
    let (count, size) = (word(bytes, 16)?, u64::from(word(bytes, 20)?));
    let commands = slice(bytes, 32, size)?;
    let (mut at, mut ours) = (0u64, Vec::new());
    for _ in 0..count {
        let length = u64::from(word(commands, at + 4)?);
        let command = slice(commands, at, length).filter(|_| length >= 8)?;
        if word(command, 0)? == LC_SEGMENT_64 {
            let segment = long(command, 40)?..long(command, 40)?.checked_add(long(command, 48)?)?;
            for index in 0..u64::from(word(command, 64)?) {
                let section = slice(command, 72 + index * 80, 80)?;
                let named = (text(&section[..16]), text(&section[16..32]));
                if named == MACHO {
                    let (start, size) = (u64::from(word(section, 48)?), long(section, 40)?);
                    // Of type regular, and where the loader will look for it.
                    let inside = segment.start <= start
                        && start.checked_add(size).is_some_and(|end| end <= segment.end);
                    if word(section, 64)? & 0xff != 0 || !inside {
                        return None;
                    }
                    ours.push((start, size));
                }
            }
        }
        at += length;
    }
    Some(Tables { ours, headers: std::iter::once(0..32 + size).collect() })
}

/// A name without the zeros that fill it up.
fn text(name: &[u8]) -> &[u8] {
    name.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn slice(bytes: &[u8], at: u64, size: u64) -> Option<&[u8]> {
    let start = usize::try_from(at).ok()?;
    bytes.get(start..start.checked_add(usize::try_from(size).ok()?)?)
}

fn half(bytes: &[u8], at: u64) -> Option<u16> {
    slice(bytes, at, 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn word(bytes: &[u8], at: u64) -> Option<u32> {
    slice(bytes, at, 4)?.try_into().ok().map(u32::from_le_bytes)
}

fn long(bytes: &[u8], at: u64) -> Option<u64> {
    slice(bytes, at, 8)?.try_into().ok().map(u64::from_le_bytes)
}
