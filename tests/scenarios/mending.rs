//! `verify` says what is wrong and what `repair` does about it, and `repair` does
//! that: as one run, with new files, and never a slot changed in its place.

mod cut_off;
mod places;

use e2e::process::until;
use e2e::service::Service;
use e2e::world::finish;
use e2e::{Forge, Origin, Outcome, World, base};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

const ENGINE: &str = "llama/llama-server";
/// Names the last run.
const RECEIPT: [&str; 1] = ["state/receipt.json"];

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

/// Of everything that can be damaged one: bytes that are here and that are not, what
/// is live and what is not, the link, the program, a model.
pub(crate) fn damage_everything(world: &World) {
    for slot in fs::read_dir(world.prefix().join("versions")).unwrap() {
        let slot = slot.unwrap().path();
        damage(&slot.join("app/VERSION"));
        base::set_mode(&slot.join(ENGINE), 0o777);
    }
    fs::remove_file(world.offgrid()).unwrap();
    fs::remove_file(world.prefix().join("current")).unwrap();
    base::set_mode(&world.prefix().join("bin/offgrid"), 0o777);
    damage(&world.models().join("tiny.gguf"));
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
    assert_eq!(ended["outcome"], "updated", "{outcome:?}");
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
    let before = world.snapshot_but(&RECEIPT);
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
    before.assert_same(&world.snapshot_but(&RECEIPT));
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
