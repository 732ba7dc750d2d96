//! Archives as sources: our own walk over tar and zip. The format crates say
//! what an entry is; what may be in a tree is the collector's to decide.

use super::source::{Collector, Error};
use crate::disk::{self, Hashing, failed};
use flate2::read::MultiGzDecoder;
use offgrid_manifest::{Digest, name};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, Write};
use std::path::Path;
use tar::EntryType;

impl Collector<'_> {
    /// An archive; the bytes that are unpacked are those that were hashed.
    pub(super) fn archive(&mut self, kind: Kind, wanted: Digest) -> Result<(), Error> {
        let mut file = File::open(self.source).map_err(failed("open", self.source))?;
        let mut hashing = Hashing::new(io::sink());
        disk::copy(&mut file, |bytes| hashing.write_all(bytes))
            .map_err(failed("read", self.source))?;
        self.same(wanted, hashing.finish().1)?;
        file.rewind().map_err(failed("read", self.source))?;
        let file = BufReader::with_capacity(1 << 18, file);
        match kind {
            Kind::Zip => self.zip(file),
            Kind::Tar => self.tar(file),
            Kind::TarGz => self.tar(MultiGzDecoder::new(file)),
            Kind::TarXz => self.tar(liblzma::read::XzDecoder::new_multi_decoder(file)),
            Kind::TarZst => {
                let decoder = zstd::Decoder::with_buffer(file).map_err(self.broken())?;
                self.tar(decoder)
            }
        }
    }

    fn tar(&mut self, reader: impl Read) -> Result<(), Error> {
        let broken = self.broken();
        let mut archive = tar::Archive::new(reader);
        for entry in archive.entries().map_err(&broken)? {
            let mut entry = entry.map_err(&broken)?;
            let text = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let target = |entry: &tar::Entry<'_, _>| match entry.link_name_bytes() {
                Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                None => String::new(),
            };
            match entry.header().entry_type() {
                EntryType::Regular => {
                    let mode = entry.header().mode().map_err(&broken)?;
                    self.file(&text, mode & 0o111 != 0, &mut entry)?;
                }
                EntryType::Directory if matches!(text.as_str(), "." | "./") => {}
                EntryType::Directory => {
                    self.name(text.strip_suffix('/').unwrap_or(&text))?;
                }
                EntryType::Symlink => self.link(&text, &target(&entry))?,
                EntryType::Link => self.hard_link(&text, &target(&entry))?,
                // A remark on the whole archive, as `git archive` writes it.
                EntryType::XGlobalHeader => {}
                _ => return self.refuse(&text, "neither file, folder nor link"),
            }
        }
        Ok(())
    }

    fn zip(&mut self, reader: impl Read + Seek) -> Result<(), Error> {
        let broken = self.broken();
        let broken = |error: zip::result::ZipError| broken(io::Error::other(error));
        let mut archive = zip::ZipArchive::new(reader).map_err(&broken)?;
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).map_err(&broken)?;
            let text = String::from_utf8_lossy(entry.name_raw()).into_owned();
            let mode = entry.unix_mode().unwrap_or(0o100_644);
            // The kind is in the upper bits, when the archive was made on Unix.
            match mode & 0o170_000 {
                _ if entry.is_dir() => {
                    self.name(text.strip_suffix('/').unwrap_or(&text))?;
                }
                0o120_000 => {
                    let mut target = String::new();
                    let mut bounded = (&mut entry).take(name::PATH_MAX as u64 + 1);
                    bounded.read_to_string(&mut target).map_err(self.broken())?;
                    self.link(&text, &target)?;
                }
                0 | 0o100_000 => self.file(&text, mode & 0o111 != 0, &mut entry)?,
                _ => return self.refuse(&text, "neither file, folder nor link"),
            }
        }
        Ok(())
    }
}

/// The archives that are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Tar,
    TarGz,
    TarXz,
    TarZst,
    Zip,
}

impl Kind {
    pub(crate) fn of(path: &Path) -> Option<Kind> {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        let kinds = [
            (".tar", Kind::Tar),
            (".tar.gz", Kind::TarGz),
            (".tgz", Kind::TarGz),
            (".tar.xz", Kind::TarXz),
            (".tar.zst", Kind::TarZst),
            (".zip", Kind::Zip),
        ];
        kinds.iter().find(|(end, _)| name.ends_with(end)).map(|(_, kind)| *kind)
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::Limits;
    use super::super::tree::Selection;
    use super::*;
    use offgrid_manifest::Code;

    fn collect(limits: Limits) -> Option<Code> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("zeros.tar.zst");
        let mut builder = tar::Builder::new(Vec::new());
        for name in ["a", "b", "c"] {
            let mut header = tar::Header::new_ustar();
            header.set_mode(0o644);
            header.set_size(100_000);
            builder.append_data(&mut header, name, io::repeat(0).take(100_000)).unwrap();
        }
        let bytes = zstd::encode_all(&builder.into_inner().unwrap()[..], 19).unwrap();
        std::fs::write(&path, &bytes).unwrap();
        let selection = Selection::new(0, &[], &[]).unwrap();
        let collector = Collector::new(&path, folder.path(), selection, limits);
        collector.collect(Some(Digest::of(&bytes)), None).err().map(|error| error.code())
    }

    #[test]
    fn an_archive_may_unpack_to_so_much_and_no_more() {
        assert_eq!(collect(Limits { entries: 3, bytes: 300_000 }), None);
        assert_eq!(collect(Limits { entries: 2, bytes: 300_000 }), Some(Code::Bomb));
        assert_eq!(collect(Limits { entries: 3, bytes: 299_999 }), Some(Code::Bomb));
    }
}
