//! Updates that nobody asks for: `update --scheduled`, what it may do, what is told of
//! it, and how it fetches without root's rights.

mod staged;

use e2e::world::finish;
use e2e::{Forge, Outcome, World};
use serde_json::{Value, json};
use std::fs;

/// The timer's command, with these settings.
fn scheduled(world: &World, vars: &[(&str, &str)], words: &[&str]) -> Outcome {
    let mut command = world.command(world.offgrid());
    command.env("OFFGRID_SETUP_SOURCE", world.depot()).args(["update", "--scheduled"]).args(words);
    for (name, value) in vars {
        command.env(format!("OFFGRID_SETUP_{name}"), value);
    }
    finish(command)
}

/// As if a day had passed.
fn next_day(world: &World) {
    let path = world.prefix().join("state/schedule.json");
    let Ok(text) = fs::read(&path) else { return };
    let mut record: Value = serde_json::from_slice(&text).unwrap();
    record["last"] = json!(1);
    fs::write(path, record.to_string()).unwrap();
}

fn live(world: &World) -> String {
    let status = world.offgrid_run(&["self", "status", "--json"]).expect(0).json();
    status["version"].as_str().unwrap().to_owned()
}

fn history(world: &World) -> Vec<Value> {
    let all = world.offgrid_run(&["self", "status", "--history", "--json"]).expect(0).json();
    all["history"].as_array().unwrap().clone()
}

#[track_caller]
fn silent(outcome: Outcome) {
    let outcome = outcome.expect(0);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""));
}

#[test]
fn a_scheduled_run_does_what_it_is_allowed_and_no_more() {
    let world = World::new();
    world.install();
    world.publish_newer();
    let before = world.snapshot();
    silent(scheduled(&world, &[], &[]));
    before.assert_same(&world.snapshot());

    // Tells, once a day.
    let notify = [("UPDATES", "notify")];
    scheduled(&world, &notify, &[]).expect(0).says("OffGrid LLM 0.2.0 is available");
    silent(scheduled(&world, &notify, &[]));
    assert_eq!(live(&world), "0.1.0");
    world.offgrid_run(&["self", "status"]).expect(0).says("update   0.2.0 (`offgrid update`)");
    let blobs = world.prefix().join("blobs");
    assert_eq!(fs::read_dir(&blobs).unwrap().count(), 0);

    // Fetches, and an update by hand needs those blobs of nobody.
    next_day(&world);
    scheduled(&world, &[("UPDATES", "download")], &[]).expect(0).says("it was fetched and waits");
    assert_eq!(live(&world), "0.1.0");
    let kept: Vec<_> = fs::read_dir(&blobs).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!kept.is_empty());
    // Another command that tidies leaves them.
    world.offgrid_run(&["repair", "--yes"]).expect(0);
    assert_eq!(fs::read_dir(&blobs).unwrap().count(), kept.len());
    for name in &kept {
        fs::remove_file(world.depot().join("blob/sha256").join(name)).unwrap();
    }
    world.offgrid_run(&["update", "--yes"]).expect(0);
    assert_eq!(live(&world), "0.2.0");
    assert_eq!(fs::read_dir(&blobs).unwrap().count(), 0);

    let told: Vec<(String, String, bool)> = history(&world)
        .iter()
        .map(|one| {
            let word = |name: &str| one[name].as_str().unwrap().to_owned();
            (word("verb"), word("outcome"), one["scheduled"].as_bool().unwrap())
        })
        .collect();
    let told: Vec<_> = told.iter().map(|(v, o, s)| (v.as_str(), o.as_str(), *s)).collect();
    let wanted = [
        ("install", "done", false),
        ("update", "told", true),
        ("update", "downloaded", true),
        ("update", "done", false),
    ];
    assert_eq!(told, wanted);
    let last = history(&world).pop().unwrap();
    assert!(last["from"].as_str().unwrap().starts_with("0.1.0+"), "{last}");
    assert!(last["to"].as_str().unwrap().starts_with("0.2.0+"), "{last}");
    world.offgrid_run(&["self", "status", "--history"]).expect(0).says("update (scheduled): told");
}

#[test]
fn what_was_asked_for_once_is_what_the_timer_does_and_files_win() {
    let world = World::new();
    world.run(&["install", "--yes", "--updates", "install"]).expect(0);
    world.publish_newer();
    let config = world.home().join(".config/offgrid");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("setup.toml"), "updates = \"never\"\n").unwrap();
    silent(scheduled(&world, &[], &[]));
    assert_eq!(live(&world), "0.1.0");
    fs::remove_file(config.join("setup.toml")).unwrap();
    scheduled(&world, &[], &[]).expect(0).says("0.2.0 is live");
    assert_eq!(live(&world), "0.2.0");
    let status = world.offgrid_run(&["self", "status", "--json"]).expect(0).json();
    assert_eq!(status["schedule"]["updates"], "install");
    assert_eq!(status["schedule"]["available"], Value::Null);
    next_day(&world);
    silent(scheduled(&world, &[], &[]));
}

#[test]
fn windows_budgets_and_metered_links_hold_it_back() {
    let world = World::new();
    world.install();
    world.publish_newer();
    let install = ("UPDATES", "install");
    // A window that is never open now: its only day is three days away.
    let now = std::process::Command::new("date").args(["-d", "+3 days", "+%a"]).output().unwrap();
    let day = String::from_utf8(now.stdout).unwrap();
    let window = format!("{} 00:00-24:00", day.trim());
    silent(scheduled(&world, &[install, ("UPDATE_WINDOW", &window)], &[]));
    let held = [
        (("UPDATE_BUDGET", "100"), "left of the budget"),
        (("METERED", "yes"), "downloads cost money here"),
    ];
    for (setting, says) in held {
        next_day(&world);
        scheduled(&world, &[install, setting], &[]).expect(0).says(says);
        assert_eq!(live(&world), "0.1.0");
        world.offgrid_run(&["self", "status"]).expect(0).says(says);
    }
    next_day(&world);
    scheduled(&world, &[install, ("UPDATE_BUDGET", "1G")], &[]).expect(0);
    assert_eq!(live(&world), "0.2.0");
}

#[test]
fn a_stick_whose_lists_have_expired_is_no_kit_for_the_timer() {
    let world = World::new();
    world.install();
    world.publish_newer();
    Forge::of(&world.depot()).head(|head| {
        head["issued"] = json!(e2e::forge::days(-30));
        head["expires"] = json!(e2e::forge::days(-1));
    });
    let depot = world.depot();
    let words = ["--source", depot.to_str().unwrap()];
    let install = [("UPDATES", "install"), ("ACCEPT_STALE", "true")];
    scheduled(&world, &install, &words).expect_error(5, "E_FROZEN");
    assert_eq!(live(&world), "0.1.0");
    assert_eq!(history(&world).last().unwrap()["error"], "E_FROZEN");
    world.offgrid_run(&["update", "--yes", words[0], words[1]]).expect(0);
}

#[test]
fn a_live_release_that_was_withdrawn_is_left_at_the_next_run_whatever_the_rollout_says() {
    let world = World::new();
    world.install();
    world.publish_newer();
    let mut forge = Forge::of(&world.depot());
    forge.channel(|channel| {
        let at = e2e::forge::days(30);
        channel["rollout"] = json!({"salt": "s", "steps": [{"at": at, "permyriad": 10_000}]});
    });
    let install = [("UPDATES", "install")];
    silent(scheduled(&world, &install, &[]));
    assert_eq!(live(&world), "0.1.0");
    forge.channel(|channel| {
        channel["yanked"] = json!({"0.1.0": {"reason": "it eats models"}});
    });
    next_day(&world);
    scheduled(&world, &[("UPDATES", "notify")], &[]).expect(0).says("it eats models");
    world.offgrid_run(&["self", "status"]).expect(0).says("get a better one with `offgrid update`");
    next_day(&world);
    scheduled(&world, &install, &[]).expect(0);
    assert_eq!(live(&world), "0.2.0");
}

#[test]
fn a_release_that_failed_here_is_not_tried_again_by_itself() {
    let world = World::newer();
    world.install();
    let before = live(&world);
    let install = [("UPDATES", "install"), ("CHANNEL", "broken")];
    scheduled(&world, &install, &["--json"]).expect_error(1, "E_HEALTH");
    assert_eq!(live(&world), before);
    next_day(&world);
    scheduled(&world, &install, &[]).expect(0).says("it did not work here");
    // Somebody who asks for it gets another try.
    world
        .offgrid_run(&["update", "--yes", "--json", "--channel", "broken"])
        .expect_error(1, "E_HEALTH");
}
