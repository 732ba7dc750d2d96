//! State files of schema 1, as a real run of the first program wrote them: they are
//! read, verified against, finished, taken back and uninstalled for ever (DESIGN 7).
//! `tests/fixtures/prefix-v1/README.md` says how they came about. Never made anew:
//! a program that cannot read these is wrong, not the files.

use e2e::programs::{program, repo};
use e2e::{Snapshot, World, base};
use offgrid_manifest::Digest;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

fn fixture(name: &str) -> PathBuf {
    repo().join("tests/fixtures").join(name)
}

/// Files that do not say who wrote them are of the very first programs.
#[derive(Clone, Copy)]
struct Kept {
    signed: bool,
    cut_off: bool,
}

/// A home with 0.2.0 live and 0.1.0 before it, as that program left it; `cut_off` in
/// the middle of the switch to 0.3.0. And the home as it was before the first install.
fn home(kept: Kept) -> (World, Snapshot) {
    let world = World::new();
    let root = fixture("root-v1.json");
    let setup = world.path("kept-setup");
    let (from, root) = (program("offgrid-setup"), root.to_str().unwrap().to_owned());
    let words = ["stamp", from.to_str().unwrap(), "--root", &root, "--source"];
    let more = ["http://127.0.0.1:9/", "-o", setup.to_str().unwrap()];
    base::depot(&world.path(""), &[&words[..], &more[..]].concat());
    // Models are never taken away unasked: they are part of both pictures.
    fs::create_dir_all(world.models()).unwrap();
    fs::copy(fixture("prefix-v1/tiny.gguf"), world.models().join("tiny.gguf")).unwrap();
    let first = world.snapshot();
    let prefix = world.prefix();
    for folder in ["bin", "blobs", "state"] {
        fs::create_dir_all(prefix.join(folder)).unwrap();
    }
    base::set_mode(&prefix.join("state"), 0o700);
    base::copy_tree(&setup, &world.prefix().join("bin/offgrid"));
    base::copy_tree(&fixture("prefix-v1/versions"), &prefix.join("versions"));
    if !kept.cut_off {
        fs::remove_dir_all(prefix.join("versions/0.3.0+linux-x86_64-cpu")).unwrap();
    }
    let current = "versions/0.2.0+linux-x86_64-cpu";
    std::os::unix::fs::symlink(current, prefix.join("current")).unwrap();
    fs::create_dir_all(world.offgrid().parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(prefix.join("bin/offgrid"), world.offgrid()).unwrap();
    state(&world, kept, &Digest::of(&fs::read(setup).unwrap()));
    (world, first)
}

/// Writes the state files, with the placeholders filled in.
fn state(world: &World, kept: Kept, program: &Digest) {
    let home = world.home().to_str().unwrap().to_owned();
    let mut files = vec![("receipt-v1.json", "receipt.json"), ("made-v1.json", "made.json")];
    if kept.cut_off {
        files.push(("journal-v1.jsonl", "journal"));
    }
    for (from, to) in files.into_iter().chain([("trust-v1.json", "trust.json")]) {
        let text = fs::read_to_string(fixture(from)).unwrap();
        let text = text.replace("@HOME@", &home).replace("@PROGRAM@", &program.to_string());
        let text = if kept.signed { text } else { unsigned(to, &text) };
        fs::write(world.prefix().join("state").join(to), text).unwrap();
    }
    fs::write(world.prefix().join("state/id"), "00112233445566778899aabbccddeeff\n").unwrap();
}

/// The same file as a program wrote it that did not say who it was.
fn unsigned(name: &str, text: &str) -> String {
    let text = text.replacen("\"by\":\"0.1.0\",", "", 1);
    if name != "trust.json" {
        return text;
    }
    let sum = text.split("\"sum\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let empty = text.replacen(&sum, "", 1);
    text.replacen(&sum, &Digest::of(empty.as_bytes()).to_string(), 1)
}

#[track_caller]
fn stands(world: &World, version: &str) {
    world.offgrid_run(&["self", "verify"]).expect(0);
    let status = world.offgrid_run(&["self", "status", "--json"]).expect(0).json();
    assert_eq!((&status["version"], &status["unfinished"]), (&json!(version), &Value::Null));
    assert_eq!(status["notes"], json!([]));
    world.offgrid_run(&["version"]).expect(0).says(version);
}

#[test]
fn state_of_schema_1_is_read_verified_against_and_uninstalled() {
    for signed in [true, false] {
        let (world, first) = home(Kept { signed, cut_off: false });
        stands(&world, "0.2.0");
        let trust = world.offgrid_run(&["self", "trust", "--json"]).expect(0).json();
        assert_eq!((&trust["root"]["version"], &trust["damaged"]), (&json!(1), &json!(false)));
        assert_eq!((&trust["head"]["version"], &trust["marks"]["head"]), (&json!(3), &json!(3)));
        world.offgrid_run(&["rollback", "--yes"]).expect(0).says("0.1.0 is live again");
        stands(&world, "0.1.0");
        world.offgrid_run(&["self", "model", "remove", "tiny", "--yes"]).expect(0);
        assert!(!world.models().join("tiny.gguf").exists());
        fs::copy(fixture("prefix-v1/tiny.gguf"), world.models().join("tiny.gguf")).unwrap();
        world.offgrid_run(&["uninstall", "--yes"]).expect(0);
        first.assert_same(&world.snapshot());
    }
}

#[test]
fn a_journal_of_schema_1_is_finished_or_taken_back() {
    for signed in [true, false] {
        for (way, version) in [("--finish", "0.3.0"), ("--back", "0.2.0")] {
            let (world, first) = home(Kept { signed, cut_off: true });
            let status = world.offgrid_run(&["self", "status", "--json"]).expect(0).json();
            let cut = json!({"run": "80134fb13bbb8d10", "what": "update"});
            assert_eq!((&status["version"], &status["unfinished"]), (&json!("0.2.0"), &cut));
            world.offgrid_run(&["repair", way, "--yes"]).expect(0);
            stands(&world, version);
            let slots = |name: &str| world.prefix().join("versions").join(name).exists();
            assert_eq!(slots("0.1.0+linux-x86_64-cpu"), way == "--back");
            assert_eq!(slots("0.3.0+linux-x86_64-cpu"), way == "--finish");
            world.offgrid_run(&["uninstall", "--yes"]).expect(0);
            first.assert_same(&world.snapshot());
        }
    }
}
