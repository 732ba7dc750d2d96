//! Decodes one encoding within the bounds that a client has, and compares what
//! comes out with what was promised. One frame, nothing after it.

use offgrid_manifest::parts::{Encoding, EncodingKind, File, WINDOW_MAX};
use offgrid_manifest::{Code, Digest, Hasher, Parts, Pin};
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use tar::EntryType;

/// Memory for an xz dictionary of the allowed size, and its tables.
const XZ_MEMORY: u64 = WINDOW_MAX + (1 << 20);

/// Why an encoding is refused.
pub(super) struct Fault {
    pub(super) code: Code,
    pub(super) what: String,
}

fn fault(code: Code, what: impl Into<String>) -> Fault {
    Fault { code, what: what.into() }
}

/// Bytes that cannot be decoded do not have the promised digest.
impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        fault(Code::Hash, format!("it cannot be decoded: {error}"))
    }
}

type Source = BufReader<std::fs::File>;

/// A bounded decoder of any kind.
enum Decoder {
    Zst(zstd::Decoder<'static, Source>),
    Xz(liblzma::bufread::XzDecoder<Source>),
    Raw(Source),
}

impl Decoder {
    fn open(path: &Path, kind: EncodingKind) -> Result<Decoder, Fault> {
        let source = BufReader::with_capacity(1 << 17, std::fs::File::open(path)?);
        Ok(match kind {
            EncodingKind::Zst => {
                let mut decoder = zstd::Decoder::with_buffer(source)?.single_frame();
                decoder.window_log_max(WINDOW_MAX.ilog2())?;
                Decoder::Zst(decoder)
            }
            EncodingKind::Xz => {
                let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, 0);
                let stream = stream.map_err(io::Error::from)?;
                Decoder::Xz(liblzma::bufread::XzDecoder::new_stream(source, stream))
            }
            EncodingKind::Raw => Decoder::Raw(source),
            EncodingKind::Unknown => {
                return Err(fault(Code::Schema, "an encoding that this program does not know"));
            }
        })
    }

    /// Nothing may follow the one frame.
    fn finish(self) -> Result<(), Fault> {
        let mut rest = match self {
            Decoder::Zst(decoder) => decoder.finish(),
            Decoder::Xz(decoder) => decoder.into_inner(),
            Decoder::Raw(source) => source,
        };
        if !rest.fill_buf()?.is_empty() {
            return Err(fault(Code::Size, "there are bytes after its end"));
        }
        Ok(())
    }
}

impl Read for Decoder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Decoder::Zst(decoder) => decoder.read(buffer),
            Decoder::Xz(decoder) => decoder.read(buffer),
            Decoder::Raw(source) => source.read(buffer),
        }
    }
}

/// Counts and hashes what is read, and stops one byte above the limit.
struct Bounded {
    inner: Decoder,
    limit: u64,
    hasher: Hasher,
}

impl Bounded {
    fn open(path: &Path, kind: EncodingKind, limit: u64) -> Result<Bounded, Fault> {
        Ok(Bounded { inner: Decoder::open(path, kind)?, limit, hasher: Hasher::new() })
    }

    /// Reads what is left; the size must be the limit exactly.
    fn finish(mut self) -> Result<Digest, Fault> {
        io::copy(&mut self, &mut io::sink())?;
        let size = self.hasher.size();
        if size > self.limit {
            return Err(fault(Code::Bomb, format!("more than {} bytes", self.limit)));
        }
        if size < self.limit {
            return Err(fault(Code::Size, format!("{size} bytes instead of {}", self.limit)));
        }
        self.inner.finish()?;
        Ok(self.hasher.finish())
    }
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.limit.saturating_add(1).saturating_sub(self.hasher.size());
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.inner.read(&mut buffer[..most])?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

/// A file of its own.
pub(super) fn file(path: &Path, encoding: &Encoding, plain: Pin) -> Result<(), Fault> {
    let found = Bounded::open(path, encoding.kind, plain.size)?.finish()?;
    if found != plain.sha256 {
        return Err(fault(Code::Hash, format!("it becomes {found}, not {}", plain.sha256)));
    }
    Ok(())
}

/// A pack: exactly the packed files, each as it is promised, none twice.
pub(super) fn pack(
    path: &Path,
    encoding: &Encoding,
    size: u64,
    parts: &Parts,
) -> Result<(), Fault> {
    let mut wanted: BTreeMap<&str, &File> =
        parts.packed().map(|file| (file.path.as_str(), file)).collect();
    let mut archive = tar::Archive::new(Bounded::open(path, encoding.kind, size)?);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let refuse = |what: &str| fault(Code::Tree, format!("`{}` {what}", name.escape_default()));
        if entry.header().entry_type() != EntryType::Regular {
            return Err(fault(Code::Entry, format!("`{}` is no file", name.escape_default())));
        }
        let file = wanted.remove(name.as_str()).ok_or_else(|| refuse("is not listed"))?;
        if entry.header().mode()? != file.mode.bits() {
            return Err(refuse("has another mode"));
        }
        let mut hasher = Hasher::new();
        crate::disk::copy(&mut entry, |bytes| {
            hasher.update(bytes);
            Ok(())
        })?;
        if hasher.size() != file.size || hasher.finish() != file.sha256 {
            return Err(refuse("has other bytes"));
        }
    }
    if let Some(name) = wanted.keys().next() {
        return Err(fault(Code::Tree, format!("`{name}` is missing")));
    }
    archive.into_inner().finish()?;
    Ok(())
}
