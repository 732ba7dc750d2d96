//! What lies in a depot and is named by no document: a client never sees it, so
//! it is remarked on and nothing more. Older heads' signatures and older
//! channels stay for those who still hold the older head.

use super::Checker;
use crate::depot::PRIVATE;
use crate::disk;
use offgrid_manifest::layout;

impl Checker<'_> {
    pub(super) fn leftovers(&mut self) -> Result<(), disk::Error> {
        let blobs = self.depot.list("blob/sha256")?;
        let named = |name: &String| self.named.contains(&format!("blob/sha256/{name}"));
        let unnamed: Vec<&String> = blobs.iter().filter(|name| !named(name)).collect();
        let mut notes = Vec::new();
        if let Some(first) = unnamed.first() {
            let count = unnamed.len();
            notes.push(format!("{count} blobs are named by no release, first blob/sha256/{first}"));
        }
        for version in self.depot.list("release")? {
            for name in self.depot.list(&format!("release/{version}"))? {
                let place = format!("release/{version}/{name}");
                let document = place.strip_suffix(&layout::signature("")).unwrap_or(&place);
                if document == place && !self.named.contains(&place) {
                    notes.push(format!("{place} is offered by no channel"));
                }
            }
        }
        let known = [
            PRIVATE,
            "blob",
            "channel",
            "head",
            "release",
            "root",
            layout::HEAD,
            layout::HEAD_COPY,
            layout::INSTALL,
            layout::INSTALL_SH,
            layout::INSTALL_PS1,
        ];
        for name in self.depot.list("")? {
            if !known.contains(&name.as_str()) {
                notes.push(format!("{name} does not belong to a depot"));
            }
        }
        self.report.notes.extend(notes);
        Ok(())
    }
}
