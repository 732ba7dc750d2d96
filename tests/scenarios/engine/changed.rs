//! An engine that is another one than the one that was tried out is not given to the
//! app: the release's own is, where the slot has it, else nothing is started and it is
//! said what to type.

use super::{real, slot, status, update_with, with};
use e2e::service::{Service, eventually};
use e2e::world::finish;
use e2e::{World, base};
use serde_json::json;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

/// A program with another byte at its end runs as before.
fn change(engine: &Path) {
    let mut command = std::process::Command::new("sh");
    let status = command.args(["-c", "printf x >>\"$1\"", "sh"]).arg(engine).status();
    assert!(status.unwrap().success());
}

fn installed(world: &World, words: &[&str]) -> std::path::PathBuf {
    let engine = real(world, "mine");
    let library = engine.with_file_name("libggml-extra.so");
    fs::write(library, "what a backend would be\n").unwrap();
    let mut all = vec!["install", "--yes", "--service", "supervise", "--model", "tiny"];
    all.extend(words);
    with(world, &all, &engine).expect(0);
    engine
}

#[test]
fn an_engine_that_changed_is_not_started_and_it_is_said_what_to_type() {
    let world = World::new();
    let engine = installed(&world, &[]);
    world.offgrid_run(&["self", "verify"]).expect(0);
    let words = ["it or one of its libraries has changed", "offgrid update --llama-server"];
    // Not the program: a library in its folder, with the size and the time that it had.
    let library = engine.with_file_name("libggml-extra.so");
    let script = "touch -r \"$1\" \"$1.was\" && printf 'what a backend would bE\\n' >\"$1\" && \
                  touch -r \"$1.was\" \"$1\" && rm \"$1.was\"";
    let status_of =
        std::process::Command::new("sh").args(["-c", script, "sh"]).arg(&library).status();
    assert!(status_of.unwrap().success());
    let verify = world.offgrid_run(&["self", "verify", "--json"]);
    let problems = verify.expect_error(1, "E_STATE").says(words[0]).events();
    let problem = problems.iter().find(|event| event["event"] == "problem").unwrap();
    assert_eq!(problem["path"], json!(engine), "{problem}");
    let said = service_says(&world, "starting it again");
    assert!(said.contains(words[0]) && said.contains(words[1]), "{said}");
    // Another size is seen without reading it.
    OpenOptions::new().append(true).open(&library).unwrap().write_all(b"another\n").unwrap();
    let told = status(&world);
    assert!(told["notes"].to_string().contains(words[0]), "{told}");
    let mut command = world.command(world.offgrid());
    command.args(["list"]);
    finish(command).expect_error(5, "E_UNTRUSTED_BINARY").says(words[0]).says(words[1]);
    // What it says to type helps: the new one is tried out.
    update_with(&world, &engine).expect(0).says("has what you asked for");
    world.offgrid_run(&["self", "verify"]).expect(0);
    assert_eq!(status(&world)["notes"], json!([]));
    let mut service = Service::start(&world);
    assert_eq!(service.chat(), 4);
    world.offgrid_run(&["self", "service", "stop"]).expect(0);
    service.ended();
    // And so does the other.
    change(&engine);
    let bundled = world.offgrid_run(&["update", "--yes", "--llama-server", "bundled"]);
    bundled.expect(0).says("has what you asked for");
    assert!(slot(&world).join("llama/llama-server").exists());
    assert_eq!(status(&world)["engine"]["kind"], "bundled");
    world.offgrid_run(&["self", "verify"]).expect(0);
}

/// What a supervisor says until it says this.
fn service_says(world: &World, what: &str) -> String {
    let log = world.path("service.log");
    let file = fs::File::create(&log).unwrap();
    let mut command = world.command(world.offgrid());
    command.args(["self", "service", "run"]);
    command.stdout(file.try_clone().unwrap()).stderr(file).stdin(Stdio::null());
    let mut child = command.spawn().unwrap();
    let said = eventually("it says why", || {
        let text = fs::read_to_string(&log).unwrap();
        text.contains(what).then_some(text)
    });
    child.kill().unwrap();
    child.wait().unwrap();
    said
}

#[test]
fn where_the_slot_has_the_release_s_own_that_one_is_fallen_back_on() {
    let world = World::new();
    world.run(&["install", "--yes", "--service", "supervise", "--model", "tiny"]).expect(0);
    let engine = real(&world, "mine");
    // No source is needed: the engine of the release stays where it is.
    let depot = world.path("depot-away");
    update_with(&world, &engine).expect(0);
    fs::rename(world.depot(), &depot).unwrap();
    assert_eq!(status(&world)["engine"]["kind"], "existing");
    assert!(slot(&world).join("llama/llama-server").exists());
    let mut service = Service::start(&world);
    assert_eq!(service.chat(), 4);
    assert!(e2e::process::engine_runs(engine.parent().unwrap()));
    change_while_it_runs(&world, &engine);
    world.offgrid_run(&["self", "service", "restart"]).expect(0);
    eventually("it is said", || service.log().contains("the release's own is").then_some(()));
    assert!(service.log().contains("offgrid update --llama-server"), "{}", service.log());
    eventually("the app answers", || service.get("/livez"));
    assert_eq!(service.chat(), 4);
    assert!(e2e::process::engine_runs(&slot(&world)), "{}", service.log());
    world.offgrid_run(&["self", "service", "stop"]).expect(0);
    service.ended();
    // As a command it says so too, and works.
    let mut command = world.command(world.offgrid());
    command.args(["env"]);
    let outcome = finish(command).expect(0);
    let own = slot(&world).join("llama/llama-server");
    assert!(outcome.stdout.contains(&format!("={}\n", own.display())), "{outcome:?}");
    outcome.says("the release's own is");
}

/// Another file takes its place, as a package manager does it.
fn change_while_it_runs(world: &World, engine: &Path) {
    let next = world.path("next");
    base::copy_tree(engine, &next);
    change(&next);
    fs::rename(&next, engine).unwrap();
}

#[test]
fn what_says_which_engine_it_is_can_be_mended() {
    let world = World::new();
    let engine = installed(&world, &[]);
    let record = slot(&world).join("engine.json");
    let good = fs::read(&record).unwrap();
    for damage in [None, Some("{"), Some("{\"path\": \"/bin/sh\"}")] {
        match damage {
            None => fs::remove_file(&record).unwrap(),
            Some(text) => fs::write(&record, text).unwrap(),
        }
        world.offgrid_run(&["self", "verify", "--json"]).expect_error(1, "E_STATE");
        world.offgrid_run(&["repair", "--yes"]).expect(0);
        assert_eq!(fs::read(&record).unwrap(), good);
        world.offgrid_run(&["self", "verify"]).expect(0);
        assert!(!slot(&world).join("llama").exists());
    }
    assert_eq!(status(&world)["engine"]["path"], json!(engine));
}
