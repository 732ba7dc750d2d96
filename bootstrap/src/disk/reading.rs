//! Reading whole files that are small.

use super::{Error, is_absent};
use crate::platform;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

/// Reads a file of at most `max` bytes; `None` when there is none.
///
/// # Errors
/// Any I/O error; a larger file is one.
pub fn read(path: &Path, max: u64) -> Result<Option<Vec<u8>>, Error> {
    whole(path, max, File::open(path))
}

/// The same for what somebody else may have put there: nothing but a plain file is read,
/// and nobody is waited for.
///
/// # Errors
/// As [`read`].
pub fn read_plain(path: &Path, max: u64) -> Result<Option<Vec<u8>>, Error> {
    whole(path, max, platform::open_plain(path, false))
}

/// The last lines of a file that may be of any size, as far as they stand in its last `max`
/// bytes; none when there is no such file.
///
/// # Errors
/// Any I/O error.
pub fn last_lines(path: &Path, lines: usize, max: u64) -> Result<Vec<String>, Error> {
    let error = |source| Error { op: "read", path: path.to_owned(), source };
    let mut file = match platform::open_plain(path, true) {
        Ok(file) => file,
        Err(source) if is_absent(&source) => return Ok(Vec::new()),
        Err(source) => return Err(error(source)),
    };
    let size = file.metadata().map_err(error)?.len();
    let from = size.saturating_sub(max);
    file.seek(SeekFrom::Start(from)).map_err(error)?;
    let mut bytes = Vec::new();
    // It may grow meanwhile.
    file.take(max).read_to_end(&mut bytes).map_err(error)?;
    let text = String::from_utf8_lossy(&bytes);
    // The first one has no beginning there.
    let all: Vec<&str> = text.lines().skip(usize::from(from > 0)).collect();
    Ok(all[all.len().saturating_sub(lines)..].iter().map(|line| (*line).to_owned()).collect())
}

/// Opens a plain file for reading, wherever its name leads.
///
/// # Errors
/// Any; what is there and is no plain file is one.
pub fn open_plain(path: &Path) -> io::Result<File> {
    platform::open_plain(path, true)
}

fn whole(path: &Path, max: u64, opened: io::Result<File>) -> Result<Option<Vec<u8>>, Error> {
    let error = |source| Error { op: "read", path: path.to_owned(), source };
    let file = match opened {
        Ok(file) => file,
        Err(source) if is_absent(&source) => return Ok(None),
        Err(source) => return Err(error(source)),
    };
    let mut bytes = Vec::new();
    file.take(max + 1).read_to_end(&mut bytes).map_err(error)?;
    if bytes.len() as u64 > max {
        let too_large = format!("more than {max} bytes");
        return Err(error(io::Error::new(ErrorKind::FileTooLarge, too_large)));
    }
    Ok(Some(bytes))
}
