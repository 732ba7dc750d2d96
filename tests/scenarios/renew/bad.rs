//! Newer programs that must not take over: never activated, nothing left behind, and
//! the old one goes on. The release that brought one is not taken either: it is as it
//! was published, or not at all; `--no-self-update` says otherwise.

use super::{bring, newer, standin};
use e2e::programs::program;
use e2e::world::finish;
use e2e::{Forge, World, base};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Whether a process runs a file below this folder.
fn runs_below(folder: &Path) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|process| fs::read_link(process.path().join("exe")).ok())
        .any(|exe| exe.starts_with(folder))
}

/// An update that ends like this, with the home as it was and nobody left running.
#[track_caller]
fn refused(world: &World, what: &str, (exit, code): (i32, &str), says: &str) {
    let before = world.snapshot();
    let update = ["update", "--yes", "--json"];
    let outcome = world.offgrid_run(&update).expect_error(exit, code).says(says);
    let error = outcome.ended().unwrap()["error"].clone();
    assert!(error["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{what}: {error}");
    assert!(!runs_below(&world.home()), "{what}: something of it still runs");
    before.assert_same(&world.snapshot());
    let status = world.offgrid_run(&["self", "status", "--json"]).expect(0).json();
    let stands = (&status["version"], &status["unfinished"]);
    assert_eq!(stands, (&json!("0.1.0"), &json!(null)), "{what}");
    world.offgrid_run(&["self", "verify"]).expect(0);
}

/// The release comes all the same to who says that it may.
#[track_caller]
fn goes_on_without(world: &World) {
    let old = fs::read(world.offgrid()).unwrap();
    world.offgrid_run(&["update", "--yes", "--no-self-update"]).expect(0).says("0.2.0 is live");
    assert_eq!(fs::read(world.offgrid()).unwrap(), old);
    world.offgrid_run(&["self", "verify"]).expect(0);
}

#[test]
fn a25_an_updater_that_fails_its_own_test_is_not_activated() {
    let world = World::new();
    world.install();
    world.publish_newer();
    for (word, says) in [
        ("fails", "ended with status 1"),
        ("puzzled", "ended with status 3"),
        ("crashes", "was ended by signal: 6"),
        ("babbles", "did not say that it works here"),
        ("succeeds", "did not say that it works here"),
        ("forks", "ended with status 1"),
    ] {
        bring(&world.depot(), &standin(&world, word));
        refused(&world, word, (1, "E_SELFTEST"), says);
    }
    goes_on_without(&world);
}

#[test]
fn a25_an_updater_that_hangs_is_ended_and_not_activated() {
    let world = World::new();
    world.install();
    world.publish_newer();
    bring(&world.depot(), &standin(&world, "hangs"));
    refused(&world, "hangs", (1, "E_SELFTEST"), "did not end within");
}

#[test]
fn a_program_of_another_machine_or_version_is_not_activated() {
    let world = World::new();
    world.install();
    world.publish_newer();
    // ELF: two bytes at 18 name the processor; this one is of a Motorola 68000.
    let mut other = newer(&world);
    other[18..20].copy_from_slice(&[4, 0]);
    bring(&world.depot(), &other);
    // The C library of a test build hands what it cannot run to a shell; musl's does not.
    refused(&world, "another processor", (1, "E_SELFTEST"), "offgrid-setup 9.9.9");
    // The release says 9.9.9, and this says 0.1.0 of itself.
    let mut old = fs::read(world.setup()).unwrap();
    old.extend(b"the same version");
    bring(&world.depot(), &old);
    refused(&world, "another version", (1, "E_SELFTEST"), "did not say that it works here");
}

#[test]
fn a_program_that_is_not_what_was_signed_for_is_never_run() {
    let world = World::new();
    world.install();
    world.publish_newer();
    let whole = newer(&world);
    bring(&world.depot(), &whole);
    let mut forge = Forge::of(&world.depot());
    let digest = forge.blob(&whole);
    let blob = world.depot().join("blob/sha256").join(digest.to_string());
    for (what, bytes, code) in [
        ("a byte short", &whole[..whole.len() - 1], "E_SIZE"),
        ("a byte more", &[&whole[..], b"x"].concat()[..], "E_SIZE"),
        ("another byte", &[&whole[1..], b"x"].concat()[..], "E_HASH"),
    ] {
        fs::write(&blob, bytes).unwrap();
        refused(&world, what, (5, code), "");
    }
    // Signed for as it is: half a program has half a stamp, or none.
    bring(&world.depot(), &whole[..whole.len() / 2]);
    refused(&world, "half of it", (5, "E_UNTRUSTED_BINARY"), "");
}

#[test]
fn a_program_that_trusts_somebody_else_is_never_run() {
    let world = World::new();
    world.install();
    world.publish_newer();
    base::depot(&world.path(""), &["init", "other", "--keys", "other-keys", "--no-password"]);
    let foreign = {
        let other = World::with("depot-1");
        fs::remove_dir_all(other.depot()).unwrap();
        base::copy_tree(&world.path("other"), &other.depot());
        standin(&other, "succeeds")
    };
    let unstamped = fs::read(program("setup-standin")).unwrap();
    let script = b"#!/bin/sh\ntouch ran\n".to_vec();
    for (what, setup) in [("foreign", foreign), ("unstamped", unstamped), ("a script", script)] {
        bring(&world.depot(), &setup);
        refused(&world, what, (5, "E_UNTRUSTED_BINARY"), "");
        assert!(!world.path("ran").exists(), "{what}");
    }
    goes_on_without(&world);
}

/// The command where programs in its state folder cannot be started.
fn without_exec(world: &World, command: &Command) -> Option<Command> {
    let script = "set -e; kept=$(mktemp -d); cp -a \"$STATE\"/. \"$kept\"; \
                  mount -t tmpfs -o noexec none \"$STATE\"; chmod 700 \"$STATE\"; \
                  cp -a \"$kept\"/. \"$STATE\"; rm -r \"$kept\"; \"$@\"; code=$?; \
                  exit $code";
    let mut under = world.command("unshare");
    under.args(["-rm", "sh", "-c", script, "sh"]).env("STATE", world.prefix().join("state"));
    let mut probe = world.command("unshare");
    probe.args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]);
    if !probe.output().is_ok_and(|output| output.status.success()) {
        return None;
    }
    under.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        under.env(name, value.unwrap_or_default());
    }
    Some(under)
}

#[test]
fn where_nothing_may_be_started_the_old_one_goes_on() {
    let world = World::new();
    world.install();
    world.publish_newer();
    bring(&world.depot(), &newer(&world));
    let before = world.snapshot();
    let mut command = world.command(world.offgrid());
    command.args(["update", "--yes", "--json"]).env("OFFGRID_SETUP_SOURCE", world.depot());
    let Some(command) = without_exec(&world, &command) else {
        eprintln!("skipped: nothing can be mounted here: unshare -rm mount -t tmpfs none /mnt");
        return;
    };
    finish(command).expect_error(1, "E_SELFTEST").says("mounted `noexec`");
    before.assert_same(&world.snapshot());
    // Elsewhere it is a good one.
    world.offgrid_run(&["update", "--yes"]).expect(0);
    world.offgrid_run(&["self", "version"]).expect(0).says("offgrid-setup 9.9.9");
}
