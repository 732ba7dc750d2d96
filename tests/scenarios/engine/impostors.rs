//! Whatever is not a llama-server for this app, or could become another program under
//! our hands, is refused by its name and for its reason, and nothing is left of it.

use super::{copy, planned, real, standin, starts, status, with};
use crate::rights::NOBODY;
use e2e::process::{Running, none_stays};
use e2e::programs::program;
use e2e::{Outcome, World, base};
use std::fs;
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::{Path, PathBuf};

/// Named on the command line: refused with this reason, and nothing has changed.
#[track_caller]
fn refused(world: &World, engine: &Path, reason: &str) -> Outcome {
    let before = world.snapshot();
    let outcome = with(world, &["install", "--yes", "--json"], engine);
    let outcome = outcome.expect_error(5, "E_UNTRUSTED_BINARY").says(reason);
    let error = outcome.ended().unwrap()["error"].clone();
    assert!(error["message"].as_str().unwrap().contains(engine.to_str().unwrap()), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("leave out --llama-server"), "{error}");
    before.assert_same(&world.snapshot());
    none_stays(engine.parent().unwrap());
    outcome
}

#[test]
fn whoever_does_not_do_what_a_llama_server_does_is_refused() {
    let world = World::new();
    // This one takes its whole time; the others are looked at meanwhile.
    let hanging = standin(&world, "hangs", "hangs");
    let mut command = world.command(world.setup());
    command.env("OFFGRID_SETUP_SOURCE", world.depot());
    command.args(["plan", "--json", "--llama-server"]).arg(&hanging);
    let waits = Running::start(command);
    for (does, reason) in [
        ("exits", "`--version` ended with status 1"),
        ("crashes", "`--version` was ended by signal: 6"),
        ("babbles", "`--version` said more than 1048576 bytes"),
        ("lies", "it does not say which llama.cpp it is (it said: offgrid version 1.0"),
        ("older-words", "the words that the app gives it (it said: error: invalid argument: -fit)"),
        ("old", "build b5897 of llama.cpp, and the app is known to work with b7389 to b11541"),
        ("new", "build b99999 of llama.cpp"),
        ("blind", "`--list-devices` ended with status 3"),
    ] {
        let engine = standin(&world, does, does);
        refused(&world, &engine, reason);
        assert!(!starts(&engine).is_empty(), "{does} was not even tried");
    }
    // Who is left behind is ended, and what is said without it counts.
    let engine = standin(&world, "forks", "forks");
    with(&world, &["plan", "--json"], &engine).expect(0);
    none_stays(engine.parent().unwrap());
    assert!(starts(&engine).iter().any(|line| line.starts_with("stay ")), "it left nobody");
    waits.end().expect_error(5, "E_UNTRUSTED_BINARY").says("`--version` did not end within 20 s");
    none_stays(hanging.parent().unwrap());
}

#[test]
fn what_others_could_exchange_is_refused_before_it_is_started() {
    let world = World::new();
    if world.home().metadata().unwrap().uid() != 0 {
        eprintln!("skipped: only root can give files to others");
        return;
    }
    for (name, reason, spoil) in SPOILED {
        let engine = standin(&world, &format!("{name}/bin"), "fine");
        with(&world, &["plan", "--json"], &engine).expect(0);
        fs::remove_file(engine.with_file_name("ran")).unwrap();
        spoil(&engine);
        refused(&world, &engine, reason);
        assert!(starts(&engine).is_empty(), "{name} was started: {:?}", starts(&engine));
    }
}

type Spoil = fn(&Path);

/// What is done to an engine that was right, and the reason that is given then.
const SPOILED: &[(&str, &str, Spoil)] = &[
    ("open", "may be written to by everybody", |engine| {
        base::set_mode(engine.parent().unwrap(), 0o777);
    }),
    ("sticky", "may be written to by everybody", |engine| {
        base::set_mode(engine.parent().unwrap(), 0o1777);
    }),
    ("shared", "may be written to by group 65534", |engine| {
        chown(engine, None, Some(NOBODY)).unwrap();
        base::set_mode(engine, 0o775);
    }),
    ("theirs", "belongs to user 65534", |engine| {
        chown(engine, Some(NOBODY), None).unwrap();
    }),
    ("in-theirs", "belongs to user 65534", |engine| {
        chown(engine.parent().unwrap(), Some(NOBODY), None).unwrap();
    }),
    ("setuid", "it is setuid or setgid", |engine| base::set_mode(engine, 0o4755)),
    ("setgid", "it is setuid or setgid", |engine| base::set_mode(engine, 0o2755)),
    ("library", "may be written to by everybody", |engine| {
        let library = engine.with_file_name("libggml-cuda.so");
        fs::write(&library, "").unwrap();
        base::set_mode(&library, 0o666);
    }),
    ("their-library", "belongs to user 65534", |engine| {
        let folder = engine.parent().unwrap().parent().unwrap().join("lib");
        fs::create_dir_all(&folder).unwrap();
        let library = folder.join("libggml.so.0");
        fs::write(&library, "").unwrap();
        chown(&library, Some(NOBODY), None).unwrap();
    }),
    ("their-link", "belongs to user 65534", |engine| {
        let target = engine.with_file_name("libggml.so.0.1");
        fs::write(&target, "").unwrap();
        let link = engine.with_file_name("libggml.so.0");
        symlink(&target, &link).unwrap();
        std::os::unix::fs::lchown(&link, Some(NOBODY), None).unwrap();
    }),
];

#[test]
fn what_is_no_program_for_this_machine_is_refused_before_it_is_started() {
    let world = World::new();
    let folder = world.path("engines/odd");
    let script = "#!/bin/sh\ntouch \"$(dirname \"$0\")/ran\"\n\
                  echo 'version: 0.4.1-dev (build 10991, commit 930e2fa59)'\n";
    let other = |at: usize, byte: u8| {
        let mut bytes = fs::read(program("engine-standin")).unwrap()[..4096].to_vec();
        bytes[at] = byte;
        bytes
    };
    // The machine of an ELF file is at 18, the width at 4, its kind at 16.
    let machine = if cfg!(target_arch = "x86_64") { 183 } else { 62 };
    let mut windows = b"MZ".to_vec();
    windows.resize(128, 0);
    windows[60] = 64;
    windows[64..70].copy_from_slice(b"PE\0\0\x64\x86");
    let rows: [(&str, Vec<u8>, &str); 6] = [
        ("script", script.into(), "it is a script, not a program"),
        ("other machine", other(18, machine), "it is a program for linux-"),
        ("32 bits", other(4, 1), "it is a program for linux on another processor"),
        ("object", other(16, 1), "it is no program"),
        ("windows", windows, "it is a program for windows-x86_64"),
        ("text", b"hello\n".to_vec(), "it is no program"),
    ];
    for (what, bytes, reason) in rows {
        fs::create_dir_all(&folder).unwrap();
        let engine = folder.join("llama-server");
        fs::write(&engine, bytes).unwrap();
        base::set_mode(&engine, 0o755);
        refused(&world, &engine, reason);
        assert!(starts(&engine).is_empty() && !folder.join("ran").exists(), "{what}");
    }
    // A name that leads to no file was mistyped.
    fs::remove_file(folder.join("llama-server")).unwrap();
    let pipe = world.path("engines/pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [folder.join("llama-server"), folder.clone(), pipe] {
        let before = world.snapshot();
        with(&world, &["install", "--yes", "--json"], &path).expect_error(2, "E_USAGE");
        before.assert_same(&world.snapshot());
    }
}

#[test]
fn the_engines_of_ollama_and_lm_studio_are_theirs() {
    let world = World::new();
    let home = world.home();
    let studio = home.join(".lmstudio/extensions/backends/llama.cpp-linux-x86_64-avx2-2.1.0");
    let jan = home.join(".local/share/Jan/data/llamacpp/backends/b9000/linux-avx2-x64/build/bin");
    let places: [(PathBuf, &str); 3] = [
        (home.join(".local/lib/ollama"), "it belongs to Ollama, and is not ours to use"),
        (studio, "it belongs to LM Studio, and is not ours to use"),
        (jan, "it belongs to Jan, which replaces it unasked; name it with --llama-server"),
    ];
    let engines: Vec<PathBuf> =
        places.iter().map(|(folder, _)| copy(&program("engine-standin"), folder, "fine")).collect();
    let plan = planned(world.run(&["plan", "--json", "--reuse-llama"]));
    assert_eq!(plan["selection"]["engine"]["kind"], "bundled");
    for (engine, (_, reason)) in engines.iter().zip(&places) {
        let told = super::told(&plan["selection"]["engine"]["found"], engine);
        assert_eq!(told, Some((false, (*reason).to_owned())));
        assert!(starts(engine).is_empty());
    }
    // By another name it is the same program, and it is not taken when it is named.
    let link = world.path("llama-server");
    symlink(&engines[0], &link).unwrap();
    refused(&world, &link, places[0].1);
    refused(&world, &engines[1], places[1].1);
    with(&world, &["plan", "--json"], &engines[2]).expect(0);
}

/// Everything but the words: the gate is what finds out.
#[test]
fn an_engine_that_generates_nothing_never_goes_live() {
    let world = World::new();
    let engine = standin(&world, "mute", "mute");
    let before = world.snapshot();
    let outcome = with(&world, &["install", "--yes", "--json"], &engine);
    outcome.expect_error(1, "E_HEALTH").says("mute");
    before.assert_same(&world.snapshot());
    // Nobody has named it: the release's own is taken, and it is said why.
    let place = world.home().join(".local/bin");
    fs::create_dir_all(&place).unwrap();
    symlink(&engine, place.join("llama-server")).unwrap();
    let outcome = world.run(&["install", "--yes", "--reuse-llama"]).expect(0);
    outcome.says("did not prove itself").says("OffGrid LLM 0.1.0 is installed");
    assert_eq!(status(&world)["engine"]["kind"], "bundled");
    world.offgrid_run(&["self", "verify"]).expect(0);
}

#[test]
fn an_impostor_that_nobody_named_is_a_note_and_the_release_s_own_is_used() {
    let world = World::new();
    let place = world.home().join(".local/bin");
    fs::create_dir_all(&place).unwrap();
    let engine = real(&world, "open");
    base::set_mode(engine.parent().unwrap(), 0o777);
    symlink(&engine, place.join("llama-server")).unwrap();
    let outcome = world.run(&["install", "--yes", "--reuse-llama"]).expect(0);
    outcome.says("the release's own engine is used").says("may be written to by everybody");
    assert_eq!(status(&world)["engine"]["kind"], "bundled");
}
