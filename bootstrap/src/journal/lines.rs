//! The lines of a journal: which of them ever counted.

use super::{Entry, Error, SCHEMA};
use crate::schema::{self, What};
use serde::Deserialize;
use serde::de::{Error as _, IgnoredAny};
use std::path::Path;

/// The lines that ever counted, and how many bytes they are.
///
/// A power cut may tear every line that was not durable yet, anywhere, or leave
/// zeros for it: all after the last line that had to last, and that line itself.
/// Nothing was done after a line that was torn. So what follows the first torn line
/// may be one line that had to last, at the very end; more than that says that
/// lines were torn which were durable once, and that is damage.
pub(super) fn entries(bytes: &[u8], path: &Path) -> Result<(Vec<Entry>, usize), Error> {
    let (mut entries, mut len) = (Vec::new(), 0);
    let mut torn: Option<Error> = None;
    let mut had_to_last = false;
    let mut by = None;
    for (number, text) in bytes.split_inclusive(|&c| c == b'\n').enumerate() {
        let damaged = |source| Error::Damaged { path: path.to_owned(), line: number + 1, source };
        let ended = text.strip_suffix(b"\n").ok_or_else(|| serde_json::Error::custom("no end"));
        let whole = ended.and_then(|text| serde_json::from_slice::<IgnoredAny>(text).map(|_| text));
        if had_to_last {
            return Err(torn.unwrap_or(Error::Headless { path: path.to_owned() }));
        }
        let text = match whole {
            Ok(text) => text,
            Err(source) => {
                torn.get_or_insert_with(|| damaged(source));
                continue;
            }
        };
        if let Some(opening) = opening_of(text) {
            opening.check(SCHEMA, path)?;
            by = opening.by;
        }
        let entry: Entry = serde_json::from_slice(text).map_err(|source| {
            // After a line that is torn, one that nobody knows is more of the same.
            if torn.is_some() || !schema::is_unknown_kind(&source) {
                return damaged(source);
            }
            let (path, by, what) = (path.to_owned(), by.clone(), What::Word(source));
            schema::Error { path, by, what }.into()
        })?;
        if torn.is_none() {
            len += text.len() + 1;
            entries.push(entry);
        } else {
            had_to_last = entry.must_last();
        }
    }
    Ok((entries, len))
}

/// What the first line says of itself, whatever else it says.
fn opening_of(text: &[u8]) -> Option<schema::Opening> {
    #[derive(Deserialize)]
    struct First {
        began: schema::Opening,
    }
    serde_json::from_slice::<First>(text).ok().map(|first| first.began)
}
