//! How many slots stay, and the way back to any of them.

use super::name;
use e2e::service::Service;
use e2e::{Forge, Snapshot, World};
use serde_json::{Value, json};
use std::fs;

/// The versions of the slots, in order.
fn slots(world: &World) -> Vec<String> {
    let status = world.offgrid_run(&["self", "status", "--json"]).expect(0).json();
    let told: Vec<String> = status["slots"]
        .as_array()
        .unwrap()
        .iter()
        .map(|slot| slot["version"].as_str().unwrap().to_owned())
        .collect();
    let listed = fs::read_dir(world.prefix().join("versions")).unwrap();
    let mut there: Vec<String> = listed
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned())
        .map(|name| name.split_once('+').unwrap().0.to_owned())
        .collect();
    there.sort();
    assert_eq!(told, there, "the receipt and the disk");
    there
}

/// With 0.1.0 before and 0.2.0 live.
fn two() -> World {
    let world = World::new();
    world.install();
    world.publish_newer();
    world.run(&["update", "--yes"]).expect(0);
    world
}

fn live(world: &World) -> Value {
    world.run(&["status", "--json"]).expect(0).json()["version"].clone()
}

#[test]
fn two_slots_stay_unless_more_are_asked_for() {
    let world = two();
    let mut forge = Forge::of(&world.depot());
    forge.another_release("0.4.0");
    world.run(&["update", "--yes", "--keep", "3"]).expect(0);
    assert_eq!(slots(&world), ["0.1.0", "0.2.0", "0.4.0"]);
    // In a file, as for every machine of a company.
    let config = world.home().join(".config/offgrid");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("setup.toml"), "keep = 3\n").unwrap();
    forge.another_release("0.5.0");
    world.run(&["update", "--yes"]).expect(0);
    assert_eq!(slots(&world), ["0.2.0", "0.4.0", "0.5.0"]);
    fs::remove_file(config.join("setup.toml")).unwrap();
    forge.another_release("0.6.0");
    world.run(&["update", "--yes"]).expect(0);
    assert_eq!(slots(&world), ["0.5.0", "0.6.0"]);
    for few in ["1", "0", "many"] {
        let words = ["update", "--yes", "--json", "--keep", few];
        world.run(&words).expect_error(2, "E_USAGE").says("always stay");
    }
    world.run(&["verify"]).expect(0);
}

#[test]
fn an_update_with_nothing_new_collects_and_is_no_update() {
    let world = two();
    Forge::of(&world.depot()).another_release("0.4.0");
    world.run(&["update", "--yes", "--keep", "3"]).expect(0);
    let before = world.snapshot_but(&["state/trust.json"]);
    // Without a yes it is only told.
    let told = world.run(&["update"]).expect(0).says("not kept any more: 0.1.0");
    told.says("offgrid update --yes");
    before.assert_same(&world.snapshot_but(&["state/trust.json"]));
    let current = fs::read_link(world.prefix().join("current")).unwrap();
    let update = world.run(&["update", "--yes", "--json"]).expect(0);
    let ended = update.ended().unwrap();
    assert_eq!(ended["outcome"], "unchanged");
    assert_eq!(ended["removed"], json!([name("0.1.0")]));
    assert!(!update.stdout.contains("\"verb\":\"update\""), "{}", update.stdout);
    assert_eq!(fs::read_link(world.prefix().join("current")).unwrap(), current);
    assert_eq!(slots(&world), ["0.2.0", "0.4.0"]);
    world.run(&["verify"]).expect(0);
    world.run(&["rollback", "--yes"]).expect(0).says("0.2.0 is live again");
}

#[test]
fn a_slot_that_a_service_still_uses_stays() {
    let world = World::new();
    world.run(&["install", "--yes", "--service", "supervise"]).expect(0);
    world.publish_newer();
    let mut service = Service::start(&world);
    world.run(&["update", "--yes"]).expect(0);
    // As if the service had not gone along: its note names the old slot.
    let note = world.prefix().join("state/service.json");
    let text = fs::read_to_string(&note).unwrap();
    let mut forge = Forge::of(&world.depot());
    forge.another_release("0.4.0");
    world.run(&["update", "--yes", "--keep", "3"]).expect(0);
    let now = fs::read_to_string(&note).unwrap();
    let edited: Value = {
        let mut value: Value = serde_json::from_str(&now).unwrap();
        value["slot"] = json!(name("0.1.0"));
        value
    };
    fs::write(&note, edited.to_string()).unwrap();
    world.run(&["update", "--yes"]).expect(0);
    assert_eq!(slots(&world), ["0.1.0", "0.2.0", "0.4.0"], "in use: {text}");
    fs::write(&note, now).unwrap();
    world.run(&["update", "--yes"]).expect(0);
    assert_eq!(slots(&world), ["0.2.0", "0.4.0"]);
    world.run(&["service", "stop"]).expect(0);
    service.ended();
}

#[test]
fn rollback_goes_to_any_release_that_is_kept_and_changes_nothing_else() {
    let world = two();
    Forge::of(&world.depot()).another_release("0.4.0");
    world.run(&["update", "--yes", "--keep", "3"]).expect(0);
    let but = ["state/receipt.json", "state/made.json", "current"];
    let before = world.snapshot_but(&but);
    for (to, is) in [("0.1.0", "0.1.0"), ("v0.2.0", "0.2.0"), (&name("0.4.0"), "0.4.0")] {
        let words = ["rollback", "--yes", "--json", "--to", to];
        let outcome = world.run(&words).expect(0);
        let ended = outcome.ended().unwrap();
        assert_eq!((&ended["outcome"], &ended["version"]), (&json!("rolled-back"), &json!(is)));
        let runs = outcome.events().into_iter().filter(|event| event["event"] == "began");
        let steps: Vec<Value> = runs.map(|run| run["steps"].clone()).collect();
        let steps_of_one = steps[0].as_array().unwrap().len();
        assert_eq!((steps.len(), steps_of_one), (1, 2), "one switch: {steps:?}");
        assert_eq!(live(&world), is);
        before.assert_same(&world.snapshot_but(&but));
    }
    world.run(&["verify"]).expect(0);
    let before: Snapshot = world.snapshot();
    let words = ["rollback", "--yes", "--json", "--to", "0.9.0"];
    let refused = world.run(&words).expect_error(3, "E_UNSUPPORTED");
    refused.says(&format!("there is {}, {}", name("0.1.0"), name("0.2.0")));
    world.run(&["rollback", "0.1.0"]).expect(2).says("rollback --to 0.1.0");
    before.assert_same(&world.snapshot());
}

#[test]
fn two_variants_of_one_release_are_told_apart() {
    let world = World::newer();
    // Another variant of the same parts, that fits here too.
    Forge::of(&world.depot()).release(|release| {
        let mut other = release["variants"][0].clone();
        other["id"] = json!("other");
        other["rank"] = json!(1);
        release["variants"].as_array_mut().unwrap().push(other);
    });
    world.install();
    let words = ["update", "--yes", "--keep", "3", "--variant", "other"];
    world.run(&words).expect(0);
    Forge::of(&world.depot()).another_release("0.4.0");
    world.run(&["update", "--yes", "--keep", "3"]).expect(0);
    let before = world.snapshot();
    let refused = world.run(&["rollback", "--yes", "--json", "--to", "0.2.0"]);
    refused.expect_error(2, "E_USAGE").says("0.2.0+other").says("--to 0.2.0+VARIANT");
    before.assert_same(&world.snapshot());
    world.run(&["rollback", "--yes", "--to", "0.2.0+other"]).expect(0);
    // Of the two only one is not live.
    world.run(&["rollback", "--yes", "--to", "0.2.0"]).expect(0);
    let current = fs::read_link(world.prefix().join("current")).unwrap();
    assert!(current.ends_with(name("0.2.0")), "{}", current.display());
}

#[test]
fn a_release_that_was_withdrawn_is_gone_back_to_only_with_consent() {
    let world = two();
    let back = |more: &[&str]| world.run(&[&["rollback", "--yes", "--json"], more].concat());
    Forge::of(&world.depot()).channel(|channel| {
        channel["yanked"] = json!({"0.1.0": {"reason": "it eats models"}});
    });
    world.run(&["update", "--yes"]).expect(0);
    let before = world.snapshot();
    // What is remembered is enough: there is no depot any more.
    fs::rename(world.depot(), world.path("away")).unwrap();
    for more in [&[][..], &["--to", "0.1.0"]] {
        back(more).expect_error(5, "E_YANKED").says("it eats models").says("--allow-yanked");
    }
    before.assert_same(&world.snapshot());
    back(&["--allow-yanked"]).expect(0);
    assert_eq!(live(&world), "0.1.0");

    let world = two();
    let back = |more: &[&str]| world.run(&[&["rollback", "--yes", "--json"], more].concat());
    Forge::of(&world.depot()).channel(|channel| channel["minimum_safe"] = json!("0.2.0"));
    world.run(&["update", "--yes"]).expect(0);
    back(&[]).expect_error(2, "E_NEEDS_CONSENT").says("--accept-vulnerable 0.1.0");
    back(&["--accept-vulnerable", "0.1.0"]).expect(0);
    assert_eq!(live(&world), "0.1.0");
}

#[test]
fn an_update_does_not_return_to_a_release_that_was_gone_back_from() {
    let world = two();
    world.run(&["rollback", "--yes"]).expect(0);
    let update = world.run(&["update", "--yes", "--json"]).expect(0).ended().unwrap();
    assert_eq!((&update["outcome"], &update["version"]), (&json!("unchanged"), &json!("0.1.0")));
    assert_eq!(update["blocked_by"], "rolled-back");
    let told = world.run(&["update", "--yes"]).expect(0).says("you went back from 0.2.0");
    told.says("offgrid update --version 0.2.0");
    world.run(&["update", "--check"]).expect(0);
    let status = world.run(&["status", "--json"]).expect(0).json();
    assert_eq!(status["update"]["blocked_by"], "rolled-back");
    world.run(&["status"]).expect(0).says("which you went back from");
    // A later one may be better, and it may be tried again by its name.
    Forge::of(&world.depot()).another_release("0.4.0");
    world.run(&["update", "--check"]).expect(10);
    world.run(&["update", "--yes", "--version", "0.2.0"]).expect(0);
    assert_eq!(live(&world), "0.2.0");
    world.run(&["rollback", "--yes"]).expect(0);
    world.run(&["update", "--yes"]).expect(0);
    assert_eq!(live(&world), "0.4.0");
}
