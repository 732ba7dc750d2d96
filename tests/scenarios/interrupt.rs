//! Ctrl-C, a stop request and a closed terminal: everything is taken back, and
//! what was downloaded is kept.

use e2e::process::{Running, engine_runs, none_stays, stalled, until};
use e2e::{Origin, Outcome, Snapshot, World};
use std::fs;

/// How much of each blob comes.
const SOME: u64 = 200_000;

/// Starts a command, waits until its download stalls, and sends these signals.
fn interrupted(world: &World, words: &[&str], signals: &[&str]) -> (Origin, Outcome) {
    let (origin, running) = stalled(world, words, SOME);
    for signal in signals {
        running.signal(signal);
    }
    (origin, running.end())
}

/// What is left of an install is the prefix with what was downloaded.
fn only_downloads(world: &World, before: &Snapshot) {
    let changes = before.differences(&world.snapshot());
    let prefix = ".local/share/offgrid";
    for line in &changes {
        let path = line.trim_start_matches("+ ").split(' ').next().unwrap();
        let inside = path.strip_prefix(prefix).unwrap_or_default();
        let known = prefix.starts_with(path)
            || ["", "/bin", "/versions", "/blobs", "/state"].contains(&inside)
            || ["/state/lock", "/state/made.json"].contains(&inside)
            || inside.starts_with("/blobs/");
        assert!(line.starts_with('+') && known, "{line} in\n{}", changes.join("\n"));
    }
    let blobs = fs::read_dir(world.prefix().join("blobs")).unwrap();
    let kept: u64 = blobs.map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!(kept >= SOME, "only {kept} bytes are kept");
}

fn install_is_taken_back_on(signals: &[&str]) {
    let world = World::new();
    let before = world.snapshot();
    let (origin, outcome) = interrupted(&world, &["install", "--yes", "--json"], signals);
    outcome.expect_error(130, "E_INTERRUPTED");
    only_downloads(&world, &before);
    let status = world.run(&["status", "--json"]).expect(0).json();
    assert_eq!((&status["installed"], &status["unfinished"]), (&false.into(), &().into()));
    // Again, from the same server, which now sends everything.
    origin.repent();
    let outcome = world.run_from(&origin.url(), &["install", "--yes", "--json"]).expect(0);
    assert_eq!(outcome.ended().unwrap()["outcome"], "installed");
    world.run(&["verify"]).expect(0);
    world.run(&["uninstall", "--yes"]).expect(0);
    before.assert_same(&world.snapshot());
}

#[test]
fn ctrl_c_during_a_download_takes_the_install_back() {
    install_is_taken_back_on(&["INT"]);
}

#[test]
fn a_stop_request_during_a_download_takes_the_install_back() {
    install_is_taken_back_on(&["TERM"]);
}

#[test]
fn a_closed_terminal_during_a_download_takes_the_install_back() {
    install_is_taken_back_on(&["HUP"]);
}

#[test]
fn an_impatient_second_ctrl_c_does_no_harm() {
    install_is_taken_back_on(&["INT", "INT", "TERM"]);
}

#[test]
fn an_interrupted_install_can_be_given_up() {
    let world = World::new();
    let before = world.snapshot();
    interrupted(&world, &["install", "--yes"], &["INT"]).1.expect(130);
    world.run(&["uninstall", "--yes"]).expect(0);
    before.assert_same(&world.snapshot());
}

#[test]
fn an_interrupted_update_leaves_the_old_release() {
    let world = World::new();
    let first = world.snapshot();
    world.install();
    world.publish_newer();
    // The slot is there and proved when the model is fetched; its marks may stay.
    let but = ["blobs", "state/trust.json", "state/lock"];
    let before = world.snapshot_but(&but);
    let (_origin, outcome) = interrupted(&world, &["update", "--model", "tiny", "--yes"], &["INT"]);
    outcome.expect_error(130, "E_INTERRUPTED");
    before.assert_same(&world.snapshot_but(&but));
    world.offgrid_run(&["version"]).expect(0).says("0.2.11");
    world.run(&["verify"]).expect(0);
    world.run(&["update", "--yes"]).expect(0).says("0.2.0 is live");
    world.run(&["uninstall", "--yes"]).expect(0);
    first.assert_same(&world.snapshot());
}

#[test]
fn an_interrupted_download_of_a_model_leaves_nothing_among_the_models() {
    let world = World::new();
    let first = world.snapshot();
    world.install();
    let before = world.snapshot_but_downloads();
    interrupted(&world, &["model", "install", "tiny", "--yes"], &["INT"]).1.expect(130);
    before.assert_same(&world.snapshot_but_downloads());
    world.run(&["uninstall", "--yes"]).expect(0);
    first.assert_same(&world.snapshot());
}

#[test]
fn an_install_that_is_killed_leaves_no_engine_running() {
    let world = World::new();
    let before = world.snapshot();
    let mut command = world.command(world.setup());
    command.env("OFFGRID_SETUP_SOURCE", world.depot()).args(["install", "--yes"]);
    let mut running = Running::start(command);
    let slots = world.prefix().join("versions");
    until("the engine runs", || engine_runs(&slots) || !running.is_running());
    running.kill();
    none_stays(&slots);
    world.run(&["repair", "--back", "--yes"]).expect(0);
    world.run(&["uninstall", "--yes"]).expect(0);
    before.assert_same(&world.snapshot());
}

#[test]
fn ctrl_c_while_the_engine_is_tried_ends_the_engine_too() {
    let world = World::new();
    let before = world.snapshot();
    let mut command = world.command(world.setup());
    command.env("OFFGRID_SETUP_SOURCE", world.depot()).args(["install", "--yes"]);
    let mut running = Running::start(command);
    let slots = world.prefix().join("versions");
    until("the engine runs", || engine_runs(&slots) || !running.is_running());
    running.signal("INT");
    let outcome = running.end();
    assert!([0, 130].contains(&outcome.code), "{outcome:?}");
    none_stays(&slots);
    world.run(&["uninstall", "--yes"]).expect(0);
    before.assert_same(&world.snapshot());
}
