//! The plan of a repair: every thing that is wrong, made so again. New files only,
//! never through a link, and a slot is never changed in its place (DESIGN 7).

use super::{Plan, Verb};
use crate::fill::{self, SlotPlan};
use crate::mend::{Cure, Problem, Thing};
use crate::models;
use crate::receipt::Receipt;
use crate::setup::{self, NewSetup};
use crate::step::Step;
use crate::store::Store;
use std::collections::BTreeMap;

/// Where what is missing comes from.
#[derive(Debug, Default)]
pub struct Remedies {
    /// Every slot that is built anew.
    pub slots: Vec<SlotPlan>,
    /// Every model that is fetched again.
    pub models: Vec<models::Wanted>,
    /// The program, when it has to be fetched.
    pub setup: Option<NewSetup>,
}

/// Mends what can be mended. The live slot stays the live one.
pub fn mend(
    id: String,
    store: &Store,
    receipt: &Receipt,
    problems: &[Problem],
    remedies: &Remedies,
) -> Plan {
    let mut after = receipt.clone();
    after.run = id.clone();
    for slot in &remedies.slots {
        if let Some(record) = after.slots.get_mut(&slot.name.to_string()) {
            record.files = fill::contents(slot).files;
        }
    }
    let mut steps = slots(store, problems, &remedies.slots);
    let has = |thing: &Thing| problems.iter().find(|one| one.thing == *thing && one.cure.is_one());
    if let Some(problem) = has(&Thing::Program) {
        steps.extend(program(store, receipt, problem, remedies.setup.as_ref()));
    }
    let rebuilt = remedies.slots.iter().any(|slot| slot.name == receipt.live);
    if rebuilt || has(&Thing::Current).is_some() || has(&Thing::Service).is_some() {
        // A service that runs from what was replaced starts anew.
        steps.push(Step::Switch { current: store.current(), slot: receipt.live.clone() });
        steps.push(Step::Health { slot: receipt.live.clone(), asks: false });
    }
    for link in problems.iter().filter(|one| one.thing == Thing::Link && one.cure.is_one()) {
        steps.extend(link.path.parent().map(|path| Step::MakeDir { path: path.to_owned() }));
        steps.push(Step::Link { path: link.path.clone(), target: store.program() });
    }
    for model in &remedies.models {
        let path = model.path.clone();
        steps.extend(path.parent().map(|path| Step::MakeDir { path: path.to_owned() }));
        let trash = Some(super::back::aside(&path));
        steps.push(Step::FetchModel { model: Box::new(model.clone()), trash });
    }
    let sum = |of: fn(&SlotPlan) -> u64| remedies.slots.iter().map(of).sum::<u64>();
    let models: u64 = remedies.models.iter().map(|model| model.size).sum();
    let other = models + remedies.setup.as_ref().map_or(0, |setup| setup.pin.size);
    Plan {
        steps,
        download_bytes: sum(|slot| slot.download_bytes) + other,
        reused_bytes: sum(super::slot::reused_bytes),
        disk_bytes: sum(|slot| slot.disk_bytes) + other,
        ..super::back::empty(id, Verb::Mend, receipt, Some(receipt.live.clone()), Some(after))
    }
}

/// What is not ours goes out of the way, then every slot is built.
fn slots(store: &Store, problems: &[Problem], plans: &[SlotPlan]) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut places = BTreeMap::new();
    for problem in problems {
        let Cure::Aside(to) = &problem.cure else { continue };
        steps.extend(to.parent().map(|path| Step::MakeDir { path: path.to_owned() }));
        if plans.iter().any(|slot| store.slot(&slot.name) == problem.path) {
            // Moved by the step that builds the slot: one thing, one step.
            places.insert(problem.path.clone(), to.clone());
        } else {
            steps.push(Step::SetAside { from: problem.path.clone(), to: to.clone() });
        }
    }
    for slot in plans {
        let (name, slot) = (slot.name.clone(), Box::new(slot.clone()));
        let place = places.remove(&store.slot(&name));
        let absent = problems.iter().any(|one| one.thing == Thing::Slot(name.clone()));
        steps.push(match place {
            None if absent => Step::FillSlot { slot },
            place => {
                let trash = place.unwrap_or_else(|| store.trash().join(name.to_string()));
                Step::Rebuild { slot, trash }
            }
        });
    }
    steps
}

fn program(
    store: &Store,
    receipt: &Receipt,
    problem: &Problem,
    new: Option<&NewSetup>,
) -> Vec<Step> {
    let put = |from| Step::PutFile { path: store.program(), from, sha256: receipt.program };
    match (&problem.cure, new) {
        (Cure::Copy(from), _) => vec![put(from.clone())],
        (_, Some(new)) => {
            let fetch = Step::FetchSetup { setup: Box::new(new.clone()) };
            vec![fetch, put(setup::staged(store))]
        }
        (_, None) => Vec::new(),
    }
}
