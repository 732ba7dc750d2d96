//! Plans without a new slot: back to the slot before, models alone, this program
//! alone, and everything given back.

use super::{Foreign, Plan, Verb};
use crate::models;
use crate::receipt::{InstalledModel, Receipt};
use crate::service::Managed;
use crate::setup::{self, NewSetup};
use crate::step::{Step, Undo};
use crate::store::{SlotName, Store};
use offgrid_manifest::Digest;
use std::path::{Path, PathBuf};

/// Back to another slot that is there: one switch. `start`: a service that was given up
/// is started again; `why`: what was wrong with the release that is left, where it was
/// not a person's wish.
pub fn rollback(
    id: String,
    store: &Store,
    receipt: &Receipt,
    to: SlotName,
    start: Option<Managed>,
    why: Option<String>,
) -> Plan {
    let mut steps = vec![Step::Switch { current: store.current(), slot: to.clone() }];
    steps.extend(start.map(|service| Step::Start { service, again: false }));
    steps.push(Step::Health { slot: to.clone(), asks: false });
    let mut after = receipt.clone();
    after.run = id.clone();
    // Who goes back does not want to be brought forward again by the next update.
    let left = (to.version < receipt.live.version).then(|| receipt.live.version.clone());
    after.left = left.max(after.left).filter(|left| *left > to.version);
    after.left_why = why.filter(|_| after.left.is_some());
    after.previous = Some(std::mem::replace(&mut after.live, to.clone()));
    Plan { steps, ..empty(id, Verb::Rollback, receipt, Some(to), Some(after)) }
}

/// This program alone: a run of its own, so that it stays when the run after it is
/// taken back (DESIGN 12). The program that is replaced is kept beside it.
///
/// Where nothing is installed yet it is only fetched and proved: the run stays open,
/// and who takes over ends it.
pub fn renew(id: String, store: &Store, receipt: Option<&Receipt>, new: NewSetup) -> Plan {
    let pin = new.pin;
    let setup = Box::new(new);
    let mut steps = vec![Step::FetchSetup { setup: setup.clone() }, Step::ProveSetup { setup }];
    let plan = match receipt {
        Some(receipt) => {
            let plan = replace(id, store, receipt, (&setup::staged(store), pin.sha256));
            steps.extend(plan.steps.iter().cloned());
            plan
        }
        None => Plan { id, verb: Verb::Setup, ..nothing() },
    };
    Plan { steps, download_bytes: pin.size, disk_bytes: pin.size, ..plan }
}

/// Another program in the place of the installed one, which is kept beside it.
pub fn replace(id: String, store: &Store, receipt: &Receipt, new: (&Path, Digest)) -> Plan {
    let (from, sha256) = (new.0.to_owned(), new.1);
    let mut after = receipt.clone();
    after.run = id.clone();
    after.program = sha256;
    let program = store.program();
    let keep = setup::before(&program);
    let steps = vec![
        Step::PutFile { path: keep, from: program.clone(), sha256: receipt.program },
        Step::PutFile { path: program, from, sha256 },
    ];
    let plan = empty(id, Verb::Setup, receipt, Some(receipt.live.clone()), Some(after));
    Plan { steps, ..plan }
}

/// Models alone: fetched into or taken out of the models folder.
pub fn models(id: String, receipt: &Receipt, add: &[models::Wanted], remove: &[String]) -> Plan {
    let mut after = receipt.clone();
    after.run = id.clone();
    let mut steps = Vec::new();
    for model in add {
        steps.extend(model.path.parent().map(|path| Step::MakeDir { path: path.to_owned() }));
        steps.push(Step::FetchModel { model: Box::new(model.clone()), trash: None });
        let models::Wanted { name, path, sha256, size, .. } = model.clone();
        after.models.insert(name, InstalledModel { path, sha256, size });
    }
    for name in remove {
        let Some(model) = after.models.remove(name) else { continue };
        let trash = aside(&model.path);
        steps.push(give_back(Undo::RemoveFile { path: model.path }, trash));
    }
    let bytes = add.iter().map(|model| model.size).sum();
    let plan = empty(id, Verb::Model, receipt, Some(receipt.live.clone()), Some(after));
    Plan { steps, download_bytes: bytes, disk_bytes: bytes, ..plan }
}

/// Everything is given back, last first. Models and settings stay unless `purge`
/// names the folder of the settings: models are often larger than all the rest,
/// and somebody paid for the bytes. `log`: where the service's manager kept what it said.
pub fn uninstall(
    id: String,
    store: &Store,
    receipt: &Receipt,
    foreign: &Foreign,
    log: Option<&Path>,
    purge: Option<&Path>,
) -> Plan {
    let models: Vec<&PathBuf> = receipt.models.values().map(|model| &model.path).collect();
    let mut steps = Vec::new();
    for (index, made) in receipt.made.iter().enumerate().rev() {
        let trash = match &made.undo {
            Undo::RemoveFile { path } if models.contains(&path) => {
                if purge.is_none() {
                    continue;
                }
                aside(path)
            }
            // What lies outside the prefix may be on another file system: it waits
            // beside its place.
            Undo::RemoveFile { path } if !path.starts_with(store.prefix()) => aside(path),
            Undo::Reinstate { what } => match what.place() {
                Some(path) => aside(path),
                None => store.trash().join(index.to_string()),
            },
            _ => store.trash().join(index.to_string()),
        };
        let keep = match &made.undo {
            Undo::RemoveTree { path } => foreign.get(path).cloned().unwrap_or_default(),
            _ => Vec::new(),
        };
        steps.push(Step::GiveBack { undo: made.undo.clone(), trash, keep });
    }
    // The service ends before what it runs goes, also where that came later; and when this
    // is taken back, all of it is there before the service is.
    steps.sort_by_key(|step| {
        !matches!(step, Step::GiveBack { undo: Undo::Started { was: false, .. }, .. })
    });
    if let Some(log) = log {
        steps.push(give_back(Undo::RemoveFile { path: log.to_owned() }, aside(log)));
    }
    if let Some(runtime) = store.elsewhere() {
        // What a supervisor of another user left there.
        steps.push(give_back(Undo::RemoveTree { path: runtime.to_owned() }, aside(runtime)));
    }
    if let Some(config) = purge {
        // What the app itself kept there, beside the models.
        steps.extend(own_folders(receipt).map(|path| {
            let (path, trash) = (path.clone(), aside(path));
            give_back(Undo::RemoveTree { path }, trash)
        }));
        for name in ["setup.toml", "offgrid.env"] {
            let path = config.join(name);
            steps.push(give_back(Undo::RemoveFile { path: path.clone() }, aside(&path)));
        }
        let (path, top) = (config.to_owned(), config.to_owned());
        steps.push(give_back(Undo::RemoveDirs { path, top }, store.trash().join("settings")));
    }
    Plan { steps, ..empty(id, Verb::Uninstall, receipt, None, None) }
}

/// Folders that were given to the service's user, where they were not there before us:
/// what is in one that was may be older than we are.
fn own_folders(receipt: &Receipt) -> impl Iterator<Item = &PathBuf> {
    let made = |path: &Path| {
        receipt.made.iter().any(|made| match &made.undo {
            Undo::RemoveDirs { path: inner, top } => {
                path.starts_with(top) && inner.starts_with(path)
            }
            _ => false,
        })
    };
    receipt.made.iter().filter_map(move |one| match &one.undo {
        Undo::SetOwner { path, .. } if made(path) => Some(path),
        _ => None,
    })
}

fn give_back(undo: Undo, trash: PathBuf) -> Step {
    Step::GiveBack { undo, trash, keep: Vec::new() }
}

/// Where a file outside the prefix waits until a run is over.
pub(super) fn aside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".gone~");
    path.with_file_name(name)
}

/// A plan without steps.
pub(super) fn empty(
    id: String,
    verb: Verb,
    receipt: &Receipt,
    to: Option<SlotName>,
    after: Option<Receipt>,
) -> Plan {
    let (from, receipt) = (Some(receipt.live.clone()), after.map(Box::new));
    Plan { id, verb, from, to, receipt, ..nothing() }
}

fn nothing() -> Plan {
    Plan {
        id: String::new(),
        verb: Verb::Setup,
        from: None,
        to: None,
        steps: Vec::new(),
        receipt: None,
        download_bytes: 0,
        reused_bytes: 0,
        disk_bytes: 0,
    }
}

#[cfg(test)]
mod tests;
