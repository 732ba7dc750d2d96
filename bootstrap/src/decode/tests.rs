use super::*;
use offgrid_manifest::Code;

const TEXT: &[u8] = b"some bytes that are packed, some bytes that are packed";
const KINDS: [EncodingKind; 3] = [EncodingKind::Raw, EncodingKind::Zst, EncodingKind::Xz];

fn xz(plain: &[u8], dictionary: u32) -> Vec<u8> {
    let mut options = liblzma::stream::LzmaOptions::new_preset(6).unwrap();
    options.dict_size(dictionary);
    let mut filters = liblzma::stream::Filters::new();
    filters.lzma2(&options);
    let check = liblzma::stream::Check::Crc32;
    let stream = liblzma::stream::Stream::new_stream_encoder(&filters, check).unwrap();
    let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn stored(kind: EncodingKind) -> Vec<u8> {
    match kind {
        EncodingKind::Zst => zstd::bulk::compress(TEXT, 3).unwrap(),
        EncodingKind::Xz => xz(TEXT, 1 << 16),
        _ => TEXT.to_vec(),
    }
}

fn decode_in(kind: EncodingKind, stored: &[u8], plain: Plain, step: usize) -> Result<Vec<u8>, Any> {
    let mut out = Vec::new();
    let mut decoder = Decoder::new(kind, &mut out, Path::new("out"), plain)?;
    for bytes in stored.chunks(step) {
        decoder.take(bytes)?;
    }
    decoder.end()?;
    drop(decoder);
    Ok(out)
}

/// Byte by byte and at once: nothing may depend on how the network cuts.
fn decode(kind: EncodingKind, stored: &[u8], plain: Plain) -> Result<Vec<u8>, Any> {
    let whole = decode_in(kind, stored, plain, stored.len().max(1));
    let bytewise = decode_in(kind, stored, plain, 1);
    let code = |result: &Result<Vec<u8>, Any>| result.as_ref().map_err(Any::code).cloned();
    assert_eq!(code(&whole), code(&bytewise), "{kind:?}");
    whole
}

#[track_caller]
fn code(kind: EncodingKind, stored: &[u8], size: u64) -> Code {
    decode(kind, stored, Plain { size, sha256: None }).unwrap_err().code()
}

#[test]
fn every_encoding_gives_the_plain_bytes() {
    let plain = Plain { size: TEXT.len() as u64, sha256: Some(Digest::of(TEXT)) };
    for kind in KINDS {
        assert_eq!(decode(kind, &stored(kind), plain).unwrap(), TEXT, "{kind:?}");
    }
}

#[test]
fn wrong_bytes_sizes_and_digests_are_named() {
    let size = TEXT.len() as u64;
    for kind in KINDS {
        let stored = stored(kind);
        assert_eq!(code(kind, &stored, size - 1), Code::Bomb, "{kind:?}");
        assert_eq!(code(kind, &stored, 0), Code::Bomb, "{kind:?}");
        assert_eq!(code(kind, &stored, size + 1), Code::Tree, "{kind:?}");
        let code = |stored: &[u8], plain| decode(kind, stored, plain).unwrap_err().code();
        let other = Plain { size, sha256: Some(Digest::of(b"other")) };
        assert_eq!(code(&stored, other), Code::Tree, "{kind:?}");
        let good = Plain { size, sha256: Some(Digest::of(TEXT)) };
        assert_eq!(code(&stored[..stored.len() - 9], good), Code::Tree, "{kind:?}");
        assert_eq!(code(&[], good), Code::Tree, "{kind:?}");
    }
}

#[test]
fn what_follows_the_end_is_refused_and_never_waited_for() {
    let size = TEXT.len() as u64;
    for (kind, twice, zeros) in
        [(EncodingKind::Zst, Code::Bomb, Code::Tree), (EncodingKind::Xz, Code::Tree, Code::Tree)]
    {
        let one = stored(kind);
        assert_eq!(code(kind, &one.repeat(2), size), twice, "{kind:?} twice");
        assert_eq!(code(kind, &[&one[..], b"x"].concat(), size), Code::Tree, "{kind:?} and a byte");
        assert_eq!(code(kind, &[&one[..], &[0; 4096]].concat(), size), zeros, "{kind:?} and zeros");
    }
    assert_eq!(code(EncodingKind::Raw, &TEXT.repeat(2), size), Code::Bomb);
}

#[test]
fn memory_beyond_the_format_is_refused_before_it_is_taken() {
    let plain = vec![b'a'; 9 << 20];
    let size = plain.len() as u64;
    let zst = |log: u32| {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(log).unwrap();
        encoder.write_all(&plain).unwrap();
        encoder.finish().unwrap()
    };
    let limit = Plain { size, sha256: None };
    for (kind, good) in
        [(EncodingKind::Zst, zst(23)), (EncodingKind::Xz, xz(&plain, WINDOW_MAX as u32))]
    {
        assert_eq!(decode_in(kind, &good, limit, 4096).unwrap().len(), plain.len(), "{kind:?}");
    }
    assert_eq!(code(EncodingKind::Zst, &zst(24), size), Code::Bomb);
    assert_eq!(code(EncodingKind::Zst, &zst(27), size), Code::Bomb);
    assert_eq!(code(EncodingKind::Xz, &xz(&plain[..9], 16 << 20), size), Code::Bomb);
    assert_eq!(code(EncodingKind::Xz, &four_gib_dictionary(), size), Code::Bomb);
}

/// An xz file that says in its block header that it needs 4 GiB - 1 byte: the
/// dictionary's code is 40 (the .xz file format, 5.3.1).
fn four_gib_dictionary() -> Vec<u8> {
    let mut file = xz(TEXT, 1 << 16);
    // The block header follows 12 bytes: its size, flags, filter 0x21, one byte.
    let header = 12..12 + (usize::from(file[12]) + 1) * 4;
    assert_eq!(file[14..16], [0x21, 1]);
    file[16] = 40;
    let sum_at = header.end - 4;
    let sum = crc32(&file[header.start..sum_at]);
    file[sum_at..header.end].copy_from_slice(&sum.to_le_bytes());
    file
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg())
        })
    })
}

/// A disk that takes everything and finds no room for it in the end.
struct Full;

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }
}

#[test]
fn bytes_that_are_taken_and_not_written_are_no_file() {
    for kind in [EncodingKind::Raw, EncodingKind::Zst] {
        let plain = Plain { size: TEXT.len() as u64, sha256: None };
        let mut decoder = Decoder::new(kind, Full, Path::new("out"), plain).unwrap();
        decoder.take(&stored(kind)).unwrap();
        assert_eq!(decoder.end().unwrap_err().code(), Code::Nospace, "{kind:?}");
    }
}
