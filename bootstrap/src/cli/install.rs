//! `install`: the first release, or whatever is missing for what is wanted.
//! Also what `plan` and `update` decide with: the same function, so the same plan.

use super::adopt;
use super::aim::Aim;
use super::believe::chosen;
use super::changed;
use super::converge;
use super::engine;
use super::guide;
use super::manage;
use super::own::{self, Next};
use super::packaged;
use super::path;
use super::ready;
use super::refuse::Error;
use super::session::{Change, Session, random_hex, random_name};
use crate::error::Error as Any;
use crate::event::{Ending, Outcome};
use crate::models::Wanted;
use crate::plan::{self, Plan, Service, Wish};
use crate::preflight::Models;
use crate::profile::Edits;
use crate::receipt::{Receipt, Slot};
use crate::report;
use crate::select::{self, Selection};
use crate::source::Sources;
use crate::stamp::{self, Stamped};
use crate::step::Step;
use crate::store::SlotName;
use crate::trust::Trusted;
use crate::{fetch, platform, service};
use offgrid_manifest::release::Folder;
use offgrid_manifest::verify::Verified;
use offgrid_manifest::{Id, Parts, Release};
use serde_json::json;

/// What was decided, and from what.
pub(super) struct Decision {
    pub(super) plan: Plan,
    pub(super) selection: Selection,
    pub(super) release: Verified<Release>,
    pub(super) blocks: Edits,
    /// Which models of the release run here.
    pub(super) models: Models,
    /// The one to suggest, as people read it.
    pub(super) suggested: Option<String>,
    /// How the app is to be kept running.
    pub(super) service: Service,
}

pub(super) fn run(session: &Session<'_>) -> Result<Ending, Any> {
    let stamped = stamp::own()?;
    session.consent_possible("Install OffGrid LLM?")?;
    check_scope(session)?;
    manage::kind(session)?;
    // A machine that nothing is made for is told so before anything is touched.
    select::target_of(&session.host()?)?;
    if session.receipt()?.is_none() {
        adopt::check(session)?;
        ready::begin(session)?;
    }
    own::change(session, |change, may| {
        super::scheduled::remember(change)?;
        install(change, &stamped, may)
    })
}

fn install(change: &Change<'_>, stamped: &Stamped, may: bool) -> Result<Next, Any> {
    let session = change.session;
    let receipt = change.receipt()?;
    let sources = session.sources(stamped)?;
    let trusted = change.refresh(stamped, &sources, receipt.as_ref())?;
    let receipt = receipt.as_ref();
    converge::converge(change, &sources, &trusted, receipt, may, &|aim, decision| {
        let release = decision.release.clone();
        let again = || decide_on(session, &sources, &trusted, receipt, aim, release.clone());
        guide::ask(session, receipt, decision, &again)
    })
}

/// Shows the plan, asks, runs it, and says how it ended. `spent`: bytes that tries
/// before this one have downloaded.
pub(super) fn carry_out(
    change: &Change<'_>,
    sources: &Sources,
    decision: &Decision,
    spent: u64,
) -> Result<Ending, Any> {
    let session = change.session;
    let plan = &decision.plan;
    let Some(to) = plan.to.as_ref().filter(|_| !plan.steps.is_empty()) else {
        let live = plan.from.as_ref().map_or(String::new(), |slot| slot.version.to_string());
        return Ok(Ending::new(Outcome::Unchanged, format!("{live} is installed and live")));
    };
    check_bytes(session, plan.download_bytes.saturating_add(spent))?;
    warn_of_choice(session, &decision.selection);
    engine::tell(session, &decision.selection.engine, plan.from.is_none());
    ready::check(session, decision)?;
    if !session.settings.yes && !own::is_agreed(session, plan) {
        let lines: Vec<String> =
            decision.selection.lines().into_iter().chain(decision.suggested.clone()).collect();
        session.reporter.show(&report::plan_text(plan, &lines));
        session.consent("Go on?")?;
    }
    change.run(plan, sources)?;
    let mut ending = done(plan, to);
    ending.facts = json!({
        "from": plan.from.as_ref().map(|slot| slot.version.to_string()),
        "version": to.version,
        "variant": to.variant,
        "prefix": session.store().prefix().display().to_string(),
        "download_bytes": plan.download_bytes,
        "reused_bytes": plan.reused_bytes,
    });
    if plan.from.is_none() {
        path::next_words(session, decision, &mut ending);
        path::say(session, &decision.blocks);
    }
    path::warn_of_others(session, plan, &decision.blocks);
    manage::look_at_exposure(session, &decision.service)?;
    changed::say(session, plan, &decision.service, &mut ending);
    Ok(ending)
}

/// What a run of this plan has done.
fn done(plan: &Plan, to: &SlotName) -> Ending {
    let version = &to.version;
    let (outcome, line) = match &plan.from {
        None => (Outcome::Installed, format!("OffGrid LLM {version} is installed")),
        // The receipt alone: a choice that is remembered.
        Some(from) if from == to && plan.steps.iter().all(Step::is_minor) => {
            (Outcome::Unchanged, format!("{version} stays live with {}", to.variant))
        }
        Some(from) if from == to => {
            (Outcome::Updated, format!("OffGrid LLM {version} has what you asked for"))
        }
        Some(from) if from.version == *version => {
            let line = format!("OffGrid LLM {version} is live with {}", to.variant);
            (Outcome::Updated, format!("{line}; {} is kept", from.variant))
        }
        Some(from) => {
            (Outcome::Updated, format!("OffGrid LLM {version} is live; {} is kept", from.version))
        }
    };
    Ending::new(outcome, line)
}

/// `--system` is root's alone.
fn check_scope(session: &Session<'_>) -> Result<(), Any> {
    let lacks = session.place.system && !platform::is_root();
    if lacks { Err(Error::NotRoot.into()) } else { Ok(()) }
}

/// The release to plan for, verified.
pub(super) fn release_for(
    session: &Session<'_>,
    sources: &Sources,
    trusted: &Trusted,
    receipt: Option<&Receipt>,
) -> Result<Verified<Release>, Any> {
    let (version, pin) = chosen(session, trusted, receipt)?;
    session.release(trusted, sources, receipt, (&version, pin))
}

/// Chooses and plans. Reads documents and this machine; changes nothing.
pub(super) fn decide_on(
    session: &Session<'_>,
    sources: &Sources,
    trusted: &Trusted,
    receipt: Option<&Receipt>,
    aim: &Aim,
    release: Verified<Release>,
) -> Result<Decision, Any> {
    let settings = session.settings;
    let mut selection = aim.select(session, &release)?;
    let unproved = aim.unproved.as_deref();
    selection.engine = engine::choose(session, receipt, &release, &selection, unproved)?;
    let parts = parts_of(session, sources, receipt, &release, &selection)?;
    let models = wanted_models(session, &release, receipt)?;
    let exe = &session.env.exe;
    let program =
        fetch::digest_of(exe)?.ok_or_else(|| fetch::Error::Changed { path: exe.clone() })?;
    let link = path::link_of(session);
    let blocks = match receipt {
        None => path::blocks(session, link),
        Some(_) => Edits::default(),
    };
    let service = manage::wanted(session, receipt)?;
    let plan = plan::install(&Wish {
        id: random_name()?,
        store: session.store(),
        receipt,
        damaged: &aim.damaged,
        foreign: &receipt.map_or(Ok(Default::default()), |receipt| {
            crate::inspect::foreign(session.store(), receipt)
        })?,
        release: &release,
        channel: &trusted.channel,
        variant: &selection.variant,
        engine: (selection.engine.used.as_ref(), selection.engine.wish.clone()),
        chosen: aim.chosen(&selection),
        failed: aim.failed_but(&selection.variant),
        parts: &parts,
        program: (exe, program),
        packaged: packaged::by(session).is_some(),
        link,
        blocks: &blocks.edits,
        models: &session.place.models,
        wanted_models: &models,
        memory: trusted.changed.then(|| trusted.memory.text()),
        scope: if session.place.system { "system" } else { "user" },
        service: &service,
        near: sources.is_near(),
        link_files: session.place.system,
        free_reuse: platform::reuse_is_free(&session.store().versions(), session.place.system),
        keep: settings.keep,
        in_use: service::state(session.store()).slot,
        adoption: adopt::adoption(session).filter(|_| receipt.is_none()),
        machine_id: random_hex(16)?,
    });
    let models = Models::of(&release.models, aim.host.usable_memory());
    let suggested = ready::suggestion(session, receipt, &models);
    Ok(Decision { plan, selection, release, blocks, models, suggested, service })
}

/// The parts of the variant. The engine's are left out where another one is used,
/// unless the slot holds them already: then they are what is fallen back on.
fn parts_of(
    session: &Session<'_>,
    sources: &Sources,
    receipt: Option<&Receipt>,
    release: &Release,
    selection: &Selection,
) -> Result<Vec<(Folder, Verified<Parts>)>, Any> {
    let (version, variant) = (release.version.clone(), selection.variant.id.clone());
    let name = SlotName { version, variant }.to_string();
    let there = receipt.and_then(|receipt| receipt.slots.get(&name));
    let whole = selection.engine.used.is_none() || there.is_some_and(Slot::has_own_engine);
    let all = release.components_of(&selection.variant).map(|(_, component)| component);
    let wanted: Vec<_> = all.filter(|component| whole || !engine::is_part(component)).collect();
    let variant = (&release.version, &selection.variant.id);
    session.stage_parts(receipt, variant, &wanted)?;
    wanted
        .into_iter()
        .map(|component| Ok((component.into.clone(), session.parts(component, sources)?)))
        .collect()
}

/// More bytes than the link may carry are refused before the first one.
pub(super) fn check_bytes(session: &Session<'_>, needed: u64) -> Result<(), Any> {
    match session.settings.max_download {
        Some(allowed) if needed > allowed => Err(Error::TooMuch { needed, allowed }.into()),
        _ => Ok(()),
    }
}

/// What somebody should know of the variant before it is fetched.
fn warn_of_choice(session: &Session<'_>, selection: &Selection) {
    let id = &selection.variant.id;
    if !selection.unmet.is_empty() {
        let what =
            format!("{id} is taken as asked, although it {}", selection.unmet.join(", and "));
        session.warn("W_UNFIT", &what, Some("--variant auto takes the best that fits"));
    }
    if let Some(gone) = &selection.instead_of {
        let why = gone.reasons.join(", and ");
        let what = format!("{} does not fit any more: it {why}", gone.variant);
        session.warn("W_VARIANT_UNFIT", &what, Some(&format!("{id} takes its place")));
    }
}

/// The models that were asked for and are not installed.
pub(super) fn wanted_models(
    session: &Session<'_>,
    release: &Release,
    receipt: Option<&Receipt>,
) -> Result<Vec<Wanted>, Any> {
    let mut wanted = Vec::new();
    for name in session.models().iter().flatten().map(Id::as_str) {
        let model = find_model(release, name)?;
        let same = |have: &crate::receipt::InstalledModel| have.sha256 == model.sha256;
        if !receipt.is_some_and(|receipt| receipt.models.get(name).is_some_and(same)) {
            wanted.push(Wanted::new(model, &session.place.models));
        }
    }
    Ok(wanted)
}

/// A model of the catalogue by its name.
pub(super) fn find_model<'r>(
    release: &'r Release,
    name: &str,
) -> Result<&'r offgrid_manifest::release::Model, Any> {
    release.model(name).ok_or_else(|| {
        let known: Vec<&str> = release.models.iter().map(|model| model.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Error::NoModel { name: name.to_owned(), known }.into()
    })
}
