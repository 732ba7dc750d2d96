//! Files: reading with a bound, writing so that a file is complete and durable
//! or not there at all. Never decides what is written.

use crate::platform;
use offgrid_manifest::{Code, Digest, Hasher};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file operation that did not work.
#[derive(Debug, thiserror::Error)]
#[error("could not {action} `{}`", path.display())]
pub struct Error {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// Names the operation and the path of an I/O error.
pub(crate) fn failed<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl Fn(io::Error) -> Error + use<'a> {
    move |source| Error { action, path: path.to_owned(), source }
}

impl Error {
    /// The stable name: permission and space have their own.
    pub fn code(&self) -> Code {
        match self.source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Code::Perm,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::Nospace,
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Code::Usage,
            io::ErrorKind::AlreadyExists => Code::Usage,
            _ => Code::State,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self.code() {
            Code::Perm => Some("run again as the owner of that path".into()),
            Code::Nospace => Some("make room and run the same command again".into()),
            _ => None,
        }
    }
}

/// The whole file, at most `max` bytes; `None` when there is none.
pub(crate) fn read_bounded(path: &Path, max: u64) -> Result<Option<Vec<u8>>, Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("open", path)(error)),
    };
    let mut bytes = Vec::new();
    // One byte more than allowed, so that the reader can see the excess.
    file.take(max.saturating_add(1)).read_to_end(&mut bytes).map_err(failed("read", path))?;
    Ok(Some(bytes))
}

/// Digest and size of a file.
pub(crate) fn hash(path: &Path) -> Result<(Digest, u64), Error> {
    let mut file = File::open(path).map_err(failed("open", path))?;
    let mut hasher = Hasher::new();
    copy(&mut file, |bytes| {
        hasher.update(bytes);
        Ok(())
    })
    .map_err(failed("read", path))?;
    Ok((hasher.clone().finish(), hasher.size()))
}

/// Gives everything that `from` has to `take`, in pieces.
pub(crate) fn copy(
    from: &mut (impl Read + ?Sized),
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => take(&buffer[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Hashes what passes to another writer.
pub(crate) struct Hashing<W> {
    inner: W,
    hasher: Hasher,
}

impl<W: Write> Hashing<W> {
    pub(crate) fn new(inner: W) -> Hashing<W> {
        Hashing { inner, hasher: Hasher::new() }
    }

    /// The writer, and digest and size of what passed.
    pub(crate) fn finish(self) -> (W, Digest, u64) {
        let size = self.hasher.size();
        (self.inner, self.hasher.finish(), size)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A folder with all folders above it, durable.
pub(crate) fn make_folder(path: &Path) -> Result<(), Error> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make_folder(parent)?;
    }
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(failed("make the folder", path)(error));
        }
        _ => {}
    }
    sync_parent(path)
}

/// Puts a finished temporary file in its place: flushed, renamed, durable.
pub(crate) fn place(temporary: NamedTempFile, path: &Path, mode: u32) -> Result<(), Error> {
    temporary.as_file().sync_all().map_err(failed("flush", temporary.path()))?;
    platform::set_mode(temporary.path(), mode).map_err(failed("set the mode of", path))?;
    temporary.persist(path).map_err(|error| failed("replace", path)(error.error))?;
    sync_parent(path)
}

fn sync_parent(path: &Path) -> Result<(), Error> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    platform::sync_folder(parent).map_err(failed("flush the folder", parent))
}
