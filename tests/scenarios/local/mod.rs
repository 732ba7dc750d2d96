//! Attacks by who is on the machine already (reference/trust.md 1.2): another
//! user, another program of the same user, or names and variables that are meant
//! to be read as something else. L1 to L6 are in `attacks/archives.rs`.

mod children;
mod deletes;
mod environment;
mod libraries;
mod names;
mod owners;
mod planted;
mod swapped;

use e2e::{Snapshot, World};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A folder beside the home with a file of somebody who is not to be harmed.
fn victim(world: &World) -> PathBuf {
    let folder = world.path("victim");
    fs::create_dir_all(folder.join("inner")).unwrap();
    fs::write(folder.join("file"), "theirs\n").unwrap();
    fs::write(folder.join("inner/file"), "theirs, too\n").unwrap();
    folder
}

/// Everything in the world but the depot, the lock of a prefix too.
fn all(world: &World) -> Snapshot {
    Snapshot::of(&world.path(""), &["depot"])
}

/// The folder of the slot of this release.
fn slot(prefix: &Path, version: &str) -> PathBuf {
    let target = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    prefix.join(format!("versions/{version}+{target}-cpu"))
}

/// A folder to which nobody but root can write, up to the root of the disk.
pub(crate) fn ground() -> Option<tempfile::TempDir> {
    for parent in ["/opt", "/usr/local", "/root", "/var/lib"].map(Path::new) {
        let safe = |path: &Path| {
            path.symlink_metadata()
                .is_ok_and(|meta| meta.is_dir() && meta.uid() == 0 && meta.mode() & 0o022 == 0)
        };
        if parent.ancestors().all(safe) {
            let made = tempfile::Builder::new().prefix("offgrid-e2e-").tempdir_in(parent);
            if let Ok(made) = made {
                return Some(made);
            }
        }
    }
    eprintln!("skipped: no folder here that only root, as whom this must run, may write to");
    None
}
