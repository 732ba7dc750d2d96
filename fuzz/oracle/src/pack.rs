//! Packs and the two compressions: no more bytes than were promised, nothing that
//! another reader reads in another way (reference/trust.md L1 to L6).

use crate::path::inside;
use offgrid_manifest::parts::{EncodingKind, Mode};
use offgrid_manifest::{Code, Digest, TreePath};
use offgrid_setup::Error;
use offgrid_setup::decode::{Decoder, Plain};
use offgrid_setup::fetch::Consumer;
use offgrid_setup::unpack::{Files, Packed, unpack, walk};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::Path;

/// Path and bytes of each file, in the order of the pack.
type Listed = Vec<(String, Vec<u8>)>;

#[derive(Default)]
struct Recorder {
    files: Listed,
    left: u64,
}

impl Files for Recorder {
    fn begin(&mut self, path: &TreePath, size: u64) -> Result<(), Error> {
        inside(path.as_str());
        assert_eq!(self.left, 0);
        self.left = size;
        self.files.push((path.to_string(), Vec::new()));
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.left = self.left.checked_sub(bytes.len() as u64).expect("no more than it said");
        self.files.last_mut().expect("a file has begun").1.extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self) -> Result<(), Error> {
        assert_eq!(self.left, 0, "all its bytes");
        Ok(())
    }
}

/// A tar; when the first byte is odd, one whose headers have right sums.
pub fn tar(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else { return };
    let mut pack = rest.to_vec();
    if first % 2 == 1 {
        mend(&mut pack);
    }
    let mut recorder = Recorder::default();
    if let Err(error) = walk(&*pack, Path::new("pack"), &mut recorder) {
        assert!([Code::Entry, Code::Path, Code::Tree].contains(&error.code()), "{error}");
        return;
    }
    let files = recorder.files;
    assert_eq!(elsewhere(&pack), files, "two programs read this in two ways");
    let wanted: BTreeMap<String, Option<Packed>> =
        files.iter().map(|(path, bytes)| (path.clone(), Some(packed(bytes)))).collect();
    if wanted.len() < files.len() {
        // Two of one name: the second one, or already the first for its bytes.
        let code = taken(&pack, &wanted).expect_err("a name twice").code();
        assert!([Code::Entry, Code::Tree, Code::Bomb].contains(&code), "{code}");
        return;
    }
    let all: BTreeMap<String, Vec<u8>> = files.iter().cloned().collect();
    assert_eq!(taken(&pack, &wanted).map_err(|error| error.code()), Ok(all));
    // Whatever is signed for otherwise is refused.
    let Some((path, bytes)) = files.get(usize::from(*first) % files.len().max(1)) else { return };
    let other = |packed: Option<Packed>| {
        let mut wanted = wanted.clone();
        match packed {
            Some(packed) => drop(wanted.insert(path.clone(), Some(packed))),
            None => drop(wanted.remove(path)),
        }
        taken(&pack, &wanted).err().map(|error| error.code())
    };
    let right = packed(bytes);
    assert!(matches!(other(None), Some(Code::Tree | Code::Entry)));
    assert_eq!(other(Some(Packed { sha256: Digest::of(b"?"), ..right })), Some(Code::Tree));
    assert_eq!(other(Some(Packed { size: right.size + 1, ..right })), Some(Code::Tree));
    if right.size > 0 {
        assert_eq!(other(Some(Packed { size: right.size - 1, ..right })), Some(Code::Bomb));
    }
    let mut more = wanted.clone();
    more.insert("one/more".into(), Some(right));
    if !wanted.contains_key("one/more") {
        assert_eq!(taken(&pack, &more).map_err(|error| error.code()), Err(Code::Tree));
    }
}

fn packed(bytes: &[u8]) -> Packed {
    Packed { mode: Mode::Plain, size: bytes.len() as u64, sha256: Digest::of(bytes) }
}

struct Into<'a>(&'a RefCell<BTreeMap<String, Vec<u8>>>, String);

impl Write for Into<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().entry(self.1.clone()).or_default().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn taken(
    pack: &[u8],
    wanted: &BTreeMap<String, Option<Packed>>,
) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let written = RefCell::new(BTreeMap::new());
    unpack(pack, Path::new("pack"), wanted, |path, _| {
        written.borrow_mut().insert(path.to_string(), Vec::new());
        Ok(Into(&written, path.to_string()))
    })?;
    Ok(written.into_inner())
}

/// As the tar crate lists it.
fn elsewhere(pack: &[u8]) -> Listed {
    let mut archive = tar::Archive::new(pack);
    let entries = archive.entries().expect("entries");
    let mut files = Listed::new();
    for entry in entries {
        let mut entry = entry.expect("an entry");
        assert_eq!(entry.header().entry_type(), tar::EntryType::Regular);
        let path = String::from_utf8(entry.path_bytes().into_owned()).expect("text");
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("its bytes");
        files.push((path, bytes));
    }
    files
}

/// Puts right sums into what may be headers, so that other fields can be reached.
fn mend(pack: &mut [u8]) {
    let mut at = 0;
    while let Some(block) = pack.get_mut(at..at + 512) {
        if block.iter().all(|byte| *byte == 0) {
            return;
        }
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let digits: String = block[124..135]
            .iter()
            .map(|b| char::from(*b))
            .take_while(char::is_ascii_digit)
            .collect();
        let size = usize::from_str_radix(&digits, 8).unwrap_or(0);
        at = at.saturating_add(512).saturating_add(size.div_ceil(512).saturating_mul(512));
    }
}

/// Zstandard.
pub fn zst(input: &[u8]) {
    bounded(EncodingKind::Zst, input, |stored| {
        let mut plain = Vec::new();
        match zstd::stream::Decoder::new(stored)?.read_to_end(&mut plain) {
            // A frame that is cut off behind its last byte: the product takes it. What
            // was stored is pinned by its digest, so nobody can cut it.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(plain),
            other => other.map(|_| plain),
        }
    });
}

/// xz.
pub fn xz(input: &[u8]) {
    bounded(EncodingKind::Xz, input, |stored| {
        let mut plain = Vec::new();
        liblzma::read::XzDecoder::new_multi_decoder(stored).read_to_end(&mut plain)?;
        Ok(plain)
    });
}

/// The first three bytes say how large the plain bytes may be and in which pieces
/// the stored ones arrive.
fn bounded(kind: EncodingKind, input: &[u8], decode: impl Fn(&[u8]) -> io::Result<Vec<u8>>) {
    let Some(([low, high, step], stored)) = input.split_first_chunk::<3>() else { return };
    let size = u64::from(u16::from_le_bytes([*low, *high]));
    let run = |step: usize| -> Result<Vec<u8>, Code> {
        let mut plain = Vec::new();
        let result = (|| {
            let bound = Plain { size, sha256: None };
            let mut decoder = Decoder::new(kind, &mut plain, Path::new("x"), bound)?;
            for bytes in stored.chunks(step) {
                decoder.take(bytes)?;
            }
            decoder.end()
        })();
        assert!(plain.len() as u64 <= size, "more than was signed for");
        result.map(|()| plain).map_err(|error: Error| error.code())
    };
    let whole = run(stored.len().max(1));
    // What is damaged and too large at once may be called either.
    assert_eq!(
        whole.as_ref().ok(),
        run(usize::from(*step) + 1).as_ref().ok(),
        "however it arrives"
    );
    match whole {
        Ok(plain) => {
            assert_eq!(plain.len() as u64, size);
            assert_eq!(decode(stored).ok(), Some(plain), "as others decode it");
        }
        Err(code) => assert!([Code::Tree, Code::Bomb].contains(&code), "{code}"),
    }
}
