//! Whose turn it is: what another run means for this command, and waiting for it.

use super::session::Session;
use crate::error::Error as Any;
use crate::journal::Story;
use crate::lock::{self, Holder, Lock};
use crate::run;

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
