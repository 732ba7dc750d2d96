//! Other programs of the same names on the PATH, and what that means for whoever
//! types them. Looks; changes nothing.

use crate::platform;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What is ours.
pub(crate) struct Own<'a> {
    /// The prefix: whatever lies in it, or is a link into it, is ours.
    pub(crate) prefix: &'a Path,
    /// What a person can type to start this installation, whatever is on the PATH.
    pub(crate) typed: &'a str,
    /// A folder with a link to it that new shells have in front.
    pub(crate) first: Option<&'a Path>,
}

/// Another program of a name of ours.
pub(crate) struct Other {
    /// Where.
    pub(crate) path: PathBuf,
    /// What is so.
    pub(crate) what: String,
    /// What to do.
    pub(crate) hint: String,
}

/// Every other `offgrid` and `llama-server`.
pub(crate) fn others(path: Option<&OsStr>, own: &Own<'_>) -> Vec<Other> {
    let on_path = path.into_iter().flat_map(std::env::split_paths);
    let first = own.first.map(Path::to_owned).into_iter();
    let folders: Vec<PathBuf> = first.chain(on_path).filter(|dir| dir.is_absolute()).collect();
    let found = named(&folders, "offgrid", own);
    let ours_wins = found.first().is_some_and(|found| found.is_ours);
    let mut others = Vec::new();
    for (index, Found { path, is_ours }) in found.into_iter().enumerate() {
        if is_ours {
            continue;
        }
        let another = format!("{} is another `offgrid`", path.display());
        let (what, hint) = match (index, ours_wins) {
            (0, _) => (
                format!("typing `offgrid` starts {}, not this installation", path.display()),
                format!("remove it if you do not need it, or type {}", own.typed),
            ),
            (_, true) => {
                let when = if own.first.is_some() { "in a new terminal, " } else { "" };
                let ours = "typing `offgrid` starts this installation";
                (another, format!("{when}{ours}; remove the other one if you do not need it"))
            }
            (_, false) => (another, "remove it if you do not need it".to_owned()),
        };
        others.push(Other { path, what, hint });
    }
    let engines = named(&folders, "llama-server", own).into_iter();
    others.extend(engines.filter(|found| !found.is_ours).map(|Found { path, .. }| Other {
        what: format!("{} is another llama.cpp", path.display()),
        hint: "this installation does not use it: it brings a `llama-server` of its own".to_owned(),
        path,
    }));
    others
}

struct Found {
    path: PathBuf,
    is_ours: bool,
}

/// Every program of this name, in the order in which a shell finds them. One that
/// is there under several names is named once.
fn named(folders: &[PathBuf], name: &str, own: &Own<'_>) -> Vec<Found> {
    let prefix = own.prefix.canonicalize().unwrap_or_else(|_| own.prefix.to_owned());
    let (mut seen, mut found) = (Vec::new(), Vec::new());
    for folder in folders {
        let path = folder.join(platform::exe_name(name));
        let Ok(real) = path.canonicalize() else { continue };
        if seen.contains(&real) || !is_program(&real) {
            continue;
        }
        found.push(Found { path, is_ours: real.starts_with(&prefix) });
        seen.push(real);
    }
    found
}

fn is_program(path: &Path) -> bool {
    path.is_file() && platform::mode_of(path).is_ok_and(|mode| mode & 0o111 != 0)
}
