//! The choice stays: updates, going back, and files of settings.

use super::{planned, real, slot, standin, status, update_with, with};
use e2e::{World, base};
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;

#[test]
fn an_update_keeps_the_choice_and_going_back_brings_the_engine_of_before() {
    let world = World::new();
    let first = world.snapshot();
    world.install();
    let engine = real(&world, "mine");
    update_with(&world, &engine).expect(0);
    world.publish_newer();
    world.offgrid_run(&["update", "--yes"]).expect(0).says("0.2.0 is live");
    assert_eq!(status(&world)["engine"]["path"], json!(engine));
    assert!(!slot(&world).join("llama").exists(), "the new slot has an engine of its own");
    world.offgrid_run(&["update", "--yes"]).expect(0).says("there is nothing newer");
    // The other way, and to and fro.
    world.offgrid_run(&["update", "--yes", "--reuse-llama=false"]).expect(0);
    assert_eq!(status(&world)["engine"]["kind"], "bundled");
    world.offgrid_run(&["rollback", "--yes"]).expect(0);
    assert_eq!(status(&world)["engine"]["path"], json!(engine));
    world.offgrid_run(&["self", "verify"]).expect(0);
    world.offgrid_run(&["rollback", "--yes"]).expect(0);
    assert_eq!(status(&world)["engine"]["kind"], "bundled");
    world.offgrid_run(&["uninstall", "--yes"]).expect(0);
    first.assert_same(&world.snapshot());
}

#[test]
fn a_choice_that_found_nothing_is_remembered_for_the_next_update() {
    let world = World::new();
    world.run(&["install", "--yes", "--reuse-llama"]).expect(0);
    assert_eq!(status(&world)["engine"]["kind"], "bundled");
    let place = world.home().join(".nix-profile/bin");
    fs::create_dir_all(&place).unwrap();
    let link = place.join("llama-server");
    symlink(real(&world, "mine"), &link).unwrap();
    world.publish_newer();
    world.offgrid_run(&["update", "--yes"]).expect(0);
    assert_eq!(status(&world)["engine"]["path"], json!(link));
}

#[test]
fn a_file_of_settings_says_it_for_every_command_and_a_flag_says_otherwise() {
    let world = World::new();
    let engine = real(&world, "mine");
    let config = world.home().join(".config/offgrid");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("setup.toml"), format!("engine = \"{}\"\n", engine.display())).unwrap();
    world.install();
    assert_eq!(status(&world)["engine"]["path"], json!(engine));
    world.offgrid_run(&["update", "--yes"]).expect(0).says("there is nothing newer");
    let other = planned(world.run(&["plan", "--json", "--reuse-llama=false"]));
    assert_eq!(other["selection"]["engine"]["kind"], "bundled");
    // What the file names is gone: nothing is installed in its place unasked.
    fs::remove_file(&engine).unwrap();
    world.publish_newer();
    let before = world.snapshot_but_trust();
    world.offgrid_run(&["update", "--yes", "--json"]).expect_error(2, "E_USAGE");
    before.assert_same(&world.snapshot_but_trust());
    let words = ["--llama-server", "/x", "--reuse-llama"];
    world.run(&[&["plan"], &words[..]].concat()).expect(2).says("exclude each other");
}

/// A run that is cut off between its steps is finished or taken back like any other.
#[test]
fn a_refused_change_leaves_the_engine_of_before() {
    let world = World::new();
    let engine = real(&world, "mine");
    with(&world, &["install", "--yes"], &engine).expect(0);
    let mute = standin(&world, "mute", "mute");
    let before = world.snapshot_but_trust();
    update_with(&world, &mute).expect_error(1, "E_HEALTH");
    before.assert_same(&world.snapshot_but_trust());
    base::set_mode(mute.parent().unwrap(), 0o777);
    update_with(&world, &mute).expect_error(5, "E_UNTRUSTED_BINARY");
    before.assert_same(&world.snapshot_but_trust());
    world.offgrid_run(&["self", "verify"]).expect(0);
    assert_eq!(status(&world)["engine"]["path"], json!(engine));
}
