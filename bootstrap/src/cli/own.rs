//! This program's own update and its own test. A newer bootstrapper goes first, as
//! a run of its own, and then does what was asked for in this one's place, once
//! (DESIGN 12).
//!
//! Decides when one is due and hands over to it; what it has to prove is `setup`'s.

use super::believe::chosen;
use super::install::Decision;
use super::packaged;
use super::refuse::Error;
use super::session::{Change, Session, random_name};
use crate::env::Env;
use crate::error::Error as Any;
use crate::event::{Ending, Outcome};
use crate::journal::Story;
use crate::plan::{self, Plan};
use crate::receipt::{self, Receipt};
use crate::setup::{self, NewSetup};
use crate::source::Sources;
use crate::trust::{self, Known, Trusted};
use crate::{disk, fetch, journal, platform, report, run, schema, select, stamp};
use offgrid_manifest::{Release, Version};
use serde_json::json;
use std::path::PathBuf;
use std::process::Command;

/// Set for the program that takes over, so that it happens once. No setting: it
/// says what has happened, not what is wanted. `RUN`, and where a person has said
/// yes to it, ` SLOT BYTES`: what the rest may then be without another question.
const HANDED_OVER: &str = "OFFGRID_HANDED_OVER";

/// How a command that may hand over goes on.
pub(super) enum Next {
    /// It is done.
    Ended(Ending),
    /// A newer program does the rest.
    HandOver(Takeover),
}

/// Who takes over, and what it is told.
pub(super) struct Takeover {
    program: PathBuf,
    said: String,
}

/// Does `work` with the lock, and hands over when it says so. The second argument
/// of `work` is whether it may: not when the other one could not be started.
///
/// # Errors
/// Those of `work`.
pub(super) fn change(
    session: &Session<'_>,
    work: impl Fn(&Change<'_>, bool) -> Result<Next, Any>,
) -> Result<Ending, Any> {
    let mut may = session.settings.self_update && !handed_over(session.env);
    loop {
        // The lock is free again when this comes back: the other one takes it.
        let takeover = match session.change(|change| work(change, may))? {
            Next::Ended(ending) => return Ok(ending),
            Next::HandOver(takeover) => takeover,
        };
        if session.stop.is_set() {
            return Err(run::Error::Interrupted.into());
        }
        let mut command = Command::new(&takeover.program);
        command.args(handed(session)).env(HANDED_OVER, &takeover.said);
        // Only what no setting says was asked.
        command.envs(session.answers().variables());
        let source = platform::exec(&mut command);
        // Only here when it could not be started; what it would have done, this one can.
        let what = format!("{} could not take over: {source}", takeover.program.display());
        session.note(&what, Some("this program goes on"));
        may = false;
    }
}

/// Whether this program has just taken over from an older one.
pub(super) fn handed_over(env: &Env) -> bool {
    env.var(HANDED_OVER).is_some()
}

/// The words of this command as the installed program takes them. Where none was
/// typed, what is done is named: `self` alone would be a question how things are.
fn handed(session: &Session<'_>) -> Vec<std::ffi::OsString> {
    let typed = super::args::parse(&session.env.args).is_ok_and(|typed| typed.command.is_some());
    let word = if typed { None } else { Some(session.word.into()) };
    let words = ["self".into()].into_iter().chain(word);
    words.chain(session.env.args.iter().cloned()).collect()
}

/// Whether an open run is the one that this program was made ready by.
pub(super) fn is_ours(session: &Session<'_>, story: &Story) -> bool {
    let said = session.env.var(HANDED_OVER).and_then(|said| said.to_str());
    let run = said.and_then(|said| said.split(' ').next());
    let whole = story.done == story.plan.steps.len();
    story.plan.is_overture() && whole && run == Some(story.plan.id.as_str())
}

/// Whether a person has said yes to this plan before this program took over.
pub(super) fn is_agreed(session: &Session<'_>, plan: &Plan) -> bool {
    let said = session.env.var(HANDED_OVER).and_then(|said| said.to_str());
    let mut words = said.unwrap_or_default().split(' ').skip(1);
    let slot = plan.to.as_ref().map(ToString::to_string);
    let bytes = |word: &str| word.parse().is_ok_and(|bytes: u64| plan.download_bytes <= bytes);
    slot.is_some_and(|slot| words.next() == Some(&*slot)) && words.next().is_some_and(bytes)
}

/// The release's bootstrapper, when it is to take this one's place.
///
/// # Errors
/// `E_UNSUPPORTED` for a machine that nothing is made for.
pub(super) fn due(
    session: &Session<'_>,
    trusted: &Trusted,
    receipt: Option<&Receipt>,
    release: &Release,
) -> Result<Option<NewSetup>, Any> {
    let settings = session.settings;
    let here = settings.sysroot.is_none() && (receipt.is_some() || platform::becomes_another());
    let wanted = settings.self_update && !handed_over(session.env) && here;
    if !wanted || release.setup.version <= schema::own() || packaged::by(session).is_some() {
        return Ok(None);
    }
    // It would be refused as this one is.
    if trust::check_age(&trusted.root, &release.setup.version).is_err() {
        return Ok(None);
    }
    let target = select::target_of(&session.host()?)?;
    let pin = release.setup.targets.get(&target);
    let pin = pin.filter(|pin| receipt.is_none_or(|receipt| pin.sha256 != receipt.program));
    let chain = trusted.memory.chain.iter().skip(1).copied().collect();
    let (version, system) = (release.setup.version.clone(), session.place.system);
    Ok(pin.map(|pin| NewSetup { version, pin: *pin, chain, system }))
}

/// What it takes to go to a newer bootstrapper.
///
/// # Errors
/// Without random numbers.
pub(super) fn plan_of(
    session: &Session<'_>,
    receipt: Option<&Receipt>,
    new: NewSetup,
) -> Result<Plan, Any> {
    Ok(plan::renew(random_name()?, session.store(), receipt, new))
}

/// Makes a newer bootstrapper ready to do the rest; asks once, for both.
///
/// # Errors
/// `E_SELFTEST` or `E_UNTRUSTED_BINARY` for one that may not take over; this
/// program is then as before.
pub(super) fn go_first(
    change: &Change<'_>,
    sources: &Sources,
    receipt: Option<&Receipt>,
    new: NewSetup,
    decision: Option<&Decision>,
) -> Result<Takeover, Any> {
    let session = change.session;
    let what = format!("offgrid-setup {} is newer than this one and goes first", new.version);
    let program = match receipt {
        Some(_) => session.store().program(),
        None => setup::staged(session.store()),
    };
    let plan = plan_of(session, receipt, new)?;
    let mut said = plan.id.clone();
    if let Some(decision) = decision {
        super::install::check_bytes(session, plan.then(&decision.plan).download_bytes)?;
    }
    session.note(&what, None);
    if !session.settings.yes {
        match decision {
            Some(decision) => {
                let lines = decision.selection.lines();
                session.reporter.show(&report::plan_text(&plan.then(&decision.plan), &lines));
            }
            None => session.reporter.show(&report::plan_text(&plan, &[])),
        }
        session.consent("Go on?")?;
        if let Some((slot, rest)) = decision.and_then(|d| Some((d.plan.to.as_ref()?, &d.plan))) {
            said = format!("{said} {slot} {}", rest.download_bytes);
        }
    }
    match receipt {
        Some(_) => change.run(&plan, sources)?,
        None => change.open(&plan, sources)?,
    }
    Ok(Takeover { program, said })
}

/// The same when there is no other release to go to, for a live one that brought a
/// newer bootstrapper than this.
///
/// # Errors
/// As [`go_first`].
pub(super) fn from_live(
    change: &Change<'_>,
    sources: &Sources,
    trusted: &Trusted,
    receipt: &Receipt,
) -> Result<Option<Takeover>, Any> {
    let slot = receipt.slots.get(&receipt.live.to_string());
    let brought = slot.and_then(|slot| slot.setup.parse::<Version>().ok());
    let listed = trusted.channel.releases.contains_key(&receipt.live.version);
    if !listed || brought.is_none_or(|brought| brought <= schema::own()) {
        return Ok(None);
    }
    let (version, pin) = chosen(change.session, trusted, Some(receipt))?;
    let release = change.session.release(trusted, sources, Some(receipt), (&version, pin))?;
    let Some(new) = due(change.session, trusted, Some(receipt), &release)? else {
        packaged::note(change.session, &release);
        return Ok(None);
    };
    go_first(change, sources, Some(receipt), new, None).map(Some)
}

/// Puts this program in the place of an older one that is installed: it was fetched
/// to mend what that one cannot do any more.
///
/// # Errors
/// Those of a run.
pub(super) fn replace_older(
    change: &Change<'_>,
    sources: &Sources,
    receipt: &Receipt,
) -> Result<Option<Receipt>, Any> {
    let (session, program) = (change.session, change.session.store().program());
    let exe = &session.env.exe;
    let installed = program.canonicalize().is_ok_and(|path| path == *exe);
    let older = receipt.by.as_ref().is_none_or(|by| *by < schema::own());
    if installed || !older || receipt.packaged || packaged::by(session).is_some() {
        return Ok(None);
    }
    let own = fetch::digest_of(exe)?.filter(|own| *own != receipt.program);
    let Some(own) = own.filter(|_| disk::exists(&program)) else { return Ok(None) };
    session.note("this program is newer than the installed one and takes its place", None);
    let plan = plan::replace(random_name()?, session.store(), receipt, (exe, own));
    change.run(&plan, sources)?;
    change.receipt()
}

/// Whether this program may go on at all under this root.
///
/// # Errors
/// `E_SCHEMA`.
pub(super) fn check_age(session: &Session<'_>, trusted: &Trusted) -> Result<(), Any> {
    let checked = trust::check_age(&trusted.root, &schema::own());
    if let (Err(_), Some(package)) = (&checked, packaged::by(session)) {
        packaged::tell(session, &package);
    }
    checked.map_err(Any::from)
}

/// `selftest`: what a new bootstrapper must be able to do before it takes over:
/// read its own stamp, and everything that the old one wrote.
///
/// # Errors
/// Whatever it cannot do.
pub(super) fn selftest(session: &Session<'_>) -> Result<Ending, Any> {
    let stamped = stamp::own()?;
    let store = session.store();
    store.check_owner(session.place.system)?;
    let installed = receipt::read(store)?.is_some();
    let story = journal::read(store)?;
    if !installed && !story.is_some_and(|story| story.plan.is_overture()) {
        return Err(Error::NotInstalled { prefix: store.prefix().to_owned() }.into());
    }
    let memory = disk::read(&store.trust(), trust::state_max())?;
    let known = Known { memory: memory.as_deref(), installed: None };
    trust::show(&stamped, &known)?;
    fetch::digest_of(&store.program())?;
    let mut ending = Ending::new(Outcome::Unchanged, "this program works here");
    ending.facts = json!({"setup": schema::own(), "root": stamped.root.version});
    Ok(ending)
}
