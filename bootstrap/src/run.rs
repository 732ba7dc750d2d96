//! The run protocol (reference/style.md 2.5): the only caller of steps. For each
//! step: prepare, Intent with its Undo, apply, Done; at the end the receipt, and
//! then the journal goes. An Intent is durable before its step begins, and what a
//! step did before the next Intent is written, which says so; the rest of the
//! journal waits for nobody (`Journal::add`).
//!
//! Does and decides nothing: what to do is the plan's.

mod over;

pub use over::clear_blobs;

use crate::error::Error as Any;
use crate::event::{Event, Sink};
use crate::journal::{self, Entry, Journal, Story};
use crate::lock::Lock;
use crate::plan::Plan;
use crate::receipt::{self, Receipt};
use crate::source::Sources;
use crate::step::{Step, Undo};
use crate::store::Store;
use crate::{disk, platform, service};
use offgrid_manifest::Code;
use over::{over, tidy};

/// How a run failed beyond what its step says.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody pressed ctrl-c or the system asked us to stop.
    #[error("interrupted; everything was taken back")]
    Interrupted,
    /// Taking back failed too.
    #[error("the run could not be taken back")]
    Unfinished {
        /// What stopped it.
        source: Box<Any>,
    },
    /// All is done, and what the run needed for it is still there.
    #[error("the run is done, but it could not be ended in order")]
    Remains {
        /// What stopped it.
        source: Box<Any>,
    },
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Interrupted => Code::Interrupted,
            Error::Unfinished { .. } | Error::Remains { .. } => Code::Unfinished,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Interrupted => Some(
                "what was downloaded is kept; run the same command again to go on from there"
                    .into(),
            ),
            Error::Unfinished { .. } | Error::Remains { .. } => {
                Some("the journal is kept; type `offgrid repair --yes`".into())
            }
        }
    }
}

/// What steps work with.
pub struct Context<'a> {
    /// The prefix.
    pub store: &'a Store,
    /// Where blobs come from.
    pub sources: &'a Sources,
    /// Who listens.
    pub sink: &'a dyn Sink,
}

/// Does a plan from its first step on.
///
/// # Errors
/// The failing step's error after everything was taken back, or
/// `E_UNFINISHED` when that failed too.
pub fn begin(context: &Context<'_>, _lock: &Lock, plan: &Plan) -> Result<(), Any> {
    let (mut journal, undos) = started(context, plan)?;
    go_on(context, &mut journal, plan, undos, 0)
}

/// The journal of a new run, with the Undo of its first step.
fn started(context: &Context<'_>, plan: &Plan) -> Result<(Journal, Vec<Undo>), Any> {
    context.sink.event(&Event::RunBegan { plan });
    // Of no run that is known: a power cut may bring back what was removed.
    disk::remove_tree(&context.store.trash())?;
    disk::remove_tree(&context.store.staging())?;
    // The first Intent comes with the plan: one line less to wait for.
    let first = plan.steps.first().map(|step| step.prepare(context)).transpose()?;
    let journal = Journal::begin(context.store, plan, first.as_ref())?;
    Ok((journal, first.into_iter().collect()))
}

/// Does the steps of a plan and leaves the run open: its journal stays for whoever
/// takes over, and tells the next command what to take away if nobody does.
///
/// # Errors
/// As [`begin`].
pub fn open(context: &Context<'_>, _lock: &Lock, plan: &Plan) -> Result<(), Any> {
    let (mut journal, mut undos) = started(context, plan)?;
    let Err(error) = steps(context, &mut journal, plan, &mut undos, 0) else { return Ok(()) };
    give_up(context, &undos, error)
}

/// Ends the unfinished run that the journal tells of: forward when `finish`,
/// else back. Returns its plan when it is done now.
///
/// # Errors
/// As [`begin`].
pub fn resume(
    context: &Context<'_>,
    _lock: &Lock,
    story: Story,
    finish: bool,
) -> Result<Option<Plan>, Any> {
    let Story { plan, undos, done, committed, back: begun } = story;
    // What a killed run did is still there, but the next power cut might take it.
    let prefix = context.store.prefix();
    disk::at("sync", prefix, platform::sync_tree(prefix))?;
    // A receipt that names the run ends it, whatever the journal says.
    if committed || is_named(context, &plan)? {
        // It may have been written by a disk that then failed.
        disk::sync_parent(&context.store.receipt())?;
        tidy(context, &plan).map_err(remains)?;
    } else if finish && !begun {
        let mut journal = Journal::reopen(context.store)?;
        go_on(context, &mut journal, &plan, undos, done)?;
    } else {
        back(context, &undos)?;
        return Ok(None);
    }
    Ok(Some(plan))
}

/// Applies the steps from `done` on; takes everything back when one fails.
fn go_on(
    context: &Context<'_>,
    journal: &mut Journal,
    plan: &Plan,
    mut undos: Vec<Undo>,
    done: usize,
) -> Result<(), Any> {
    let result = steps(context, journal, plan, &mut undos, done)
        .and_then(|()| commit(context, journal, plan, &undos));
    let Err(error) = result else { return over(context, plan) };
    // Written, and not known to be durable: nothing is removed before it is.
    if is_named(context, plan).map_err(stuck)? {
        return Err(remains(error));
    }
    give_up(context, &undos, error)
}

/// Takes everything back because of an error.
fn give_up(context: &Context<'_>, undos: &[Undo], error: Any) -> Result<(), Any> {
    context.sink.event(&Event::TakingBack { why: &error.to_string() });
    match back(context, undos) {
        Ok(()) => Err(error),
        Err(source) => Err(stuck(source)),
    }
}

fn stuck(source: Any) -> Any {
    Error::Unfinished { source: Box::new(source) }.into()
}

fn remains(source: Any) -> Any {
    Error::Remains { source: Box::new(source) }.into()
}

/// Whether the receipt is this run's.
fn is_named(context: &Context<'_>, plan: &Plan) -> Result<bool, Any> {
    Ok(receipt::read(context.store)?.is_some_and(|receipt| receipt.run == plan.id))
}

fn steps(
    context: &Context<'_>,
    journal: &mut Journal,
    plan: &Plan,
    undos: &mut Vec<Undo>,
    done: usize,
) -> Result<(), Any> {
    let of = plan.steps.len();
    for (index, step) in plan.steps.iter().enumerate().skip(done) {
        if context.sources.stop().is_set() {
            return Err(Error::Interrupted.into());
        }
        let (what, minor) = (&step.describe(), step.is_minor());
        context.sink.event(&Event::StepBegan { index, of, what, minor });
        // After a crash the journalled Undo stands; see journal.rs.
        if index == undos.len() {
            let undo = step.prepare(context)?;
            journal.add(&Entry::Intent { index, undo: undo.clone() })?;
            undos.push(undo);
        }
        step.apply(context)?;
        journal.add(&Entry::Done { index })?;
        context.sink.event(&Event::StepEnded { index });
    }
    Ok(())
}

/// The moment from which on the run counts as done.
fn commit(
    context: &Context<'_>,
    journal: &mut Journal,
    plan: &Plan,
    undos: &[Undo],
) -> Result<(), Any> {
    match &plan.receipt {
        Some(wanted) => {
            let mut receipt: Receipt = (**wanted).clone();
            for (step, undo) in plan.steps.iter().zip(undos) {
                match step {
                    Step::GiveBack { undo, .. } => receipt.forget(undo),
                    _ => receipt.add(undo),
                }
            }
            receipt::write(context.store, &receipt)?;
        }
        None => journal.add(&Entry::Committed)?,
    }
    Ok(())
}

/// Takes back every step that was intended, last first.
fn back(context: &Context<'_>, undos: &[Undo]) -> Result<(), Any> {
    let store = context.store;
    // No step counts as done any more. On a full disk it goes without saying so.
    let _ = Journal::reopen(store).and_then(|mut journal| journal.add(&Entry::Back));
    disk::remove_tree(&store.staging())?;
    for undo in undos.iter().rev() {
        undo.apply(context)?;
    }
    if undos.iter().any(|undo| matches!(undo, Undo::SwitchTo { .. })) {
        service::rejoin(context);
    }
    disk::remove_tree(&store.newcomer())?;
    disk::remove_tree(&store.trash())?;
    store.clear_drafts()?;
    Ok(disk::remove_for_good(&store.journal())?)
}

/// The unfinished run of a prefix, if there is one.
///
/// # Errors
/// As [`journal::read`].
pub fn unfinished(store: &Store) -> Result<Option<Story>, Any> {
    Ok(journal::read(store)?)
}
