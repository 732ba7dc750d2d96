//! `state/history.jsonl`: one line for each run that changed something or was
//! scheduled. Owns its format and its length.
//!
//! Whoever writes holds the lock. A line is added at the end; a torn last one, of a
//! power cut, is left out by readers and by the next writer. Lines are not synced: what
//! a power cut takes is the story of the last run, never the run.

use crate::disk;
use crate::store::{self, Store};
use serde::{Deserialize, Serialize};
use std::io::Write;

/// How many lines stay when it has grown to twice as many.
const LINES: usize = 500;
/// The most that is read; a line has a few hundred bytes.
const SIZE_MAX: u64 = 4 * 1024 * 1024;

/// One run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// When it ended, as RFC 3339.
    pub time: String,
    /// What was typed: `install`, `update`, ...
    pub verb: String,
    /// Whether the timer typed it.
    pub scheduled: bool,
    /// The live slot before.
    pub from: Option<String>,
    /// The live slot after.
    pub to: Option<String>,
    /// `done`, `nothing`, `told`, `downloaded` or `failed`.
    pub outcome: String,
    /// The stable name of the error.
    pub error: Option<String>,
    /// Bytes that came over the network.
    pub bytes: u64,
    /// The user's number, where users are numbers.
    pub uid: Option<u32>,
}

/// Every line that can be read, oldest first.
///
/// # Errors
/// A file that cannot be read.
pub fn read(store: &Store) -> Result<Vec<Entry>, disk::Error> {
    let bytes = disk::read(&store.history(), SIZE_MAX)?.unwrap_or_default();
    Ok(lines(&bytes).filter_map(|line| serde_json::from_slice(line).ok()).collect())
}

/// Those that were written to their end.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"))
}

/// Adds a line. Once in a while the oldest go, by one rename.
///
/// # Errors
/// Any file operation.
pub fn add(store: &Store, entry: &Entry) -> Result<(), store::Error> {
    let path = store.history();
    let line = store::to_json(entry, &path)?;
    let before = disk::read(&path, SIZE_MAX).or_else(|error| match error.source.kind() {
        // Nobody wrote so much; it begins anew.
        std::io::ErrorKind::FileTooLarge => Ok(Some(Vec::new())),
        _ => Err(error),
    })?;
    let anew = before.as_ref().is_none_or(|bytes| {
        bytes.is_empty() || !bytes.ends_with(b"\n") || lines(bytes).count() >= 2 * LINES
    });
    if before.is_none() {
        let mut file = disk::at("create", &path, crate::platform::create_new(&path, 0o600))?;
        return Ok(disk::at("write", &path, file.write_all(&line))?);
    }
    if !anew {
        let file = disk::at("write", &path, crate::platform::open_own(&path))?;
        if let Some(mut file) = file {
            let end = std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0));
            disk::at("write", &path, end)?;
            return Ok(disk::at("write", &path, file.write_all(&line))?);
        }
    }
    let before = before.unwrap_or_default();
    let kept: Vec<&[u8]> = lines(&before).collect();
    let mut text = Vec::new();
    for old in &kept[kept.len().saturating_sub(LINES - 1)..] {
        text.extend_from_slice(old);
        text.push(b'\n');
    }
    text.extend_from_slice(&line);
    Ok(disk::write(&path, &text, 0o600)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn of(verb: &str) -> Entry {
        Entry { verb: verb.to_owned(), outcome: "done".to_owned(), ..Entry::default() }
    }

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path().to_owned());
        fs::create_dir(store.state()).unwrap();
        (dir, store)
    }

    #[test]
    fn lines_are_added_and_a_torn_one_never_happened() {
        let (_dir, store) = store();
        assert_eq!(read(&store).unwrap(), []);
        add(&store, &of("install")).unwrap();
        add(&store, &of("update")).unwrap();
        assert_eq!(read(&store).unwrap(), [of("install"), of("update")]);
        let whole = fs::read(store.history()).unwrap();
        for cut in 0..whole.len() {
            fs::write(store.history(), &whole[..cut]).unwrap();
            let there = read(&store).unwrap();
            assert!(there.len() < 2, "{cut}");
            add(&store, &of("rollback")).unwrap();
            let mut wanted = there;
            wanted.push(of("rollback"));
            assert_eq!(read(&store).unwrap(), wanted, "{cut}");
        }
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let (_dir, store) = store();
        let line = String::from_utf8(store::to_json(&of("update"), &store.history()).unwrap());
        fs::write(store.history(), line.unwrap().repeat(2 * LINES - 1)).unwrap();
        add(&store, &of("update")).unwrap();
        assert_eq!(read(&store).unwrap().len(), 2 * LINES);
        add(&store, &of("rollback")).unwrap();
        let all = read(&store).unwrap();
        assert_eq!((all.len(), all.last().cloned()), (LINES, Some(of("rollback"))));
    }

    #[test]
    fn a_line_of_a_newer_program_is_read_as_far_as_it_is_known() {
        let (_dir, store) = store();
        fs::write(store.history(), "{\"verb\":\"update\",\"more\":1}\nno json\n{\"verb\":\"x\"}\n")
            .unwrap();
        let verbs: Vec<String> = read(&store).unwrap().into_iter().map(|e| e.verb).collect();
        assert_eq!(verbs, ["update", "x"]);
    }
}
