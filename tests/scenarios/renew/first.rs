//! The first install by a program that is older than the one that the release brings:
//! the newer one goes first, before anything is there, and is what is installed.

use super::{bring, newer, standin};
use e2e::world::finish;
use e2e::{World, base, cut};
use serde_json::json;
use std::process::Command;

/// A world in which nothing older than 9.0.0 may install, and what is to do so.
fn demanding(setup: impl Fn(&World) -> Vec<u8>) -> World {
    let world = World::new();
    let setup = setup(&world);
    let (depot, keys) = (world.depot(), base::keys());
    let words = ["rotate", depot.to_str().unwrap(), "--keys", keys.to_str().unwrap()];
    base::depot(&world.path(""), &[&words[..], &["--min-bootstrap", "9.0.0"]].concat());
    bring(&depot, &setup);
    world
}

fn install(world: &World) -> Command {
    let mut command = world.command(world.setup());
    command.args(["install", "--yes", "--json"]).env("OFFGRID_SETUP_SOURCE", world.depot());
    command
}

#[track_caller]
fn is_installed(world: &World) {
    world.offgrid_run(&["self", "version"]).expect(0).says("offgrid-setup 9.9.9");
    world.offgrid_run(&["self", "verify"]).expect(0);
    let state = world.prefix().join("state");
    for name in ["setup", "staging", "journal"] {
        assert!(!state.join(name).exists(), "state/{name} was left behind");
    }
}

#[test]
fn a_first_install_hands_over_to_the_program_that_the_release_needs() {
    let world = demanding(newer);
    let before = world.snapshot();
    let outcome = finish(install(&world)).expect(0).says("offgrid-setup 9.9.9 is newer");
    let verbs: Vec<String> = outcome
        .events()
        .iter()
        .filter(|event| event["event"] == "began")
        .map(|event| event["verb"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(verbs, ["setup", "install"]);
    let ended = outcome.ended().unwrap();
    assert_eq!((&ended["outcome"], &ended["version"]), (&json!("installed"), &json!("0.1.0")));
    is_installed(&world);
    // One program was there before it was installed: the one that was downloaded.
    assert!(!world.prefix().join("bin/offgrid.before").exists());
    world.offgrid_run(&["uninstall", "--yes"]).expect(0);
    before.assert_same(&world.snapshot());
}

#[test]
fn a_first_install_without_a_program_that_works_leaves_nothing() {
    for (word, exit, code) in [("fails", 1, "E_SELFTEST"), ("babbles", 1, "E_SELFTEST")] {
        let world = demanding(|world| standin(world, word));
        let before = world.snapshot();
        finish(install(&world)).expect_error(exit, code);
        before.assert_same(&world.snapshot());
        // This program alone is too old for this depot, and says so.
        let mut alone = install(&world);
        alone.arg("--no-self-update");
        finish(alone).expect_error(3, "E_SCHEMA").says("9.0.0");
        before.assert_same(&world.snapshot());
    }
    // Nobody stamped it.
    let world = demanding(|_| b"#!/bin/sh\nexit 0\n".to_vec());
    let before = world.snapshot();
    finish(install(&world)).expect_error(5, "E_UNTRUSTED_BINARY");
    before.assert_same(&world.snapshot());
    // It takes over, and then the release fails its proof: all of it goes again.
    let world = demanding(newer);
    let before = world.snapshot();
    let mut failing = install(&world);
    failing.args(["--max-download", "1"]);
    finish(failing).expect_error(2, "E_NEEDS_CONSENT");
    before.assert_same(&world.snapshot());
}

#[test]
fn a_first_install_that_is_killed_while_it_hands_over_begins_anew() {
    if let Some(why) = cut::why_not() {
        eprintln!("skipped: nothing can be cut here: {why}");
        return;
    }
    let world = demanding(newer);
    let first = world.snapshot();
    let (outcome, points) = cut::points(&install(&world), &world.path("calls"));
    outcome.expect(0);
    world.offgrid_run(&["uninstall", "--yes"]).expect(0);
    first.assert_same(&world.snapshot());
    assert!(points.len() > 20, "{points:?}");
    // Every so many, and the last ones: there the newer one is ready and waits.
    let every = if std::env::var_os("E2E_FULL").is_some() { 1 } else { points.len() / 3 };
    let last = points.len() - 2;
    let chosen = points.iter().enumerate().filter(|(n, _)| n % every == 1 || *n >= last);
    for (number, (_, point)) in chosen.enumerate() {
        let killed = cut::cut(&install(&world), point);
        assert!(killed.code == 137 || killed.code == 0, "{point}: {}", killed.code);
        if number % 2 == 0 {
            finish(install(&world)).expect(0);
            is_installed(&world);
        }
        world.run(&["uninstall", "--yes"]).expect(0);
        first.assert_same(&world.snapshot());
    }
}
