//! Takes the signature off a PE file, as `signtool remove /s` does: the entry of
//! the certificate table, the certificates at the end, and the checksum made
//! anew (PE format, "The Attribute Certificate Table" and "CheckSum").

use super::Signature;
use super::fields::Fields;

/// Where the certificates are, in the list of tables.
const CERTIFICATES: usize = 4;
/// Where the load configuration is.
const LOAD_CONFIG: usize = 10;
/// The section in which the program keeps it (`bootstrap/src/platform/windows/load.rs`).
const LOAD_SECTION: &[u8; 8] = b".oglcfg\0";

/// Enters the program's load configuration into the header, where the linker has not
/// done so: it says that libraries come from System32 alone (reference/trust.md L11).
/// A file without one is left as it is.
pub(super) fn enter_load_config(bytes: &mut [u8]) -> Option<()> {
    let header = bytes.word(60)? as usize + 24;
    let tables = header + 112;
    let (count, optional) = (bytes.half(header - 18)?, bytes.half(header - 4)?);
    let entry = tables + LOAD_CONFIG * 8;
    let is_64 = bytes.half(header)? == 0x20b;
    if !is_64 || bytes.word(tables - 4)? as usize <= LOAD_CONFIG || bytes.long(entry)? != 0 {
        return None;
    }
    let sections = (0..usize::from(count)).map(|n| header + usize::from(optional) + n * 40);
    let mut named = sections.filter(|at| bytes.get(*at..at + 8) == Some(LOAD_SECTION));
    let at = named.next()?;
    let (address, raw) = (bytes.word(at + 12)?, bytes.word(at + 20)? as usize);
    // It begins with its own size.
    let size = bytes.word(raw)?;
    bytes.put(entry, &address.to_le_bytes())?;
    bytes.put(entry + 4, &size.to_le_bytes())
}

/// Drops the certificates, if there are any, and makes the checksum right, if
/// there is one: 0 means that nobody reckoned it.
///
/// # Errors
/// Why that cannot be done; then the bytes are worthless.
pub(super) fn unsign(bytes: &mut Vec<u8>) -> Result<Signature, &'static str> {
    const BROKEN: &str = "its headers are broken";
    let header = bytes.word(60).ok_or(BROKEN)? as usize + 24;
    // Entries begin later in a 64-bit file; their number stands before them.
    let tables = match bytes.half(header) {
        Some(0x10b) => header + 96,
        Some(0x20b) => header + 112,
        _ => return Err(BROKEN),
    };
    let entry = tables + CERTIFICATES * 8;
    let there = bytes.word(tables - 4).ok_or(BROKEN)? as usize > CERTIFICATES;
    let size = if there { bytes.word(entry + 4).ok_or(BROKEN)? as usize } else { 0 };
    let signed = size != 0;
    if signed {
        // This one is an offset in the file, unlike those of all other tables.
        let start = bytes.word(entry).ok_or(BROKEN)? as usize;
        if start < sections_end(bytes, header).ok_or(BROKEN)? {
            return Err("its certificates lie among its sections");
        }
        bytes.put(entry, &[0; 8]).ok_or(BROKEN)?;
        // What somebody appended to them stays, as dead bytes.
        if start.saturating_add(size.next_multiple_of(8)) >= bytes.len() {
            bytes.truncate(start);
        }
    }
    let checksum = header + 64;
    if bytes.word(checksum).ok_or(BROKEN)? != 0 {
        bytes.put(checksum, &[0; 4]).ok_or(BROKEN)?;
        let sum = sum(bytes);
        bytes.put(checksum, &sum.to_le_bytes()).ok_or(BROKEN)?;
    }
    Ok(if signed { Signature::Dropped } else { Signature::None })
}

/// Where the bytes of the last section end in the file.
fn sections_end(bytes: &[u8], header: usize) -> Option<usize> {
    let (count, optional) = (bytes.half(header - 18)?, bytes.half(header - 4)?);
    let mut end = 0;
    for index in 0..usize::from(count) {
        let at = header + usize::from(optional) + index * 40;
        end = end.max(bytes.word(at + 20)? as usize + bytes.word(at + 16)? as usize);
    }
    Some(end)
}

/// The checksum of a file whose field for it is zero: its 16-bit words added with
/// the carry put back, and its length.
fn sum(bytes: &[u8]) -> u32 {
    let mut sum = 0u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) | u32::from(pair.get(1).copied().unwrap_or(0)) << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum.wrapping_add(bytes.len() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 64-bit file with one section at 0x400 in the file and 0x7000 in memory.
    fn file(name: &[u8; 8]) -> Vec<u8> {
        let mut bytes = vec![0; 0x480];
        bytes.put(60, &0x80_u32.to_le_bytes()).unwrap();
        bytes.put(0x80 + 6, &1_u16.to_le_bytes()).unwrap();
        bytes.put(0x80 + 20, &240_u16.to_le_bytes()).unwrap();
        let header = 0x80 + 24;
        bytes.put(header, &0x20b_u16.to_le_bytes()).unwrap();
        bytes.put(header + 108, &16_u32.to_le_bytes()).unwrap();
        let section = header + 240;
        bytes.put(section, name).unwrap();
        bytes.put(section + 12, &0x7000_u32.to_le_bytes()).unwrap();
        bytes.put(section + 20, &0x400_u32.to_le_bytes()).unwrap();
        bytes.put(0x400, &0x70_u32.to_le_bytes()).unwrap();
        bytes
    }

    #[test]
    fn a_load_configuration_is_entered_where_there_is_one_and_nothing_else_changes() {
        let entry = 0x80 + 24 + 112 + LOAD_CONFIG * 8;
        let mut bytes = file(LOAD_SECTION);
        let mut wanted = bytes.clone();
        wanted[entry..entry + 8].copy_from_slice(&[0, 0x70, 0, 0, 0x70, 0, 0, 0]);
        enter_load_config(&mut bytes).unwrap();
        assert_eq!(bytes, wanted);
        // Once is enough, and a linker that did it is right.
        assert_eq!(enter_load_config(&mut bytes), None);
        assert_eq!(bytes, wanted);
        let mut other = file(b".text\0\0\0");
        let was = other.clone();
        assert_eq!(enter_load_config(&mut other), None);
        assert_eq!(other, was);
        for short in 0..bytes.len() {
            enter_load_config(&mut file(LOAD_SECTION)[..short]);
        }
    }
}
