//! This program's own update: a newer bootstrapper goes first, takes over once,
//! and one that must not take over never does.

mod bad;
mod first;
mod packaged;
mod shown;

use e2e::programs::program;
use e2e::world::finish;
use e2e::{Forge, World, base};
use serde_json::json;
use std::fs;
use std::path::Path;

/// Lets the current release bring this bootstrapper, as version 9.9.9.
pub(crate) fn bring(depot: &Path, setup: &[u8]) {
    let mut forge = Forge::of(depot);
    let digest = forge.blob(setup);
    forge.release(|release| {
        let target = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
        let pin = json!({"sha256": digest, "size": setup.len()});
        release["setup"] = json!({"version": "9.9.9", "targets": {target: pin}});
    });
}

/// The stand-in, stamped for this depot, that does as `word` says.
fn standin(world: &World, word: &str) -> Vec<u8> {
    let mut bytes = stamped(world, &program("setup-standin"));
    bytes.extend(format!("does {word}").bytes());
    bytes
}

/// The real one as version 9.9.9: the number is another wherever it stands in it.
pub(crate) fn newer(world: &World) -> Vec<u8> {
    let mut bytes = fs::read(program("offgrid-setup")).unwrap();
    let (old, new) = (env!("CARGO_PKG_VERSION").as_bytes(), b"9.9.9");
    assert_eq!(old.len(), new.len(), "the number has to fit in the place of the old one");
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(old.len()).position(|part| part == old) {
        at += found;
        bytes[at..at + new.len()].copy_from_slice(new);
    }
    let plain = world.path("newer");
    fs::write(&plain, bytes).unwrap();
    stamped(world, &plain)
}

/// A program, stamped for this depot.
fn stamped(world: &World, from: &Path) -> Vec<u8> {
    let root = world.depot().join("root/1.json");
    let words = ["stamp", from.to_str().unwrap(), "--root", root.to_str().unwrap()];
    let out = world.path("stamped");
    let more = ["--source", "http://127.0.0.1:9/", "-o", out.to_str().unwrap()];
    base::depot(&world.path(""), &[&words[..], &more[..]].concat());
    fs::read(&out).unwrap()
}

#[test]
fn a_newer_program_goes_first_and_does_the_rest() {
    let world = World::new();
    let before = world.snapshot();
    world.install();
    let old = fs::read(world.offgrid()).unwrap();
    world.publish_newer();
    let new = newer(&world);
    bring(&world.depot(), &new);
    let outcome = world.offgrid_run(&["update", "--yes", "--json"]).expect(0);
    let outcome = outcome.says("offgrid-setup 9.9.9 is newer").says("\"verb\":\"setup\"");
    let ended = outcome.ended().unwrap();
    assert_eq!((&ended["outcome"], &ended["version"]), (&json!("updated"), &json!("0.2.0")));
    assert_eq!(fs::read(world.offgrid()).unwrap(), new);
    assert_eq!(fs::read(world.prefix().join("bin/offgrid.before")).unwrap(), old);
    world.offgrid_run(&["self", "verify"]).expect(0);
    // Nothing is left to do, and nothing is fetched again.
    let again = world.offgrid_run(&["update", "--yes", "--json"]).expect(0);
    assert_eq!(again.ended().unwrap()["outcome"], "unchanged");
    world.offgrid_run(&["self", "version"]).expect(0).says("offgrid-setup 9.9.9");
    world.offgrid_run(&["rollback", "--yes"]).expect(0);
    assert_eq!(fs::read(world.offgrid()).unwrap(), new, "a rollback is the bundle's");
    // The old one is kept, still works on what the newer one wrote, and is itself.
    let kept = world.prefix().join("bin/offgrid.before");
    for words in [&["verify"][..], &["status"]] {
        let mut command = world.command(&kept);
        command.args(words);
        finish(command).expect(0);
    }
    let receipt = fs::read_to_string(world.prefix().join("state/receipt.json")).unwrap();
    let receipt: serde_json::Value = serde_json::from_str(&receipt).unwrap();
    assert_eq!((&receipt["schema"], &receipt["by"]), (&json!(1), &json!("9.9.9")));
    world.offgrid_run(&["uninstall", "--yes"]).expect(0);
    before.assert_same(&world.snapshot());
}

#[test]
fn a_newer_program_stays_when_the_release_after_it_is_taken_back() {
    let world = World::new();
    world.install();
    world.publish_newer();
    let mut forge = Forge::of(&world.depot());
    let broken = forge.read("channel/broken/1.json");
    let release = broken["releases"]["0.3.0"].clone();
    forge.channel(|channel| {
        channel["current"] = json!("0.3.0");
        channel["releases"]["0.3.0"] = release;
    });
    let new = newer(&world);
    bring(&world.depot(), &new);
    world.offgrid_run(&["update", "--yes", "--json"]).expect_error(1, "E_HEALTH");
    assert_eq!(fs::read(world.offgrid()).unwrap(), new);
    let status = world.offgrid_run(&["self", "status", "--json"]).expect(0).json();
    assert_eq!((&status["version"], &status["unfinished"]), (&json!("0.1.0"), &json!(null)));
    world.offgrid_run(&["self", "verify"]).expect(0);
}

#[test]
fn a_live_release_that_brought_a_newer_program_is_enough() {
    let world = World::new();
    let new = newer(&world);
    bring(&world.depot(), &new);
    // Installed by the older program, from a release that brings the newer one.
    world.run(&["install", "--yes", "--no-self-update"]).expect(0).says("9.9.9 came with");
    assert_ne!(fs::read(world.offgrid()).unwrap(), new);
    let outcome = world.offgrid_run(&["update", "--yes", "--json"]).expect(0);
    assert_eq!(outcome.ended().unwrap()["outcome"], "unchanged");
    assert_eq!(fs::read(world.offgrid()).unwrap(), new);
    world.offgrid_run(&["self", "verify"]).expect(0);
}

#[test]
fn a_root_that_asks_for_a_newer_program_gets_it_or_stops() {
    // Root 2 asks for 9.0.0: this program must not go on, but may bring the next.
    let world = World::new();
    world.install();
    world.publish_newer();
    let keys = base::folder().join("keys");
    let depot = world.depot();
    let words = ["rotate", depot.to_str().unwrap(), "--keys", keys.to_str().unwrap()];
    base::depot(&world.path(""), &[&words[..], &["--min-bootstrap", "9.0.0"]].concat());
    let trust = |world: &World| {
        let state = world.path("state");
        let words = ["trust", "refresh", "--json", "--state", state.to_str().unwrap()];
        world.run(&words)
    };
    trust(&world).expect_error(3, "E_SCHEMA").says("9.0.0");
    let fresh = World::new();
    let source = depot.to_str().unwrap();
    fresh.run_from(source, &["install", "--yes", "--json"]).expect_error(3, "E_SCHEMA");
    world.offgrid_run(&["update", "--yes", "--json"]).expect_error(3, "E_SCHEMA");
    // What was verified stays verified: the root is known from now on.
    let known = world.offgrid_run(&["self", "trust", "--json"]).expect(0).json();
    assert_eq!(known["root"]["version"], 2);
    world.offgrid_run(&["rollback", "--yes", "--json"]).expect(3);
    world.offgrid_run(&["self", "verify"]).expect(0);
}

#[test]
fn a_newer_program_that_was_fetched_by_hand_takes_the_place_of_the_installed_one() {
    let world = World::new();
    let before = world.snapshot();
    world.install();
    let (old, new) = (fs::read(world.offgrid()).unwrap(), newer(&world));
    let fetched = world.path("fetched");
    base::copy_tree(&world.path("stamped"), &fetched);
    base::set_mode(&fetched, 0o755);
    let update = || {
        let mut command = world.command(&fetched);
        command.args(["update", "--yes"]).env("OFFGRID_SETUP_SOURCE", world.depot());
        finish(command).expect(0)
    };
    update().says("is newer than the installed one");
    assert_eq!(fs::read(world.offgrid()).unwrap(), new);
    assert_eq!(fs::read(world.prefix().join("bin/offgrid.before")).unwrap(), old);
    world.offgrid_run(&["self", "verify"]).expect(0);
    // Once: it is the installed one now. An older one does not come back by itself.
    assert!(!update().stderr.contains("is newer than"));
    world.run(&["update", "--yes"]).expect(0);
    assert_eq!(fs::read(world.offgrid()).unwrap(), new);
    world.offgrid_run(&["uninstall", "--yes"]).expect(0);
    before.assert_same(&world.snapshot());
}
