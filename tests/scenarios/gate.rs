//! A release whose engine does not run never goes live.

use e2e::{World, cut};

#[test]
fn a_first_install_of_a_broken_release_is_taken_back() {
    let world = World::newer();
    let before = world.snapshot();
    let outcome = world.run(&["install", "--yes", "--channel", "broken", "--json"]);
    outcome.expect_error(1, "E_HEALTH");
    before.assert_same(&world.snapshot());
    let outcome = world.run(&["install", "--yes", "--channel", "broken"]);
    outcome.expect_error(1, "E_HEALTH").says("this engine is broken");
    before.assert_same(&world.snapshot());
}

#[test]
fn an_update_to_a_broken_release_leaves_the_old_one_live() {
    let world = World::new();
    let first = world.snapshot();
    world.install();
    world.publish_newer();
    let marks = world.prefix().join("state/trust.json");
    let (before, trusted) = (world.snapshot_but_trust(), std::fs::read(&marks).unwrap());
    let outcome = world.offgrid_run(&["update", "--yes", "--channel", "broken", "--json"]);
    outcome.expect_error(1, "E_HEALTH");
    before.assert_same(&world.snapshot_but_trust());
    assert_ne!(trusted, std::fs::read(&marks).unwrap(), "the marks were not raised");
    let status = world.offgrid_run(&["self", "status", "--json"]).expect(0).json();
    assert_eq!((&status["version"], &status["unfinished"]), (&"0.1.0".into(), &().into()));
    world.offgrid_run(&["version"]).expect(0).says("0.2.11");
    world.offgrid_run(&["self", "verify"]).expect(0);
    // What is good in the same depot still comes.
    world.offgrid_run(&["update", "--yes"]).expect(0).says("0.2.0 is live");
    world.offgrid_run(&["uninstall", "--yes"]).expect(0);
    first.assert_same(&world.snapshot());
}

#[test]
fn what_cannot_be_taken_back_is_exit_7_and_repair_takes_it_back_later() {
    if let Some(reason) = cut::why_not() {
        eprintln!("skipped: {reason}");
        return;
    }
    let world = World::new();
    let first = world.snapshot();
    world.install();
    world.publish_newer();
    let mut update = world.command(world.offgrid());
    update.env("OFFGRID_SETUP_SOURCE", world.depot());
    update.args(["update", "--yes", "--channel", "broken", "--json"]);
    // The new slot cannot be removed again: a disk that begins to fail.
    cut::failing(&update, "unlinkat", "EIO").expect_error(7, "E_UNFINISHED").says("repair");
    let status = world.offgrid_run(&["self", "status", "--json"]).expect(0).json();
    assert_eq!(status["version"], "0.1.0");
    assert!(status["unfinished"].is_object(), "the journal was not kept: {status}");
    world.offgrid_run(&["version"]).expect(0).says("0.2.11");
    world.offgrid_run(&["repair", "--back", "--yes"]).expect(0);
    let status = world.offgrid_run(&["self", "status", "--json"]).expect(0).json();
    assert!(status["unfinished"].is_null(), "{status}");
    world.offgrid_run(&["self", "verify"]).expect(0);
    world.offgrid_run(&["uninstall", "--yes"]).expect(0);
    first.assert_same(&world.snapshot());
}
