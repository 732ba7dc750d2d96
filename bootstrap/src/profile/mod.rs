//! Shell profiles: how a new terminal finds `offgrid`, and what else is found
//! under that name.
//!
//! Owns which profiles of which shells get a block, what stands in it, and how it
//! is put in and taken out of a file. Decides from [`Env`] and from what is on
//! disk; only the steps (`step/`) change anything. A profile that is left alone is
//! a note, never a failure: everything works by its full name.

mod block;
mod edit;
mod files;
mod shadow;
mod text;

pub use edit::Before;
pub(crate) use edit::{holds, prepare, put, restore};
pub(crate) use shadow::{Other, Own, others};
pub(crate) use text::Shell;

use crate::disk;
use crate::env::Env;
use crate::step::Step;
use offgrid_manifest::Code;
use std::path::{Path, PathBuf};

/// Why a profile is not edited.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not ours to touch, or cannot be written.
    #[error("{} {why}", path.display())]
    LeftAlone {
        /// The file.
        path: PathBuf,
        /// Why, in words that follow its name.
        why: String,
    },
    /// A file operation failed.
    #[error(transparent)]
    Disk(disk::Error),
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::LeftAlone { .. } => Code::Perm,
            Error::Disk(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::LeftAlone { .. } => Some("leave your profiles out: --no-modify-path".into()),
            Error::Disk(error) => error.hint(),
        }
    }
}

impl From<disk::Error> for Error {
    fn from(error: disk::Error) -> Error {
        if error.code() != Code::Perm {
            return Error::Disk(error);
        }
        let why = format!("cannot be written ({})", error.source);
        Error::LeftAlone { path: error.path, why }
    }
}

/// One block for one profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    pub(crate) shell: Shell,
    /// The profile.
    pub path: PathBuf,
    /// The whole block.
    pub text: String,
}

impl Edit {
    /// The step that does it.
    pub(crate) fn step(&self) -> Step {
        Step::EditBlock { path: self.path.clone(), text: self.text.clone() }
    }
}

/// What is to be edited, and what is not.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    /// Profiles in which the block does not stand yet.
    pub(crate) edits: Vec<Edit>,
    /// Profiles in which it does.
    pub(crate) standing: Vec<PathBuf>,
    /// Why some are left alone, and the line to add by hand.
    pub(crate) notes: Vec<(String, String)>,
}

/// Whether a folder is among those of a PATH.
pub(crate) fn on_path(env: &Env, folder: &Path) -> bool {
    let Some(path) = env.var("PATH") else { return false };
    let real = folder.canonicalize().ok();
    std::env::split_paths(path)
        .filter(|entry| entry.is_absolute())
        .any(|entry| entry == folder || (real.is_some() && entry.canonicalize().ok() == real))
}

/// Works out the blocks that put `folder` on the PATH of new shells.
pub(crate) fn edits(env: &Env, folder: &Path) -> Edits {
    let mut found = Edits::default();
    let Some(name) = folder.to_str().filter(|name| text::can_name(name)) else {
        let what = format!("{} cannot stand on the PATH, because of its name", folder.display());
        let hint = "start this installation by its full name";
        return Edits { notes: vec![(what, hint.to_owned())], ..found };
    };
    let mut seen = Vec::new();
    for files::Profile { shell, path } in files::profiles(env, &disk::exists) {
        // Two names for one file, as in repositories of dotfiles.
        let real = path.canonicalize().unwrap_or_else(|_| path.clone());
        if seen.contains(&real) {
            continue;
        }
        seen.push(real);
        let text = text::block(shell, name);
        let left_alone = |why: &dyn std::fmt::Display| {
            let line = text::line(shell, name);
            (format!("{why}; it was left alone"), format!("add this line to it yourself: {line}"))
        };
        if path.to_str().is_none() {
            let why = format!("{} is not a name in UTF-8", path.display());
            found.notes.push(left_alone(&why));
            continue;
        }
        match prepare(&path, &text) {
            Ok(Some(_)) => found.edits.push(Edit { shell, path, text }),
            Ok(None) => found.standing.push(path),
            Err(error) => found.notes.push(left_alone(&error)),
        }
    }
    found
}

/// The line that puts a folder on the PATH, in the words of the person's shell.
pub(crate) fn line(env: &Env, folder: &str) -> String {
    text::line(files::login_shell(env).unwrap_or(Shell::Sh), folder)
}

/// What to type so that the shell in which this runs finds `offgrid` too.
pub(crate) fn now(env: &Env, edited: &[PathBuf]) -> String {
    let again = files::login_shell(env).and_then(|login| {
        let profiles = files::profiles(env, &disk::exists);
        let of = |shell| {
            let mut own = profiles.iter().filter(move |profile| profile.shell == shell);
            own.find(|profile| edited.contains(&profile.path))
        };
        // Bash reads what sh reads.
        let profile = of(login).or_else(|| of(Shell::Sh).filter(|_| login == Shell::Bash))?;
        Some(text::again(login, env.home()?.to_str()?, profile.path.to_str()?))
    });
    match again {
        Some(line) => format!("new terminals find `offgrid`; for this one, type: {line}"),
        None => "open a new terminal to type just `offgrid`".to_owned(),
    }
}

#[cfg(test)]
mod tests;
