//! The file `state/trust.json`: its fields, and the digest over them that tells a
//! damaged file from a good one (reference/trust.md F5). Never verifies what is
//! in it: that is [`super::state`].

use crate::schema::{self, Error};
use offgrid_manifest::root::Floors;
use offgrid_manifest::{Digest, Id, Role, Root, Verified, Version};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The largest state file, in bytes.
pub(super) const SIZE_MAX: u64 = 16 * 1024 * 1024;
const SCHEMA: u64 = 1;
/// How many heads that contradict one another are kept as evidence.
const EVIDENCE_MAX: usize = 4;

/// A document as text with its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) document: String,
    pub(super) signature: String,
}

impl Stored {
    pub(super) fn of<T>(document: &Verified<T>) -> Stored {
        // Documents and signatures are JSON and base64: always text.
        Stored {
            document: String::from_utf8_lossy(document.bytes()).into_owned(),
            signature: String::from_utf8_lossy(document.signature()).into_owned(),
        }
    }

    /// Document and signature as bytes.
    pub(super) fn bytes(&self) -> (&[u8], &[u8]) {
        (self.document.as_bytes(), self.signature.as_bytes())
    }
}

/// Who could raise the marks: a digest over the keys of each role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holders {
    pub(super) head: Digest,
    pub(super) release: Digest,
}

impl Holders {
    pub(super) fn of(root: &Root) -> Holders {
        let digest = |role: &Role| {
            let mut keys: Vec<[u8; 32]> = root.keys_of(role).iter().map(|k| *k.raw()).collect();
            keys.sort_unstable();
            Digest::of(&keys.concat())
        };
        Holders { head: digest(&root.roles.head), release: digest(&root.roles.release) }
    }
}

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Container {
    schema: u64,
    /// The offgrid-setup that wrote it; the first ones did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<Version>,
    /// Of this file with an empty text here.
    sum: String,
    /// Every root after the stamped one, in order.
    pub(super) roots: Vec<Stored>,
    pub(super) head: Option<Stored>,
    pub(super) channels: BTreeMap<Id, Stored>,
    /// Marks; they only rise, but for a role whose keys changed.
    pub(super) marks: Floors,
    /// Whose documents raised them; none before the first.
    pub(super) holders: Option<Holders>,
    /// Newest signed time.
    pub(super) issued: u64,
    /// When the next root was last asked for.
    pub(super) probed: u64,
    /// By which tag which source knows the head.
    pub(super) tags: BTreeMap<String, String>,
    /// Heads that were refused because another one had their number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) evidence: Vec<Stored>,
}

impl Default for Container {
    fn default() -> Container {
        Container {
            schema: SCHEMA,
            by: None,
            sum: String::new(),
            roots: Vec::new(),
            head: None,
            channels: BTreeMap::new(),
            marks: Floors::default(),
            holders: None,
            issued: 0,
            probed: 0,
            tags: BTreeMap::new(),
            evidence: Vec::new(),
        }
    }
}

impl Container {
    /// Reads a file; `None` when it is not what was written.
    ///
    /// # Errors
    /// `E_SCHEMA` for a file of a newer program: forgetting its marks would open
    /// the way back behind them.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<Container>, Error> {
        let path = Path::new("state/trust.json");
        let container = serde_json::from_slice::<Container>(bytes).ok();
        let opening = serde_json::from_slice::<schema::Opening>(bytes).ok();
        if let Some(newer) = opening.and_then(|o| o.check(SCHEMA, path).err()) {
            // A bit that flipped in this very number makes it no newer program's file.
            let of_now = container.map(|container| Container { schema: SCHEMA, ..container });
            if of_now.is_some_and(|container| one_byte_apart(container.text().as_bytes(), bytes)) {
                return Ok(None);
            }
            return Err(newer);
        }
        // One spelling alone: a bit that flipped anywhere makes it another file.
        Ok(container.filter(|container| container.text().as_bytes() == bytes))
    }

    /// The text of a file that this program writes.
    pub(super) fn written(&self) -> String {
        Container { by: Some(schema::own()), ..self.clone() }.text()
    }

    /// The file's text.
    fn text(&self) -> String {
        // Plain text and numbers: serialising them cannot fail.
        let json = |sum: String| {
            serde_json::to_string(&Container { sum, ..self.clone() }).unwrap_or_default()
        };
        json(Digest::of(json(String::new()).as_bytes()).to_string())
    }

    /// Keeps a head that contradicts another one.
    pub(super) fn testify(&mut self, head: Stored) {
        if self.evidence.len() < EVIDENCE_MAX && !self.evidence.contains(&head) {
            self.evidence.push(head);
        }
    }
}

fn one_byte_apart(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).filter(|(a, b)| a != b).count() == 1
}
