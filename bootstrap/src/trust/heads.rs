//! The heads of several sources, before and until they are verified
//! (reference/trust.md 2.3, step 4).

use super::signed;
use super::state::Memory;
use crate::error::Error as Any;
use crate::source::{Answer, Fresh, Sources, Worst};
use offgrid_manifest::verify::{self, Verified};
use offgrid_manifest::{Digest, Head, layout};
use std::collections::BTreeMap;

/// A head that nobody believes yet.
pub(super) struct Candidate {
    /// Who showed it first, for people.
    pub(super) source: String,
    bytes: Vec<u8>,
    /// The stored signature, when it is the stored head.
    signature: Option<Vec<u8>>,
}

/// Whether there is nothing new: at least one source says so and no other says
/// anything else. A source that cannot be reached says nothing.
pub(super) fn all_same(answers: &[Answer]) -> bool {
    let same = |answer: &Answer| matches!(answer.fresh, Ok(Fresh::Same));
    let quiet = |answer: &Answer| answer.fresh.is_err();
    answers.iter().any(same) && answers.iter().all(|answer| same(answer) || quiet(answer))
}

/// The different heads among the answers, and by which tag which source knows
/// them.
pub(super) fn candidates(
    answers: Vec<Answer>,
    stored: Option<&Verified<Head>>,
    worst: &mut Worst,
) -> (Vec<Candidate>, BTreeMap<String, String>) {
    let mut found: Vec<Candidate> = Vec::new();
    let mut tags = BTreeMap::new();
    for Answer { source, fresh } in answers {
        let bytes = match (fresh, stored) {
            (Ok(Fresh::New(bytes, tag)), _) => {
                tags.extend(tag.map(|tag| (source.clone(), tag)));
                bytes
            }
            // Only asked for when there is one; see Memory::tag.
            (Ok(Fresh::Same), Some(stored)) => stored.bytes().to_vec(),
            (Ok(Fresh::Same), None) => continue,
            (Err(error), _) => {
                worst.add(error);
                continue;
            }
        };
        if found.iter().all(|other| other.bytes != bytes) {
            let stored = stored.filter(|stored| stored.bytes() == bytes);
            let signature = stored.map(|stored| stored.signature().to_vec());
            found.push(Candidate { source, bytes, signature });
        }
    }
    (found, tags)
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
