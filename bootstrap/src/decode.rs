//! From stored bytes to plain ones: decompressed, hashed and bounded while they
//! pass, with the memory that the format allows and no more (DESIGN 5: windows
//! and dictionaries of at most 8 MiB; reference/trust.md L6).
//!
//! Writes wherever it is told to; opens nothing itself.

use crate::disk;
use crate::error::Error as Any;
use crate::fetch::Consumer;
use crate::unpack::Error;
use liblzma::stream as xz;
use offgrid_manifest::parts::{EncodingKind, WINDOW_MAX};
use offgrid_manifest::{Digest, Hasher};
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
pub struct Decoder<W: Write> {
    inner: Inner<W>,
    path: PathBuf,
}

enum Inner<W: Write> {
    Raw(Writer<W>),
    Zst(zstd::stream::write::Decoder<'static, Writer<W>>),
    Xz(liblzma::write::XzDecoder<Writer<W>>),
}

/// The binary logarithm of [`WINDOW_MAX`].
const WINDOW_LOG_MAX: u32 = WINDOW_MAX.ilog2();
/// What an xz decoder needs beside its dictionary.
const XZ_OVERHEAD: u64 = 1024 * 1024;
/// `ZSTD_error_frameParameter_windowTooLarge` (zstd_errors.h, stable since 1.3).
const WINDOW_TOO_LARGE: usize = 16;

impl<W: Write> Decoder<W> {
    /// Into an empty file; `path` names it in errors.
    ///
    /// # Errors
    /// `E_SCHEMA` for an encoding that nobody knows; no memory.
    pub fn new(kind: EncodingKind, into: W, path: &Path, plain: Plain) -> Result<Self, Any> {
        let writer = Writer { into, hasher: Hasher::new(), plain };
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
                let stream = xz::Stream::new_stream_decoder(limit, 0).map_err(io::Error::from);
                let stream = disk::at("unpack", path, stream)?;
                Inner::Xz(liblzma::write::XzDecoder::new_stream(writer, stream))
            }
            EncodingKind::Unknown => return Err(Error::Encoding.into()),
        };
        Ok(Decoder { inner, path: path.to_owned() })
    }

    fn failed(&self, source: io::Error) -> Any {
        let path = self.path.clone();
        if is_bomb(&source) {
            return Error::Bomb { path }.into();
        }
        // Decoders report damage as one of these; the rest is the disk's.
        match source.kind() {
            io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::Other
            | io::ErrorKind::WriteZero => Error::Damaged { path, source }.into(),
            _ => disk::Error { op: "write", path, source }.into(),
        }
    }
}

/// More bytes, or more memory to get them, than may be.
fn is_bomb(error: &io::Error) -> bool {
    let Some(inner) = error.get_ref() else { return false };
    // The zstd crate passes the library's name of the error on, not its number.
    inner.is::<Bomb>()
        || matches!(inner.downcast_ref(), Some(xz::Error::MemLimit))
        || inner.to_string() == zstd::zstd_safe::get_error_name(WINDOW_TOO_LARGE.wrapping_neg())
}

impl<W: Write> Consumer for Decoder<W> {
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
struct Writer<W> {
    into: W,
    hasher: Hasher,
    plain: Plain,
}

/// More plain bytes than were signed for.
#[derive(Debug, thiserror::Error)]
#[error("more bytes than were signed for")]
struct Bomb;

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.hasher.size() + bytes.len() as u64 > self.plain.size {
            return Err(io::Error::other(Bomb));
        }
        let written = self.into.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.into.flush()
    }
}

#[cfg(test)]
mod tests;
