//! Plans as tables: what is installed in, steps out.

use super::*;
use crate::fill::SlotPlan;
use crate::mend::{Cure, Problem, Thing};
use crate::receipt::InstalledModel;
use crate::step::Undo;
use offgrid_manifest::Digest;

fn name(text: &str) -> SlotName {
    text.parse().unwrap()
}

pub(super) fn store() -> Store {
    Store::new("/p".into())
}

/// A receipt with these slots, the last one live and the one before it previous.
pub(super) fn receipt(slots: &[&str]) -> Receipt {
    let slot = Slot {
        app: "1".into(),
        engine: "b1".into(),
        setup: "0.1.0".into(),
        existing: None,
        files: BTreeMap::new(),
        links: BTreeMap::new(),
        chosen: None,
    };
    let mut receipt = Receipt {
        schema: crate::receipt::SCHEMA,
        by: None,
        run: "before".into(),
        scope: "user".into(),
        channel: "stable".into(),
        live: name(slots[slots.len() - 1]),
        left: None,
        left_why: None,
        previous: slots.len().checked_sub(2).map(|at| name(slots[at])),
        slots: slots.iter().map(|name| ((*name).to_owned(), slot.clone())).collect(),
        failed: BTreeMap::new(),
        program: Digest::of(b"program"),
        packaged: false,
        service: "none".into(),
        listen: Default::default(),
        engine: engine::Wish::Bundled,
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
    let plan = rollback("r1".into(), &store(), &before, name("1.0.0+a"), None, None);
    assert_eq!(kinds(&plan), ["switch", "health"]);
    let after = plan.receipt.unwrap();
    assert_eq!((after.live, after.previous), (name("1.0.0+a"), Some(name("2.0.0+a"))));
    assert_eq!(after.run, "r1");
    assert_eq!(after.slots, before.slots);
}

#[test]
fn what_waits_outside_the_prefix_waits_beside_its_place() {
    let mut before = receipt(&["1.0.0+a"]);
    before.add(&Undo::RemoveFile { path: "/usr/local/share/x".into() });
    let plan = uninstall("r1".into(), &store(), &before, &Foreign::new(), None, None);
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
    let plan = uninstall("r1".into(), &store(), &before, &foreign, None, None);
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

fn names(all: &[SlotName]) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}

#[test]
fn the_newest_slots_stay_and_the_live_one_the_one_before_and_the_one_in_use_always() {
    let four = receipt(&["1.0.0+a", "2.0.0+a", "3.0.0+a", "4.0.0+a"]);
    let (live, before) = (name("4.0.0+a"), name("3.0.0+a"));
    for (keep, in_use, gone) in [
        (2, None, &["1.0.0+a", "2.0.0+a"][..]),
        (3, None, &["1.0.0+a"]),
        (4, None, &[]),
        (99, None, &[]),
        // Fewer than two is never meant.
        (0, None, &["1.0.0+a", "2.0.0+a"]),
        (2, Some("1.0.0+a"), &["2.0.0+a"]),
        (3, Some("1.0.0+a"), &[]),
        (2, Some("4.0.0+a"), &["1.0.0+a", "2.0.0+a"]),
    ] {
        let in_use = in_use.map(name);
        let found = surplus(&four, &[&live, &before], in_use.as_ref(), keep);
        assert_eq!(names(&found), gone, "keep {keep}, {in_use:?} in use");
    }
    // By when they came, not by their numbers: who went down wants the way back.
    let down = receipt(&["1.0.0+a", "4.0.0+a", "3.0.0+a", "2.0.0+a"]);
    let found = surplus(&down, &[&name("2.0.0+a"), &name("3.0.0+a")], None, 3);
    assert_eq!(names(&found), ["1.0.0+a"]);
    // Before the first rollback there is only the live one to count.
    let found = surplus(&receipt(&["1.0.0+a"]), &[&name("1.0.0+a")], None, 2);
    assert!(found.is_empty());
}

#[test]
fn old_slots_alone_go_without_another_live_one() {
    let before = receipt(&["1.0.0+a", "2.0.0+a", "3.0.0+a"]);
    let old = [name("1.0.0+a")];
    let foreign = Foreign::from([(store().slot(&old[0]), vec!["app/notes.txt".to_owned()])]);
    let plan = clean("r1".into(), &store(), &before, &foreign, &old);
    assert_eq!(kinds(&plan), ["give-back"]);
    let Step::GiveBack { keep, .. } = &plan.steps[0] else { panic!("{:?}", plan.steps[0]) };
    assert_eq!(keep, &["app/notes.txt"]);
    assert_eq!((&plan.from, &plan.to), (&plan.to, &Some(name("3.0.0+a"))));
    let after = plan.receipt.unwrap();
    assert_eq!((after.live, after.previous), (before.live, before.previous));
    assert_eq!(after.slots.keys().collect::<Vec<_>>(), ["2.0.0+a", "3.0.0+a"]);
}

#[test]
fn a_receipt_remembers_what_was_gone_back_from_until_it_is_live_again() {
    let all = ["1.0.0+a", "2.0.0+a", "3.0.0+a"];
    let mut now = receipt(&all);
    for (to, left) in [
        ("2.0.0+a", Some("3.0.0")),
        ("1.0.0+a", Some("3.0.0")),
        ("2.0.0+a", Some("3.0.0")),
        ("3.0.0+a", None),
        ("1.0.0+a", Some("3.0.0")),
    ] {
        now = *rollback("r".into(), &store(), &now, name(to), None, None).receipt.unwrap();
        let left = left.map(|left| left.parse().unwrap());
        assert_eq!(now.left, left, "after going to {to}");
    }
}

fn problem(thing: Thing, path: &str, cure: Cure) -> Problem {
    Problem { thing, path: path.into(), what: "is wrong".into(), cure }
}

fn bare(slot: &str) -> SlotPlan {
    let name = name(slot);
    bare_slot(&[], &OnDisk::new(), true, name)
}

/// What a repair of one thing does.
fn mended(problem: Problem, remedies: &Remedies) -> Vec<&'static str> {
    kinds(&mend("r1".into(), &store(), &receipt(&["1.0.0+a", "2.0.0+a"]), &[problem], remedies))
}

#[test]
fn each_thing_that_is_wrong_has_its_steps() {
    let none = Remedies::default;
    let slots = |slot| Remedies { slots: vec![bare(slot)], ..Remedies::default() };
    let old = || name("1.0.0+a");
    let live = || name("2.0.0+a");
    let aside = || Cure::Aside("/p/aside/x".into());
    for (problem, remedies, steps) in [
        (problem(Thing::Part(old()), "/x", Cure::Fetch), slots("1.0.0+a"), &["rebuild"][..]),
        (problem(Thing::Slot(old()), "/x", Cure::Fetch), slots("1.0.0+a"), &["fill-slot"]),
        // What runs from the old files starts anew.
        (
            problem(Thing::Part(live()), "/x", Cure::Make),
            slots("2.0.0+a"),
            &["rebuild", "switch", "health"],
        ),
        (problem(Thing::Stranger, "/x", aside()), none(), &["make-dir", "set-aside"]),
        (problem(Thing::Program, "/x", Cure::Copy("/y".into())), none(), &["put-file"]),
        (problem(Thing::Program, "/x", Cure::Hopeless("no")), none(), &[]),
        (problem(Thing::Current, "/x", Cure::Make), none(), &["switch", "health"]),
        (problem(Thing::Service, "/x", Cure::Make), none(), &["switch", "health"]),
        (problem(Thing::Link, "/h/bin/offgrid", Cure::Make), none(), &["make-dir", "link"]),
        (problem(Thing::Link, "/h/bin/offgrid", Cure::Leave), none(), &[]),
        (problem(Thing::Model("m".into()), "/h/m", Cure::Leave), none(), &[]),
    ] {
        let what = format!("{problem:?}");
        assert_eq!(mended(problem, &remedies), steps, "{what}");
    }
    let model = models::Wanted {
        name: "m".into(),
        path: "/h/models/m".into(),
        sha256: Digest::of(b"m"),
        size: 1,
        urls: Vec::new(),
    };
    let remedies = Remedies { models: vec![model], ..none() };
    let problem = problem(Thing::Model("m".into()), "/h/models/m", Cure::Fetch);
    assert_eq!(mended(problem, &remedies), ["make-dir", "fetch-model"]);
}

#[test]
fn what_is_in_the_place_of_a_slot_is_moved_by_the_step_that_builds_the_slot() {
    let slot = store().slot(&name("1.0.0+a"));
    let kept = PathBuf::from("/p/aside/1.0.0+a");
    let wrong = [
        problem(Thing::Stranger, slot.to_str().unwrap(), Cure::Aside(kept.clone())),
        problem(Thing::Slot(name("1.0.0+a")), slot.to_str().unwrap(), Cure::Fetch),
    ];
    let remedies = Remedies { slots: vec![bare("1.0.0+a")], ..Remedies::default() };
    let before = receipt(&["1.0.0+a", "2.0.0+a"]);
    let plan = mend("r1".into(), &store(), &before, &wrong, &remedies);
    assert_eq!(kinds(&plan), ["make-dir", "rebuild"]);
    assert!(matches!(&plan.steps[1], Step::Rebuild { trash, .. } if *trash == kept));
}

#[test]
fn a_repair_leaves_what_is_live_and_links_no_file() {
    let before = receipt(&["1.0.0+a", "2.0.0+a"]);
    let wrong = [problem(Thing::Part(name("1.0.0+a")), "/x", Cure::Make)];
    let remedies = Remedies { slots: vec![bare("1.0.0+a")], ..Remedies::default() };
    let plan = mend("r1".into(), &store(), &before, &wrong, &remedies);
    assert_eq!((plan.verb, &plan.from), (Verb::Mend, &plan.to));
    let Step::Rebuild { slot, trash } = &plan.steps[0] else { panic!("{:?}", plan.steps[0]) };
    assert!(!slot.link, "new files, never through a link");
    assert!(trash.starts_with(store().trash()));
    let after = plan.receipt.unwrap();
    assert_eq!((after.live, after.previous), (before.live, before.previous));
}
