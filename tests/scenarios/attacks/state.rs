//! What lies on disk, and a program without a root of trust.

use e2e::{World, base, programs};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

fn trust(world: &World) -> PathBuf {
    world.prefix().join("state/trust.json")
}

fn marks(world: &World) -> Value {
    let bytes = fs::read(trust(world)).unwrap();
    serde_json::from_slice::<Value>(&bytes).unwrap()["marks"].clone()
}

#[test]
fn a_program_without_a_stamp_makes_nothing() {
    let world = World::new();
    base::copy_tree(&programs::program("offgrid-setup"), &world.setup());
    let before = world.snapshot_but_downloads();
    for verb in ["install", "plan", "update"] {
        world.run(&[verb, "--yes", "--json"]).expect(3).says("E_UNSTAMPED");
        before.assert_same(&world.snapshot_but_downloads());
    }
}

#[test]
fn state_of_a_newer_program_is_left_alone() {
    let world = World::new();
    world.install();
    world.publish_newer();
    for name in ["trust.json", "receipt.json"] {
        let path = world.prefix().join("state").join(name);
        let was = fs::read(&path).unwrap();
        let mut value: Value = serde_json::from_slice(&was).unwrap();
        value["schema"] = json!(2);
        value["new"] = json!({"in": "schema 2"});
        fs::write(&path, value.to_string()).unwrap();
        let before = world.snapshot_but_downloads();
        world.run(&["update", "--yes", "--json"]).expect_error(3, "E_SCHEMA");
        world.run(&["install", "--yes", "--json"]).expect_error(3, "E_SCHEMA");
        before.assert_same(&world.snapshot_but_downloads());
        fs::write(&path, was).unwrap();
    }
    let journal = world.prefix().join("state/journal");
    fs::write(&journal, "{\"began\":{\"schema\":2,\"plan\":{}}}\n").unwrap();
    let before = world.snapshot_but_downloads();
    world.run(&["update", "--yes", "--json"]).expect_error(3, "E_SCHEMA");
    before.assert_same(&world.snapshot_but_downloads());
    fs::remove_file(&journal).unwrap();
    world.run(&["update", "--yes"]).expect(0);
}

#[test]
fn damaged_trust_state_is_made_anew_with_its_marks() {
    for damage in [&b""[..], b"{\"schema\":1,", b"garbage \xff", b"[1]", b"{\"schema\":1}"] {
        let world = World::new();
        world.install();
        let were = marks(&world);
        fs::write(trust(&world), damage).unwrap();
        world.run(&["update", "--yes"]).expect(0).says("forgotten");
        assert_eq!(marks(&world), were);
    }
}

#[test]
fn documents_in_the_trust_state_are_verified_again() {
    let world = World::new();
    world.install();
    let text = fs::read_to_string(trust(&world)).unwrap();
    fs::write(trust(&world), text.replace("root_version", "root_version_")).unwrap();
    world.run(&["update", "--yes"]).expect(0).says("forgotten");
}

#[test]
fn without_trust_state_the_installed_release_is_a_floor() {
    let world = World::newer();
    world.install();
    fs::remove_file(trust(&world)).unwrap();
    let before = world.snapshot_but_downloads();
    let old = base::folder().join("depot-1");
    world
        .run_from(old.to_str().unwrap(), &["update", "--yes", "--json"])
        .expect_error(5, "E_ROLLBACK");
    before.assert_same(&world.snapshot_but_downloads());
    world.run(&["update", "--yes"]).expect(0);
    assert!(trust(&world).is_file());
}

#[test]
fn after_uninstall_only_the_stamp_is_a_floor() {
    let world = World::newer();
    world.install();
    world.offgrid_run(&["uninstall", "--yes"]).expect(0);
    let old = base::folder().join("depot-1");
    let outcome = world.run_from(old.to_str().unwrap(), &["install", "--yes"]);
    outcome.expect(0).says("0.1.0 is installed");
}
