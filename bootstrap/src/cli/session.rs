//! What every command starts from: where the prefix is, what is installed there,
//! where blobs come from; and how a changing command begins and ends.

use super::change::Ended;
pub(super) use super::change::{Change, random_hex, random_name};
use super::consent::Answers;
use super::place::{Place, place_of};
use super::refuse::Error;
use crate::adopt::Adoption;
use crate::disk;
use crate::env::Env;
use crate::error::Error as Any;
use crate::event::{Event, Sink};
use crate::host::{Host, Tree};
use crate::lock::Lock;
use crate::receipt::{self, Receipt};
use crate::report::Reporter;
use crate::run::{self, Context};
use crate::settings::Settings;
use crate::source::{Reach, Sources, Stop};
use crate::stage::Staging;
use crate::stamp::Stamped;
use crate::store::Store;
use crate::trust;
use offgrid_manifest::release::Component;
use offgrid_manifest::verify::Verified;
use offgrid_manifest::{Digest, Parts, Time};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// One command at work.
pub(super) struct Session<'a> {
    pub(super) env: &'a Env,
    pub(super) settings: &'a Settings,
    pub(super) reporter: &'a Reporter,
    pub(super) place: Place,
    pub(super) stop: Stop,
    /// What was typed, for whoever meets our lock.
    pub(super) word: &'static str,
    /// What was answered, where no setting says it.
    pub(super) answers: RefCell<Answers>,
    /// Parts that were verified: a command may decide more than once.
    parts: RefCell<BTreeMap<Digest, Verified<Parts>>>,
    /// What of others is taken over, once that is known.
    pub(super) adoption: OnceCell<Option<Adoption>>,
    /// Who fetches for a scheduled run of root.
    pub(super) staging: OnceCell<Staging>,
    /// Bytes of large files that came over a network.
    pub(super) spent: Cell<u64>,
    /// What a run is put down as in the history, where that is not how it ended.
    pub(super) noted: Cell<Option<&'static str>>,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        env: &'a Env,
        settings: &'a Settings,
        reporter: &'a Reporter,
        word: &'static str,
    ) -> Result<Session<'a>, Any> {
        let place = place_of(env, settings.prefix.as_deref(), settings.system)?;
        super::room::can_be_written_down(&place)?;
        Ok(Session {
            env,
            settings,
            reporter,
            place,
            stop: Stop::default(),
            word,
            answers: RefCell::default(),
            parts: RefCell::default(),
            adoption: OnceCell::new(),
            staging: OnceCell::new(),
            spent: Cell::new(0),
            noted: Cell::new(None),
        })
    }

    pub(super) fn store(&self) -> &Store {
        &self.place.store
    }

    /// The facts of this machine, or of the captured one.
    pub(super) fn host(&self) -> Result<Host, Any> {
        Ok(Host::probe(&self.tree()?))
    }

    /// Where its facts are read.
    pub(super) fn tree(&self) -> Result<Tree, Any> {
        Ok(match &self.settings.sysroot {
            None => Tree::live(),
            Some(folder) if !folder.is_dir() => {
                return Err(Error::NoFolder { path: folder.clone() }.into());
            }
            Some(folder) => Tree::sysroot(folder).map_err(|error| {
                let source = std::io::Error::other(error);
                disk::Error { op: "read", path: folder.clone(), source }
            })?,
        })
    }

    /// What is installed, for a command that only looks.
    pub(super) fn receipt(&self) -> Result<Option<Receipt>, Any> {
        if !self.store().exists()? {
            return Ok(None);
        }
        self.store().check_owner(self.place.system)?;
        receipt::read(self.store())
    }

    /// What must be installed for this command to make sense.
    pub(super) fn installed(&self) -> Result<Receipt, Any> {
        let prefix = self.store().prefix().to_owned();
        Ok(self.receipt()?.ok_or(Error::NotInstalled { prefix })?)
    }

    /// Where blobs come from: as asked for, else the stamp's.
    pub(super) fn sources(&self, stamped: &Stamped) -> Result<Sources, Any> {
        if let Some(staged) = self.staged_sources()? {
            return Ok(staged);
        }
        let reach = Reach {
            offline: self.settings.offline,
            ca_file: self.settings.ca_file.clone(),
            limit_rate: self.settings.limit_rate,
            mirrors: self.settings.sources.is_empty(),
            staged: false,
        };
        let typed = &self.settings.sources;
        let given = if typed.is_empty() { &stamped.stamp.sources } else { typed };
        Ok(Sources::new(given, &reach, self.stop.clone())?)
    }

    /// The parts of a component; asked for once.
    pub(super) fn parts(
        &self,
        component: &Component,
        sources: &Sources,
    ) -> Result<Verified<Parts>, Any> {
        let pin = component.parts.sha256;
        if let Some(known) = self.parts.borrow().get(&pin) {
            return Ok(known.clone());
        }
        let parts = trust::parts(component, sources)?;
        self.parts.borrow_mut().insert(pin, parts.clone());
        Ok(parts)
    }

    /// For commands that fetch nothing.
    pub(super) fn no_sources(&self) -> Result<Sources, Any> {
        Ok(Sources::new(&[], &Reach::default(), self.stop.clone())?)
    }

    /// Seconds since 1970 by this machine's clock.
    pub(super) fn clock(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Time::from_unix(since.map_or(0, |since| since.as_secs()))
    }

    pub(super) fn note(&self, what: &str, hint: Option<&str>) {
        self.reporter.event(&Event::Noted { what, hint, code: None });
    }

    /// A note with a stable name.
    pub(super) fn warn(&self, code: &str, what: &str, hint: Option<&str>) {
        self.reporter.event(&Event::Noted { what, hint, code: Some(code) });
    }

    /// Tells somebody who looks closely what was wrong with which source.
    pub(super) fn troubles(&self, sources: &Sources) {
        for line in sources.troubles().iter().filter(|_| self.settings.verbose) {
            self.warn("W_SOURCE", line, None);
        }
    }

    pub(super) fn looking(&self, what: &str) {
        // A scheduled run says what came of it.
        if self.settings.scheduled {
            return;
        }
        self.reporter.event(&Event::Looking { what });
    }

    /// Does something that changes the prefix: with the lock, after an unfinished
    /// run was ended, and with nothing left behind when nothing came of it.
    pub(super) fn change<T>(
        &self,
        work: impl FnOnce(&Change<'_>) -> Result<T, Any>,
    ) -> Result<T, Any> {
        super::heed_signals(&self.stop)?;
        let store = self.store();
        store.check_owner(self.place.system)?;
        let mut lock = self.lock()?;
        store.make_room()?;
        let (from, began) = (store.live(), Cell::new(false));
        let result = self.end_unfinished(&lock).and_then(|ended| {
            if !lock.is_of(store)? {
                // An uninstall that was finished took the prefix with the lock away.
                lock = self.lock()?;
            }
            // Not only runs write: what is remembered of a refresh may be cut off too.
            if store.has_drafts()? {
                store.clear_drafts()?;
            }
            store.furnish()?;
            let begins = ended.is_some();
            let change = Change { session: self, lock: &lock, ended, began: Cell::new(begins) };
            let result = work(&change);
            began.set(change.began.get());
            result
        });
        if began.get() || self.settings.scheduled {
            self.put_down(from, began.get(), result.as_ref().err());
        }
        let tidied = self.tidy(&lock, result.as_ref().err());
        // The first error counts; one while tidying counts only after success.
        result.and_then(|value| tidied.map(|()| value))
    }

    /// Ends a run that was cut off: the way that `repair` was told, else forward
    /// where everything is on disk. `None` when there was none.
    fn end_unfinished(&self, lock: &Lock) -> Result<Option<Ended>, Any> {
        let store = self.store();
        let Some(story) = run::unfinished(store)? else { return Ok(None) };
        // This program was made ready by that run, and goes on from here.
        if super::own::is_ours(self, &story) {
            disk::remove_file(&store.journal())?;
            return Ok(None);
        }
        // A source that is gone must not stand in the way of taking back.
        let sources = crate::stamp::own()
            .map_err(Any::from)
            .and_then(|stamped| self.sources(&stamped))
            .or_else(|_| self.no_sources())?;
        // Forward where everything is on disk; else back, which always works here.
        let mut left = story.plan.steps.iter().skip(story.done);
        let fetched = !left.any(|step| step.fetches(store));
        let finish = !story.back && (self.settings.finish || (fetched && !self.settings.back));
        let word = if finish { "finishing it" } else { "taking it back" };
        self.note(&format!("an earlier run was cut off; {word} first"), None);
        let context = Context { store, sources: &sources, sink: self.reporter };
        Ok(Some(Ended { finished: run::resume(&context, lock, story, finish)? }))
    }
}
