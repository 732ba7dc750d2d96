//! What a command that changes things does last, however it ended: no downloads
//! that nobody needs, room for a full disk, and no prefix without anything in it.

use super::session::Session;
use crate::error::Error as Any;
use crate::lock::Lock;
use crate::{journal, receipt, run};
use offgrid_manifest::Code;

impl Session<'_> {
    /// What could only not be cleared is a note: what was asked for is done, and the
    /// next command looks again.
    ///
    /// # Errors
    /// A prefix for nothing that cannot be removed.
    pub(super) fn tidy(&self, lock: &Lock, failed: Option<&Any>) -> Result<(), Any> {
        let store = self.store();
        // An uninstall has taken the whole prefix away; what is there may be another's.
        // And a run that could not be taken back needs what is there.
        let ours = lock.is_of(store).unwrap_or(false);
        if !ours || !journal::read(store).is_ok_and(|story| story.is_none()) {
            return Ok(());
        }
        let keep = failed.is_some_and(|error| keeps_blobs(error.code())) && store.has_downloads();
        let receipt = match store.exists() {
            // An uninstall has taken the whole prefix away.
            Ok(false) => return Ok(()),
            Ok(true) if keep => return Ok(()),
            Ok(true) => receipt::read(store),
            Err(error) => Err(error.into()),
        };
        let cleared = match receipt {
            Ok(None) => return Ok(store.dissolve()?),
            Ok(Some(_)) => run::clear_blobs(store).and_then(|()| Ok(store.keep_room()?)),
            Err(error) => Err(error),
        };
        if let Err(error) = cleared {
            self.warn("W_REMAINS", &format!("left for the next command: {error}"), None);
        }
        Ok(())
    }
}

/// Whether somebody who tries again should not pay for the same bytes twice.
fn keeps_blobs(code: Code) -> bool {
    matches!(code, Code::Unreachable | Code::Http | Code::Stall | Code::Interrupted)
}
