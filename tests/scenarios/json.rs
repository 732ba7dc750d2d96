//! `--json`: what a program reads. Every line is an object of version 1, the
//! last one says how it ended, and nothing is on stderr.

use e2e::{Outcome, World};
use serde_json::Value;

/// Checks the stream of a command that changes things, and gives its ending.
#[track_caller]
fn ended(outcome: Outcome, exit: i32, word: &str) -> Value {
    let outcome = outcome.expect(exit);
    let said = format!("$ {}\n{}\n{}", outcome.line, outcome.stdout, outcome.stderr);
    assert!(outcome.stderr.is_empty(), "stderr is for people\n{said}");
    assert!(outcome.stdout.ends_with('\n'), "{said}");
    let mut last = Value::Null;
    for line in outcome.stdout.lines() {
        last = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{said}"));
        assert_eq!(last["v"], 1, "{line}");
        assert!(last["event"].is_string(), "{line}");
    }
    assert_eq!(outcome.events().iter().filter(|event| event["event"] == "ended").count(), 1);
    assert_eq!(last["event"], "ended", "{said}");
    assert_eq!(last["exit"], exit, "{said}");
    assert_eq!(last["outcome"], word, "{said}");
    let error = last.get("error").expect("error is always there");
    assert_eq!(error.is_null(), word != "failed", "{said}");
    if word == "failed" {
        assert!(error["code"].as_str().unwrap().starts_with("E_"), "{said}");
        assert!(!error["message"].as_str().unwrap().is_empty(), "{said}");
        assert!(error["causes"].is_array(), "{said}");
        assert!(error["hint"].is_string(), "every error says what to do next\n{said}");
    }
    last
}

#[test]
fn the_whole_way_is_told_in_events() {
    let world = World::new();
    let yes = ["--yes", "--json"];
    let run = |words: &[&str]| world.run(&[words, &yes[..]].concat());
    let install = ended(run(&["install"]), 0, "installed");
    assert_eq!(install["command"], "install");
    assert_eq!((&install["version"], &install["from"]), (&"0.1.0".into(), &Value::Null));
    assert_eq!(install["prefix"], world.prefix().to_str().unwrap());
    ended(run(&["install"]), 0, "unchanged");
    ended(run(&["update"]), 0, "unchanged");
    ended(run(&["verify"]), 0, "unchanged");
    ended(run(&["repair"]), 0, "unchanged");
    world.publish_newer();
    ended(run(&["update", "--check"]), 10, "unchanged");
    let update = ended(run(&["update"]), 0, "updated");
    assert_eq!((&update["from"], &update["version"]), (&"0.1.0".into(), &"0.2.0".into()));
    ended(run(&["rollback"]), 0, "rolled-back");
    ended(run(&["model", "install", "tiny"]), 0, "installed");
    ended(run(&["model", "remove", "tiny"]), 0, "updated");
    ended(run(&["uninstall"]), 0, "uninstalled");
    ended(run(&["uninstall"]), 0, "unchanged");
}

#[test]
fn failures_of_every_exit_code_have_the_same_shape() {
    let world = World::newer();
    let cases: [(&[&str], i32, &str); 8] = [
        (&["frobnicate", "--json"], 2, "E_USAGE"),
        (&["install", "--json", "--version", "x"], 2, "E_USAGE"),
        (&["install", "--json"], 2, "E_NEEDS_CONSENT"),
        (&["rollback", "--yes", "--json"], 3, "E_UNSUPPORTED"),
        (&["install", "--yes", "--json", "--service", "systemd"], 3, "E_UNSUPPORTED"),
        (&["install", "--yes", "--json", "--version", "9.9.9"], 5, "E_NOT_LISTED"),
        (&["install", "--yes", "--json", "--channel", "broken"], 1, "E_HEALTH"),
        (&["install", "--yes", "--json", "--source", "http://127.0.0.1:9/"], 4, "E_UNREACHABLE"),
    ];
    for (words, exit, code) in cases {
        let before = world.snapshot();
        let failed = ended(world.run(words), exit, "failed");
        assert_eq!(failed["error"]["code"], code, "{words:?}");
        before.assert_same(&world.snapshot());
    }
}

#[test]
fn a_failure_tells_that_it_takes_back_and_names_what_failed() {
    let world = World::newer();
    let words = ["install", "--yes", "--json", "--channel", "broken"];
    let outcome = world.run(&words);
    let events = outcome.events();
    let has = |kind: &str| events.iter().any(|event| event["event"] == kind);
    for kind in ["looking", "began", "step", "step-ended", "progress", "taking-back"] {
        assert!(has(kind), "no {kind}\n{}", outcome.stdout);
    }
    let failed = ended(outcome, 1, "failed");
    assert!(failed["error"]["causes"].to_string().contains("this engine is broken"));
}

#[test]
fn steps_are_counted_and_progress_never_goes_beyond_its_end() {
    let world = World::new();
    let events = world.run(&["install", "--yes", "--json"]).expect(0).events();
    let of = |kind: &str| -> Vec<Value> {
        events.iter().filter(|event| event["event"] == kind).cloned().collect()
    };
    let (began, steps, ends) = (of("began"), of("step"), of("step-ended"));
    assert_eq!(began.len(), 1);
    let all = began[0]["steps"].as_array().unwrap().len();
    assert_eq!((steps.len(), ends.len()), (all, all));
    for (index, (step, end)) in steps.iter().zip(&ends).enumerate() {
        assert_eq!((&step["index"], &end["index"]), (&index.into(), &index.into()));
        assert_eq!((&step["of"], &step["what"]), (&all.into(), &began[0]["steps"][index]));
    }
    let total = &began[0]["download_bytes"];
    let progress = of("progress");
    assert!(!progress.is_empty());
    let mut before = 0;
    for event in &progress {
        let done = event["done"].as_u64().unwrap();
        assert!(done >= before && done <= event["total"].as_u64().unwrap(), "{event}");
        assert_eq!(&event["total"], total);
        before = done;
    }
    assert_eq!(&progress.last().unwrap()["done"], total);
}

#[test]
fn results_are_one_object_and_nothing_for_people() {
    let world = World::new();
    world.install();
    for words in [
        &["status", "--json"][..],
        &["detect", "--json"],
        &["doctor", "--json"],
        &["version", "--json"],
        &["service", "status", "--json"],
    ] {
        let outcome = world.run(words).expect(0);
        assert!(outcome.stderr.is_empty(), "{words:?} {}", outcome.stderr);
        assert_eq!(outcome.json()["v"], 1, "{words:?}");
    }
    // These look first, and say so.
    for words in [&["plan", "--json"][..], &["model", "list", "--json"]] {
        let outcome = world.run(words).expect(0);
        assert!(outcome.stderr.is_empty(), "{words:?} {}", outcome.stderr);
        let events = outcome.events();
        assert_eq!(events.len(), outcome.stdout.lines().count());
        assert!(events.iter().all(|event| event["v"] == 1));
        let (result, before) = events.split_last().unwrap();
        assert!(result.get("event").is_none() && before.iter().all(|e| e["event"].is_string()));
    }
}
