//! A depot in a folder: a stick, a share, a copy.

use super::{Error, Stream};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A whole small file.
pub(super) fn read(folder: &Path, path: &str, max: u64, strict: bool) -> Result<Vec<u8>, Error> {
    let (file, at) = find(folder, path, strict)?;
    let mut bytes = Vec::new();
    let read = file.take(max + 1).read_to_end(&mut bytes);
    read.map_err(|source| Error::Folder { path: at.clone(), source })?;
    if bytes.len() as u64 > max {
        return Err(Error::TooLarge { url: at.display().to_string(), max });
    }
    Ok(bytes)
}

/// A large file from `from` on.
pub(super) fn open(folder: &Path, path: &str, from: u64, strict: bool) -> Result<Stream, Error> {
    let (mut file, at) = find(folder, path, strict)?;
    let sought = file.metadata().and_then(|meta| {
        file.seek(SeekFrom::Start(from))?;
        Ok(meta.len())
    });
    let size = sought.map_err(|source| Error::Folder { path: at, source })?;
    Ok(Stream { body: Box::new(file), from, size: Some(size) })
}

/// `strict`: no link leads to it.
fn find(folder: &Path, path: &str, strict: bool) -> Result<(File, PathBuf), Error> {
    let at = folder.join(path);
    let opened = match strict {
        true => crate::platform::Folder::open(folder).and_then(|folder| folder.read(path)),
        false => File::open(&at),
    };
    let opened = opened.and_then(|file| {
        // A pipe or device in its place would make a read wait for ever.
        let plain = file.metadata()?.is_file();
        plain.then_some(file).ok_or_else(|| io::Error::other("not a file"))
    });
    match opened {
        Ok(file) => Ok((file, at)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(Error::Absent { url: at.display().to_string() })
        }
        Err(source) => Err(Error::Folder { path: at, source }),
    }
}
