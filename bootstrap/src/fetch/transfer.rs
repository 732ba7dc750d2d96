//! One transfer: hashed while it passes, written to the partial download, handed
//! to the consumer, and put in place when size and digest are right.

use super::judge::Judge;
use super::pace::Pace;
use super::{Consumer, Error, Wanted, name_of};
use crate::error::Error as Any;
use crate::run;
use crate::source::{self, Sources};
use crate::{disk, platform};
use offgrid_manifest::Hasher;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The bytes that are on disk, then the stream's; whole and right, or an error.
#[expect(clippy::disallowed_methods, reason = "what is half there is cut before it grows")]
pub(super) fn transfer<C: Consumer>(
    sources: &Sources,
    wanted: &Wanted<'_>,
    stream: Option<source::Stream>,
    consumer: &mut impl FnMut() -> Result<C, Any>,
    progress: &mut dyn FnMut(i64),
) -> Result<(), Any> {
    let Wanted { pin, partial, .. } = wanted;
    check_size(wanted, stream.as_ref())?;
    let mut consumer = Judge::new(consumer()?);
    let mut hasher = Hasher::new();
    let mut file = disk::at("open", partial, open_partial(partial))?;
    let from = stream.as_ref().map_or(pin.size, |stream| stream.from);
    let mut bytes = vec![0; 256 * 1024];
    // What an earlier run left, up to where the source goes on.
    let mut left = from;
    while left > 0 {
        let room = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = disk::at("read", partial, disk::read_some(&mut file, &mut bytes[..room]))?;
        if read == 0 {
            return Err(Error::Changed { path: partial.to_path_buf() }.into());
        }
        hasher.update(&bytes[..read]);
        consumer.take(&bytes[..read])?;
        progress(read as i64);
        left -= read as u64;
    }
    let cut = file.set_len(from).and_then(|()| file.seek(SeekFrom::Start(from)));
    disk::at("write", partial, cut)?;
    if let Some(stream) = stream {
        let mut pace = Pace::new(sources);
        let mut body = stream.body;
        while let Some(read) = next(sources, wanted, &mut body, &mut bytes)? {
            hasher.update(&bytes[..read]);
            if hasher.size() > pin.size {
                let what = name_of(wanted);
                return discard(wanted, Error::Size { what, found: hasher.size(), size: pin.size });
            }
            disk::at("write", partial, file.write_all(&bytes[..read]))?;
            consumer.take(&bytes[..read])?;
            progress(read as i64);
            pace.after(read, sources, wanted)?;
        }
    }
    let found = hasher.size();
    if found < pin.size {
        let source = io::Error::from(io::ErrorKind::UnexpectedEof);
        return Err(source::Error::broken(&name_of(wanted), source).into());
    }
    if hasher.finish() != pin.sha256 {
        return discard(wanted, Error::Digest { what: name_of(wanted) });
    }
    consumer.end()?;
    finish(wanted, &file)
}

/// Puts the file in place that was hashed and is still open: a name that led to
/// another one meanwhile is taken away.
fn finish(wanted: &Wanted<'_>, file: &File) -> Result<(), Any> {
    let Wanted { partial, finished, .. } = wanted;
    // Not durable: a later run hashes it again.
    disk::shift(partial, finished)?;
    if disk::at("look at", finished, platform::is_same_file(file, finished))? {
        return Ok(());
    }
    disk::remove_file(finished)?;
    Err(Error::Changed { path: finished.to_path_buf() }.into())
}

/// Refuses before the first byte a file that says itself that it is another one.
fn check_size(wanted: &Wanted<'_>, stream: Option<&source::Stream>) -> Result<(), Error> {
    match stream.and_then(|stream| stream.size) {
        Some(found) if found != wanted.pin.size => {
            Err(Error::Size { what: name_of(wanted), found, size: wanted.pin.size })
        }
        _ => Ok(()),
    }
}

/// Throws a poisoned partial away, so that the next source begins anew.
fn discard(wanted: &Wanted<'_>, error: Error) -> Result<(), Any> {
    disk::remove_file(wanted.partial)?;
    Err(error.into())
}

/// Reads the next bytes; `None` at the end.
fn next(
    sources: &Sources,
    wanted: &Wanted<'_>,
    body: &mut dyn Read,
    bytes: &mut [u8],
) -> Result<Option<usize>, Any> {
    if sources.stop().is_set() {
        return Err(run::Error::Interrupted.into());
    }
    match disk::read_some(body, bytes) {
        Ok(0) => Ok(None),
        Ok(read) => Ok(Some(read)),
        Err(_) if sources.stop().is_set() => Err(run::Error::Interrupted.into()),
        Err(error) => Err(source::Error::broken(&name_of(wanted), error).into()),
    }
}

/// Opens a partial download for reading and writing.
fn open_partial(path: &Path) -> io::Result<File> {
    own(path)?.map_or_else(|| platform::create_new(path, 0o600), Ok)
}

/// The partial download, when there is one. What is there and is no file of our
/// own alone goes: writing to it could be writing to another one.
#[expect(clippy::disallowed_methods, reason = "the caller names the path")]
pub(super) fn own(path: &Path) -> io::Result<Option<File>> {
    match platform::open_own(path) {
        Ok(None) => std::fs::remove_file(path).map(|()| None),
        Err(error) if disk::is_absent(&error) => Ok(None),
        opened => opened,
    }
}
