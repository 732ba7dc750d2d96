//! The power goes out at any moment of a run. The calls of the real program are
//! recorded once; from them come all trees that a disk may hold when the power is
//! back (`e2e::power` says by which rules). Each of them is held against what may
//! never be lost; from a sample of them the real program goes on, and ends with a
//! whole release, and in the end with the first tree.
//!
//! `E2E_FULL=1` lets it go on from every one, `E2E_POWER=N` from N of each command,
//! `E2E_SEED=N` from another sample.

mod cuts;
mod ends;
mod rules;

use cuts::Power;
use e2e::{Forge, World};
use std::fs;

const PREFIX: &str = ".local/share/offgrid";

#[test]
fn an_install_survives_a_power_cut_at_any_moment() {
    let world = World::new();
    Power::new(world, &["install", "--model", "tiny"], &[None, Some("0.1.0")]).run();
}

/// The downloads of an install that was cut off go with it, also when the record of its
/// folders is gone before they are.
#[test]
fn an_install_that_is_taken_back_survives_a_power_cut_at_any_moment() {
    if let Some(why) = e2e::cut::why_not() {
        return eprintln!("skipped: no program can be cut off here: {why}");
    }
    let world = World::new();
    let first = world.snapshot();
    let mut install = world.command(world.setup());
    install.env("OFFGRID_SETUP_SOURCE", world.depot()).args(["install", "--yes"]);
    let (_, points) = e2e::cut::points(&install, &world.path("trace"));
    let fresh = |point: &&e2e::cut::Point| {
        point.call.starts_with("rename") && point.what.contains("/state/staging/0.1.0")
    };
    let place = points.iter().find(fresh).expect("a slot is moved into its place");
    world.run(&["uninstall", "--purge", "--yes"]).expect(0);
    e2e::cut::cut(&install, place).expect(137);
    let blobs = fs::read_dir(world.prefix().join("blobs")).unwrap().count();
    assert!(blobs > 0, "nothing was downloaded");
    let power = Power::new(world, &["repair", "--back"], &[None, None]);
    power.begun_at(first).backwards().run();
}

#[test]
fn an_update_survives_a_power_cut_at_any_moment() {
    let world = World::new();
    let first = world.snapshot();
    world.install();
    world.publish_newer();
    world.run(&["update", "--yes"]).expect(0);
    // A third release: the first one goes. With another program, so that there is
    // something to download.
    publish_third(&world);
    Forge::of(&world.depot()).new_app();
    let power = Power::new(world, &["update"], &[Some("0.2.0"), Some("0.4.0")]);
    power.begun_at(first).run();
}

/// Lets stable offer 0.4.0, which holds what 0.2.0 does.
fn publish_third(world: &World) {
    let (base, here) = (e2e::base::folder(), world.path(""));
    for name in ["app-0.2.12", "llama", "probe.gguf", "LICENSE", "offgrid-setup"] {
        let _ = std::os::unix::fs::symlink(base.join(name), here.join(name));
    }
    let recipe = fs::read_to_string(base.join("release-0.2.0.toml")).unwrap();
    let recipe = recipe.replacen("\"0.2.0\"", "\"0.4.0\"", 1);
    fs::write(here.join("release.toml"), recipe).unwrap();
    let keys = e2e::base::keys().to_str().unwrap();
    e2e::base::depot(&here, &["build", "release.toml", "--depot", "depot", "--fast"]);
    let words = ["publish", "depot", "--channel", "stable", "--release", "0.4.0", "--keys", keys];
    e2e::base::depot(&here, &words);
}

#[test]
fn no_sync_of_an_update_can_be_left_out() {
    let world = World::new();
    world.install();
    world.publish_newer();
    world.run(&["update", "--yes"]).expect(0);
    publish_third(&world);
    let power = Power::new(world, &["update"], &[Some("0.2.0"), Some("0.4.0")]);
    power.only_these_syncs_are_spare(&[
        // The sync of everything comes before the first change that it announces. Of
        // other runs the first change follows at once, and of these it is needed.
        "state/journal after state/journal",
        "state after state/journal",
        // One rename is one transaction on Linux; POSIX speaks of two names.
        "state/trash after state/trash/0.1.0",
    ]);
}

#[test]
fn no_sync_of_a_rollback_can_be_left_out() {
    let world = World::new();
    world.install();
    world.publish_newer();
    world.run(&["update", "--yes"]).expect(0);
    let power = Power::new(world, &["rollback"], &[Some("0.2.0"), Some("0.1.0")]);
    power.only_these_syncs_are_spare(&[]);
}

#[test]
fn a_rollback_survives_a_power_cut_at_any_moment() {
    let world = World::new();
    let first = world.snapshot();
    world.install();
    world.publish_newer();
    world.run(&["update", "--yes"]).expect(0);
    let power = Power::new(world, &["rollback"], &[Some("0.2.0"), Some("0.1.0")]);
    power.begun_at(first).run();
}

#[test]
fn an_uninstall_survives_a_power_cut_at_any_moment() {
    let world = World::new();
    fs::create_dir_all(world.home().join(".local/bin")).unwrap();
    let first = world.snapshot();
    world.install();
    let power = Power::new(world, &["uninstall"], &[Some("0.1.0"), None]);
    power.begun_at(first).run();
}

#[test]
fn an_uninstall_from_a_state_folder_that_was_there_survives_a_power_cut_at_any_moment() {
    let world = World::new();
    fs::create_dir_all(world.prefix().join("state")).unwrap();
    e2e::base::set_mode(&world.prefix(), 0o700);
    let first = world.snapshot();
    world.install();
    let power = Power::new(world, &["uninstall"], &[Some("0.1.0"), None]);
    power.begun_at(first).run();
}

#[test]
fn an_update_of_the_program_survives_a_power_cut_at_any_moment() {
    let world = World::new();
    let first = world.snapshot();
    crate::renew::bring(&world.depot(), &crate::renew::newer(&world));
    world.run(&["install", "--yes", "--no-self-update"]).expect(0);
    let power = Power::new(world, &["update"], &[Some("0.1.0"), Some("0.1.0")]);
    power.begun_at(first).of_itself().run();
}
