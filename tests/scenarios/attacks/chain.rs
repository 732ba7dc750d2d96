//! Roots that are missing, out of order, or signed by the wrong people.

use e2e::forge::{Signers, days};
use e2e::{Forge, Origin, Victims, World};
use offgrid_manifest::layout;
use serde_json::{Value, json};
use std::fs;

type Edit = fn(&mut Forge);

/// A root whose own keys are all new ones.
fn all_new(forge: &mut Forge, who: Signers<'_>) {
    let keys = ["root-4", "root-5", "root-6"].map(|name| (name, forge.new_key(name)));
    forge.root_at(2, who, |root| {
        for (name, key) in keys {
            root["keys"][name] = key;
        }
        root["roles"]["root"]["keys"] = json!(["root-4", "root-5", "root-6"]);
    });
}

fn nothing(_: &mut Value) {}

/// Good but for what `edit` does to it.
fn second(forge: &mut Forge, edit: impl FnOnce(&mut Value)) {
    forge.root_at(2, Signers::Both, edit);
}

/// (what, forge, E_ name): nothing of it is believed.
const ROWS: &[(&str, Edit, &str)] = &[
    (
        "a head that names a later root",
        |f| f.head(|h| h["root_version"] = json!(7)),
        "E_ROOT_WITHHELD",
    ),
    (
        "root 3 without root 2",
        |f| {
            f.root_at(3, Signers::Both, |root| root["version"] = json!(3));
            f.head(|head| head["root_version"] = json!(3));
        },
        "E_ROOT_WITHHELD",
    ),
    ("root 3 in the place of root 2", |f| second(f, |root| root["version"] = json!(3)), "E_NAME"),
    ("root 1 in the place of root 2", |f| second(f, |root| root["version"] = json!(1)), "E_NAME"),
    ("signed by the old keys alone", |f| all_new(f, Signers::Old), "E_SIG_THRESHOLD"),
    ("signed by the new keys alone", |f| all_new(f, Signers::New), "E_SIG_THRESHOLD"),
    (
        "signed by one old key and all new ones",
        |f| {
            all_new(f, Signers::Named(&["root-1", "root-4", "root-5", "root-6"]));
        },
        "E_SIG_THRESHOLD",
    ),
    (
        "signed by all old keys and one new one",
        |f| {
            all_new(f, Signers::Named(&["root-1", "root-2", "root-3", "root-4"]));
        },
        "E_SIG_THRESHOLD",
    ),
    (
        "signed by other roles",
        |f| {
            f.root_at(2, Signers::Named(&["head-1", "release-1"]), nothing);
        },
        "E_SIG_THRESHOLD",
    ),
    (
        "a root without a signature",
        |f| {
            second(f, nothing);
            fs::remove_file(f.path("root/2.json.minisig")).unwrap();
        },
        "E_SIG_THRESHOLD",
    ),
    ("a root that is a head", |f| second(f, |r| r["type"] = json!("offgrid/head")), "E_TYPE"),
    ("a root without a head role", |f| second(f, |r| r["roles"]["head"] = json!(null)), "E_PARSE"),
    ("a root without a version", |f| second(f, |r| r["version"] = json!(null)), "E_PARSE"),
];

#[test]
fn a15_a_root_that_does_not_follow_the_last_one_is_never_taken() {
    let victims = Victims::new();
    let depot = victims.depot();
    for (what, edit, error) in ROWS {
        victims.forge(edit);
        victims.suffer(what, depot.to_str().unwrap(), 5, error);
    }
}

/// (what, forge, exit code, E_ name): root 2 is good and what follows it is not.
const LEARNED: &[(&str, Edit, i32, &str)] = &[
    (
        "a root that forgets the head's key",
        |f| {
            let key = f.new_key("head-2");
            f.root(|root| {
                root["keys"]["head-2"] = key;
                root["roles"]["head"]["keys"] = json!(["head-2"]);
            });
        },
        5,
        "E_SIG_THRESHOLD",
    ),
    (
        "root 2 and no root 3",
        |f| {
            f.root(nothing);
            f.head(|head| head["root_version"] = json!(3));
        },
        5,
        "E_ROOT_WITHHELD",
    ),
    (
        "root 2 and a false root 3",
        |f| {
            f.root(nothing);
            f.root_at(3, Signers::Named(&["root-1"]), nothing);
        },
        5,
        "E_SIG_THRESHOLD",
    ),
    (
        "a root that has expired",
        |f| {
            f.root(|root| {
                root["issued"] = json!(days(-9));
                root["expires"] = json!(days(-1));
            });
        },
        5,
        "E_ROOT_EXPIRED",
    ),
    (
        "a root with floors above the head",
        |f| {
            f.root(|root| root["floors"]["head"] = json!(1000));
        },
        5,
        "E_ROLLBACK",
    ),
    (
        "a root with floors above the channel",
        |f| {
            f.root(|root| root["floors"]["channel"]["stable"] = json!(1000));
        },
        5,
        "E_ROLLBACK",
    ),
];

#[test]
fn a15_a_root_that_was_verified_is_remembered_and_nothing_else() {
    let victims = Victims::new();
    let depot = victims.depot();
    for (what, edit, code, error) in LEARNED {
        victims.forge(edit);
        victims.suffer_and_learn(what, depot.to_str().unwrap(), *code, error);
    }
}

#[test]
fn a15_a_key_that_was_called_back_stays_called_back() {
    let world = World::new();
    world.install();
    world.publish_newer();
    let old = world.path("old");
    e2e::base::copy_tree(&world.depot(), &old);
    // The root is seen once, on the way to a refusal ...
    let mut forge = Forge::of(&world.depot());
    forge.new_head_key("head-2");
    world.run(&["update", "--yes", "--json"]).expect_error(5, "E_SIG_THRESHOLD");
    // ... and a source that hides it again has nothing from that.
    let words = ["update", "--yes", "--json"];
    world.run_from(old.to_str().unwrap(), &words).expect_error(5, "E_SIG_THRESHOLD");
    forge.head(|head| head["root_version"] = json!(2));
    world.run(&words).expect(0);
    world.run_from(old.to_str().unwrap(), &words).expect_error(5, "E_SIG_THRESHOLD");
}

#[test]
fn a15_many_roots_are_followed_one_by_one_and_each_is_asked_for_once() {
    let world = World::newer();
    let mut forge = Forge::of(&world.depot());
    for _ in 0..12 {
        forge.root(nothing);
    }
    forge.head(|head| head["root_version"] = json!(13));
    let origin = Origin::of(&world.depot());
    world.run_from(&origin.url(), &["install", "--yes"]).expect(0);
    for number in 2..=14 {
        assert_eq!(origin.seen_of(&layout::root(number)).len(), 1, "root {number}");
    }
    let status = world.offgrid_run(&["self", "status", "--json"]).expect(0).json();
    assert_eq!(status["trust"]["root"], 13);
}

#[test]
fn a15_floors_of_a_new_root_hold_for_what_is_stored_too() {
    let world = World::newer();
    let origin = Origin::of(&world.depot());
    let update = || world.run_from(&origin.url(), &["update", "--yes", "--json"]);
    world.run_from(&origin.url(), &["install", "--yes"]).expect(0);
    let head = fs::read(world.depot().join(layout::HEAD)).unwrap();
    let mut forge = Forge::of(&world.depot());
    forge.root(|root| root["floors"]["head"] = json!(1000));
    forge.head(nothing);
    update().expect_error(5, "E_ROLLBACK");
    // The source goes back to the head that is stored, and says that it is the same.
    fs::write(world.depot().join(layout::HEAD), head).unwrap();
    update().expect_error(5, "E_ROLLBACK");
}
