//! Clocks that are wrong.

use e2e::forge::days;
use e2e::victims::settle;
use e2e::world::finish;
use e2e::{Forge, Origin, Outcome, World};
use serde_json::json;
use std::process::Command;

/// The codes of the notes.
fn warns(outcome: &Outcome, code: &str) -> bool {
    outcome.events().iter().any(|event| event["code"] == code)
}

/// Whether a clock can be set for one program; says so when it cannot.
fn can_fake() -> bool {
    let there = Command::new("faketime").arg("--version").output().is_ok();
    if !there {
        eprintln!("skipped: faketime is needed");
    }
    there
}

/// The bootstrapper with these words while the clock says this.
fn at(world: &World, time: &str, words: &[&str]) -> Outcome {
    let mut command = world.command("faketime");
    // Waiting and time limits go by another clock.
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
    command.env("OFFGRID_SETUP_SOURCE", world.depot());
    command.args(["-f", time]).arg(world.setup()).args(words);
    finish(command)
}

const UPDATE: &[&str] = &["update", "--yes", "--json"];

#[test]
fn f04_a_clock_of_1970_does_not_stop_what_signed_times_allow() {
    if !can_fake() {
        return;
    }
    let world = World::new();
    settle(&world.home());
    let fresh = at(&world, "@1970-01-01 00:10:00", &["install", "--yes", "--json"]);
    assert!(warns(&fresh.expect(0), "W_CLOCK_BEHIND"));
    world.publish_newer();
    let update = at(&world, "@1970-01-01 00:10:00", UPDATE).expect(0);
    assert!(warns(&update, "W_CLOCK_BEHIND"));
    assert_eq!(update.ended().unwrap()["version"], "0.2.0");
    // The time that counts is the newest signed one: for that this head is too old.
    Forge::of(&world.depot()).head(|head| {
        head["issued"] = json!(days(-15));
        head["expires"] = json!(days(-1));
    });
    let before = world.snapshot_but_downloads();
    at(&world, "@1970-01-01 00:10:00", UPDATE).expect_error(5, "E_FROZEN");
    before.assert_same(&world.snapshot_but_downloads());
    // Nothing of the false time was kept.
    Forge::of(&world.depot()).head(|head| head["expires"] = json!(days(10)));
    assert!(!warns(&world.run(UPDATE).expect(0), "W_CLOCK_BEHIND"));
}

#[test]
fn f04_a_clock_that_runs_ahead_stops_updates_alone_and_nothing_for_ever() {
    if !can_fake() {
        return;
    }
    let world = World::new();
    settle(&world.home());
    // On a machine with nothing: refused, and nothing was made.
    let before = world.snapshot();
    let years = [("@2099-01-01 00:00:00", "E_ROOT_EXPIRED"), ("+60d", "E_FROZEN")];
    for (time, error) in years {
        let refused = at(&world, time, &["install", "--yes", "--json"]).expect_error(5, error);
        refused.says("clock");
        before.assert_same(&world.snapshot());
    }
    world.install();
    world.publish_newer();
    let before = world.snapshot_but_downloads();
    for (time, error) in years {
        at(&world, time, UPDATE).expect_error(5, error);
        before.assert_same(&world.snapshot_but_downloads());
        let mut app = world.command("faketime");
        app.args(["-f", time]).arg(world.offgrid()).arg("version");
        finish(app).expect(0).says("0.2.11");
    }
    // The right time again: as if nothing had been.
    let update = world.run(UPDATE).expect(0);
    assert!(!warns(&update, "W_CLOCK_BEHIND"), "{update:#?}");
    assert_eq!(update.ended().unwrap()["version"], "0.2.0");
}

#[test]
fn f04_the_trust_client_alone_takes_any_time_and_keeps_none() {
    let world = World::new();
    let origin = Origin::of(&world.depot());
    let refresh = |now: &str| {
        let mut command = world.command(world.setup());
        let words = ["trust", "refresh", "--json", "--state", "state", "--source"];
        command.args(words).arg(origin.url()).args(["--now", now]);
        finish(command)
    };
    let state = || std::fs::read(world.path("state/trust.json")).unwrap();
    assert!(warns(&refresh("1970-01-01T00:00:00Z").expect(0), "W_CLOCK_BEHIND"));
    let first = state();
    refresh("2099-01-01T00:00:00Z").expect_error(5, "E_ROOT_EXPIRED");
    refresh(&days(400)).expect_error(5, "E_FROZEN");
    assert_eq!(state(), first);
    let right = refresh(&days(0)).expect(0);
    assert!(!warns(&right, "W_CLOCK_BEHIND"), "{right:#?}");
    // A clock that stepped back after a look: it looks again and does not wait for it.
    refresh(&days(10)).expect(0);
    origin.repent();
    let asked = origin.seen().len();
    refresh(&days(0)).expect(0);
    assert!(origin.seen().len() > asked + 1, "the root was asked for too");
}
