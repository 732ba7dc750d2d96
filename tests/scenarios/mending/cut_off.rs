//! A run that was cut off is ended by the next command by itself, and it says which
//! way.

use super::{away, name, slot};
use e2e::cut::{self, Point};
use e2e::process::stalled;
use e2e::{Forge, World, base};
use serde_json::json;
use std::fs;
use std::process::Command;

/// An update is killed: before its downloads are whole, and after.
#[test]
fn a_cut_off_run_goes_on_when_all_is_here_and_is_taken_back_when_not() {
    let world = World::new();
    world.install();
    world.publish_newer();
    Forge::of(&world.depot()).new_app();
    let before = world.snapshot_but(&["blobs", "state/trust.json"]);
    let (_origin, running) = stalled(&world, &["update", "--yes"], 100_000);
    running.kill();
    let again = world.run(&["repair", "--yes"]).expect(0).says("taking it back first");
    assert!(!again.stderr.contains("finishing"), "{}", again.stderr);
    before.assert_same(&world.snapshot_but(&["blobs", "state/trust.json"]));

    let mut command = world.command(world.setup());
    command.env("OFFGRID_SETUP_SOURCE", world.depot()).args(["update", "--yes"]);
    let Some(point) = last_before_the_slot(&world, &command) else { return };
    cut::cut(&command, &point);
    assert!(!slot(&world, "0.2.0").exists(), "it was cut off before that");
    // All blobs are here: no depot is needed to go on.
    away(&world);
    world.run(&["repair", "--yes"]).expect(0).says("finishing it first").says("0.2.0 is live");
    world.run(&["verify"]).expect(0);
    assert_eq!(world.run(&["status", "--json"]).json()["version"], json!("0.2.0"));
}

/// Where the new slot is about to get its name: everything was downloaded.
fn last_before_the_slot(world: &World, command: &Command) -> Option<Point> {
    if let Some(why) = cut::why_not() {
        eprintln!("skipped: nothing can be killed at a point here: {why}");
        return None;
    }
    let saved = world.path("saved");
    base::copy_tree(&world.home(), &saved);
    let (outcome, points) = cut::points(command, &world.path("trace"));
    outcome.expect(0);
    fs::remove_dir_all(world.home()).unwrap();
    fs::rename(saved, world.home()).unwrap();
    let wanted = format!("staging/{}", name("0.2.0"));
    let renames = |point: &Point| point.call.starts_with("rename");
    let found = points.into_iter().find(|point| renames(point) && point.what.contains(&wanted));
    Some(found.expect("the slot gets its name by a rename"))
}
