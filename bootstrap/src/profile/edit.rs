//! The block in a file on disk: what is there, putting it in, giving back what
//! was there. A link stays a link: what it leads to is replaced, by one rename.
//!
//! Touches no file that is not plainly this user's own and text; says why
//! instead.

use super::Error;
use super::block::{self, Found};
use crate::{disk, platform};
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Larger profiles are nobody's handwork.
const SIZE_MAX: u64 = 4 * 1024 * 1024;
/// Of a profile that is made.
const MODE: u32 = 0o644;

/// What a file was before a block was put in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// The whole block that was there, with its markers.
    pub was: Option<String>,
    /// The outermost thing that was not there: the file itself, or a folder above.
    pub top: Option<PathBuf>,
    /// Where the file ended, when its last line had to be ended before the block.
    pub joint: Option<u64>,
}

/// What lies where a profile is to be.
enum Looked {
    Missing { top: PathBuf },
    File { real: PathBuf, bytes: Vec<u8> },
}

/// How a file becomes one with the block.
enum Work {
    Nothing,
    Make { before: Before },
    Write { real: PathBuf, bytes: Vec<u8>, before: Before },
}

/// How to give back what is there now; `None` when the block stands there already.
///
/// # Errors
/// `LeftAlone` for a file that is not to be touched.
pub(crate) fn prepare(path: &Path, text: &str) -> Result<Option<Before>, Error> {
    Ok(match work(path, text)? {
        Work::Nothing => None,
        Work::Make { before } | Work::Write { before, .. } => Some(before),
    })
}

/// Puts the block in. Safe to call again.
///
/// # Errors
/// `LeftAlone` for a file that is not to be touched or cannot be written; any
/// other file operation.
pub(crate) fn put(path: &Path, text: &str) -> Result<(), Error> {
    match work(path, text)? {
        Work::Nothing => {}
        Work::Make { .. } => {
            path.parent().map_or(Ok(()), disk::make_dirs)?;
            disk::write(path, text.as_bytes(), MODE)?;
        }
        Work::Write { real, bytes, .. } => disk::rewrite(&real, &bytes)?,
    }
    Ok(())
}

/// Makes the block what it was before, and changes nothing else. One that somebody
/// took out meanwhile stays out; a file of ours that holds nothing else goes. Safe
/// to call again.
///
/// # Errors
/// As [`put`].
pub(crate) fn restore(path: &Path, before: &Before) -> Result<(), Error> {
    // A cut may have left it under the name that it is written with.
    disk::remove_file(&disk::beside(path))?;
    let Looked::File { real, bytes } = look(path)? else { return Ok(()) };
    disk::remove_file(&disk::beside(&real))?;
    let left = match (found(path, &bytes)?, &before.was) {
        (None, _) => bytes.clone(),
        (Some(range), Some(was)) => block::put(&bytes, Some(range), was),
        (Some(range), None) => block::take(&bytes, range, before.joint),
    };
    if left.is_empty() && before.top.is_some() && real == path {
        disk::remove_file(path)?;
    } else if left != bytes {
        disk::rewrite(&real, &left)?;
    }
    Ok(())
}

/// Whether a block is in a file.
pub(crate) fn holds(path: &Path) -> bool {
    match look(path) {
        Ok(Looked::File { bytes, .. }) => matches!(block::find(&bytes), Found::At(_)),
        _ => false,
    }
}

fn work(path: &Path, text: &str) -> Result<Work, Error> {
    let (real, bytes) = match look(path)? {
        Looked::Missing { top } => {
            let before = Before { top: Some(top), ..Before::default() };
            return Ok(Work::Make { before });
        }
        Looked::File { real, bytes } => (real, bytes),
    };
    let range = found(path, &bytes)?;
    let was = range.clone().map(|range| String::from_utf8_lossy(&bytes[range]).into_owned());
    if was.as_deref() == Some(text) {
        return Ok(Work::Nothing);
    }
    let joint = if was.is_none() { block::joint(&bytes) } else { None };
    let bytes = block::put(&bytes, range, text);
    Ok(Work::Write { real, bytes, before: Before { was, top: None, joint } })
}

/// Where the block is, when it is one and text.
fn found(path: &Path, bytes: &[u8]) -> Result<Option<std::ops::Range<usize>>, Error> {
    let damaged = |what: &str| {
        let why =
            format!("has {what}; take out all from `{}` to `{}` by hand", block::BEGIN, block::END);
        Error::LeftAlone { path: path.to_owned(), why }
    };
    match block::find(bytes) {
        Found::None => Ok(None),
        Found::At(range) if std::str::from_utf8(&bytes[range.clone()]).is_ok() => Ok(Some(range)),
        Found::At(_) => Err(damaged("lines between our markers that are not ours")),
        Found::Damaged(what) => Err(damaged(what)),
    }
}

fn look(path: &Path) -> Result<Looked, Error> {
    let left_alone = |why: String| Error::LeftAlone { path: path.to_owned(), why };
    let meta = match path.symlink_metadata() {
        Err(error) if disk::is_absent(&error) => return look_above(path),
        meta => disk::at("look at", path, meta)?,
    };
    let real = if meta.is_symlink() {
        let target = path.canonicalize();
        target.map_err(|error| left_alone(format!("is a link that leads nowhere ({error})")))?
    } else {
        path.to_owned()
    };
    if let Some(why) = disk::at("look at", &real, platform::foreign(&real))? {
        return Err(left_alone(why));
    }
    // Whoever took the right to write away from the owner meant it.
    if meta.is_file() && disk::at("look at", &real, platform::mode_of(&real))? & 0o200 == 0 {
        return Err(left_alone("is read-only".to_owned()));
    }
    let opened = disk::at("write", &real, platform::open_own(&real))?;
    let file = opened.ok_or_else(|| left_alone("is no file with one name alone".to_owned()))?;
    let mut bytes = Vec::new();
    disk::at("read", &real, file.take(SIZE_MAX + 1).read_to_end(&mut bytes))?;
    if bytes.len() as u64 > SIZE_MAX {
        return Err(left_alone(format!("has more than {SIZE_MAX} bytes")));
    }
    // Text of two bytes a letter, which PowerShell on Windows writes.
    if bytes.contains(&0) || bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(left_alone("is not text in UTF-8".to_owned()));
    }
    Ok(Looked::File { real, bytes })
}

/// What is missing, when it can be made.
fn look_above(path: &Path) -> Result<Looked, Error> {
    let left_alone = |why: String| Error::LeftAlone { path: path.to_owned(), why };
    let missing = path.ancestors().take_while(|path| !disk::exists(path)).last();
    let top = missing.unwrap_or(path);
    let above = top.parent().unwrap_or(top).canonicalize();
    let above = above.map_err(|error| left_alone(format!("cannot be made ({error})")))?;
    if !above.is_dir() {
        return Err(left_alone(format!("cannot be made: {} is no folder", above.display())));
    }
    match disk::at("look at", &above, platform::foreign(&above))? {
        Some(why) => Err(left_alone(format!("cannot be made: {} {why}", above.display()))),
        None => Ok(Looked::Missing { top: top.to_owned() }),
    }
}
