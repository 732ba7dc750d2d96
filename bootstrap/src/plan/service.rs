//! What a run does about the service: its user, its files, its manager. Pure: what
//! differs from the disk was looked at before.

use super::back::{aside, empty};
use super::{Plan, Verb};
use crate::receipt::Receipt;
use crate::service::Managed;
use crate::service::backend::{Listen, UnitFile};
use crate::settings::ServiceKind;
use crate::step::{Reinstate, Step, Undo};
use crate::store::Store;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// How the app is to be kept running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Never `auto`.
    pub kind: ServiceKind,
    /// Who may reach it.
    pub listen: Listen,
    /// The service, where there is a manager to know it.
    pub managed: Option<Managed>,
    /// The user that it runs as, where that is not the one who installs, and that
    /// user's folder.
    pub account: Option<(String, PathBuf)>,
    /// Files of its manager that are not on this disk as they should be.
    pub files: Vec<UnitFile>,
    /// The file that describes it.
    pub unit: Option<PathBuf>,
    /// Whether it is registered by this run.
    pub new: bool,
    /// Whether it is to start by itself, which it also does now.
    pub autostart: bool,
    /// Whose services are to go on without a session.
    pub linger: Option<String>,
    /// What is to ask for updates from now on, with its files.
    pub timer: Option<(Managed, Vec<UnitFile>)>,
    /// Which defaults of its files are others now, for people.
    pub changed: Vec<String>,
}

impl Service {
    /// None at all.
    pub fn none() -> Service {
        Service::unmanaged(ServiceKind::None)
    }

    /// Of a kind that no manager knows.
    pub fn unmanaged(kind: ServiceKind) -> Service {
        Service {
            kind,
            listen: Listen::Loopback,
            managed: None,
            account: None,
            files: Vec::new(),
            unit: None,
            new: false,
            autostart: false,
            linger: None,
            timer: None,
            changed: Vec::new(),
        }
    }

    /// The user, and the folder that is to be that user's. Before the proof, which
    /// runs as that user.
    pub(super) fn people(&self) -> Vec<Step> {
        let Some((user, home)) = self.account.clone().filter(|_| self.new) else {
            return Vec::new();
        };
        let (path, name) = (home.clone(), user.clone());
        vec![Step::MakeUser { user, home }, Step::Own { path, user: name }]
    }

    /// The file of the service as whose user, and in whose sandbox, a slot has to work;
    /// none where the service runs as the user who installs.
    pub(super) fn sandbox(&self) -> Option<PathBuf> {
        let of_its_own = matches!(self.kind, ServiceKind::Systemd | ServiceKind::Openrc);
        of_its_own.then(|| self.unit.clone()).flatten()
    }

    /// Whether nothing is to be done about it.
    pub(super) fn is_as_it_was(&self) -> bool {
        self.register().is_empty() && self.timer.is_none()
    }

    /// What its manager is told before anything runs.
    pub(super) fn register(&self) -> Vec<Step> {
        let Some(service) = self.managed.clone() else { return Vec::new() };
        if self.files.is_empty() && !self.new {
            return Vec::new();
        }
        let mut steps = told(&service, &self.files);
        if self.new {
            steps.extend(self.linger.clone().map(|user| Step::Linger { user }));
            steps.push(Step::Enable { service, on: self.autostart });
        }
        steps
    }

    /// What lets updates come by themselves.
    pub(super) fn schedule(&self) -> Vec<Step> {
        let Some((timer, files)) = self.timer.clone() else { return Vec::new() };
        let mut steps = told(&timer, &files);
        steps.push(Step::Enable { service: timer, on: true });
        steps
    }

    /// What starts it, after the switch: a service that runs is told by the switch,
    /// unless its files have changed.
    pub(super) fn start(&self) -> Option<Step> {
        let service = self.managed.clone()?;
        match (self.new, self.files.is_empty()) {
            (true, _) => self.autostart.then_some(Step::Start { service, again: false }),
            (false, false) => self.autostart.then_some(Step::Start { service, again: true }),
            (false, true) => None,
        }
    }
}

/// A manager's files, and that it reads them.
fn told(service: &Managed, files: &[UnitFile]) -> Vec<Step> {
    let mut steps = vec![Step::TellManager { service: service.clone() }];
    let folders: BTreeSet<&Path> = files.iter().filter_map(|file| file.path.parent()).collect();
    steps.extend(folders.into_iter().map(|path| Step::MakeDir { path: path.to_owned() }));
    steps.extend(files.iter().cloned().map(|file| {
        let UnitFile { path, text, mode } = file;
        Step::PutUnit { path, text, mode }
    }));
    steps
}

/// The service alone: registered, or its files made as they should be.
pub fn register(id: String, receipt: &Receipt, service: &Service) -> Plan {
    let mut after = receipt.clone();
    after.run = id.clone();
    service.kind.name().clone_into(&mut after.service);
    after.listen = service.listen;
    let mut steps = service.people();
    steps.extend(service.register());
    steps.extend(service.schedule());
    if let Some(start) = service.start() {
        steps.push(start);
        steps.push(Step::Health { slot: receipt.live.clone(), asks: false });
    }
    Plan { steps, ..empty(id, Verb::Service, receipt, Some(receipt.live.clone()), Some(after)) }
}

/// The service alone is given back, last first.
pub fn unregister(id: String, store: &Store, receipt: &Receipt, files: &[PathBuf]) -> Plan {
    let mut after = receipt.clone();
    after.run = id.clone();
    ServiceKind::None.name().clone_into(&mut after.service);
    // Where a unit of others waits beside ours, ours goes, and theirs waits on.
    let waits = |path: &PathBuf| {
        receipt.made.iter().any(|made| place(&made.undo) == Some(path)) && files.contains(path)
    };
    let back = |undo: &Undo| match undo {
        Undo::RemoveFile { path } | Undo::SetFile { path, .. } => {
            (files.contains(path) && !waits(path)).then(|| undo.clone())
        }
        Undo::Reinstate { .. } => {
            let ours = place(undo).filter(|path| waits(path));
            ours.map(|path| Undo::RemoveFile { path: path.clone() })
        }
        undo => is_of_service(undo).then(|| undo.clone()),
    };
    let made = receipt.made.iter().enumerate().rev();
    let steps = made
        .filter_map(|(index, made)| {
            let undo = back(&made.undo)?;
            let trash = trash(store, &undo, index);
            Some(Step::GiveBack { undo, trash, keep: Vec::new() })
        })
        .collect();
    Plan { steps, ..empty(id, Verb::Service, receipt, Some(receipt.live.clone()), Some(after)) }
}

/// The place of others that a unit of ours has taken.
fn place(undo: &Undo) -> Option<&PathBuf> {
    match undo {
        Undo::Reinstate { what: Reinstate::Place { path, .. } } => Some(path),
        _ => None,
    }
}

fn is_of_service(undo: &Undo) -> bool {
    match undo {
        Undo::RemoveUser { .. } | Undo::SetOwner { .. } | Undo::Linger { .. } => true,
        Undo::TellManager { service }
        | Undo::Enabled { service, .. }
        | Undo::Started { service, .. } => !service.timer,
        _ => false,
    }
}

/// Where a file waits until the run is over: outside the prefix beside its place, which
/// may be on another file system.
fn trash(store: &Store, undo: &Undo, index: usize) -> PathBuf {
    let outside = |path: &&Path| !path.starts_with(store.prefix());
    match undo {
        Undo::RemoveFile { path } => Some(path.as_path()).filter(outside).map(aside),
        _ => None,
    }
    .unwrap_or_else(|| store.trash().join(index.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{receipt, store};
    use super::*;
    use crate::step::Mark;

    #[test]
    fn a_unit_of_others_waits_on_when_ours_in_its_place_goes() {
        let unit = PathBuf::from("/e/offgrid-llm.service");
        let kept = PathBuf::from("/e/offgrid-llm.service.kept~");
        let service =
            Managed { kind: ServiceKind::Systemd, home: None, config: None, timer: false };
        let what = Reinstate::Place { path: unit.clone(), kept, ours: Mark::File };
        let theirs = Undo::Reinstate { what };
        let mut before = receipt(&["1.0.0+a"]);
        "systemd".clone_into(&mut before.service);
        before.add(&Undo::TellManager { service: service.clone() });
        before.add(&theirs);
        before.add(&Undo::Enabled { service: service.clone(), was: false });
        // Written anew by an update.
        let was = offgrid_manifest::Digest::of(b"an older one of ours");
        before.add(&Undo::SetFile { path: unit.clone(), was, mode: 0o644 });
        let plan = unregister("r1".into(), &store(), &before, std::slice::from_ref(&unit));
        let back = plan.steps.iter().map(|step| match step {
            Step::GiveBack { undo, trash, .. } => (undo.clone(), trash.clone()),
            other => panic!("{other:?}"),
        });
        let undos: Vec<Undo> = back.clone().map(|(undo, _)| undo).collect();
        let wanted = [
            Undo::Enabled { service: service.clone(), was: false },
            Undo::RemoveFile { path: unit.clone() },
            Undo::TellManager { service },
        ];
        assert_eq!(undos, wanted);
        assert_eq!(back.map(|(_, trash)| trash).nth(1).unwrap(), aside(&unit));
        let mut after = *plan.receipt.unwrap();
        undos.iter().for_each(|undo| after.forget(undo));
        assert!(after.made.iter().any(|made| made.undo == theirs));
        assert!(!after.made.iter().any(|made| matches!(made.undo, Undo::SetFile { .. })));
    }
}
