//! Whether this machine is ready, before the first byte: what `preflight` finds, said
//! by `install` and shown by `plan`.
//!
//! Owns where its facts come from. Decides nothing: what stops says so itself.

use super::adopt;
use super::install::Decision;
use super::own;
use super::room;
use super::session::Session;
use crate::error::Error as Any;
use crate::preflight::{self, Disk, Facts, Finding, Looked, Models, Second, Word};
use crate::receipt::Receipt;
use crate::step::Step;
use crate::{platform, service};
use offgrid_manifest::Id;

/// What is found of the machine alone.
///
/// # Errors
/// A captured machine that cannot be read.
pub(super) fn of_machine(session: &Session<'_>) -> Result<Vec<Finding>, Any> {
    let facts = facts(session)?;
    let mut found = preflight::judge(&facts);
    // What is taken over troubles nobody, and a question says more of it.
    found.retain(|one| !adopt::is_about_it(one, &facts) || !adopt::speaks_of_it(session));
    Ok(found)
}

/// The facts of the machine, for this installation.
///
/// # Errors
/// As [`of_machine`].
pub(super) fn facts(session: &Session<'_>) -> Result<Facts, Any> {
    let (store, place, env) = (session.store(), &session.place, session.env);
    let tree = session.tree()?;
    let state = service::state(store);
    let ours: Vec<u32> = state.running.into_iter().chain(state.child).collect();
    let of = |system| {
        let prefix = platform::places(env, system)?.prefix;
        Some(Second { prefix, system })
    };
    let others: Vec<Second> = [true, false].into_iter().filter_map(of).collect();
    let home = env.home();
    let looked = Looked {
        tree: &tree,
        prefix: store.prefix(),
        system: place.system,
        home: home.as_deref(),
        models: &place.models,
        port: service::port(&place.config),
        ours: &ours,
        answers: state.running.and(state.port),
        others: &others,
    };
    Ok(preflight::facts(&looked))
}

/// The file systems that an installation here touches, or would.
///
/// # Errors
/// A captured machine that cannot be read.
pub(super) fn disks(session: &Session<'_>) -> Result<Vec<Disk>, Any> {
    let temp = ["TMPDIR", "TEMP"].iter().find_map(|name| session.env.dir(name));
    let temp = temp.unwrap_or_else(|| "/tmp".into());
    let (prefix, models) = (session.store().prefix(), session.place.models.as_path());
    let places = [("prefix", prefix), ("models", models), ("temp", temp.as_path())];
    Ok(preflight::disks(&session.tree()?, &places))
}

/// What is found before a first installation begins, before anything is asked for
/// over the network.
///
/// # Errors
/// `E_PERM`.
pub(super) fn begin(session: &Session<'_>) -> Result<(), Any> {
    // The program that hands over has said it.
    if own::handed_over(session.env) {
        return Ok(());
    }
    say(session, &of_machine(session)?)
}

/// What is found of a decision: room on each file system, memory for the models that
/// were named; and of an update once more whether its programs could be started.
///
/// # Errors
/// `E_NOSPACE`, `E_PERM`.
pub(super) fn check(session: &Session<'_>, decision: &Decision) -> Result<(), Any> {
    let plan = &decision.plan;
    let fills = plan.steps.iter().any(|step| matches!(step, Step::FillSlot { .. }));
    if plan.from.is_some() && fills {
        preflight::refuse(&of_machine(session)?)?;
    }
    say(session, &of_decision(session, decision)?)
}

/// The same as findings.
///
/// # Errors
/// Any file operation.
pub(super) fn of_decision(session: &Session<'_>, decision: &Decision) -> Result<Vec<Finding>, Any> {
    let needs = match session.settings.sysroot {
        None => room::needs(session.store(), &decision.plan)?,
        // The disks of a captured machine are not here.
        Some(_) => Vec::new(),
    };
    let named = session.models().unwrap_or_default();
    let named: Vec<String> = named.iter().map(Id::to_string).collect();
    let models = decision.models.judge(&named);
    Ok(preflight::judge_space(&needs).into_iter().chain(models).collect())
}

/// The model to suggest, where nobody has said which and none is installed.
pub(super) fn suggestion(
    session: &Session<'_>,
    receipt: Option<&Receipt>,
    models: &Models,
) -> Option<String> {
    let none = receipt.is_none_or(|receipt| receipt.models.is_empty());
    if session.models().is_none() && none { models.line() } else { None }
}

/// Says them, and refuses the first that stops.
///
/// # Errors
/// `E_NOSPACE`, `E_PERM`.
pub(super) fn say(session: &Session<'_>, findings: &[Finding]) -> Result<(), Any> {
    for finding in findings {
        if let Word::Warn(name) = finding.word {
            session.warn(name, &finding.what, finding.hint.as_deref());
        }
    }
    Ok(preflight::refuse(findings)?)
}
