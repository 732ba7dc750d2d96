//! The stand-in, the probe model and a real llama-server together. The engine
//! is named by OFFGRID_TEST_ENGINE or lies in the folder `shared` beside the
//! repository; without one these tests say so and pass.
#![cfg(target_os = "linux")]
#![expect(clippy::print_stderr, reason = "a skipped test gives its reason")]

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::host::{Serving, command, folder};

fn engine() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/payload/llama-server");
    let named = std::env::var_os("OFFGRID_TEST_ENGINE").map(PathBuf::from);
    let path = named.unwrap_or_else(|| PathBuf::from(beside));
    if path.is_file() {
        return Some(path);
    }
    eprintln!("skipped: no llama-server at {} (set OFFGRID_TEST_ENGINE)", path.display());
    None
}

fn start(name: &str) -> Option<Serving> {
    let engine = engine()?;
    let home = folder(name);
    for (model, seed) in [("one", 1), ("two", 2)] {
        let bytes = standin::probe::model(model, seed);
        fs::write(home.join("models").join(format!("{model}.gguf")), bytes).unwrap();
    }
    let mut offgrid = command(&home);
    offgrid.env("OFFGRID_LLAMA_SERVER_PATH", engine).env("OFFGRID_NUM_THREADS", "1");
    Some(Serving::start(offgrid))
}

/// The processes whose parent is this one, except those that have ended.
fn children(parent: u32) -> Vec<u32> {
    let living = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        let (state, of) = (fields.next()?, fields.next()?);
        (state != "Z" && of.parse() == Ok(parent)).then_some(pid)
    };
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| living(entry.file_name().to_str()?.parse().ok()?)).collect()
}

fn words(pid: u32, file: &str) -> String {
    let bytes = fs::read(format!("/proc/{pid}/{file}")).unwrap();
    String::from_utf8(bytes).unwrap().trim_end_matches('\0').replace('\0', " ")
}

fn chat(app: &Serving, model: &str) -> (u16, Value) {
    let body = format!(
        r#"{{"model":"{model}","max_tokens":4,"messages":[{{"role":"user","content":"hi"}}]}}"#
    );
    let (status, text) = app.post("/v1/chat/completions", &body);
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// Waits for a condition; the claim is what is missing when time is up.
fn eventually(claim: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < end, "not in time: {claim}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_chat_is_answered_by_one_engine_for_each_model() {
    let Some(app) = start("engine-chat") else { return };
    assert!(children(app.child.id()).is_empty(), "an engine before the first request");
    for (model, count) in [("one", 1), ("unknown", 1), ("two", 2)] {
        let (status, answer) = chat(&app, model);
        assert_eq!(status, 200, "{answer}");
        assert!(answer["choices"][0]["message"]["content"].is_string(), "{answer}");
        assert_eq!(children(app.child.id()).len(), count);
    }
    let (status, text) = app.post("/v1/completions", r#"{"prompt":"hello","max_tokens":3}"#);
    assert!(status == 200 && text.contains("choices"), "{status} {text}");
    let body = r#"{"stream":true,"max_tokens":3,"messages":[{"role":"user","content":"hi"}]}"#;
    let (status, text) = app.post("/v1/chat/completions", body);
    assert!(status == 200 && text.contains("data: ") && text.contains("[DONE]"), "{text}");
}

#[test]
fn the_engine_gets_upstreams_arguments_and_an_empty_environment() {
    let Some(app) = start("engine-words") else { return };
    assert_eq!(chat(&app, "two").0, 200);
    let [pid] = children(app.child.id())[..] else { panic!("not one engine") };
    let line = words(pid, "cmdline");
    let engine = engine().unwrap();
    let (program, rest) = line.split_once(" -m ").unwrap();
    assert_eq!(fs::canonicalize(program).unwrap(), fs::canonicalize(engine).unwrap());
    assert!(Path::new(rest.split_once(" --port ").unwrap().0).ends_with("models/two.gguf"));
    let end = " --host 127.0.0.1 -c 4096 -np 1 -b 512 --no-warmup -fit off -t 1 \
               --cache-type-k q8_0 --cache-type-v q8_0 -cb -ngl 0";
    assert!(line.ends_with(end), "{line}");
    assert_eq!(words(pid, "environ"), "NO_PROXY=*");
}

#[test]
fn no_engine_outlives_the_standin_however_it_ends() {
    for (name, signal, code) in [
        ("engine-term", Signal::TERM, Some(0)),
        ("engine-int", Signal::INT, Some(0)),
        ("engine-kill", Signal::KILL, None),
    ] {
        let Some(mut app) = start(name) else { return };
        assert_eq!(chat(&app, "one").0, 200);
        let [pid] = children(app.child.id())[..] else { panic!("not one engine") };
        kill_process(Pid::from_child(&app.child), signal).unwrap();
        assert_eq!(app.child.wait().unwrap().code(), code);
        // An orphan that has ended may wait for its new parent as a zombie.
        let gone = || fs::read(format!("/proc/{pid}/cmdline")).map_or(true, |line| line.is_empty());
        eventually("the engine is gone", gone);
    }
}

#[test]
fn an_engine_that_was_killed_is_started_again() {
    let Some(app) = start("engine-again") else { return };
    assert_eq!(chat(&app, "one").0, 200);
    let [pid] = children(app.child.id())[..] else { panic!("not one engine") };
    kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::KILL).unwrap();
    eventually("the engine is gone", || children(app.child.id()).is_empty());
    // A request that meets the moment of its death may be cut off; the next is not.
    eventually("the next engine answers", || chat(&app, "one").0 == 200);
}
