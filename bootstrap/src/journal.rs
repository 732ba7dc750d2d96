//! The journal of the run under way: what is intended, written down and durable
//! before it is done. Append-only JSON lines; a torn last line never happened.
//!
//! Owns the file's format; decides nothing.

use crate::disk;
use crate::plan::Plan;
use crate::step::Undo;
use crate::store::Store;
use offgrid_manifest::Code;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

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
    #[error("`{}` has schema {found}, this program knows {SCHEMA}", path.display())]
    Newer {
        /// The journal.
        path: PathBuf,
        /// Its schema.
        found: u64,
    },
    /// A file operation failed.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Damaged { .. } | Error::Headless { .. } => Code::State,
            Error::Newer { .. } => Code::Schema,
            Error::Disk(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Newer { .. } => crate::error::hint_of(Code::Schema),
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
    /// Begins a journal with the plan, durable.
    ///
    /// # Errors
    /// Any file operation.
    pub fn begin(store: &Store, plan: &Plan) -> Result<Journal, Error> {
        let path = store.journal();
        let entry = Entry::Began { schema: SCHEMA, plan: Box::new(plan.clone()) };
        let bytes = line(&entry, &path)?;
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
    pub fn reopen(store: &Store) -> Result<Journal, Error> {
        let path = store.journal();
        let bytes = disk::read(&path, SIZE_MAX)?.unwrap_or_default();
        let whole = whole(&bytes);
        let opened = OpenOptions::new().append(true).open(&path).and_then(|file| {
            file.set_len(whole as u64)?;
            Ok(file)
        });
        Ok(Journal { file: disk::at("open", &path, opened)?, path })
    }

    /// Adds one line, durable.
    ///
    /// # Errors
    /// Any file operation.
    pub fn add(&mut self, entry: &Entry) -> Result<(), Error> {
        let bytes = line(entry, &self.path)?;
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        Ok(disk::at("write", &self.path, written)?)
    }
}

fn line(entry: &Entry, path: &std::path::Path) -> Result<Vec<u8>, Error> {
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
    let whole = whole(&bytes);
    let mut story: Option<Story> = None;
    for (number, text) in bytes[..whole].split(|&c| c == b'\n').enumerate() {
        if text.is_empty() {
            continue;
        }
        let entry = serde_json::from_slice(text);
        let entry: Entry = entry.map_err(|source| match schema_of(text) {
            Some(found) if found > SCHEMA => Error::Newer { path: path.clone(), found },
            _ => Error::Damaged { path: path.clone(), line: number + 1, source },
        })?;
        match (&mut story, entry) {
            (None, Entry::Began { schema, plan }) => {
                if schema > SCHEMA {
                    return Err(Error::Newer { path, found: schema });
                }
                let (undos, done) = (Vec::new(), 0);
                story = Some(Story { plan: *plan, undos, done, committed: false, back: false });
            }
            (Some(story), Entry::Intent { index, undo }) => {
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

/// How many bytes of a journal were ever durable: all but a last line that has no
/// end, or that is no JSON at all. Where a power cut tears a line is up to the
/// file system; nothing was done after a line that was not durable.
fn whole(bytes: &[u8]) -> usize {
    let end = |bytes: &[u8]| bytes.iter().rposition(|&c| c == b'\n').map_or(0, |at| at + 1);
    let ended = end(bytes);
    let last = end(&bytes[..ended.saturating_sub(1)]);
    let torn = serde_json::from_slice::<serde::de::IgnoredAny>(&bytes[last..ended]).is_err();
    if torn { last } else { ended }
}

/// The schema that a line says it has, whatever else it says.
fn schema_of(text: &[u8]) -> Option<u64> {
    serde_json::from_slice::<serde_json::Value>(text).ok()?.get("began")?.get("schema")?.as_u64()
}
