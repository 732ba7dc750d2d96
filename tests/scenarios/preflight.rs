//! What would stop an installation, or trouble it later, is said before the first
//! byte of it is fetched: at a server that counts requests.

use e2e::origin::Origin;
use e2e::room::Room;
use e2e::world::finish;
use e2e::{Forge, Outcome, World};
use serde_json::{Value, json};
use std::fs;
use std::net::TcpListener;

/// The home on a disk of its own; ends the test where there can be none.
macro_rules! room {
    ($made:expr) => {
        match $made {
            Ok(room) => room,
            Err(why) => {
                eprintln!("skipped: no disk can be mounted here: {why}");
                return;
            }
        }
    };
}

fn in_room(room: &Room, world: &World, source: &str, words: &[&str]) -> Outcome {
    let mut command = room.command(world, world.setup());
    command.env("OFFGRID_SETUP_SOURCE", source).args(words);
    finish(command)
}

/// What `plan --json` finds, by its words.
fn found(outcome: &Outcome) -> Vec<String> {
    let plan = outcome.events().pop().unwrap();
    let words = plan["preflight"].as_array().unwrap().iter();
    words.map(|one| one["code"].as_str().unwrap().to_owned()).collect()
}

/// What a run warned of under this word.
fn warned(outcome: &Outcome, word: &str) -> Vec<Value> {
    outcome.events().into_iter().filter(|event| event["code"] == word).collect()
}

#[test]
fn a_home_from_which_nothing_can_be_started_is_said_before_any_request() {
    let world = World::new();
    let room = room!(Room::over(&world, "mode=755,noexec"));
    let origin = Origin::of(&world.depot());
    let before = room.snapshot(&[]);
    let words = ["install", "--yes", "--json"];
    let refused = in_room(&room, &world, &origin.url(), &words).expect_error(8, "E_PERM");
    let error = &refused.ended().unwrap()["error"];
    assert!(error["message"].as_str().unwrap().contains("noexec"), "{error}");
    let hint = error["hint"].as_str().unwrap();
    assert!(hint.contains("--prefix") && hint.contains("--system"), "{hint}");
    assert!(origin.seen().is_empty(), "{:?}", origin.seen());
    before.assert_same(&room.snapshot(&[]));
    let plan = in_room(&room, &world, &origin.url(), &["plan", "--json"]).expect(0);
    assert_eq!(found(&plan)[0], "E_PERM");
    assert_eq!(plan.events().pop().unwrap()["preflight"][0]["stops"], true);
    in_room(&room, &world, &origin.url(), &["plan"]).expect(0).says("E_PERM: programs cannot");
    // What the hint says helps.
    let elsewhere = world.path("elsewhere");
    let words = ["install", "--yes", "--prefix", elsewhere.to_str().unwrap()];
    in_room(&room, &world, &origin.url(), &words).expect(0);
    assert!(elsewhere.join("current").exists());
}

#[test]
fn a_disk_that_is_too_small_is_said_before_a_file_is_fetched() {
    let world = World::new();
    let room = room!(Room::over(&world, "size=4m,mode=755"));
    let origin = Origin::of(&world.depot());
    let words = ["install", "--yes", "--json"];
    let refused = in_room(&room, &world, &origin.url(), &words);
    refused.expect_error(9, "E_NOSPACE").says("free");
    let forge = Forge::of(&world.depot());
    let app = forge.blob_of("app", "offgrid");
    assert!(!origin.seen().is_empty(), "the plan says what is needed");
    assert!(origin.seen_of(&app).is_empty(), "{:?}", origin.seen());
    let plan = in_room(&room, &world, &origin.url(), &["plan", "--json"]).expect(0);
    assert!(found(&plan).contains(&"E_NOSPACE".to_owned()), "{plan:?}");
    assert!(origin.seen_of(&app).is_empty());
}

#[test]
fn room_for_models_is_looked_for_where_models_go() {
    let world = World::new();
    let script = "mkdir -p \"$1/.offgrid-llm/models\"\n\
                  mount -t tmpfs -o size=64k,mode=755 tmpfs \"$1/.offgrid-llm/models\"";
    let room = room!(Room::with(&world, script));
    let origin = Origin::of(&world.depot());
    let words = ["install", "--yes", "--json", "--model", "tiny"];
    let refused = in_room(&room, &world, &origin.url(), &words).expect_error(9, "E_NOSPACE");
    refused.says(".offgrid-llm/models").says("--model none");
    let app = Forge::of(&world.depot()).blob_of("app", "offgrid");
    assert!(origin.seen_of(&app).is_empty(), "{:?}", origin.seen());
    in_room(&room, &world, &origin.url(), &["install", "--yes"]).expect(0);
}

#[test]
fn a_port_that_somebody_has_is_named_with_its_process_and_stops_nothing() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = world.home().join(".config/offgrid");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("offgrid.env"), format!("OFFGRID_PORT={port}\n")).unwrap();
    let plan = world.run(&["plan", "--json"]).expect(0);
    assert!(found(&plan).contains(&"W_PORT".to_owned()), "{plan:?}");
    let installed = world.run(&["install", "--yes", "--json"]).expect(0);
    let warned_of = warned(&installed, "W_PORT");
    assert_eq!(warned_of.len(), 1, "{installed:?}");
    let said = warned_of[0].to_string();
    for part in [port.to_string(), format!("process {}", std::process::id())] {
        assert!(said.contains(&part), "{part}: {said}");
    }
    drop(listener);
    let plan = world.run(&["plan", "--json"]).expect(0);
    assert!(!found(&plan).contains(&"W_PORT".to_owned()), "{plan:?}");
}

#[test]
fn the_makers_own_installation_is_named_with_what_to_type_and_left_alone() {
    let world = World::new();
    let units = world.home().join(".config/systemd/user");
    fs::create_dir_all(&units).unwrap();
    let unit = "[Service]\nExecStart=/usr/local/bin/offgrid serve\n";
    fs::write(units.join("offgrid-llm.service"), unit).unwrap();
    fs::create_dir_all(world.models()).unwrap();
    fs::write(world.models().join("old.gguf"), "a model of before\n").unwrap();
    let before = world.snapshot();
    let plan = world.run(&["plan", "--json"]).expect(0);
    assert!(found(&plan).contains(&"W_UPSTREAM".to_owned()), "{plan:?}");
    let installed = world.run(&["install", "--yes", "--json"]).expect(0);
    let warned_of = warned(&installed, "W_UPSTREAM");
    assert_eq!(warned_of.len(), 1, "{installed:?}");
    let said = warned_of[0].to_string();
    for part in ["pkill -9", "systemctl --user disable --now offgrid-llm.service"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // An update does not say it again.
    world.publish_newer();
    let update = world.run(&["update", "--yes", "--json"]).expect(0);
    assert!(warned(&update, "W_UPSTREAM").is_empty(), "{update:?}");
    world.run(&["uninstall", "--yes"]).expect(0);
    before.assert_same(&world.snapshot());
}

#[test]
fn a_second_installation_of_the_same_user_is_named() {
    let world = World::new();
    world.install();
    let other = world.path("other");
    let words = ["install", "--yes", "--json", "--prefix", other.to_str().unwrap()];
    let installed = world.run(&words).expect(0);
    let warned_of = warned(&installed, "W_SECOND_INSTALL");
    assert_eq!(warned_of.len(), 1, "{installed:?}");
    assert!(warned_of[0].to_string().contains(world.prefix().to_str().unwrap()));
}

#[test]
fn the_models_that_fit_are_listed_and_one_is_suggested() {
    let world = World::new();
    Forge::of(&world.depot()).release(|release| {
        let mut tiny = release["models"][0].clone();
        tiny["memory_bytes"] = json!(1 << 20);
        let mut huge = tiny.clone();
        huge["name"] = json!("huge");
        huge["file"] = json!("huge.gguf");
        huge["memory_bytes"] = json!(1_u64 << 50);
        huge["default"] = json!(true);
        release["models"] = json!([huge, tiny]);
    });
    let plan = world.run(&["plan", "--json"]).expect(0).events().pop().unwrap();
    let models = json!({"fit": ["tiny"], "too_large": ["huge"], "suggested": "tiny"});
    assert_eq!(plan["models"], models);
    world.run(&["plan"]).expect(0).says("a model for this computer: A tiny random model");
    let named = world.run(&["plan", "--json", "--model", "huge"]).expect(0);
    assert!(found(&named).contains(&"W_MODEL_MEMORY".to_owned()), "{named:?}");
    let tiny = world.run(&["plan", "--json", "--model", "tiny"]).expect(0);
    assert!(!found(&tiny).contains(&"W_MODEL_MEMORY".to_owned()), "{tiny:?}");
}
