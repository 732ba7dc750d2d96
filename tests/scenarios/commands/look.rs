//! The commands that only look: `plan`, `detect`, `status`, `version`.

use super::target;
use e2e::{Outcome, World};
use serde_json::Value;
use std::fs;

/// The result: the last line, behind the events.
fn result(outcome: &Outcome) -> Value {
    outcome.events().pop().expect("no JSON was printed")
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// DESIGN 6.
fn assert_plan_shape(plan: &Value) {
    let all = [
        "disk_bytes",
        "download_bytes",
        "models",
        "preflight",
        "reused_bytes",
        "selection",
        "steps",
        "v",
    ];
    assert_eq!(keys(plan), all);
    let selection = &plan["selection"];
    assert_eq!(
        keys(selection),
        ["asked", "better", "engine", "instead_of", "rejected", "release", "variant", "why",]
    );
    assert_eq!(selection["engine"]["kind"], "bundled");
    let rejected = &selection["rejected"][0];
    assert_eq!(rejected["variant"], format!("{}-future", target()));
    let reason = rejected["reasons"][0].as_str().unwrap();
    assert!(reason.starts_with("needs >=900000GiB of memory, this machine has "), "{reason}");
    assert!(reason.ends_with("iB"), "in units that people read: {reason}");
}

#[test]
fn plan_says_what_install_then_does_and_changes_nothing() {
    let world = World::new();
    let before = world.snapshot();
    let plan = result(&world.run(&["plan", "--json", "--model", "tiny"]).expect(0));
    before.assert_same(&world.snapshot());
    assert_plan_shape(&plan);
    assert_eq!(plan["selection"]["variant"], format!("{}-cpu", target()));
    let install = world.run(&["install", "--yes", "--json", "--model", "tiny"]).expect(0);
    let ended = install.ended().unwrap();
    for member in ["download_bytes", "reused_bytes"] {
        assert_eq!(plan[member], ended[member], "{member}");
    }
    let began = install.events().into_iter().find(|event| event["event"] == "began").unwrap();
    let whats = |steps: &Value| -> Vec<Value> {
        steps.as_array().unwrap().iter().map(|step| step["what"].clone()).collect()
    };
    assert_eq!(whats(&plan["steps"]), *began["steps"].as_array().unwrap());
    assert_eq!(plan["disk_bytes"], began["disk_bytes"]);
}

#[test]
fn plan_after_the_install_is_empty_and_of_an_update_counts_what_is_reused() {
    let world = World::new();
    world.install();
    let before = world.snapshot();
    let plan = result(&world.offgrid_run(&["self", "plan", "--json"]).expect(0));
    assert_plan_shape(&plan);
    assert_eq!(plan["steps"], serde_json::json!([]));
    world.offgrid_run(&["self", "plan"]).expect(0).says("Nothing has to be done.");
    world.publish_newer();
    let plan = result(&world.offgrid_run(&["self", "plan", "--json"]).expect(0));
    assert_plan_shape(&plan);
    let check = world.offgrid_run(&["update", "--check", "--json"]).expect(10).ended().unwrap();
    before.assert_same(&world.snapshot());
    let update = world.offgrid_run(&["update", "--yes", "--json"]).expect(0).ended().unwrap();
    assert_eq!(plan["download_bytes"], check["download_bytes"]);
    assert_eq!(plan["download_bytes"], update["download_bytes"]);
    assert_eq!(plan["reused_bytes"], update["reused_bytes"]);
    // Only the app's version differs; the engine is megabytes.
    assert!(plan["download_bytes"].as_u64().unwrap() < 10_000);
    assert!(plan["reused_bytes"].as_u64().unwrap() > 1_000_000);
}

#[test]
fn explain_names_every_loser_and_its_reason_and_plan_alone_does_not() {
    let world = World::new();
    let reason = format!("not {}-future: needs >=900000GiB of memory", target());
    world.run(&["plan", "--explain"]).expect(0).says(&reason);
    let short = world.run(&["plan"]).expect(0);
    assert!(!short.stdout.contains("-future"), "{}", short.stdout);
    let short = short.says("Install 0.1.0").says("download:").says("Steps:");
    assert!(short.stdout.contains("Steps:"), "results go to stdout");
}

const FACTS: [&str; 18] = [
    "arch",
    "container",
    "cpu",
    "elevated",
    "evidence",
    "gpus",
    "init",
    "jetson",
    "kernel",
    "libc",
    "memory_bytes",
    "metal",
    "native_arch",
    "os",
    "os_name",
    "v",
    "vulkan",
    "wsl",
];

#[test]
fn detect_has_every_fact_of_the_contract_and_guesses_none() {
    let world = World::new();
    let host = world.run(&["detect", "--json"]).expect(0).json();
    assert_eq!(keys(&host), FACTS);
    assert_eq!(keys(&host["cpu"]), ["cores", "features", "name"]);
    assert_eq!(host["os"], std::env::consts::OS);
    assert_eq!(host["native_arch"], std::env::consts::ARCH);
    assert!(host["memory_bytes"].as_u64().unwrap() > 1 << 28);
    world.run(&["detect"]).expect(0).says(&target());
}

/// The other architecture, captured.
fn capture_other(world: &World) -> (String, &'static str) {
    let other = if target().ends_with("x86_64") { "aarch64" } else { "x86_64" };
    let tree = world.path("captured");
    for (name, text) in [
        (".setup/uname", format!("Linux {other} 6.8.0-45-generic\n")),
        (".setup/libc", "glibc 2.39\n".to_owned()),
        ("etc/os-release", "PRETTY_NAME=\"Ubuntu 24.04 LTS\"\n".to_owned()),
        ("proc/meminfo", "MemTotal:       16384000 kB\n".to_owned()),
    ] {
        let path = tree.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    (tree.to_str().unwrap().to_owned(), other)
}

#[test]
fn a_captured_machine_is_shown_and_planned_for_instead_of_this_one() {
    let world = World::new();
    let before = world.snapshot();
    let (tree, other) = capture_other(&world);
    let host = world.run(&["detect", "--json", "--sysroot", &tree]).expect(0).json();
    assert_eq!(keys(&host), FACTS);
    assert_eq!(host["native_arch"], other);
    assert_eq!(host["os_name"], "Ubuntu 24.04 LTS");
    assert_eq!(host["libc"], serde_json::json!({"kind": "glibc", "version": "2.39"}));
    assert_eq!(host["memory_bytes"], 16_384_000_u64 * 1024);
    assert_eq!(host["cpu"]["features"], Value::Null);
    assert_eq!(host["elevated"], Value::Null);
    let plan = world.run(&["plan", "--json", "--sysroot", &tree]);
    let plan = plan.expect_error(3, "E_UNSUPPORTED").says(&format!("nothing for linux-{other}"));
    plan.says(&target());
    let uname = format!("Linux {} 6.8.0\n", std::env::consts::ARCH);
    fs::write(world.path("captured/.setup/uname"), uname).unwrap();
    let plan = result(&world.run(&["plan", "--json", "--sysroot", &tree]).expect(0));
    let reason = plan["selection"]["rejected"][0]["reasons"][0].as_str().unwrap();
    assert!(reason.contains("this machine has 15.6 GiB"), "{reason}");
    before.assert_same(&world.snapshot());
}

const STATUS: [&str; 17] = [
    "app",
    "channel",
    "engine",
    "installed",
    "notes",
    "prefix",
    "schedule",
    "scope",
    "selection",
    "service",
    "slots",
    "trust",
    "unfinished",
    "update",
    "v",
    "variant",
    "version",
];

#[test]
fn status_has_every_member_before_and_after_an_install() {
    let world = World::new();
    let before = world.snapshot();
    let status = world.run(&["status", "--json"]).expect(0).json();
    before.assert_same(&world.snapshot());
    assert_eq!(keys(&status), STATUS);
    assert_eq!((&status["installed"], &status["slots"]), (&false.into(), &Value::Array(vec![])));
    world.run(&["status"]).expect(0).says("nothing is installed in");
    world.install();
    let status = world.offgrid_run(&["self", "status", "--json"]).expect(0).json();
    assert_eq!(keys(&status), STATUS);
    let told = [&status["version"], &status["app"], &status["scope"], &status["channel"]];
    assert_eq!(told, ["0.1.0", "0.2.11", "user", "stable"]);
    assert_eq!(keys(&status["engine"]), ["kind", "path", "version"]);
    assert!(fs::metadata(status["engine"]["path"].as_str().unwrap()).unwrap().is_file());
    assert_eq!(keys(&status["service"]), ["autostart", "exposed", "kind", "state"]);
    assert_eq!(keys(&status["update"]), ["available", "blocked_by", "checked"]);
    assert_eq!(keys(&status["trust"]), ["channel", "expires", "head", "root"]);
    assert_eq!(status["unfinished"], Value::Null);
    let variant = format!("{}-cpu", target());
    let slots = serde_json::json!([{"version": "0.1.0", "variant": variant, "live": true}]);
    assert_eq!(status["slots"], slots);
    let from_download = world.run(&["status", "--json"]).expect(0).json();
    assert_eq!(from_download["version"], "0.1.0");
    // No words mean the same on a terminal, and nothing without one.
    world.run(&[]).expect(2).says("status");
}

#[test]
fn version_shows_all_four_numbers() {
    let world = World::new();
    let four = ["app", "engine", "release", "setup", "v"];
    let before = world.run(&["version", "--json"]).expect(0).json();
    assert_eq!(keys(&before), four);
    assert_eq!(before["release"], Value::Null);
    world.run(&["--version"]).expect(0).says("not installed");
    world.install();
    let after = world.run(&["version", "--json"]).expect(0).json();
    assert_eq!((&after["release"], &after["app"]), (&"0.1.0".into(), &"0.2.11".into()));
    assert_eq!(after["engine"], "test");
}
