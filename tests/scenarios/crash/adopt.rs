//! An install that takes over the app as its makers install it, killed on its way; and
//! the uninstall that brings that back.

use super::Crash;
use e2e::World;

fn world() -> World {
    let world = World::new();
    crate::adopt::of_user(&world);
    world
}

#[test]
fn an_install_that_takes_over_another_can_be_killed_anywhere() {
    let crash = Crash::new(world(), &["install", "--adopt", "yes"], &[None, Some("0.1.0")]);
    Crash { sample: 12, ..crash }.run();
}

#[test]
fn an_uninstall_that_brings_another_back_can_be_killed_anywhere() {
    let world = world();
    let first = world.snapshot();
    world.run(&["install", "--yes", "--adopt", "yes"]).expect(0);
    let crash = Crash::new(world, &["uninstall"], &[Some("0.1.0"), None]);
    Crash { first, sample: 12, ..crash }.run();
}
