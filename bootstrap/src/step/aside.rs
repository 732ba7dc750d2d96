//! Files and trees that wait until a run is over: moved out of the way, so that
//! they can be put back whole, and removed at the end. Where a folder cannot be
//! moved, as in a lower layer of a container's image, it stays where it is until
//! then.

use super::Undo;
use crate::disk;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Moves a file or tree into the trash. A file on another file system cannot be
/// renamed there; it waits beside its place.
pub(super) fn set_aside(path: &Path, trash: &Path) -> Result<(), disk::Error> {
    if let Some(folder) = trash.parent() {
        disk::make_dirs(folder)?;
    }
    // After a power cut both names may be there.
    disk::remove_tree(trash)?;
    match disk::rename(path, trash) {
        Err(error) if error.source.kind() == ErrorKind::CrossesDevices && path.is_dir() => Ok(()),
        result => result,
    }
}

/// Removes a tree that could not be moved, when the run is over, but for the files of
/// others in it. Safe to call again.
///
/// # Errors
/// Any file operation.
pub(crate) fn remove_left(undo: &Undo, keep: &[String]) -> Result<(), disk::Error> {
    match undo {
        Undo::RemoveTree { path } if keep.is_empty() => disk::remove_tree(path),
        Undo::RemoveTree { path } if disk::is_there(path)? => remove_but(path, "", keep),
        _ => Ok(()),
    }
}

fn remove_but(folder: &Path, under: &str, keep: &[String]) -> Result<(), disk::Error> {
    for entry in disk::at("list", folder, fs::read_dir(folder))? {
        let entry = disk::at("list", folder, entry)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let name = if under.is_empty() { name } else { format!("{under}/{name}") };
        let (path, kind) = (entry.path(), entry.file_type());
        if disk::at("look at", &path, kind)?.is_dir() {
            remove_but(&path, &name, keep)?;
        } else if !keep.contains(&name) {
            disk::remove_file(&path)?;
        }
    }
    disk::remove_dir(folder).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_put_into_a_tree_stays_where_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("slot");
        for folder in ["a/b", "c"] {
            fs::create_dir_all(path.join(folder)).unwrap();
        }
        for file in ["a/ours", "a/b/theirs", "c/ours", "ours"] {
            fs::write(path.join(file), "").unwrap();
        }
        let undo = Undo::RemoveTree { path: path.clone() };
        for _ in 0..2 {
            remove_left(&undo, &["a/b/theirs".to_owned()]).unwrap();
            assert!(path.join("a/b/theirs").exists());
            assert!(!path.join("a/ours").exists() && !path.join("c").exists());
        }
        for _ in 0..2 {
            remove_left(&undo, &[]).unwrap();
            assert!(!path.exists());
        }
    }
}
