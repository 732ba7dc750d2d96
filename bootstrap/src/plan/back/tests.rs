//! Ways back as tables.

use super::super::tests::{receipt, store};
use super::*;
use crate::receipt::InstalledModel;
use crate::service::Managed;
use crate::settings::ServiceKind;
use offgrid_manifest::Digest;

#[test]
fn uninstall_gives_back_the_last_thing_first_and_leaves_no_receipt() {
    let plan =
        uninstall("r1".into(), &store(), &receipt(&["1.0.0+a"]), &Foreign::new(), None, None);
    assert!(plan.receipt.is_none());
    let undos: Vec<_> = plan
        .steps
        .iter()
        .map(|step| match step {
            Step::GiveBack { undo, .. } => undo.resource().unwrap(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(undos, ["folder /h/models", "file /p/bin/offgrid", "tree /p/versions/1.0.0+a"]);
}

#[test]
fn uninstall_stops_the_service_before_what_it_runs_goes() {
    let mut before = receipt(&["1.0.0+a"]);
    let service = Managed { kind: ServiceKind::Systemd, home: None, config: None, timer: false };
    before.add(&Undo::Started { service, was: false });
    // A later update.
    before.add(&Undo::RemoveTree { path: "/p/versions/2.0.0+a".into() });
    let plan = uninstall("r1".into(), &store(), &before, &Foreign::new(), None, None);
    let first = |step: &Step| matches!(step, Step::GiveBack { undo: Undo::Started { .. }, .. });
    assert_eq!(plan.steps.iter().position(first), Some(0));
    let Step::GiveBack { undo, .. } = &plan.steps[1] else { panic!("{:?}", plan.steps[1]) };
    assert_eq!(undo.resource().unwrap(), "tree /p/versions/2.0.0+a");
}

#[test]
fn uninstall_keeps_models_unless_told_to_purge() {
    let mut before = receipt(&["1.0.0+a"]);
    let path = PathBuf::from("/h/models/m.gguf");
    let model = InstalledModel { path: path.clone(), sha256: Digest::of(b"m"), size: 1 };
    before.models.insert("m".into(), model);
    before.add(&Undo::RemoveFile { path: path.clone() });
    let removes = |purge| {
        let plan = uninstall("r1".into(), &store(), &before, &Foreign::new(), None, purge);
        plan.steps.iter().any(|step| {
            matches!(step, Step::GiveBack { undo: Undo::RemoveFile { path: p }, .. } if *p == path)
        })
    };
    assert!(!removes(None));
    assert!(removes(Some(Path::new("/h/.config/offgrid"))));
}

#[test]
fn a_purge_takes_the_folder_of_the_service_that_we_made_and_none_that_was_there() {
    let folder = PathBuf::from("/v/offgrid");
    let owner = Undo::SetOwner { path: folder.clone(), uid: 0, gid: 0, mode: Some(0o755) };
    let models = folder.join("models");
    for (top, removed) in
        [(Some(folder.clone()), true), (Some(models.clone()), false), (None, false)]
    {
        let mut before = receipt(&["1.0.0+a"]);
        if let Some(top) = top.clone() {
            before.add(&Undo::RemoveDirs { path: models.clone(), top });
        }
        before.add(&owner);
        let config = Some(Path::new("/e/offgrid"));
        let plan = uninstall("r1".into(), &store(), &before, &Foreign::new(), None, config);
        let wanted = Undo::RemoveTree { path: folder.clone() };
        let is = |step: &Step| matches!(step, Step::GiveBack { undo, .. } if *undo == wanted);
        assert_eq!(plan.steps.iter().any(is), removed, "{top:?}");
    }
}
