//! Staged rollouts: who is offered a release, and what overrides that.

use e2e::forge::days;
use e2e::victims::settle;
use e2e::{Forge, World, base};
use offgrid_manifest::rollout::bucket;
use serde_json::{Value, json};
use std::fs;

/// A home with 0.1.0 and a depot whose channel offers 0.2.0.
fn world() -> World {
    let world = World::newer();
    settle(&world.home());
    world.run(&["install", "--yes", "--version", "0.1.0"]).expect(0);
    world
}

/// Publishes 0.2.0 once more, step by step.
fn publish(world: &World, steps: &str, more: &[&str]) {
    let words = ["publish", "depot", "--channel", "stable", "--release", "0.2.0"];
    let words = [&words[..], &["--rollout", steps], more].concat();
    base::depot(&world.path(""), &words);
}

/// Makes the machine one with this place in the newest rollout.
fn stand(world: &World, fits: impl Fn(u64) -> bool) -> u64 {
    let forge = Forge::of(&world.depot());
    let channel = forge.read(&forge.newest_channel());
    let salt = channel["rollout"]["salt"].as_str().unwrap();
    let machines = (0u32..).map(|number| format!("{number:032x}"));
    let mut places = machines.map(|machine| (bucket(salt, &machine), machine));
    let (place, machine) = places.find(|(place, _)| fits(*place)).unwrap();
    fs::write(world.prefix().join("state/id"), machine).unwrap();
    place
}

fn ended(world: &World, words: &[&str], code: i32) -> Value {
    let words = [words, &["--json"]].concat();
    world.run(&words).expect(code).ended().unwrap()
}

/// Not offered, and `status` says why.
#[track_caller]
fn is_held(world: &World, why: &str) {
    let before = world.snapshot_but(&["state/trust.json"]);
    let update = ended(world, &["update", "--yes"], 0);
    assert_eq!(update["outcome"], "unchanged", "{update}");
    assert_eq!((&update["blocked_by"], &update["available"]), (&json!(why), &json!("0.2.0")));
    ended(world, &["update", "--check"], 0);
    before.assert_same(&world.snapshot_but(&["state/trust.json"]));
    let status = world.run(&["status", "--json"]).expect(0).json();
    assert_eq!(status["update"]["blocked_by"], why, "{status}");
    assert_eq!(status["update"]["available"], "0.2.0");
}

/// Offered without a word.
#[track_caller]
fn is_offered(world: &World) {
    assert_eq!(ended(world, &["update", "--check"], 10)["version"], "0.2.0");
}

#[test]
fn a21_a_rollout_reaches_a_machine_by_its_own_number_and_no_earlier() {
    assert_eq!(bucket("stable:42:1.7.0", &"0".repeat(32)), 2421, "the published vector");
    let world = world();
    publish(&world, "1%@0h,100%@48h", &[]);
    stand(&world, |place| place >= 100);
    is_held(&world, "rollout");
    stand(&world, |place| place < 100);
    is_offered(&world);
    // To the very number.
    let mut forge = Forge::of(&world.depot());
    let place = stand(&world, |place| place > 500);
    for (share, offered) in [(place, false), (place + 1, true)] {
        let steps = json!([{"at": days(-1), "permyriad": share},
                           {"at": days(1), "permyriad": 10_000}]);
        forge.channel(|channel| channel["rollout"]["steps"] = steps);
        if offered { is_offered(&world) } else { is_held(&world, "rollout") }
    }
    // A machine without a number comes last.
    let id = world.prefix().join("state/id");
    let was = fs::read(&id).unwrap();
    fs::remove_file(&id).unwrap();
    is_held(&world, "rollout");
    fs::write(&id, was).unwrap();
    ended(&world, &["update", "--yes"], 0);
    assert_eq!(world.run(&["status", "--json"]).expect(0).json()["version"], "0.2.0");
}

#[test]
fn a21_whoever_asks_or_is_in_danger_does_not_wait() {
    let world = world();
    publish(&world, "1%@0h,100%@48h", &[]);
    stand(&world, |place| place >= 100);
    is_held(&world, "rollout");
    publish(&world, "1%@0h,100%@48h", &["--critical"]);
    is_offered(&world);
    let mut forge = Forge::of(&world.depot());
    forge.channel(|channel| channel["critical"] = json!(false));
    stand(&world, |place| place >= 100);
    is_held(&world, "rollout");
    forge.channel(|channel| channel["minimum_safe"] = json!("0.2.0"));
    is_offered(&world);
    forge.channel(|channel| {
        channel["minimum_safe"] = json!(null);
        channel["yanked"] = json!({"0.1.0": {"reason": "it eats models"}});
    });
    is_offered(&world);
    forge.channel(|channel| channel["yanked"] = json!({}));
    is_held(&world, "rollout");
    let asked = ended(&world, &["update", "--yes", "--version", "0.2.0"], 0);
    assert_eq!(asked["outcome"], "updated");
}

#[test]
fn a21_what_was_stopped_reaches_nobody_who_does_not_name_it() {
    let world = world();
    publish(&world, "0%@0h", &[]);
    for fits in [|place| place < 100, |place: u64| place > 9_900] {
        stand(&world, fits);
        is_held(&world, "halted");
    }
    // Somebody new gets the release before; a rollout alone holds nobody new back.
    let fresh = World::newer();
    settle(&fresh.home());
    for (steps, version) in [("0%@0h", "0.1.0"), ("1%@0h,100%@48h", "0.2.0")] {
        publish(&fresh, steps, &[]);
        fresh.run(&["install", "--yes"]).expect(0).says(&format!("{version} is installed"));
        fresh.offgrid_run(&["uninstall", "--yes"]).expect(0);
    }
    let named = ended(&world, &["update", "--yes", "--version", "0.2.0"], 0);
    assert_eq!(named["outcome"], "updated");
}
