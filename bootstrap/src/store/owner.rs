//! Whether a prefix is ours alone (reference/trust.md L8, L9). Looks at owners,
//! modes and links, and reads nothing.

use super::{Error, Store};
use crate::{disk, platform};
use std::path::PathBuf;

impl Store {
    /// Refuses a prefix that somebody else could change, before anything in it is
    /// read: another owner, a link where only we make things, or a folder that
    /// others may write to. In system scope that is also a sticky one such as
    /// `/tmp` (reference/trust.md L8, L9).
    ///
    /// # Errors
    /// `E_PERM`; what cannot be looked at is no better.
    pub fn check_owner(&self, system: bool) -> Result<(), Error> {
        // People move these to another disk, by a link of their own.
        for path in [self.prefix.clone(), self.state()] {
            if let Some(why) = disk::at("look at", &path, platform::foreign(&path))? {
                return Err(Error::Theirs { path, why });
            }
        }
        let writable =
            if system { platform::writable_by_any_other } else { platform::writable_by_others };
        for above in self.prefix.ancestors() {
            if let Some(why) = disk::at("look at", above, writable(above))? {
                return Err(Error::Open { path: above.to_owned(), why });
            }
        }
        let state = self.state();
        // What it leads to was looked at above.
        let state = disk::link_target(&state)?.is_none().then_some(state);
        for path in state.into_iter().chain(self.inside()) {
            if let Some(why) = disk::at("look at", &path, platform::planted(&path))? {
                return Err(Error::Planted { path, why });
            }
        }
        Ok(())
    }

    /// The same for a supervisor, which may be another user than who installs: what root
    /// alone can change is as good as our own. Nothing in `state` is looked at then.
    ///
    /// # Errors
    /// `E_PERM`.
    pub fn check_for_run(&self, system: bool) -> Result<(), Error> {
        let ours = self.check_owner(system);
        if !matches!(ours, Err(Error::Theirs { .. })) {
            return ours;
        }
        let app = self.live().map(|slot| self.slot(&slot).join("app"));
        for path in [self.program(), self.current(), self.versions()].into_iter().chain(app) {
            if disk::at("look at", &path, platform::exchangeable(&path, true))?.is_some() {
                return ours;
            }
        }
        Ok(())
    }

    /// Whether it belongs to the whole system, as far as somebody can see it who may not
    /// read its state: another user, whom only root can fool.
    pub(crate) fn is_roots(&self) -> bool {
        let kept = |path: PathBuf| matches!(platform::exchangeable(&path, true), Ok(None));
        !platform::is_root() && kept(self.program()) && kept(self.versions())
    }

    /// What this program makes in a prefix, to where nobody else has to reach.
    fn inside(&self) -> impl Iterator<Item = PathBuf> {
        let folders = [self.bin(), self.versions(), self.blobs(), self.staging(), self.trash()];
        let files = [self.journal(), self.receipt(), self.trust(), self.made(), self.lock()];
        // Elsewhere it is the supervisor's, who is another user.
        let note = self.runtime.is_none().then(|| self.service());
        let rest = [self.id(), self.reserve(), self.schedule(), self.history()];
        folders.into_iter().chain(files).chain(rest).chain(note)
    }
}
