//! Plans as tables: what is installed in, steps out.

use super::*;
use offgrid_manifest::Digest;

fn name(text: &str) -> SlotName {
    text.parse().unwrap()
}

fn store() -> Store {
    Store::new("/p".into())
}

/// A receipt with these slots, the last one live and the one before it previous.
fn receipt(slots: &[&str]) -> Receipt {
    let slot = Slot {
        app: "1".into(),
        engine: "b1".into(),
        setup: "0.1.0".into(),
        files: BTreeMap::new(),
        links: BTreeMap::new(),
    };
    let mut receipt = Receipt {
        schema: crate::receipt::SCHEMA,
        by: None,
        run: "before".into(),
        scope: "user".into(),
        channel: "stable".into(),
        live: name(slots[slots.len() - 1]),
        previous: slots.len().checked_sub(2).map(|at| name(slots[at])),
        slots: slots.iter().map(|name| ((*name).to_owned(), slot.clone())).collect(),
        program: Digest::of(b"program"),
        packaged: false,
        service: "none".into(),
        models: BTreeMap::new(),
        made: Vec::new(),
    };
    for slot in slots {
        receipt.add(&Undo::RemoveTree { path: store().slot(&name(slot)) });
    }
    receipt.add(&Undo::RemoveFile { path: "/p/bin/offgrid".into() });
    receipt.add(&Undo::RemoveDirs { path: "/h/models".into(), top: "/h/models".into() });
    receipt
}

fn kinds(plan: &Plan) -> Vec<&'static str> {
    plan.steps.iter().map(Step::kind).collect()
}

#[test]
fn rollback_is_one_switch_and_can_be_taken_back_by_another() {
    let before = receipt(&["1.0.0+a", "2.0.0+a"]);
    let plan = rollback("r1".into(), &store(), &before, name("1.0.0+a"));
    assert_eq!(kinds(&plan), ["switch", "health"]);
    let after = plan.receipt.unwrap();
    assert_eq!((after.live, after.previous), (name("1.0.0+a"), Some(name("2.0.0+a"))));
    assert_eq!(after.run, "r1");
    assert_eq!(after.slots, before.slots);
}

#[test]
fn uninstall_gives_back_the_last_thing_first_and_leaves_no_receipt() {
    let plan = uninstall("r1".into(), &store(), &receipt(&["1.0.0+a"]), &Foreign::new(), None);
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
fn uninstall_keeps_models_unless_told_to_purge() {
    let mut before = receipt(&["1.0.0+a"]);
    let path = PathBuf::from("/h/models/m.gguf");
    let model = InstalledModel { path: path.clone(), sha256: Digest::of(b"m"), size: 1 };
    before.models.insert("m".into(), model);
    before.add(&Undo::RemoveFile { path: path.clone() });
    let removes = |purge| {
        let plan = uninstall("r1".into(), &store(), &before, &Foreign::new(), purge);
        plan.steps.iter().any(|step| {
            matches!(step, Step::GiveBack { undo: Undo::RemoveFile { path: p }, .. } if *p == path)
        })
    };
    assert!(!removes(None));
    assert!(removes(Some(Path::new("/h/.config/offgrid"))));
}

#[test]
fn what_waits_outside_the_prefix_waits_beside_its_place() {
    let mut before = receipt(&["1.0.0+a"]);
    before.add(&Undo::RemoveFile { path: "/usr/local/share/x".into() });
    let plan = uninstall("r1".into(), &store(), &before, &Foreign::new(), None);
    let Step::GiveBack { trash, .. } = &plan.steps[0] else { panic!("{:?}", plan.steps[0]) };
    assert_eq!(trash, Path::new("/usr/local/share/x.gone~"));
}

#[test]
fn a_resource_keeps_its_first_undo_until_it_is_forgotten() {
    let mut receipt = receipt(&["1.0.0+a"]);
    let count = receipt.made.len();
    let later =
        Undo::SetFile { path: "/p/bin/offgrid".into(), was: Digest::of(b"old"), mode: 0o755 };
    receipt.add(&later);
    assert_eq!(receipt.made.len(), count, "the file was made by us: removing it is the way back");
    receipt.add(&Undo::Nothing);
    assert_eq!(receipt.made.len(), count, "what was there already is not ours");
    receipt.forget(&later);
    assert_eq!(receipt.made.len(), count - 1);
}

#[test]
fn removing_a_model_takes_it_out_of_the_receipt() {
    let mut before = receipt(&["1.0.0+a"]);
    let path = PathBuf::from("/h/models/m.gguf");
    before.models.insert("m".into(), InstalledModel { path, sha256: Digest::of(b"m"), size: 1 });
    let plan = models("r1".into(), &before, &[], &["m".to_owned()]);
    assert_eq!(kinds(&plan), ["give-back"]);
    assert!(plan.receipt.unwrap().models.is_empty());
}

#[test]
fn what_others_put_into_a_slot_is_named_so_that_it_stays() {
    let before = receipt(&["1.0.0+a"]);
    let slot = store().slot(&name("1.0.0+a"));
    let foreign = Foreign::from([(slot, vec!["app/notes.txt".to_owned()])]);
    let plan = uninstall("r1".into(), &store(), &before, &foreign, None);
    let kept: Vec<&String> = plan
        .steps
        .iter()
        .flat_map(|step| match step {
            Step::GiveBack { keep, .. } => keep.as_slice(),
            _ => &[],
        })
        .collect();
    assert_eq!(kept, ["app/notes.txt"]);
}
