//! `update --scheduled`: what the timer types. Asks nobody, does what is allowed when
//! it is due, and says only what came of it; and what people are told of it later.
//!
//! Decides nothing itself: `schedule` does.

use super::install::Decision;
use super::own;
use super::refuse::Error;
use super::session::{Change, Session};
use super::update;
use crate::error::Error as Any;
use crate::event::{Ending, Outcome};
use crate::fetch::{self, AsStored};
use crate::fill::{From, SlotPlan};
use crate::plan::Plan;
use crate::report::units::bytes;
use crate::schedule::{
    self, Available, Due, Held, May, Means, Mode, Moment, Record, Timing, Waiting,
};
use crate::source::{Place, Sources};
use crate::stage::What;
use crate::stamp::Stamped;
use crate::step::Step;
use crate::trust::Trusted;
use crate::{disk, lock, platform};
use offgrid_manifest::parts::Encoding;
use offgrid_manifest::{Code, Release, Version, layout};
use serde_json::json;
use std::collections::BTreeMap;

/// Does what is due.
pub(super) fn run(session: &Session<'_>, stamped: &Stamped) -> Result<Ending, Any> {
    let receipt = session.installed()?;
    let store = session.store();
    let mode = mode(session, &Record::read(store)?);
    // A program that has taken over goes on with what was due.
    if !own::handed_over(session.env) {
        let due = due(session, mode)?;
        let at_work = || lock::holder(store).is_some();
        if due != Due::Now || at_work() {
            return Ok(nothing(&receipt.live.version));
        }
    }
    let may_change = mode == Mode::Install;
    let done = own::change(session, |change, may| {
        let result = update::update(change, stamped, may && may_change);
        match &result {
            Ok(own::Next::HandOver(_)) => {}
            Ok(own::Next::Ended(_)) => note(change, None)?,
            Err(error) => note(change, Some(error))?,
        }
        result
    });
    match done {
        Ok(ending) if ending.outcome == Outcome::Unchanged => {
            Ok(Ending { lines: Vec::new(), ..ending })
        }
        Err(Any::Cli(Error::HeldBack { version, line, why })) => {
            let mut ending = Ending::new(Outcome::Unchanged, line);
            ending.facts = json!({
                "version": receipt.live.version, "available": version, "blocked_by": why,
            });
            Ok(ending)
        }
        done => done,
    }
}

fn nothing(live: &Version) -> Ending {
    let mut ending = Ending::new(Outcome::Unchanged, "");
    (ending.lines, ending.facts) = (Vec::new(), json!({"version": live}));
    ending
}

/// What scheduled runs are for: as settings say, else as was asked for once.
pub(super) fn mode(session: &Session<'_>, record: &Record) -> Mode {
    session.settings.updates.or(record.asked).unwrap_or_default()
}

fn due(session: &Session<'_>, mode: Mode) -> Result<Due, Any> {
    let unix = session.clock().unix();
    let minute = || u16::try_from(unix % 86_400 / 60).unwrap_or_default();
    let weekday = || u8::try_from((unix / 86_400 + 3) % 7).unwrap_or_default();
    let (day, minute) = platform::local_now().unwrap_or_else(|| (weekday(), minute()));
    let record = Record::read(session.store())?;
    let machine = super::believe::machine_of(session.store())?;
    Ok(schedule::due(&Timing {
        mode,
        windows: &session.settings.update_windows,
        now: Moment { unix, day, minute },
        last: record.last.map(|at| (at, record.unreached)),
        machine: machine.as_deref(),
    }))
}

/// A release that a scheduled run has taken back because it does not work here is not
/// tried again by itself until there is a newer one. Gives the error back.
pub(super) fn failed(change: &Change<'_>, release: &Release, error: Any) -> Any {
    if error.code() != Code::Health || !change.session.settings.scheduled {
        return error;
    }
    let store = change.session.store();
    let (version, why) = (release.version.clone(), Some(error.to_string()));
    let record = |record| Record { failed: Some(Available { version, why }), ..record };
    let written =
        Record::read(store).map_err(Any::from).and_then(|before| Ok(record(before).write(store)?));
    if let Err(failed) = written {
        let what = format!("it could not be remembered that {} failed: {failed}", release.version);
        change.session.warn("W_REMAINS", &what, None);
    }
    error
}

/// Remembers that a run was, and what it has cost.
fn note(change: &Change<'_>, error: Option<&Any>) -> Result<(), Any> {
    let (session, store) = (change.session, change.session.store());
    let mut record = Record::read(store)?;
    let now = session.clock().unix();
    record.last = Some(now);
    let code = error.map(Any::code);
    record.unreached = matches!(code, Some(Code::Unreachable | Code::Http | Code::Stall));
    record.spend(now, session.spent.get());
    if let Some(live) = store.live() {
        record.settle(&live.version);
    }
    if !record.unreached
        && let Some(staging) = session.staging()?
    {
        staging.clear()?;
    }
    Ok(record.write(store)?)
}

/// Remembers what was asked for by a word or a variable: the timer types none.
///
/// # Errors
/// Any file operation.
pub(super) fn remember(change: &Change<'_>) -> Result<(), Any> {
    let (settings, store) = (change.session.settings, change.session.store());
    let Some(asked) = settings.updates.filter(|_| !settings.updates_in_file) else {
        return Ok(());
    };
    let mut record = Record::read(store)?;
    if record.asked != Some(asked) {
        record.asked = Some(asked);
        record.write(store)?;
    }
    Ok(())
}

/// Lets an update go on, or ends the run with what it did instead.
///
/// # Errors
/// [`Error::HeldBack`]; those of fetching.
pub(super) fn permit(
    change: &Change<'_>,
    sources: &Sources,
    trusted: &Trusted,
    decision: &Decision,
) -> Result<(), Any> {
    let (session, settings) = (change.session, change.session.settings);
    let (record, plan) = (Record::read(session.store())?, &decision.plan);
    let is_tried = |failed: &&Available| failed.version == decision.release.version;
    if let Some(failed) = record.failed.as_ref().filter(is_tried) {
        let why = format!("it did not work here: {}", failed.why.as_deref().unwrap_or("?"));
        change.remember(trusted)?;
        session.noted.set(Some("told"));
        return Err(hold(change, record, decision, Some(why), None)?);
    }
    let now = session.clock().unix();
    let needed = needed(session, plan);
    let may = schedule::may(&Means {
        mode: mode(session, &record),
        bytes: needed,
        budget: settings.update_budget,
        spent: record.spent(now).saturating_add(session.spent.get()),
        metered: schedule::metered::is_metered(settings.metered, &session.tree()?),
    });
    if may != May::Install {
        // What was verified counts, and `status` tells of it.
        change.remember(trusted)?;
    }
    match may {
        May::Install => Ok(()),
        May::Tell(held) => {
            session.noted.set(Some("told"));
            Err(hold(change, record, decision, held.map(|held| words(held, needed)), held)?)
        }
        May::Fetch => {
            let blobs = blobs(plan);
            fetch_all(session, sources, decision, &blobs)?;
            let version = decision.release.version.clone();
            let blobs = blobs.keys().copied().collect();
            let record = Record { waiting: Some(Waiting { version, blobs }), ..record };
            session.noted.set(Some("downloaded"));
            let why = "it was fetched and waits".to_owned();
            Err(hold(change, record, decision, Some(why), None)?)
        }
    }
}

fn words(held: Held, needed: u64) -> String {
    match held {
        Held::Budget { left } => format!(
            "it takes {}, and {} are left of the budget for 30 days",
            bytes(needed),
            bytes(left)
        ),
        Held::Metered => format!("it takes {}, and downloads cost money here", bytes(needed)),
    }
}

/// Remembers the update that was found, and makes the end of the run of it.
fn hold(
    change: &Change<'_>,
    mut record: Record,
    decision: &Decision,
    why: Option<String>,
    held: Option<Held>,
) -> Result<Any, Any> {
    let version = decision.release.version.clone();
    let live = change.session.store().live().map(|live| live.version);
    let line = match live == Some(version.clone()) {
        true => format!("{version} has changed for this computer"),
        false => format!("OffGrid LLM {version} is available"),
    };
    let line = match &why {
        Some(why) => format!("{line}: {why}; `offgrid update` installs it"),
        None => format!("{line}; `offgrid update` installs it"),
    };
    record.available = Some(Available { version: version.clone(), why });
    record.write(change.session.store())?;
    let why = held.map(|held| match held {
        Held::Budget { .. } => "budget",
        Held::Metered => "metered",
    });
    Ok(Error::HeldBack { version, line, why }.into())
}

/// What a plan fetches for its slot.
fn blobs(plan: &Plan) -> BTreeMap<offgrid_manifest::Digest, Encoding> {
    let slots = plan.steps.iter().filter_map(|step| match step {
        Step::FillSlot { slot } | Step::Rebuild { slot, .. } => Some(slot),
        _ => None,
    });
    let of = |slot: &SlotPlan| -> Vec<Encoding> {
        let files = slot.files.iter().filter_map(|file| match &file.from {
            From::Blob(encoding) => Some(encoding.clone()),
            _ => None,
        });
        files.chain(slot.packs.iter().map(|pack| pack.encoding.clone())).collect()
    };
    slots.flat_map(|slot| of(slot)).map(|encoding| (encoding.sha256, encoding)).collect()
}

/// Bytes that are not here yet.
fn needed(session: &Session<'_>, plan: &Plan) -> u64 {
    let here = |encoding: &&Encoding| disk::exists(&session.store().blob(&encoding.sha256));
    let here: u64 = blobs(plan).values().filter(here).map(|encoding| encoding.size).sum();
    plan.download_bytes.saturating_sub(here)
}

/// Fetches and keeps what an update will need.
fn fetch_all(
    session: &Session<'_>,
    sources: &Sources,
    decision: &Decision,
    blobs: &BTreeMap<offgrid_manifest::Digest, Encoding>,
) -> Result<(), Any> {
    super::room::check(session.store(), &decision.plan)?;
    let before = sources.received();
    let fetched = blobs.values().try_for_each(|encoding| {
        let store = session.store();
        let here = disk::exists(&store.blob(&encoding.sha256));
        if !here && let Some(staging) = session.staging()? {
            let receipt = decision.plan.receipt.as_deref();
            session.bring(staging, receipt, What::Blob { pin: encoding.pin() })?;
        }
        let places = [Place::Depot(layout::blob(&encoding.sha256))];
        let wanted = fetch::Wanted {
            places: &places,
            pin: encoding.pin(),
            partial: &store.partial(&encoding.sha256),
            finished: &store.blob(&encoding.sha256),
        };
        fetch::fetch(sources, &wanted, &|_| (), || Ok(AsStored))
    });
    session.spent.set(session.spent.get() + sources.received() - before);
    fetched
}
