//! Puts an ad-hoc signature on a Mach-O file: Apple's processors run nothing
//! without one, and the old one is wrong as soon as a byte is. It is made as
//! linkers make it (a superblob with one code directory, version 0x20400, no
//! certificate), so that `codesign` replaces it without being told to. The
//! structures are those of xnu, `osfmk/kern/cs_blobs.h`.

use super::Signature;
use super::fields::Fields;
use offgrid_manifest::Digest;

const LC_SEGMENT_64: u32 = 0x19;
const LC_CODE_SIGNATURE: u32 = 0x1d;
const CPU_ARM64: u32 = 0x0100_000c;
const MH_EXECUTE: u32 = 2;

/// Every signature of ours is made for this name.
const IDENTIFIER: &[u8] = b"offgrid-setup\0";
/// Bytes under one digest.
const PAGE: usize = 4096;
const SUPERBLOB: u32 = 0xfade_0cc0;
const DIRECTORY: u32 = 0xfade_0c02;
/// Where the code directory begins in a superblob of one.
const DIRECTORY_AT: usize = 20;
const DIRECTORY_SIZE: usize = 88;
/// Without a certificate.
const ADHOC: u32 = 0x2;
/// By a linker: it may be replaced without asking.
const LINKER: u32 = 0x2_0000;

/// Where the commands are that a signature changes: offsets in the file.
#[derive(Default)]
struct Commands {
    text: Option<usize>,
    linkedit: Option<usize>,
    signature: Option<usize>,
    /// Behind the last command.
    end: usize,
    /// The first byte that belongs to a section.
    content: usize,
}

/// Signs the file, in place of the signature that it has or anew.
///
/// # Errors
/// Why that cannot be done; then the bytes are worthless.
pub(super) fn sign(bytes: &mut Vec<u8>) -> Result<Signature, &'static str> {
    const BROKEN: &str = "its headers are broken";
    let commands = commands(bytes).ok_or(BROKEN)?;
    let linkedit = commands.linkedit.ok_or("it has no segment __LINKEDIT")?;
    let text = commands.text.ok_or("it has no segment __TEXT")?;
    let begin = bytes.long(linkedit + 40).ok_or(BROKEN)?;
    let end = begin.checked_add(bytes.long(linkedit + 48).ok_or(BROKEN)?);
    if end != Some(bytes.len() as u64) {
        return Err("its segment __LINKEDIT is not at its end");
    }
    let (command, done) = match commands.signature {
        Some(at) => (at, unsign(bytes, at, begin)?),
        None => (add_command(bytes, &commands)?, Signature::Added),
    };
    let limit = bytes.len();
    let size = signature_size(limit);
    let whole = (limit + size) as u64 - begin;
    let page: u64 = if bytes.word(4) == Some(CPU_ARM64) { 0x4000 } else { 0x1000 };
    let number = |value: usize| (value as u32).to_le_bytes();
    // The headers are under a digest too, so they come first.
    let write = |bytes: &mut [u8]| {
        bytes.put(command + 8, &number(limit))?;
        bytes.put(command + 12, &number(size))?;
        bytes.put(linkedit + 32, &whole.next_multiple_of(page).to_le_bytes())?;
        bytes.put(linkedit + 48, &whole.to_le_bytes())
    };
    write(bytes).ok_or(BROKEN)?;
    let signature = signature(bytes, text).ok_or(BROKEN)?;
    bytes.extend_from_slice(&signature);
    Ok(done)
}

fn commands(bytes: &[u8]) -> Option<Commands> {
    let mut found = Commands { end: 32, content: bytes.len(), ..Commands::default() };
    for _ in 0..bytes.word(16)? {
        let at = found.end;
        match bytes.word(at)? {
            LC_SEGMENT_64 => {
                match bytes.get(at + 8..at + 24)? {
                    b"__TEXT\0\0\0\0\0\0\0\0\0\0" => found.text = Some(at),
                    b"__LINKEDIT\0\0\0\0\0\0" => found.linkedit = Some(at),
                    _ => {}
                }
                for section in 0..bytes.word(at + 64)? as usize {
                    let offset = bytes.word(at + 72 + section * 80 + 48)? as usize;
                    if offset != 0 {
                        found.content = found.content.min(offset);
                    }
                }
            }
            LC_CODE_SIGNATURE => found.signature = Some(at),
            _ => {}
        }
        let size = bytes.word(at + 4)? as usize;
        found.end = at.checked_add(size).filter(|_| size >= 8)?;
    }
    Some(found)
}

/// Cuts the old signature off; `begin` is where __LINKEDIT does.
fn unsign(bytes: &mut Vec<u8>, command: usize, begin: u64) -> Result<Signature, &'static str> {
    const BROKEN: &str = "its signature lies in an odd place";
    let start = bytes.word(command + 8).ok_or(BROKEN)? as usize;
    let size = bytes.word(command + 12).ok_or(BROKEN)? as usize;
    let at_end = start.checked_add(size) == Some(bytes.len());
    if !at_end || (start as u64) < begin || !start.is_multiple_of(16) {
        return Err(BROKEN);
    }
    let done = if is_adhoc(&bytes[start..]) { Signature::Renewed } else { Signature::Replaced };
    bytes.truncate(start);
    Ok(done)
}

/// Whether a superblob vouches for nobody: its code directory says so.
fn is_adhoc(blob: &[u8]) -> bool {
    let word = |at: usize| blob.word(at).map(u32::swap_bytes);
    let flags = || {
        (0..word(8)?.min(64) as usize).find_map(|index| {
            let at = word(12 + index * 8 + 4)? as usize;
            (word(at)? == DIRECTORY).then(|| word(at.checked_add(12)?))?
        })
    };
    flags().is_some_and(|flags| flags & ADHOC != 0)
}

/// Makes room for a signature where there was none.
fn add_command(bytes: &mut Vec<u8>, found: &Commands) -> Result<usize, &'static str> {
    const FULL: &str = "its headers have no room for a signature";
    let room = bytes.get(found.end..found.end + 16).ok_or(FULL)?;
    if found.end + 16 > found.content || room.iter().any(|byte| *byte != 0) {
        return Err(FULL);
    }
    let (count, size) = (bytes.word(16).unwrap_or(0) + 1, bytes.word(20).unwrap_or(0) + 16);
    let command = [LC_CODE_SIGNATURE.to_le_bytes(), 16u32.to_le_bytes()].concat();
    let put = |bytes: &mut [u8]| {
        bytes.put(16, &count.to_le_bytes())?;
        bytes.put(20, &size.to_le_bytes())?;
        bytes.put(found.end, &command)
    };
    put(bytes).ok_or(FULL)?;
    bytes.resize(bytes.len().next_multiple_of(16), 0);
    Ok(found.end)
}

/// Bytes of a signature over `limit` bytes.
fn signature_size(limit: usize) -> usize {
    let digests = limit.div_ceil(PAGE) * 32;
    (DIRECTORY_AT + DIRECTORY_SIZE + IDENTIFIER.len() + digests).next_multiple_of(16)
}

/// The signature over these bytes; `text` is the command of the segment __TEXT.
fn signature(bytes: &[u8], text: usize) -> Option<Vec<u8>> {
    let pages = bytes.chunks(PAGE);
    let digests_at = DIRECTORY_SIZE + IDENTIFIER.len();
    let directory = digests_at + pages.len() * 32;
    let main = u64::from(bytes.word(12)? == MH_EXECUTE);

    let mut blob = Vec::new();
    let mut words = |values: &[u32]| {
        blob.extend(values.iter().flat_map(|value| value.to_be_bytes()));
    };
    // The superblob: its size, one entry: a code directory (0) and where.
    words(&[SUPERBLOB, (DIRECTORY_AT + directory) as u32, 1, 0, DIRECTORY_AT as u32]);
    words(&[DIRECTORY, directory as u32, 0x2_0400, ADHOC | LINKER]);
    // Where the digests and the name are; digests of other things, of pages.
    words(&[digests_at as u32, DIRECTORY_SIZE as u32, 0, pages.len() as u32]);
    // Digests of 32 bytes, SHA-256 (2), no platform, pages of 2^12 bytes.
    words(&[bytes.len() as u32, u32::from_be_bytes([32, 2, 0, 12])]);
    // A reserve; no scatter, no team; a reserve; the limit in 32 bits will do.
    words(&[0, 0, 0, 0, 0, 0]);
    for value in [bytes.long(text + 40)?, bytes.long(text + 48)?, main] {
        blob.extend(value.to_be_bytes());
    }
    blob.extend(IDENTIFIER);
    for page in pages {
        blob.extend(Digest::of(page).as_bytes());
    }
    blob.resize(signature_size(bytes.len()), 0);
    Some(blob)
}
