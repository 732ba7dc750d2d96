//! From stored bytes to a file: decompressed, hashed and bounded while they
//! pass, with the memory that the format allows and no more (DESIGN 5: windows
//! and dictionaries of at most 8 MiB).

use crate::disk;
use crate::error::Error as Any;
use crate::fetch::Consumer;
use crate::unpack::Error;
use offgrid_manifest::parts::{EncodingKind, WINDOW_MAX};
use offgrid_manifest::{Digest, Hasher};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What the plain bytes must be.
#[derive(Debug, Clone, Copy)]
pub struct Plain {
    /// How many.
    pub size: u64,
    /// Their digest, where the release says it; a pack has none.
    pub sha256: Option<Digest>,
}

/// Writes one decoded file.
pub struct Decoder {
    inner: Inner,
    path: PathBuf,
}

enum Inner {
    Raw(Writer),
    Zst(zstd::stream::write::Decoder<'static, Writer>),
    Xz(liblzma::write::XzDecoder<Writer>),
}

/// The binary logarithm of [`WINDOW_MAX`].
const WINDOW_LOG_MAX: u32 = WINDOW_MAX.ilog2();
/// What an xz decoder needs beside its dictionary.
const XZ_OVERHEAD: u64 = 1024 * 1024;

impl Decoder {
    /// Into a new file of this mode; one that is there is replaced.
    ///
    /// # Errors
    /// Any file operation; `E_SCHEMA` for an encoding that nobody knows.
    pub fn new(kind: EncodingKind, path: &Path, mode: u32, plain: Plain) -> Result<Decoder, Any> {
        disk::remove_file(path)?;
        let file = disk::at("create", path, crate::platform::create_new(path, mode))?;
        let writer = Writer { file, hasher: Hasher::new(), plain };
        let inner = match kind {
            EncodingKind::Raw => Inner::Raw(writer),
            EncodingKind::Zst => {
                let made = zstd::stream::write::Decoder::new(writer).and_then(|mut decoder| {
                    decoder.window_log_max(WINDOW_LOG_MAX)?;
                    Ok(decoder)
                });
                Inner::Zst(disk::at("unpack", path, made)?)
            }
            EncodingKind::Xz => {
                let limit = WINDOW_MAX + XZ_OVERHEAD;
                let stream =
                    liblzma::stream::Stream::new_stream_decoder(limit, 0).map_err(io::Error::from);
                let stream = disk::at("unpack", path, stream)?;
                Inner::Xz(liblzma::write::XzDecoder::new_stream(writer, stream))
            }
            EncodingKind::Unknown => return Err(Error::Encoding.into()),
        };
        Ok(Decoder { inner, path: path.to_owned() })
    }

    fn failed(&self, source: io::Error) -> Any {
        if source.get_ref().is_some_and(|inner| inner.is::<Bomb>()) {
            return Error::Bomb { path: self.path.clone() }.into();
        }
        // Decoders report damage as one of these; the rest is the disk's.
        match source.kind() {
            io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::Other
            | io::ErrorKind::WriteZero => Error::Damaged { path: self.path.clone(), source }.into(),
            _ => disk::Error { op: "write", path: self.path.clone(), source }.into(),
        }
    }
}

impl Consumer for Decoder {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Any> {
        let result = match &mut self.inner {
            Inner::Raw(writer) => writer.write_all(bytes),
            Inner::Zst(decoder) => decoder.write_all(bytes),
            Inner::Xz(decoder) => decoder.write_all(bytes),
        };
        result.map_err(|error| self.failed(error))
    }

    fn end(&mut self) -> Result<(), Any> {
        let flushed = match &mut self.inner {
            Inner::Raw(writer) => writer.flush(),
            Inner::Zst(decoder) => decoder.flush(),
            Inner::Xz(decoder) => decoder.try_finish(),
        };
        flushed.map_err(|error| self.failed(error))?;
        let writer = match &mut self.inner {
            Inner::Raw(writer) => writer,
            Inner::Zst(decoder) => decoder.get_mut(),
            Inner::Xz(decoder) => decoder.get_mut(),
        };
        let size = writer.hasher.size();
        let digest = std::mem::take(&mut writer.hasher).finish();
        let right =
            size == writer.plain.size && writer.plain.sha256.is_none_or(|wanted| wanted == digest);
        if !right {
            return Err(Error::Plain { path: self.path.clone() }.into());
        }
        Ok(())
    }
}

/// The file behind a decoder: counts, hashes, and stops at the signed size.
struct Writer {
    file: File,
    hasher: Hasher,
    plain: Plain,
}

/// More plain bytes than were signed for.
#[derive(Debug, thiserror::Error)]
#[error("more bytes than were signed for")]
struct Bomb;

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.hasher.size() + bytes.len() as u64 > self.plain.size {
            return Err(io::Error::other(Bomb));
        }
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use offgrid_manifest::Code;

    const TEXT: &[u8] = b"some bytes that are packed, some bytes that are packed";

    fn stored(kind: EncodingKind) -> Vec<u8> {
        match kind {
            EncodingKind::Zst => zstd::bulk::compress(TEXT, 3).unwrap(),
            EncodingKind::Xz => {
                let mut packed = Vec::new();
                let mut encoder = liblzma::write::XzEncoder::new(&mut packed, 6);
                encoder.write_all(TEXT).unwrap();
                encoder.finish().unwrap();
                packed
            }
            _ => TEXT.to_vec(),
        }
    }

    fn decode(kind: EncodingKind, stored: &[u8], plain: Plain) -> Result<Vec<u8>, Any> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        let mut decoder = Decoder::new(kind, &path, 0o644, plain)?;
        // One byte at a time: no state may depend on how the network cuts.
        for byte in stored.chunks(1) {
            decoder.take(byte)?;
        }
        decoder.end()?;
        Ok(std::fs::read(path).unwrap())
    }

    #[test]
    fn every_encoding_gives_the_plain_bytes() {
        let plain = Plain { size: TEXT.len() as u64, sha256: Some(Digest::of(TEXT)) };
        for kind in [EncodingKind::Raw, EncodingKind::Zst, EncodingKind::Xz] {
            assert_eq!(decode(kind, &stored(kind), plain).unwrap(), TEXT, "{kind:?}");
        }
    }

    #[test]
    fn wrong_bytes_sizes_and_digests_are_named() {
        let size = TEXT.len() as u64;
        for kind in [EncodingKind::Raw, EncodingKind::Zst, EncodingKind::Xz] {
            let stored = stored(kind);
            let code = |stored: &[u8], plain| decode(kind, stored, plain).unwrap_err().code();
            let small = Plain { size: size - 1, sha256: None };
            assert_eq!(code(&stored, small), Code::Bomb, "{kind:?}");
            let large = Plain { size: size + 1, sha256: None };
            assert_eq!(code(&stored, large), Code::Tree, "{kind:?}");
            let other = Plain { size, sha256: Some(Digest::of(b"other")) };
            assert_eq!(code(&stored, other), Code::Tree, "{kind:?}");
            let good = Plain { size, sha256: Some(Digest::of(TEXT)) };
            assert_eq!(code(&stored[..stored.len() - 9], good), Code::Tree, "{kind:?}");
        }
    }
}
