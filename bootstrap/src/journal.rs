//! The journal of the run under way: what is intended, written down and durable
//! before it is done. Append-only JSON lines; a torn last line never happened.
//!
//! Owns the file's format; decides nothing.

mod lines;

use lines::entries;

use crate::disk;
use crate::plan::Plan;
use crate::schema;
use crate::step::Undo;
use crate::store::Store;
use offgrid_manifest::{Code, Version};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A whole line that cannot be read.
    #[error("line {line} of `{}` cannot be read", path.display())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
    /// Lines in an order that no run writes.
    #[error("`{}` does not begin with a plan", path.display())]
    Headless {
        /// The journal.
        path: PathBuf,
    },
    /// Written by a newer program.
    #[error(transparent)]
    Newer(#[from] schema::Error),
    /// A file operation failed.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Damaged { .. } | Error::Headless { .. } => Code::State,
            Error::Newer(error) => error.code(),
            Error::Disk(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Newer(error) => error.hint(),
            Error::Damaged { path, .. } | Error::Headless { path } => Some(format!(
                "nothing was changed; move `{}` away to give that run up, then type \
                 `offgrid self verify`",
                path.display()
            )),
            Error::Disk(error) => error.hint(),
        }
    }
}

/// The schema of the lines of today.
const SCHEMA: u64 = 1;
/// The largest journal; a plan names every file of a slot.
const SIZE_MAX: u64 = 64 * 1024 * 1024;

/// One line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// The run began with this plan.
    Began {
        /// Of the lines.
        schema: u64,
        /// Who wrote them; the first programs did not say.
        #[serde(
            default,
            deserialize_with = "schema::version_or_none",
            skip_serializing_if = "Option::is_none"
        )]
        by: Option<Version>,
        /// What will be done.
        plan: Box<Plan>,
    },
    /// This step is about to be applied.
    Intent {
        /// In the plan, from 0.
        index: usize,
        /// How to take it back.
        undo: Undo,
    },
    /// This step was applied.
    Done {
        /// In the plan, from 0.
        index: usize,
    },
    /// The run is over; what is left is tidying up.
    Committed,
    /// The run is being taken back: from here on there is no other way.
    Back,
}

impl Entry {
    /// Whether nothing may be done before this line is durable. Not so of what a
    /// later line says too: an intent says that the steps before it are done. Nor
    /// of an intent that has nothing to take back: asked again, the step says so
    /// again, because it is already as it should be.
    fn must_last(&self) -> bool {
        match self {
            Entry::Began { .. } | Entry::Committed | Entry::Back => true,
            Entry::Intent { undo, .. } => *undo != Undo::Nothing,
            Entry::Done { .. } => false,
        }
    }
}

/// An unfinished run as the journal tells it.
#[derive(Debug, Clone)]
pub struct Story {
    /// What was to be done.
    pub plan: Plan,
    /// The Undo of every step that was intended, by index.
    pub undos: Vec<Undo>,
    /// How many steps were done.
    pub done: usize,
    /// Whether the run was over.
    pub committed: bool,
    /// Whether somebody began to take it back.
    pub back: bool,
}

/// The open journal of the run under way.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    /// Begins a journal with the plan and what undoes its first step, durable.
    ///
    /// # Errors
    /// Any file operation.
    pub fn begin(store: &Store, plan: &Plan, first: Option<&Undo>) -> Result<Journal, Error> {
        let path = store.journal();
        let by = Some(schema::own());
        let began = Entry::Began { schema: SCHEMA, by, plan: Box::new(plan.clone()) };
        let first = first.map(|undo| Entry::Intent { index: 0, undo: undo.clone() });
        let mut bytes = Vec::new();
        for entry in [began].iter().chain(&first) {
            bytes.extend(line(entry, &path)?);
        }
        let begun = match disk::write(&path, &bytes, 0o600) {
            // Full by a rule that nobody was told of, such as a quota.
            Err(error) if error.code() == Code::Nospace && store.use_reserve()? => {
                disk::write(&path, &bytes, 0o600)
            }
            written => written,
        };
        let begun = begun.map_err(Error::from).and_then(|()| Journal::reopen(store));
        begun.inspect_err(|_| {
            // Nothing was done yet: no run is to be found here. The first error counts.
            let _ = disk::remove_file(&path);
        })
    }

    /// Opens the journal of an unfinished run to go on with it. A torn last line
    /// is cut off, so that the next one begins on its own.
    ///
    /// # Errors
    /// Any file operation.
    #[expect(clippy::disallowed_methods, reason = "appended to, unlike every other file")]
    pub fn reopen(store: &Store) -> Result<Journal, Error> {
        let path = store.journal();
        let bytes = disk::read(&path, SIZE_MAX)?.unwrap_or_default();
        let (_, whole) = entries(&bytes, &path)?;
        let opened = OpenOptions::new().append(true).open(&path).and_then(|file| {
            file.set_len(whole as u64)?;
            Ok(file)
        });
        Ok(Journal { file: disk::at("open", &path, opened)?, path })
    }

    /// Adds one line, durable where it must be: before the change that it is about.
    /// Where nothing is lost with it ([`Entry::must_last`]), it becomes durable with
    /// the next one that must.
    ///
    /// # Errors
    /// Any file operation.
    pub fn add(&mut self, entry: &Entry) -> Result<(), Error> {
        let bytes = line(entry, &self.path)?;
        disk::at("write", &self.path, self.file.write_all(&bytes))?;
        if entry.must_last() {
            disk::at("write", &self.path, self.file.sync_data())?;
        }
        Ok(())
    }
}

fn line(entry: &Entry, path: &Path) -> Result<Vec<u8>, Error> {
    let json = serde_json::to_vec(entry);
    let mut bytes =
        json.map_err(|source| Error::Damaged { path: path.to_owned(), line: 0, source })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads the journal of an unfinished run; `None` when there is none.
///
/// # Errors
/// `E_STATE` when it is damaged, `E_SCHEMA` when it is newer.
pub fn read(store: &Store) -> Result<Option<Story>, Error> {
    let path = store.journal();
    let Some(bytes) = disk::read(&path, SIZE_MAX)? else { return Ok(None) };
    let mut story: Option<Story> = None;
    for entry in entries(&bytes, &path)?.0 {
        match (&mut story, entry) {
            (None, Entry::Began { plan, .. }) => {
                let (undos, done) = (Vec::new(), 0);
                story = Some(Story { plan: *plan, undos, done, committed: false, back: false });
            }
            (Some(story), Entry::Intent { index, undo }) => {
                story.done = story.done.max(index);
                // A step that is intended again after a crash keeps its first Undo:
                // asking again would take our half-made change for what was there.
                if index == story.undos.len() {
                    story.undos.push(undo);
                }
            }
            (Some(story), Entry::Done { index }) => story.done = story.done.max(index + 1),
            (Some(story), Entry::Committed) => story.committed = true,
            (Some(story), Entry::Back) => story.back = true,
            _ => return Err(Error::Headless { path }),
        }
    }
    Ok(story)
}

#[cfg(test)]
mod tests;
