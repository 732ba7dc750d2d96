//! The head: its number, its signature, and last of all itself.

use super::Error;
use crate::depot::{self, Depot};
use crate::keys::Keyring;
use crate::trust::{self, State};
use offgrid_manifest::head::ChannelPin;
use offgrid_manifest::json::INTEGER_MAX;
use offgrid_manifest::{Digest, Head, Id, Root, Time, Verified, layout, signature, verify};
use std::collections::BTreeMap;

const HEAD_DAYS: u64 = 14;

/// A head that was just written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedHead {
    /// Its version.
    pub version: u64,
    /// Its digest.
    pub digest: Digest,
    /// When it has to be renewed.
    pub expires: Time,
}

/// Whether a key that may sign heads now has signed this one.
pub(crate) fn is_ours(root: &Verified<Root>, head: &Verified<Head>) -> bool {
    verify::head(root, head.bytes(), head.signature()).is_ok()
}

/// The number of the next head. After the keys changed clients start again at the
/// root's floor (reference/trust.md A6), and a number that a thief has counted up
/// to means nothing. A number that was signed already is not used again.
///
/// # Errors
/// `E_USAGE` when there is no next number.
pub(crate) fn next_head(depot: &Depot, state: &State) -> Result<u64, Error> {
    let floor = state.root.floors.head;
    let mut next = match &state.head {
        Some(head) if is_ours(&state.root, head) => head.version.max(floor.saturating_sub(1)) + 1,
        // After a rotation the floor is the last head of before.
        Some(_) => floor + 1,
        None => floor + 1,
    };
    let signed = trust::signed_heads(depot)?;
    while signed.contains_key(&next) {
        next += 1;
    }
    if next > INTEGER_MAX { Err(Error::TooHigh("the head".into())) } else { Ok(next) }
}

/// The last step: the signature under the head's digest, then the head.
///
/// # Errors
/// Then the old head stands.
pub(crate) fn write_head(
    depot: &Depot,
    ring: &mut Keyring,
    root: &Verified<Root>,
    version: u64,
    channels: BTreeMap<Id, ChannelPin>,
    now: Time,
) -> Result<SignedHead, Error> {
    let head = Head {
        schema: 1,
        kind: "offgrid/head".into(),
        version,
        issued: now,
        expires: now.plus(HEAD_DAYS * 86_400),
        root_version: root.version,
        channels,
        must_understand: Vec::new(),
    };
    let bytes = depot::document(&head);
    let digest = Digest::of(&bytes);
    let comment = signature::comment("offgrid/head", "head", &version, &digest);
    let file = ring.sign(root, &root.roles.head, &bytes, &comment)?;
    verify::head(root, &bytes, file.as_bytes())?;
    depot.put(&layout::head_signature(&digest), file.as_bytes())?;
    depot.put(layout::HEAD, &bytes)?;
    depot.put(layout::HEAD_COPY, file.as_bytes())?;
    Ok(SignedHead { version, digest, expires: head.expires })
}
