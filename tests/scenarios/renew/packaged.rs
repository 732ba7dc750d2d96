//! A program that belongs to a package: the bundle alone is updated, the command that
//! updates the program is named, and nothing of the package's is touched (DESIGN 12).

use super::{bring, newer};
use e2e::world::finish;
use e2e::{Outcome, World, base};
use std::fs;
use std::path::PathBuf;

/// The program as a package puts it there.
fn package(world: &World) -> PathBuf {
    let usr = world.path("package/usr");
    fs::create_dir_all(usr.join("bin")).unwrap();
    fs::create_dir_all(usr.join("lib/offgrid")).unwrap();
    fs::write(usr.join("lib/offgrid/packaged-by"), "deb\n").unwrap();
    let program = usr.join("bin/offgrid");
    base::copy_tree(&world.setup(), &program);
    program
}

fn run(world: &World, words: &[&str]) -> Outcome {
    let mut command = world.command(world.path("package/usr/bin/offgrid"));
    command.env("OFFGRID_SETUP_SOURCE", world.depot()).args(words);
    finish(command)
}

#[test]
fn a_packaged_program_updates_the_bundle_alone_and_names_its_package_manager() {
    let world = World::new();
    let program = package(&world);
    let before = world.snapshot();
    run(&world, &["self", "install", "--yes"]).expect(0);
    let own = world.prefix().join("bin/offgrid");
    assert_eq!(fs::read_link(&own).unwrap(), program, "no copy that would grow old");
    assert!(!world.offgrid().exists(), "its package puts it on PATH");
    world.publish_newer();
    let new = newer(&world);
    bring(&world.depot(), &new);
    let was = fs::read(&program).unwrap();
    let plan = run(&world, &["self", "plan", "--json"]).expect(0);
    assert!(!plan.stdout.contains("fetch-setup"), "{}", plan.stdout);
    let outcome = run(&world, &["update", "--yes"]).expect(0).says("0.2.0 is live");
    outcome.says("offgrid-setup 9.9.9 is out").says("sudo apt install --only-upgrade offgrid");
    assert_eq!(fs::read(&program).unwrap(), was);
    // Nothing is newer but the program: the same words.
    let again = run(&world, &["update", "--yes", "--json"]).expect(0).says("W_PACKAGED");
    assert_eq!(again.ended().unwrap()["outcome"], "unchanged");
    // The package brings the next one: nothing is wrong with the installation.
    fs::write(&program, &new).unwrap();
    run(&world, &["self", "verify"]).expect(0);
    run(&world, &["self", "version"]).expect(0).says("offgrid-setup 9.9.9");
    run(&world, &["uninstall", "--yes"]).expect(0);
    before.assert_same(&world.snapshot());
    assert_eq!(fs::read(&program).unwrap(), new);
}

#[test]
fn a_packaged_program_that_is_too_old_says_what_updates_it() {
    let world = World::new();
    package(&world);
    let (depot, keys) = (world.depot(), base::keys());
    let words = ["rotate", depot.to_str().unwrap(), "--keys", keys.to_str().unwrap()];
    let new = newer(&world);
    base::depot(&world.path(""), &[&words[..], &["--min-bootstrap", "9.0.0"]].concat());
    bring(&depot, &new);
    let before = world.snapshot();
    let outcome = run(&world, &["self", "install", "--yes", "--json"]);
    outcome.expect_error(3, "E_SCHEMA").says("W_PACKAGED").says("sudo apt install");
    before.assert_same(&world.snapshot());
}
