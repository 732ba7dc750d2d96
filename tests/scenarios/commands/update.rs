//! `update` and `rollback`: forward, back, and nothing to do.

use e2e::World;

/// When the depot was last asked is remembered even when nothing comes of it.
const MEMORY: &[&str] = &["state/trust.json"];
/// Names the last run.
const RECEIPT: &[&str] = &["state/receipt.json", "state/made.json"];

#[test]
fn check_says_whether_there_is_an_update_and_changes_nothing() {
    let world = World::new();
    world.install();
    let before = world.snapshot();
    let check = world.offgrid_run(&["update", "--check", "--json"]).expect(0).ended().unwrap();
    assert_eq!(check["outcome"], "unchanged");
    before.assert_same(&world.snapshot());
    world.publish_newer();
    let check = world.offgrid_run(&["update", "--check", "--json"]).expect(10).ended().unwrap();
    assert_eq!((&check["from"], &check["version"]), (&"0.1.0".into(), &"0.2.0".into()));
    assert!(check["error"].is_null());
    world.offgrid_run(&["update", "--check"]).expect(10).says("0.2.0 is available");
    before.assert_same(&world.snapshot());
}

#[test]
fn update_with_nothing_new_is_unchanged_and_needs_no_yes() {
    let world = World::new();
    world.install();
    let before = world.snapshot_but(MEMORY);
    let update = world.offgrid_run(&["update", "--json"]).expect(0);
    assert_eq!(update.ended().unwrap()["outcome"], "unchanged");
    before.assert_same(&world.snapshot_but(MEMORY));
    world.offgrid_run(&["update"]).expect(0).says("nothing newer");
}

#[test]
fn update_without_a_yes_and_without_a_person_does_nothing() {
    let world = World::new();
    world.install();
    world.publish_newer();
    let before = world.snapshot();
    world.offgrid_run(&["update", "--json"]).expect_error(2, "E_NEEDS_CONSENT").says("--yes");
    before.assert_same(&world.snapshot());
}

#[test]
fn the_downloaded_program_updates_what_is_installed_too() {
    let world = World::new();
    world.install();
    world.publish_newer();
    world.run(&["update", "--yes"]).expect(0).says("0.2.0 is live; 0.1.0 is kept");
    world.offgrid_run(&["version"]).expect(0).says("0.2.12");
}

#[test]
fn update_goes_to_a_release_by_number_and_down_only_with_consent() {
    let world = World::newer();
    world.install();
    let before = world.snapshot();
    let words = ["update", "--yes", "--json", "--version", "0.1.0"];
    world.offgrid_run(&words).expect_error(2, "E_NEEDS_CONSENT");
    before.assert_same(&world.snapshot());
    let unlisted = ["update", "--yes", "--json", "--version", "0.9.0"];
    world.offgrid_run(&unlisted).expect_error(5, "E_NOT_LISTED");
    before.assert_same(&world.snapshot());
    let words = ["update", "--yes", "--version", "0.1.0", "--allow-downgrade"];
    world.offgrid_run(&words).expect(0).says("0.1.0 is live");
    world.offgrid_run(&["version"]).expect(0).says("0.2.11");
}

#[test]
fn a_release_whose_engine_is_broken_is_taken_back_and_the_old_one_lives() {
    let world = World::newer();
    world.install();
    let before = world.snapshot_but(MEMORY);
    let words = ["update", "--yes", "--json", "--channel", "broken"];
    let update = world.offgrid_run(&words).expect_error(1, "E_HEALTH");
    assert!(update.stdout.contains("this engine is broken"), "the engine's words are told");
    before.assert_same(&world.snapshot_but(MEMORY));
    world.offgrid_run(&["version"]).expect(0).says("0.2.12");
}

#[test]
fn nothing_to_update_or_to_go_back_from_is_told_with_what_to_type() {
    let world = World::new();
    let before = world.snapshot();
    for words in [["update", "--yes"], ["rollback", "--yes"], ["update", "--check"]] {
        let outcome = world.run(&[&words[..], &["--json"]].concat());
        outcome.expect_error(3, "E_UNSUPPORTED").says("offgrid-setup install");
    }
    before.assert_same(&world.snapshot());
}

#[test]
fn rollback_twice_is_back_and_forth_and_leaves_the_tree_as_it_was() {
    let world = World::new();
    world.install();
    world.publish_newer();
    world.offgrid_run(&["update", "--yes"]).expect(0);
    let updated = world.snapshot_but(RECEIPT);
    let back = world.offgrid_run(&["rollback", "--yes", "--json"]).expect(0).ended().unwrap();
    assert_eq!(back["outcome"], "rolled-back");
    assert_eq!((&back["from"], &back["version"]), (&"0.2.0".into(), &"0.1.0".into()));
    world.offgrid_run(&["version"]).expect(0).says("0.2.11");
    // The one before is now the one that was left: a slip is mended by the same word.
    world.offgrid_run(&["rollback", "--yes"]).expect(0).says("0.2.0 is live again");
    world.offgrid_run(&["version"]).expect(0).says("0.2.12");
    updated.assert_same(&world.snapshot_but(RECEIPT));
    world.offgrid_run(&["self", "verify"]).expect(0);
}

#[test]
fn rollback_with_nothing_before_is_refused_and_changes_nothing() {
    let world = World::new();
    world.install();
    let before = world.snapshot();
    let words = ["rollback", "--yes", "--json"];
    let outcome = world.offgrid_run(&words).expect_error(3, "E_UNSUPPORTED");
    outcome.says("no earlier release").says("--allow-downgrade");
    before.assert_same(&world.snapshot());
}

#[test]
fn rollback_to_a_number_goes_there_or_says_what_there_is() {
    let world = World::new();
    world.install();
    world.publish_newer();
    world.offgrid_run(&["update", "--yes"]).expect(0);
    let before = world.snapshot();
    for wrong in ["9.9.9", "0.2.0"] {
        let words = ["rollback", "--yes", "--json", "--to", wrong];
        world.offgrid_run(&words).expect_error(3, "E_UNSUPPORTED").says("there is 0.1.0");
    }
    before.assert_same(&world.snapshot());
    // A pin is for choosing releases to install, not for going back.
    let mut pinned = world.command(world.offgrid());
    pinned.env("OFFGRID_SETUP_VERSION", "0.2.0").args(["rollback", "--yes"]);
    e2e::world::finish(pinned).expect(0).says("0.1.0 is live again");
    world.offgrid_run(&["rollback", "--yes", "--to", "v0.2.0"]).expect(0);
    world.offgrid_run(&["version"]).expect(0).says("0.2.12");
}

#[test]
fn rollback_needs_neither_a_depot_nor_a_network() {
    let world = World::new();
    world.install();
    world.publish_newer();
    world.offgrid_run(&["update", "--yes"]).expect(0);
    std::fs::remove_dir_all(world.depot()).unwrap();
    world.offgrid_run(&["rollback", "--yes"]).expect(0);
    world.offgrid_run(&["version"]).expect(0).says("0.2.11");
}
