//! A journal whose end a power cut tore, in every way that a file system may.

use e2e::process::stalled;
use e2e::{Snapshot, World};
use std::fs::{self, OpenOptions};
use std::io::Write;

/// A world in which an install was killed while it downloaded.
fn cut_off() -> (World, Snapshot) {
    let world = World::new();
    let first = world.snapshot();
    stalled(&world, &["install", "--yes"], 300_000).1.kill();
    (world, first)
}

fn append(world: &World, bytes: &[u8]) {
    let path = world.prefix().join("state/journal");
    OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

#[test]
fn a_torn_last_line_never_happened() {
    let tails: [&[u8]; 5] =
        [b"{\"entry\":\"do", b"\0\0\0\0", b"\0\0\0\0\n", b"{\"entry\":\n", b"\xff\xfe"];
    for (index, tail) in tails.into_iter().enumerate() {
        let (world, first) = cut_off();
        append(&world, tail);
        world.run(&["status"]).expect(0);
        let way = ["--finish", "--back"][index % 2];
        world.run(&["repair", way, "--yes"]).expect(0);
        if index % 2 == 0 {
            world.run(&["verify"]).expect(0);
        }
        world.run(&["uninstall", "--yes"]).expect(0);
        first.assert_same(&world.snapshot());
    }
}

#[test]
fn a_journal_that_is_damaged_in_the_middle_is_not_guessed_at() {
    let (world, _) = cut_off();
    append(&world, b"something else\n{\"entry\":\"done\",\"index\":0}\n");
    let before = world.snapshot();
    for words in
        [&["install", "--yes"][..], &["repair", "--back", "--yes"], &["uninstall", "--yes"]]
    {
        let outcome = world.run(words).expect_error(1, "E_STATE");
        outcome.says("state/journal");
        before.assert_same(&world.snapshot());
    }
}

#[test]
fn a_journal_of_a_newer_program_is_left_alone() {
    let (world, _) = cut_off();
    let path = world.prefix().join("state/journal");
    let text = fs::read_to_string(&path).unwrap().replacen("\"schema\":1", "\"schema\":2", 1);
    fs::write(&path, text).unwrap();
    let before = world.snapshot();
    for words in [&["install", "--yes"][..], &["repair", "--yes"], &["uninstall", "--yes"]] {
        world.run(words).expect_error(3, "E_SCHEMA");
        before.assert_same(&world.snapshot());
    }
}

#[test]
fn a_file_that_was_only_begun_outside_a_run_goes_with_the_next_command() {
    let world = World::new();
    let first = world.snapshot();
    world.install();
    let before = world.snapshot_but_trust();
    let draft = world.prefix().join("state/trust.json.part~");
    for words in [&["repair", "--back", "--yes"][..], &["update", "--yes"], &["repair", "--yes"]] {
        fs::write(&draft, "{").unwrap();
        world.run(&["verify"]).expect(0);
        world.run(words).expect(0);
        // An update remembers when it looked.
        before.assert_same(&world.snapshot_but_trust());
        assert!(!draft.exists());
    }
    world.run(&["uninstall", "--yes"]).expect(0);
    first.assert_same(&world.snapshot());
}
