//! A command that holds the lock: what it may do with an installation.

use super::session::Session;
use crate::disk;
use crate::error::Error as Any;
use crate::lock::Lock;
use crate::plan::{Plan, Verb};
use crate::receipt::{self, Receipt};
use crate::run::{self, Context};
use crate::service::{self, Trial};
use crate::source::Sources;
use std::cell::Cell;
use std::path::Path;

/// A command that holds the lock.
pub(super) struct Change<'a> {
    pub(super) session: &'a Session<'a>,
    pub(super) lock: &'a Lock,
    /// The run that was cut off and is ended now.
    pub(super) ended: Option<Ended>,
    /// Whether a run began.
    pub(super) began: Cell<bool>,
}

/// A run that was cut off, and what became of it.
pub(super) struct Ended {
    /// Its plan, when it went forward.
    pub(super) finished: Option<Plan>,
}

impl Change<'_> {
    /// What is installed now that nobody else can change it.
    pub(super) fn receipt(&self) -> Result<Option<Receipt>, Any> {
        receipt::read(self.session.store())
    }

    /// Does the plan.
    pub(super) fn run(&self, plan: &Plan, sources: &Sources) -> Result<(), Any> {
        let context = Context { store: self.session.store(), sources, sink: self.session.reporter };
        let plan = &self.session.staged(plan)?;
        super::room::check(context.store, plan)?;
        let switches = plan.from.is_some() && plan.from != plan.to;
        let _trial = self.announce(switches)?;
        self.began.set(true);
        let before = sources.received();
        let done = run::begin(&context, self.lock, plan);
        let spent = &self.session.spent;
        spent.set(spent.get() + sources.received() - before);
        done
    }

    /// Tells a supervisor that another slot is tried out. The folder in which that is done
    /// is its user's, who must not be able to keep root from an update.
    fn announce(&self, switches: bool) -> Result<Option<Trial<'_>>, Any> {
        let (session, store) = (self.session, self.session.store());
        let drain =
            if switches { service::set_drain(store, session.settings.drain) } else { Ok(()) };
        match drain.and_then(|()| Trial::begin(store)) {
            Ok(trial) => Ok(Some(trial)),
            Err(error) if store.elsewhere().is_some() => {
                let what = format!("the service cannot be told of the update: {error}");
                session.warn("W_SERVICE", &what, None);
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Does the steps of a plan and leaves the run open for whoever takes over.
    pub(super) fn open(&self, plan: &Plan, sources: &Sources) -> Result<(), Any> {
        let context = Context { store: self.session.store(), sources, sink: self.session.reporter };
        let plan = &self.session.staged(plan)?;
        self.began.set(true);
        run::open(&context, self.lock, plan)
    }

    /// Whether this command has just finished a run of its own kind that was cut
    /// off: what was asked for then is what is asked for again.
    pub(super) fn has_finished(&self, verb: Verb) -> bool {
        let finished = self.ended.as_ref().and_then(|ended| ended.finished.as_ref());
        finished.is_some_and(|plan| plan.verb == verb)
    }

    /// Whether this command has ended a run that was cut off.
    pub(super) fn has_ended_a_run(&self) -> bool {
        self.ended.is_some()
    }
}

/// A random name of 16 hexadecimal digits.
pub(super) fn random_name() -> Result<String, Any> {
    random_hex(8)
}

/// So many random bytes in hexadecimal.
pub(super) fn random_hex(bytes: usize) -> Result<String, Any> {
    let mut raw = vec![0; bytes];
    let filled = getrandom::fill(&mut raw).map_err(std::io::Error::other);
    disk::at("read random numbers for", Path::new("this run"), filled)?;
    Ok(raw.iter().map(|byte| format!("{byte:02x}")).collect())
}
