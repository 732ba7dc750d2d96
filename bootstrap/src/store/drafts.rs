//! Files that were only begun: what lies beside a file that is written whole or not
//! at all, when its writer was cut off.

use super::{Error, Store};
use crate::{disk, platform};
use offgrid_manifest::Code;
use std::path::PathBuf;

impl Store {
    /// Where a run that was cut off may have only begun to write.
    fn drafts(&self) -> impl Iterator<Item = PathBuf> {
        let state = [self.receipt(), self.trust(), self.id(), self.made(), self.journal()];
        let rest = [self.program(), self.current(), self.schedule(), self.history(), self.told()];
        state.into_iter().chain(rest).map(|target| disk::beside(&target))
    }

    /// Whether a run that was cut off had only begun to write something.
    ///
    /// # Errors
    /// Any I/O error but "not there".
    pub fn has_drafts(&self) -> Result<bool, Error> {
        super::ground::any_there(self.drafts())
    }

    /// Removes what a run that was cut off had only begun to write.
    ///
    /// # Errors
    /// Any file operation.
    pub fn clear_drafts(&self) -> Result<(), Error> {
        for draft in self.drafts() {
            disk::remove_file(&draft)?;
        }
        // A program that was replaced while it ran, and may run still.
        if let Some(aside) = platform::aside(&self.program())
            && let Err(error) = disk::remove_file(&aside)
            && error.code() != Code::Perm
        {
            return Err(error.into());
        }
        Ok(())
    }
}
