//! Takes the signature off a PE file, as `signtool remove /s` does: the entry of
//! the certificate table, the certificates at the end, and the checksum made
//! anew (PE format, "The Attribute Certificate Table" and "CheckSum").

use super::Signature;
use super::fields::Fields;

/// Where the certificates are, in the list of tables.
const CERTIFICATES: usize = 4;

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
