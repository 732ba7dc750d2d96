//! What is trusted as the files of a depot, for a child that fetches for root: it
//! leaves them where root verifies them again.

use super::Trusted;
use offgrid_manifest::layout;
use serde::Deserialize;

impl Trusted {
    /// Every document with its signatures, by its path in a depot; the head is the last
    /// one.
    pub fn documents(&self) -> Vec<(String, Vec<u8>)> {
        let mut all = Vec::new();
        for stored in &self.memory.container.roots {
            let (document, signature) = stored.bytes();
            let Some(version) = number(document) else { continue };
            let path = layout::root(version);
            all.push((layout::signature(&path), signature.to_vec()));
            all.push((path, document.to_vec()));
        }
        let (head, channel) = (&self.head, &self.channel);
        let path = layout::channel(&channel.name, channel.version);
        all.push((layout::signature(&path), channel.signature().to_vec()));
        all.push((path, channel.bytes().to_vec()));
        all.push((layout::head_signature(&head.digest()), head.signature().to_vec()));
        all.push((layout::HEAD.to_owned(), head.bytes().to_vec()));
        all
    }
}

/// The number of a document.
pub(super) fn number(document: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Opening {
        version: u64,
    }
    serde_json::from_slice::<Opening>(document).ok().map(|opening| opening.version)
}
