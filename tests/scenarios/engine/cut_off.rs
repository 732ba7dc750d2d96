//! A change of the engine alone makes the live slot anew. It is killed for real, at
//! calls spread over all of it, and then finished or taken back.

use super::{real, slot, status, with};
use e2e::chance::Chance;
use e2e::cut;
use e2e::{Snapshot, World, base};
use std::fs;

/// How many points are tried; all of them with `E2E_CRASH=full`.
const SAMPLE: usize = 6;

fn same(before: &std::path::Path, world: &World) -> Vec<String> {
    let under = |name: &str| format!(".local/share/offgrid/{name}");
    let without = ["state/trust.json", "state/lock", "blobs"].map(under);
    let without: Vec<&str> = without.iter().map(String::as_str).collect();
    Snapshot::of(before, &without).differences(&Snapshot::of(&world.home(), &without))
}

#[test]
fn a_change_of_the_engine_that_is_killed_anywhere_can_be_finished_and_taken_back() {
    if let Some(why) = cut::why_not() {
        eprintln!("skipped: nothing can be killed at a point here: {why}");
        return;
    }
    let world = World::new();
    let first = world.snapshot();
    let engine = real(&world, "mine");
    with(&world, &["install", "--yes"], &engine).expect(0);
    let saved = world.path("saved");
    base::copy_tree(&world.home(), &saved);
    let command = || {
        let mut command = world.command(world.setup());
        command.env("OFFGRID_SETUP_SOURCE", world.depot());
        command.args(["update", "--yes", "--llama-server", "bundled"]);
        command
    };
    let (outcome, points) = cut::points(&command(), &world.path("trace"));
    outcome.expect(0);
    assert_eq!(status(&world)["engine"]["kind"], "bundled");
    let full = std::env::var("E2E_CRASH").is_ok_and(|value| value == "full");
    let count = if full { points.len() } else { SAMPLE };
    let seed = crate::crash::seed();
    let chosen = crate::crash::spread(&points, count, &mut Chance::new(seed));
    for (index, point) in chosen.iter().enumerate() {
        let way = if index % 2 == 0 { "--back" } else { "--finish" };
        let case = format!("seed {seed}: killed before {point}, then {way}");
        fs::remove_dir_all(world.home()).unwrap();
        base::copy_tree(&saved, &world.home());
        let killed = cut::cut(&command(), point);
        assert!([0, 137].contains(&killed.code), "{case}: {killed:?}");
        let unfinished = !world.run(&["status", "--json"]).json()["unfinished"].is_null();
        world.run(&["repair", way, "--yes"]).expect(0);
        world.run(&["verify"]).expect(0);
        let kind = status(&world)["engine"]["kind"].clone();
        assert!(!unfinished || way == "--back" || kind == "bundled", "{case}: {kind}");
        let own = slot(&world).join("llama/llama-server").exists();
        assert_eq!(own, kind == "bundled", "{case}");
        if kind == "existing" {
            let differences = same(&saved, &world);
            assert!(differences.is_empty(), "{case}: {differences:?}");
        }
        world.offgrid_run(&["version"]).expect(0);
        world.run(&["uninstall", "--purge", "--yes"]).expect(0);
        first.assert_same(&world.snapshot());
    }
}
