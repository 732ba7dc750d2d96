//! The pack: a tar of a tree's small files. Reproducible: sorted, owner 0, one
//! time for all, modes from the document.

use super::tree::Tree;
use crate::depot::Depot;
use crate::disk::{self, Hashing, failed};
use offgrid_manifest::Pin;
use offgrid_manifest::parts::OWN_BLOB_MIN;
use std::fs::File;
use std::io::{self, BufWriter};
use tar::{Builder, EntryType, Header};
use tempfile::NamedTempFile;

/// The tar of all files below the size of an own blob; `None` without any.
pub(crate) fn write(
    depot: &Depot,
    tree: &Tree,
    epoch: u64,
) -> Result<Option<(NamedTempFile, Pin)>, disk::Error> {
    let mut small = tree.files.iter().filter(|(_, entry)| entry.size < OWN_BLOB_MIN).peekable();
    if small.peek().is_none() {
        return Ok(None);
    }
    let temporary = depot.temporary()?;
    let place = temporary.path().to_owned();
    let mut builder = Builder::new(Hashing::new(BufWriter::new(temporary)));
    for (path, entry) in small {
        let mut file = File::open(&entry.at).map_err(failed("open", &entry.at))?;
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(entry.mode.bits());
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(epoch);
        header.set_size(entry.size);
        let added = builder.append_data(&mut header, path.as_str(), &mut file);
        added.map_err(failed("pack", &entry.at))?;
    }
    let finish = || -> io::Result<_> {
        let (writer, sha256, size) = builder.into_inner()?.finish();
        Ok((writer.into_inner().map_err(io::IntoInnerError::into_error)?, Pin { sha256, size }))
    };
    finish().map(Some).map_err(failed("write", &place))
}
