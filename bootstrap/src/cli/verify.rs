//! `verify`: everything that the receipt names, held against the disk, each fault
//! with what `repair` would do about it. Changes nothing.

use super::refuse::Error;
use super::session::Session;
use crate::error::Error as Any;
use crate::event::{Ending, Event, Outcome, Sink};
use crate::lock;
use crate::mend::{self, Cure, Findings, Patient};
use crate::receipt::Receipt;
use crate::service;
use serde_json::json;

/// Compares without the lock, so that nobody has to wait for it; what looks wrong
/// is looked at again while nobody changes it.
pub(super) fn run(session: &Session<'_>) -> Result<Ending, Any> {
    session.perhaps_installed()?;
    let compare = || {
        let receipt = session.installed()?;
        find(session, &receipt)
    };
    let findings = match compare() {
        Ok(findings) if !findings.is_damaged() => findings,
        _ => {
            let _quiet = session.patiently(|| lock::Quiet::take(session.store()))?;
            session.looking("something is not as it was; once more, while nothing else is at work");
            compare()?
        }
    };
    tell(session, &findings);
    if findings.is_damaged() {
        return Err(damaged(&findings).into());
    }
    let line = format!("{} files are as they were installed", findings.files);
    let mut ending = Ending::new(Outcome::Unchanged, line);
    ending.facts = json!({"files": findings.files});
    Ok(ending)
}

/// Looks at everything.
pub(super) fn find(session: &Session<'_>, receipt: &Receipt) -> Result<Findings, Any> {
    let service = service::state(session.store());
    let (store, exe) = (session.store(), session.env.exe.as_path());
    let patient = Patient { store, receipt, exe, service: &service };
    mend::find(&patient, &|what| session.looking(what))
}

/// One line for each problem.
pub(super) fn tell(session: &Session<'_>, findings: &Findings) {
    for problem in &findings.problems {
        session.reporter.event(&Event::Problem { problem });
    }
}

/// What is ours and damaged, counted.
pub(super) fn damaged(findings: &Findings) -> Error {
    let ours = || findings.problems.iter().filter(|problem| problem.cure != Cure::Leave);
    let mendable = ours().filter(|problem| problem.cure.is_one()).count();
    Error::Damaged { count: ours().count(), mendable }
}
