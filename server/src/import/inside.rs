//! A look into an archive that is here: it is read to its end, so that half a
//! download is noticed where nobody published a digest, and the versions of glibc
//! that its programs need are measured. Unpacks nothing.

use super::Error;
use crate::build::{ArchiveKind, Selection};
use crate::disk::{self, failed};
use flate2::read::MultiGzDecoder;
use offgrid_manifest::TreePath;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// The latest glibc that a file needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Needed {
    /// The file, as it will lie in the tree.
    pub(super) file: String,
    /// Major and minor number.
    pub(super) glibc: (u32, u32),
}

/// Reads an archive to its end. Says which of the files that are kept needs the
/// latest glibc; a file that is no archive has none inside.
pub(super) fn look(path: &Path, selection: &mut Selection) -> Result<Option<Needed>, Error> {
    let Some(kind) = ArchiveKind::of(path) else { return Ok(None) };
    let broken = |source| Error::Broken { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed("open", path))?;
    let file = BufReader::with_capacity(1 << 18, file);
    match kind {
        ArchiveKind::Zip => zip(file),
        ArchiveKind::Tar => tar(file, selection),
        ArchiveKind::TarGz => tar(MultiGzDecoder::new(file), selection),
        ArchiveKind::TarXz => tar(liblzma::read::XzDecoder::new_multi_decoder(file), selection),
        ArchiveKind::TarZst => {
            zstd::Decoder::with_buffer(file).and_then(|decoder| tar(decoder, selection))
        }
    }
    .map_err(broken)
}

fn tar(mut reader: impl Read, selection: &mut Selection) -> io::Result<Option<Needed>> {
    let mut latest: Option<Needed> = None;
    let mut archive = tar::Archive::new(&mut reader);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name: Option<TreePath> = name.strip_prefix("./").unwrap_or(&name).parse().ok();
        let is_file = entry.header().entry_type().is_file();
        let place = name.filter(|_| is_file).and_then(|name| selection.place(&name));
        let glibc = glibc(&mut entry)?;
        let Some((place, glibc)) = place.zip(glibc) else { continue };
        if latest.as_ref().is_none_or(|latest| glibc > latest.glibc) {
            latest = Some(Needed { file: place.to_string(), glibc });
        }
    }
    // What follows the last entry: a compressed file is whole when its end is right.
    disk::copy(&mut reader, |_| Ok(()))?;
    Ok(latest)
}

fn zip(reader: impl Read + io::Seek) -> io::Result<Option<Needed>> {
    let mut archive = zip::ZipArchive::new(reader).map_err(io::Error::other)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(io::Error::other)?;
        disk::copy(&mut entry, |_| Ok(()))?;
    }
    Ok(None)
}

/// The latest `GLIBC_2.x` that an ELF file names; read to its end.
fn glibc(from: &mut impl Read) -> io::Result<Option<(u32, u32)>> {
    let (mut tail, mut is_elf, mut latest) = (Vec::new(), None, None);
    disk::copy(from, |bytes| {
        let mut window = std::mem::take(&mut tail);
        window.extend_from_slice(bytes);
        if is_elf.is_none() && window.len() >= 4 {
            is_elf = Some(window.starts_with(b"\x7fELF"));
        }
        if is_elf == Some(false) {
            return Ok(());
        }
        latest = latest.max(versions(&window));
        // A name may lie across two pieces.
        tail = window[window.len().saturating_sub(LONGEST)..].to_vec();
        Ok(())
    })?;
    Ok(latest)
}

const NAME: &[u8] = b"GLIBC_";
/// Of a name with its numbers and the NUL behind it.
const LONGEST: usize = 20;

/// Names of versions stand in a table of strings, each with a NUL behind it.
fn versions(bytes: &[u8]) -> Option<(u32, u32)> {
    let starts = bytes.windows(NAME.len()).enumerate().filter(|(_, name)| *name == NAME);
    let ends = starts.filter_map(|(at, _)| {
        let rest = &bytes[at + NAME.len()..];
        let end = rest.iter().take(LONGEST).position(|&c| c == 0)?;
        let text = std::str::from_utf8(&rest[..end]).ok()?;
        let mut numbers = text.split('.').map(|part| part.parse::<u32>().ok());
        Some((numbers.next()??, numbers.next()??))
    });
    ends.max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Option<(u32, u32)> {
        glibc(&mut &bytes[..]).unwrap()
    }

    #[test]
    fn the_latest_version_of_an_elf_file_counts() {
        let elf = b"\x7fELF..GLIBC_2.2.5\0GLIBC_2.38\0GLIBC_2.4\0GLIBC_PRIVATE\0GLIBCXX_3.4.32\0";
        assert_eq!(of(elf), Some((2, 38)));
        assert_eq!(of(b"\x7fELF..GLIBC_2.38 in a sentence"), None);
        assert_eq!(of(b"#!/bin/sh\n# GLIBC_2.99\0"), None);
        assert_eq!(of(b""), None);
    }

    #[test]
    fn a_name_that_lies_across_two_pieces_is_found() {
        struct Small<'a>(&'a [u8]);
        impl Read for Small<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let count = self.0.len().min(5).min(buffer.len());
                buffer[..count].copy_from_slice(&self.0[..count]);
                self.0 = &self.0[count..];
                Ok(count)
            }
        }
        let elf = b"\x7fELF and then GLIBC_2.35\0GLIBC_2.34\0";
        assert_eq!(glibc(&mut Small(elf)).unwrap(), Some((2, 35)));
    }
}
