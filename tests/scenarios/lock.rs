//! One run at a time, and none for ever.

use e2e::process::{Running, stalled, until};
use e2e::{Snapshot, World};
use std::process::Command;

/// The home without what a running download changes.
fn quiet(world: &World) -> Snapshot {
    Snapshot::of(
        &world.home(),
        &[".local/share/offgrid/blobs", ".local/share/offgrid/state/staging"],
    )
}

#[test]
fn a_second_run_meets_the_lock_of_the_first_and_touches_nothing() {
    let world = World::new();
    let first = world.snapshot();
    let (_origin, running) = stalled(&world, &["install", "--yes"], 300_000);
    let before = quiet(&world);
    for words in [
        &["install", "--yes"][..],
        &["uninstall", "--yes"],
        &["repair", "--back", "--yes"],
        &["install", "--yes", "--json"],
    ] {
        let outcome = world.run(words).expect_error(6, "E_LOCKED");
        outcome.says(&running.id().to_string());
        before.assert_same(&quiet(&world));
    }
    world.run(&["status"]).expect(0);
    running.signal("TERM");
    running.end().expect(130);
    world.run(&["uninstall", "--yes"]).expect(0);
    first.assert_same(&world.snapshot());
}

#[test]
fn a_lock_that_somebody_else_holds_stops_every_change() {
    let world = World::new();
    world.install();
    let lock = world.prefix().join("state/lock");
    // One process, which says so when it has the lock.
    let mut command = Command::new("flock");
    command.arg("-F").arg(&lock).args(["sh", "-c", "echo > \"$1\"; exec sleep 600", "sh"]);
    let sign = world.path("locked");
    command.arg(&sign);
    let holder = Running::start(command);
    until("flock has the lock", || sign.exists());
    let before = world.snapshot();
    for words in [&["update", "--yes"][..], &["rollback", "--yes"], &["uninstall", "--yes"]] {
        world.run(words).expect_error(6, "E_LOCKED");
        before.assert_same(&world.snapshot());
    }
    world.offgrid_run(&["version"]).expect(0);
    world.run(&["verify"]).expect(0);
    holder.kill();
    world.run(&["uninstall", "--yes"]).expect(0);
}

#[test]
fn after_the_holder_was_killed_the_next_run_works() {
    let world = World::new();
    let first = world.snapshot();
    stalled(&world, &["install", "--yes"], 300_000).1.kill();
    let status = world.run(&["status", "--json"]).expect(0).json();
    assert_eq!(status["unfinished"]["what"], "install");
    world.run(&["install", "--yes"]).expect(0).says("was cut off");
    world.run(&["verify"]).expect(0);
    world.run(&["uninstall", "--yes"]).expect(0);
    first.assert_same(&world.snapshot());
}

#[test]
fn two_first_installs_at_once_end_with_one_installation() {
    let world = World::new();
    let first = world.snapshot();
    let both = [0, 1].map(|_| {
        let mut command = world.command(world.setup());
        command.env("OFFGRID_SETUP_SOURCE", world.depot()).args(["install", "--yes"]);
        Running::start(command)
    });
    let mut codes = both.map(|running| running.end().code);
    codes.sort_unstable();
    // The slower one meets the lock, or comes when all is done.
    assert!(codes == [0, 0] || codes == [0, 6], "{codes:?}");
    world.run(&["verify"]).expect(0);
    world.run(&["uninstall", "--yes"]).expect(0);
    first.assert_same(&world.snapshot());
}
