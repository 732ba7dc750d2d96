//! `verify` says what is wrong and what `repair` does about it, and `repair` does
//! that: as one run, with new files, and never a slot changed in its place.

use e2e::process::{stalled, until};
use e2e::service::Service;
use e2e::world::finish;
use e2e::{Forge, Origin, Outcome, Snapshot, World, base};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

const ENGINE: &str = "llama/llama-server";

fn name(version: &str) -> String {
    format!("{version}+{}-{}-cpu", std::env::consts::OS, std::env::consts::ARCH)
}

fn slot(world: &World, version: &str) -> PathBuf {
    world.prefix().join("versions").join(name(version))
}

/// With 0.1.0 before and 0.2.0 live.
fn two() -> World {
    let world = World::new();
    world.install();
    world.publish_newer();
    world.run(&["update", "--yes"]).expect(0);
    world
}

/// Another byte in the middle of a file.
pub(crate) fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// What `verify` says of each path: how it is mended.
fn wrong(world: &World) -> Vec<(String, String)> {
    let before = world.snapshot();
    let outcome = world.run(&["verify", "--json"]);
    before.assert_same(&world.snapshot());
    problems(world, &outcome)
}

fn problems(world: &World, outcome: &Outcome) -> Vec<(String, String)> {
    let home = world.home().display().to_string() + "/";
    let events = outcome.events().into_iter().filter(|event| event["event"] == "problem");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    events
        .map(|event| {
            let path = text(&event["path"]).replace(&home, "");
            assert!(text(&event["message"]).contains(&text(&event["what"])), "{event}");
            (path.replace(".local/share/offgrid/", ""), text(&event["repair"]))
        })
        .collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

/// Mends from this source, and everything is as it was installed.
#[track_caller]
fn mended(world: &World, source: &str) -> Outcome {
    let outcome = world.run_from(source, &["repair", "--yes", "--json"]).expect(0);
    let ended = outcome.ended().unwrap();
    assert_eq!(ended["outcome"], "repaired", "{outcome:?}");
    assert_eq!(outcome.events().iter().filter(|event| event["event"] == "began").count(), 1);
    world.run(&["verify"]).expect(0);
    outcome
}

/// Without a depot: what is on this disk has to do.
fn away(world: &World) {
    fs::rename(world.depot(), world.path("away")).unwrap();
    fs::create_dir(world.depot()).unwrap();
}

#[test]
fn nothing_wrong_is_nothing_to_mend() {
    let world = two();
    let before = world.snapshot();
    world.run(&["repair"]).expect(0).says("nothing to mend");
    let ended = world.run(&["repair", "--json"]).expect(0).ended().unwrap();
    assert_eq!(ended["outcome"], "unchanged");
    before.assert_same(&world.snapshot());
}

#[test]
fn what_another_slot_has_is_copied_and_needs_no_depot() {
    let world = two();
    let before = world.snapshot();
    let engine = slot(&world, "0.2.0").join(ENGINE);
    let inode = engine.metadata().unwrap().ino();
    damage(&engine);
    base::set_mode(&slot(&world, "0.1.0").join("probe/probe.gguf"), 0o666);
    base::set_mode(&slot(&world, "0.1.0").join("llama"), 0o777);
    fs::remove_file(slot(&world, "0.1.0").join("llama/libnote.so")).unwrap();
    symlink("/etc/passwd", slot(&world, "0.1.0").join("llama/libnote.so")).unwrap();
    fs::remove_file(slot(&world, "0.2.0").join("channel.json")).unwrap();
    let (old, new) = (name("0.1.0"), name("0.2.0"));
    let mut found = wrong(&world);
    found.sort();
    assert_eq!(
        found,
        pairs(&[
            (&format!("versions/{old}/llama"), "make"),
            (&format!("versions/{old}/llama/libnote.so"), "make"),
            (&format!("versions/{old}/probe/probe.gguf"), "copy"),
            (&format!("versions/{new}/channel.json"), "make"),
            (&format!("versions/{new}/{ENGINE}"), "copy"),
        ])
    );
    let said = world.run(&["verify"]).expect(1).says("repair copies it from").says("E_STATE");
    said.says("offgrid repair").says("5 things");
    away(&world);
    let damaged = world.snapshot();
    world.run(&["repair", "--json"]).expect_error(2, "E_NEEDS_CONSENT");
    damaged.assert_same(&world.snapshot());
    mended(&world, world.depot().to_str().unwrap());
    assert_ne!(engine.metadata().unwrap().ino(), inode, "a new file");
    let but = ["state/receipt.json"];
    let without = |snapshot: &Snapshot| snapshot.clone();
    let after = without(&world.snapshot_but(&but));
    let lines: Vec<String> = before
        .differences(&after)
        .into_iter()
        .filter(|line| !line.contains("state/receipt.json"))
        .collect();
    assert!(lines.is_empty(), "{lines:#?}");
}

#[test]
fn what_no_other_slot_has_is_fetched_by_the_digest_of_the_receipt() {
    let world = World::newer();
    world.install();
    damage(&slot(&world, "0.2.0").join(ENGINE));
    fs::remove_file(slot(&world, "0.2.0").join("app/VERSION")).unwrap();
    fs::write(slot(&world, "0.2.0").join("release.json"), "{}").unwrap();
    let fetched = wrong(&world).into_iter().filter(|(_, repair)| repair == "fetch").count();
    assert_eq!(fetched, 3);
    // Not asked for, although it is newer: a repair changes no release.
    Forge::of(&world.depot()).another_release("0.4.0");
    let origin = Origin::of(&world.depot());
    let outcome = mended(&world, &origin.url());
    assert!(outcome.ended().unwrap()["download_bytes"].as_u64().unwrap() > 0);
    let asked: Vec<String> = origin.seen().iter().map(|seen| seen.path.clone()).collect();
    assert!(asked.iter().all(|path| path.contains("blob/") || path.contains("release/0.2.0/")));
    // A whole slot, by a depot whose lists are long out of date or gone.
    fs::remove_dir_all(slot(&world, "0.2.0")).unwrap();
    for name in ["head.json", "channel", "head"] {
        let path = world.depot().join(name);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
    }
    assert_eq!(wrong(&world), pairs(&[(&format!("versions/{}", name("0.2.0")), "fetch")]));
    mended(&world, world.depot().to_str().unwrap());
    world.offgrid_run(&["version"]).expect(0).says("0.2.12");
}

#[test]
fn a_depot_that_has_something_else_mends_nothing() {
    let world = World::newer();
    world.install();
    damage(&slot(&world, "0.2.0").join(ENGINE));
    let forge = Forge::of(&world.depot());
    damage(&world.depot().join(forge.blob_of("llama-cpu", "llama-server")));
    let before = world.snapshot();
    world.run(&["repair", "--yes", "--json"]).expect_error(5, "E_HASH");
    before.assert_same(&world.snapshot());
}

#[test]
fn offline_with_nothing_to_copy_from_says_what_to_type() {
    let world = World::newer();
    world.install();
    damage(&slot(&world, "0.2.0").join(ENGINE));
    let before = world.snapshot();
    let words = ["repair", "--yes", "--json"];
    let dead = world.run_from("http://127.0.0.1:9/", &words).expect_error(4, "E_UNREACHABLE");
    dead.says("--source");
    let mut command = world.command(world.setup());
    command.args(words).arg("--offline");
    finish(command).expect_error(4, "E_UNREACHABLE").says("--source DIR");
    before.assert_same(&world.snapshot());
    mended(&world, world.depot().to_str().unwrap());
}

#[test]
fn what_is_not_ours_is_moved_out_of_a_slot_and_kept() {
    let world = two();
    let first = slot(&world, "0.2.0");
    fs::write(first.join("llama/libevil.so"), "not ours").unwrap();
    fs::create_dir(first.join("app/notes")).unwrap();
    fs::write(first.join("app/notes/mine.txt"), "mine").unwrap();
    damage(&first.join("app/offgrid"));
    fs::remove_dir_all(slot(&world, "0.1.0")).unwrap();
    symlink("/etc", slot(&world, "0.1.0")).unwrap();
    let outcome = mended(&world, world.depot().to_str().unwrap());
    let kept = world.prefix().join("aside").join(name("0.2.0"));
    assert!(outcome.stdout.contains("\"left\":0"), "{}", outcome.stdout);
    assert_eq!(fs::read_to_string(kept.join("llama/libevil.so")).unwrap(), "not ours");
    assert_eq!(fs::read_to_string(kept.join("app/notes/mine.txt")).unwrap(), "mine");
    let link = world.prefix().join("aside").join(name("0.1.0"));
    assert_eq!(fs::read_link(&link).unwrap(), Path::new("/etc"));
    // Once more: nothing that is kept is written over.
    fs::write(first.join("llama/libevil.so"), "again").unwrap();
    mended(&world, world.depot().to_str().unwrap());
    assert_eq!(fs::read_to_string(kept.join("llama/libevil.so")).unwrap(), "not ours");
    assert_eq!(fs::read_to_string(kept.join("llama/libevil.so.2")).unwrap(), "again");
    // And none of it goes with an uninstall.
    world.run(&["uninstall", "--yes"]).expect(0);
    assert_eq!(fs::read_to_string(kept.join("app/notes/mine.txt")).unwrap(), "mine");
    assert!(!world.prefix().join("versions").exists());
}

#[test]
fn the_program_the_link_and_what_is_live_come_back_too() {
    let world = two();
    let before = world.snapshot_but(&["state/receipt.json"]);
    let program = world.prefix().join("bin/offgrid");
    // Moved away, not written over: another test may be starting it.
    fs::remove_file(&program).unwrap();
    fs::write(&program, "not a program").unwrap();
    fs::remove_file(world.offgrid()).unwrap();
    let current = world.prefix().join("current");
    fs::remove_file(&current).unwrap();
    symlink(format!("versions/{}", name("0.1.0")), &current).unwrap();
    let found = [("bin/offgrid", "copy"), ("current", "make"), (".local/bin/offgrid", "make")];
    assert_eq!(wrong(&world), pairs(&found));
    mended(&world, world.depot().to_str().unwrap());
    before.assert_same(&world.snapshot_but(&["state/receipt.json"]));

    // By the installed program itself, which is not what it was: from the depot.
    let mut bytes = fs::read(&program).unwrap();
    bytes.extend(b"something");
    fs::remove_file(&program).unwrap();
    fs::write(world.path("bytes"), bytes).unwrap();
    base::copy_tree(&world.path("bytes"), &program);
    base::set_mode(&program, 0o755);
    let events = world.offgrid_run(&["self", "verify", "--json"]).expect_error(1, "E_STATE");
    assert_eq!(problems(&world, &events), pairs(&[("bin/offgrid", "fetch")]));
    world.offgrid_run(&["repair", "--yes"]).expect(0);
    before.assert_same(&world.snapshot_but(&["state/receipt.json"]));

    base::set_mode(&program, 0o777);
    fs::remove_file(&current).unwrap();
    fs::create_dir(&current).unwrap();
    fs::write(current.join("theirs"), "theirs").unwrap();
    mended(&world, world.depot().to_str().unwrap());
    let kept = world.prefix().join("aside/current/theirs");
    assert_eq!(fs::read_to_string(kept).unwrap(), "theirs");
    assert_eq!(program.metadata().unwrap().mode() & 0o7777, 0o755);
}

#[test]
fn a_link_that_is_somebody_else_s_now_is_told_and_left() {
    let world = two();
    fs::remove_file(world.offgrid()).unwrap();
    fs::write(world.offgrid(), "mine").unwrap();
    let before = world.snapshot();
    let verify = world.run(&["verify", "--json"]).expect(0);
    assert_eq!(problems(&world, &verify), pairs(&[(".local/bin/offgrid", "leave")]));
    world.run(&["repair", "--yes"]).expect(0).says("not ours").says("nothing to mend");
    before.assert_same(&world.snapshot());
    damage(&slot(&world, "0.1.0").join("app/VERSION"));
    let repaired = world.run(&["repair", "--yes"]).expect(0).says("mended");
    repaired.says("left alone, because it is not ours");
    assert_eq!(fs::read_to_string(world.offgrid()).unwrap(), "mine");
}

#[test]
fn a_model_of_ours_is_fetched_again_and_one_of_theirs_is_not() {
    let world = World::new();
    world.run(&["install", "--yes", "--model", "tiny"]).expect(0);
    let model = world.models().join("tiny.gguf");
    let before = world.snapshot_but(&["state/receipt.json"]);
    for damaged in [true, false] {
        if damaged {
            damage(&model);
        } else {
            fs::remove_file(&model).unwrap();
        }
        assert_eq!(wrong(&world), pairs(&[(".offgrid-llm/models/tiny.gguf", "fetch")]));
        mended(&world, world.depot().to_str().unwrap());
        before.assert_same(&world.snapshot_but(&["state/receipt.json"]));
    }
    world.run(&["uninstall", "--yes", "--purge"]).expect(0);
    assert!(!model.exists());

    // The same file, but it was there before.
    fs::create_dir_all(world.models()).unwrap();
    fs::copy(base::folder().join("probe.gguf"), &model).unwrap();
    world.run(&["install", "--yes", "--model", "tiny"]).expect(0);
    damage(&model);
    let verify = world.run(&["verify", "--json"]).expect(0);
    assert_eq!(problems(&world, &verify), pairs(&[(".offgrid-llm/models/tiny.gguf", "leave")]));
}

#[test]
fn a_repair_that_fails_half_way_leaves_everything_as_it_was() {
    let world = World::newer();
    world.run(&["install", "--yes", "--model", "tiny"]).expect(0);
    damage(&slot(&world, "0.2.0").join("app/VERSION"));
    fs::write(slot(&world, "0.2.0").join("app/theirs"), "theirs").unwrap();
    damage(&world.models().join("tiny.gguf"));
    // The slot can be had, the model that comes after it cannot.
    let forge = Forge::of(&world.depot());
    let model = forge.read(&forge.newest_release())["models"][0]["sha256"].clone();
    let blob = world.depot().join("blob/sha256").join(model.as_str().unwrap());
    let bytes = fs::read(&blob).unwrap();
    damage(&blob);
    let before = world.snapshot();
    let failed = world.run(&["repair", "--yes", "--json"]).expect_error(5, "E_HASH");
    assert!(failed.stdout.contains("taking-back"), "{}", failed.stdout);
    before.assert_same(&world.snapshot());
    fs::write(&blob, bytes).unwrap();
    mended(&world, world.depot().to_str().unwrap());
}

#[test]
fn a_repair_of_what_runs_starts_the_service_anew() {
    let world = World::new();
    world.run(&["install", "--yes", "--service", "supervise"]).expect(0);
    let mut service = Service::start(&world);
    let slot = slot(&world, "0.1.0");
    fs::remove_file(slot.join("app/VERSION")).unwrap();
    let app = |service: &Service| {
        let text = fs::read_to_string(world.prefix().join("state/service.json")).unwrap();
        assert!(service.get("/livez").is_some());
        serde_json::from_str::<Value>(&text).unwrap()["child"].clone()
    };
    let before = app(&service);
    mended(&world, world.depot().to_str().unwrap());
    until("another app runs", || app(&service) != before);
    // A service that runs another slot than the live one is told so.
    let note = world.prefix().join("state/service.json");
    let text = fs::read_to_string(&note).unwrap().replace(&name("0.1.0"), &name("0.0.9"));
    fs::write(&note, text).unwrap();
    assert_eq!(wrong(&world), pairs(&[("state/service.json", "make")]));
    mended(&world, world.depot().to_str().unwrap());
    world.run(&["service", "stop"]).expect(0);
    service.ended();
}

/// An update is killed: before its downloads are whole, and after.
#[test]
fn a_cut_off_run_goes_on_when_all_is_here_and_is_taken_back_when_not() {
    let world = World::new();
    world.install();
    world.publish_newer();
    Forge::of(&world.depot()).new_app();
    let before = world.snapshot_but(&["blobs", "state/trust.json"]);
    let (_origin, running) = stalled(&world, &["update", "--yes"], 100_000);
    running.kill();
    let again = world.run(&["repair", "--yes"]).expect(0).says("taking it back first");
    assert!(!again.stderr.contains("finishing"), "{}", again.stderr);
    before.assert_same(&world.snapshot_but(&["blobs", "state/trust.json"]));

    let mut command = world.command(world.setup());
    command.env("OFFGRID_SETUP_SOURCE", world.depot()).args(["update", "--yes"]);
    let Some(point) = last_before_the_slot(&world, &command) else { return };
    e2e::cut::cut(&command, &point);
    assert!(!slot(&world, "0.2.0").exists(), "it was cut off before that");
    // All blobs are here: no depot is needed to go on.
    away(&world);
    world.run(&["repair", "--yes"]).expect(0).says("finishing it first").says("0.2.0 is live");
    world.run(&["verify"]).expect(0);
    assert_eq!(world.run(&["status", "--json"]).json()["version"], json!("0.2.0"));
}

/// Where the new slot is about to get its name: everything was downloaded.
fn last_before_the_slot(world: &World, command: &std::process::Command) -> Option<e2e::cut::Point> {
    if let Some(why) = e2e::cut::why_not() {
        eprintln!("skipped: nothing can be killed at a point here: {why}");
        return None;
    }
    let saved = world.path("saved");
    base::copy_tree(&world.home(), &saved);
    let (outcome, points) = e2e::cut::points(command, &world.path("trace"));
    outcome.expect(0);
    fs::remove_dir_all(world.home()).unwrap();
    fs::rename(saved, world.home()).unwrap();
    let wanted = format!("staging/{}", name("0.2.0"));
    let renames = |point: &e2e::cut::Point| point.call.starts_with("rename");
    let found = points.into_iter().find(|point| renames(point) && point.what.contains(&wanted));
    Some(found.expect("the slot gets its name by a rename"))
}
