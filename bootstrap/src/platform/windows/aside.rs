//! Replacing a program that runs.

use crate::disk;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// A program that runs cannot be replaced, but renamed: it goes aside, and comes back
/// when the new one cannot take its place. Between the two there is neither for a
/// moment; what is kept as `offgrid.before.exe` is there all the time.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let Err(error) = fs::rename(from, to) else { return Ok(()) };
    let aside = aside(to).filter(|_| error.kind() == ErrorKind::PermissionDenied && to.is_file());
    let Some(aside) = aside else { return Err(error) };
    // Of an earlier time; one that still runs is in the way, and is what is wrong.
    if disk::exists(&aside) {
        fs::remove_file(&aside)?;
    }
    fs::rename(to, &aside)?;
    if let Err(error) = fs::rename(from, to) {
        fs::rename(&aside, to)?;
        return Err(error);
    }
    // Fails as long as it runs; the next run removes it.
    let _ = fs::remove_file(&aside);
    Ok(())
}

pub(crate) fn aside(path: &Path) -> Option<PathBuf> {
    let is_program = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("exe"));
    is_program.then(|| path.with_extension("exe.old~"))
}
