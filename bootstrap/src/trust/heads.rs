//! The heads of several sources, before and until they are verified
//! (reference/trust.md 2.3, step 4).

use super::signed;
use super::state::Memory;
use crate::error::Error as Any;
use crate::source::{Answer, Fresh, Sources, Worst};
use offgrid_manifest::verify::{self, Verified};
use offgrid_manifest::{Digest, Head, layout};
use std::collections::BTreeMap;

/// By which tag which source knows a head.
pub(super) type Tags = BTreeMap<String, String>;

/// A head that nobody believes yet.
pub(super) struct Candidate {
    /// Who showed it first, for people.
    pub(super) source: String,
    bytes: Vec<u8>,
    /// The stored signature, when it is the stored head.
    signature: Option<Vec<u8>>,
    /// Of the sources that have this head.
    pub(super) tags: Tags,
}

/// A head that the trusted keys have signed.
pub(super) struct Shown {
    /// Who showed it first, for people.
    pub(super) source: String,
    /// The head.
    pub(super) head: Verified<Head>,
    /// Of the sources that have it.
    pub(super) tags: Tags,
}

/// Whether there is nothing new: at least one source says so and no other says
/// anything else. A source that cannot be reached says nothing.
pub(super) fn all_same(answers: &[Answer]) -> bool {
    let same = |answer: &Answer| matches!(answer.fresh, Ok(Fresh::Same));
    let quiet = |answer: &Answer| answer.fresh.is_err();
    answers.iter().any(same) && answers.iter().all(|answer| same(answer) || quiet(answer))
}

/// The different heads among the answers. A source that still has the stored head
/// still knows it by the same tag.
pub(super) fn candidates(
    answers: Vec<Answer>,
    memory: &Memory,
    worst: &mut Worst,
) -> Vec<Candidate> {
    let stored = memory.head();
    let mut found: Vec<Candidate> = Vec::new();
    for Answer { source, fresh } in answers {
        let (bytes, tag) = match (fresh, stored) {
            (Ok(Fresh::New(bytes, tag)), _) => (bytes, tag),
            // Only asked for when there is one; see Memory::tag.
            (Ok(Fresh::Same), Some(stored)) => {
                (stored.bytes().to_vec(), memory.tag_of(&source).cloned())
            }
            (Ok(Fresh::Same), None) => continue,
            (Err(error), _) => {
                worst.add(error);
                continue;
            }
        };
        let tag = tag.map(|tag| (source.clone(), tag));
        if let Some(other) = found.iter_mut().find(|other| other.bytes == bytes) {
            other.tags.extend(tag);
            continue;
        }
        let stored = stored.filter(|stored| stored.bytes() == bytes);
        let signature = stored.map(|stored| stored.signature().to_vec());
        found.push(Candidate { source, bytes, signature, tags: tag.into_iter().collect() });
    }
    found
}

impl Candidate {
    /// Verifies the head by the keys that are trusted now.
    ///
    /// # Errors
    /// `E_SIG_THRESHOLD` when nobody signed it, and those of a document.
    pub(super) fn verify(&self, memory: &Memory, sources: &Sources) -> Result<Verified<Head>, Any> {
        let check = |signature: &[u8]| -> Result<Verified<Head>, Any> {
            let head = verify::head(&memory.root, &self.bytes, signature);
            Ok(head.map_err(|error| error.at(layout::HEAD))?)
        };
        if let Some(signature) = &self.signature
            && let Ok(head) = check(signature)
        {
            return Ok(head);
        }
        let path = layout::head_signature(&Digest::of(&self.bytes));
        signed(sources, &path, check)
    }
}
