//! Whose turn it is: what another run means for this command, waiting for it, and
//! what is left for the next one.

use super::session::Session;
use crate::error::Error as Any;
use crate::journal::{self, Story};
use crate::lock::{self, Holder, Lock};
use crate::{receipt, run};
use offgrid_manifest::Code;

impl Session<'_> {
    /// What [`Session::installed`] says, for a command that changes things, as far as it can be said without
    /// the lock: what another run is just installing may be there when it has ended.
    pub(super) fn perhaps_installed(&self) -> Result<(), Any> {
        if self.receipt()?.is_some() || lock::holder(self.store()).is_some() {
            return Ok(());
        }
        self.installed().map(drop)
    }

    /// The right to change the prefix.
    pub(super) fn lock(&self) -> Result<Lock, Any> {
        self.patiently(|| Lock::take(self.store(), self.word))
    }

    /// Takes what another run may have; waits for it with `--wait`, and after a
    /// hand-over, because the program that handed over had it a moment ago.
    pub(super) fn patiently<T>(&self, take: impl Fn() -> Result<T, lock::Error>) -> Result<T, Any> {
        if !self.settings.wait && !super::own::handed_over(self.env) {
            return Ok(take()?);
        }
        let told = |held: &lock::Error| {
            let hint = "it begins when that one has ended; ctrl-c ends the waiting";
            self.warn("W_WAITING", &format!("{held}; this command waits"), Some(hint));
        };
        Ok(lock::wait(take, &|| self.stop.is_set(), &told)?)
    }

    /// After a run: no downloads that nobody needs, and no prefix without anything
    /// in it.
    pub(super) fn tidy(&self, lock: &Lock, keep_blobs: bool) -> Result<(), Any> {
        let store = self.store();
        // An uninstall has taken the whole prefix away; what is there may be another's.
        // And a run that could not be taken back needs what is there.
        let over = lock.is_of(store) && journal::read(store).is_ok_and(|story| story.is_none());
        if !over || (keep_blobs && store.has_downloads()) {
            return Ok(());
        }
        let cleared = match receipt::read(store) {
            Ok(None) => return Ok(store.dissolve()?),
            Ok(Some(_)) => run::clear_blobs(store),
            Err(error) => Err(error),
        };
        if let Err(error) = cleared {
            // What was asked for is done; the next command looks again.
            self.warn("W_REMAINS", &format!("downloads may be left over: {error}"), None);
        }
        Ok(())
    }

    /// The run that was cut off, or who is at work on one.
    pub(super) fn under_way(&self) -> Result<(Option<Story>, Option<Holder>), Any> {
        let store = self.store();
        if !store.exists()? || run::unfinished(store)?.is_none() {
            return Ok((None, lock::holder(store)));
        }
        match lock::holder(store) {
            Some(holder) => Ok((None, Some(holder))),
            // It may have ended just now: then its journal is gone.
            None => Ok((run::unfinished(store)?, None)),
        }
    }
}

/// Whether somebody who tries again should not pay for the same bytes twice.
pub(super) fn keeps_blobs(code: Code) -> bool {
    matches!(code, Code::Unreachable | Code::Http | Code::Stall | Code::Interrupted)
}
