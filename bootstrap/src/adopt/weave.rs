//! Where the steps of an adoption stand among those of an install: after everything that
//! may fail for other reasons, so that theirs runs until then, and before what needs its
//! places. Pure.

use super::Adoption;
use crate::step::{Ours, Retire, Step};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Puts the steps of an adoption among those of an install, where there is one.
/// `staging`: a folder that is gone when the run is over.
pub fn weave(adoption: Option<&Adoption>, steps: Vec<Step>, staging: &Path) -> Vec<Step> {
    match adoption {
        Some(adoption) => adoption.weave(steps, staging),
        None => steps,
    }
}

impl Adoption {
    pub(super) fn weave(&self, steps: Vec<Step>, staging: &Path) -> Vec<Step> {
        let tries = |step: &Step| matches!(step, Step::Prove { .. } | Step::FetchModel { .. });
        let at = steps.iter().rposition(tries).map_or(0, |last| last + 1);
        let mut before = steps;
        let after = before.split_off(at);
        // A service of everybody's is registered before it is proved; theirs has its place.
        let (late, before): (Vec<Step>, Vec<Step>) =
            before.into_iter().partition(|step| self.has_to_wait(step));
        let mut places = self.places.clone();
        let after: Vec<Step> =
            late.iter().chain(&after).map(|step| in_its_place(step, &mut places)).collect();
        let mut steps = proved_by_copies(before, &late, staging);
        steps.extend(self.steps(places));
        steps.extend(after);
        steps
    }

    /// What is done only when theirs is out of service: what takes a place of theirs, and
    /// the service as a whole.
    fn has_to_wait(&self, step: &Step) -> bool {
        match step {
            Step::Link { path, .. } => self.frees(path),
            Step::TellManager { .. }
            | Step::PutUnit { .. }
            | Step::Linger { .. }
            | Step::Enable { .. } => true,
            _ => false,
        }
    }
}

/// A step that needs a place of theirs does both, so that it is one.
fn in_its_place(step: &Step, places: &mut BTreeMap<PathBuf, PathBuf>) -> Step {
    let (path, ours) = match step {
        Step::Link { path, target } => (path, Ours::Link { target: target.clone() }),
        Step::PutUnit { path, text, mode } => {
            (path, Ours::Text { text: text.clone(), mode: *mode })
        }
        _ => return step.clone(),
    };
    let Some((path, kept)) = places.remove_entry(path) else { return step.clone() };
    Step::Retire { what: Retire::Place { path, kept, ours } }
}

/// A proof in the sandbox of a unit that is not there yet reads a copy of it.
fn proved_by_copies(steps: Vec<Step>, late: &[Step], staging: &Path) -> Vec<Step> {
    let text = |unit: &Path| {
        late.iter().find_map(|step| match step {
            Step::PutUnit { path, text, .. } if path == unit => Some(text.clone()),
            _ => None,
        })
    };
    let copied = |step: Step| {
        let Step::Prove { slot, within: Some(unit) } = &step else { return vec![step] };
        let Some((name, text)) = unit.file_name().zip(text(unit)) else { return vec![step] };
        let path = staging.join(name);
        vec![
            Step::MakeDir { path: staging.to_owned() },
            // Nothing to take back: it goes with its folder.
            Step::PutText { path: path.clone(), text, keep: true },
            Step::Prove { slot: slot.clone(), within: Some(path) },
        ]
    };
    steps.into_iter().flat_map(copied).collect()
}
