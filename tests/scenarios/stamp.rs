//! The stamp: whom a program believes is written into it, and nothing outside of
//! it can say otherwise (DESIGN 4).

use e2e::{Forge, Outcome, World, base, programs};
use offgrid_manifest::stamp::{self, Stamp};
use serde_json::json;
use std::fs;
use std::path::Path;

/// Another depot with keys of its own that offers the same release: `other`, and
/// `other-keys` beside it.
fn other_depot(world: &World) {
    let place = world.path("");
    base::depot(&place, &["init", "other", "--keys", "other-keys", "--no-password"]);
    let copy = world.path("copy");
    base::copy_tree(&world.depot(), &copy);
    fs::remove_dir_all(copy.join("root")).unwrap();
    base::copy_tree(&world.path("other/root"), &copy.join("root"));
    fs::remove_dir_all(world.path("other")).unwrap();
    fs::rename(&copy, world.path("other")).unwrap();
    Forge::with(&world.path("other"), &world.path("other-keys")).release(|_| {});
}

/// Stamps the world's program again, for this depot.
fn stamp_for(world: &World, depot: &str) {
    let root = format!("{depot}/root/1.json");
    let words = ["--root", &root, "--source", "http://127.0.0.1:9/", "-o", "stamped"];
    base::depot(&world.path(""), &[&["stamp", "offgrid-setup"][..], &words].concat());
    fs::rename(world.path("stamped"), world.setup()).unwrap();
}

/// Writes another stamp into the world's program, as `offgrid-depot stamp` does.
fn restamp(world: &World, edit: impl FnOnce(&mut Stamp)) {
    let mut bytes = fs::read(world.setup()).unwrap();
    let section = stamp::find(&bytes).unwrap();
    let mut stamp = Stamp::from_section(&bytes[section.clone()]).unwrap().unwrap();
    edit(&mut stamp);
    bytes[section].copy_from_slice(&stamp.to_section().unwrap());
    let edited = world.path("edited");
    fs::write(&edited, bytes).unwrap();
    base::set_mode(&edited, 0o755);
    // By `cp`, for the reason that World::with has.
    fs::remove_file(world.setup()).unwrap();
    base::copy_tree(&edited, &world.setup());
}

fn install(world: &World, depot: &Path) -> Outcome {
    world.run_from(depot.to_str().unwrap(), &["install", "--yes", "--json"])
}

#[test]
fn a_program_that_nobody_stamped_says_so_and_installs_nothing() {
    let world = World::new();
    base::copy_tree(&programs::program("offgrid-setup"), &world.setup());
    let before = world.snapshot();
    install(&world, &world.depot()).expect_error(3, "E_UNSTAMPED").says("no root of trust");
    let depot = world.depot();
    let words = ["install", "--yes", "--source", depot.to_str().unwrap()];
    world.run(&words).expect(3).says("offgrid-depot stamp");
    before.assert_same(&world.snapshot());
}

#[test]
fn a_program_that_is_stamped_again_believes_the_other_depot_alone() {
    let world = World::new();
    other_depot(&world);
    let (ours, theirs) = (world.depot(), world.path("other"));
    let before = world.snapshot();
    install(&world, &theirs).expect_error(5, "E_SIG_THRESHOLD");
    before.assert_same(&world.snapshot());

    stamp_for(&world, "other");
    install(&world, &ours).expect_error(5, "E_SIG_THRESHOLD");
    before.assert_same(&world.snapshot());
    install(&world, &theirs).expect(0).says("0.1.0");
}

#[test]
fn words_variables_and_files_move_the_source_and_never_the_trust() {
    let world = World::new();
    other_depot(&world);
    let theirs = world.path("other");
    let theirs = theirs.to_str().unwrap();
    let before = world.snapshot();
    for word in [&["--source", theirs][..], &["--source", theirs, "--accept-stale"]] {
        let words = [&["install", "--yes", "--json"], word].concat();
        world.run(&words).expect_error(5, "E_SIG_THRESHOLD");
        before.assert_same(&world.snapshot());
    }
    // Variables that another program of this kind might obey.
    let root = format!("{theirs}/root/1.json");
    for name in ["ROOT", "TRUST_ROOT", "KEYS", "STAMP", "NO_VERIFY", "INSECURE", "SKIP_VERIFY"] {
        let mut command = world.command(world.setup());
        command.env("OFFGRID_SETUP_SOURCE", theirs).env(format!("OFFGRID_SETUP_{name}"), &root);
        command.args(["install", "--yes", "--json"]);
        let outcome = e2e::world::finish(command);
        outcome.expect_error(5, "E_SIG_THRESHOLD");
        before.assert_same(&world.snapshot());
    }
    let config = world.home().join(".config/offgrid");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("setup.toml"), format!("source = [\"{theirs}\"]\n")).unwrap();
    let before = world.snapshot();
    let mut command = world.command(world.setup());
    command.args(["install", "--yes", "--json"]);
    e2e::world::finish(command).expect_error(5, "E_SIG_THRESHOLD");
    before.assert_same(&world.snapshot());
    // With the same file, the stamped depot's own folder is still believed.
    install(&world, &world.depot()).expect(0);
}

#[test]
fn floors_in_the_stamp_hold_on_a_fresh_machine() {
    let world = World::newer();
    let forge = Forge::of(&world.depot());
    let head = forge.read("head.json");
    let (head, channel) = (
        head["version"].as_u64().unwrap(),
        head["channels"]["stable"]["version"].as_u64().unwrap(),
    );
    let stable = || "stable".parse().unwrap();
    let before = world.snapshot();

    restamp(&world, |stamp| stamp.floors.head = head + 1);
    install(&world, &world.depot()).expect_error(5, "E_ROLLBACK").says("head");
    before.assert_same(&world.snapshot());
    restamp(&world, |stamp| {
        stamp.floors.head = head;
        stamp.floors.channel.insert(stable(), channel + 1);
    });
    install(&world, &world.depot()).expect_error(5, "E_ROLLBACK").says("channel stable");
    before.assert_same(&world.snapshot());
    // The floor itself may be stood on, and one of another channel is not ours.
    restamp(&world, |stamp| {
        stamp.floors.channel.insert(stable(), channel);
        stamp.floors.channel.insert("beta".parse().unwrap(), 900);
    });
    install(&world, &world.depot()).expect(0).says("0.2.0");
    // They hold after an uninstall too, when nothing else remembers.
    world.offgrid_run(&["uninstall", "--yes"]).expect(0);
    let before = world.snapshot();
    install(&world, &base::folder().join("depot-1")).expect_error(5, "E_ROLLBACK");
    before.assert_same(&world.snapshot());
}

#[test]
fn a_stamp_of_tomorrow_or_a_damaged_one_is_refused_in_words() {
    let world = World::new();
    let before = world.snapshot();
    let stamped = fs::read(world.setup()).unwrap();
    restamp(&world, |stamp| stamp.schema = 2);
    install(&world, &world.depot()).expect_error(3, "E_SCHEMA");
    before.assert_same(&world.snapshot());
    let put = |bytes: &[u8]| {
        let edited = world.path("edited");
        fs::write(&edited, bytes).unwrap();
        base::set_mode(&edited, 0o755);
        fs::remove_file(world.setup()).unwrap();
        base::copy_tree(&edited, &world.setup());
    };
    // One byte of the root inside: its own signature does not fit any more.
    put(&stamped);
    restamp(&world, |stamp| {
        let mut root: serde_json::Value =
            serde_json::from_slice(&stamp.root.bytes().unwrap()).unwrap();
        root["expires"] = json!("2099-01-01T00:00:00Z");
        let bytes = serde_json::to_vec(&root).unwrap();
        stamp.root = stamp::StampedRoot::new(&bytes, &stamp.root.signature);
    });
    install(&world, &world.depot()).expect_error(5, "E_SIG_THRESHOLD");
    before.assert_same(&world.snapshot());
    // The section's first byte.
    let mut bytes = stamped.clone();
    bytes[stamp::find(&stamped).unwrap().start] ^= 1;
    put(&bytes);
    install(&world, &world.depot()).expect_error(5, "E_PARSE");
    before.assert_same(&world.snapshot());
}
