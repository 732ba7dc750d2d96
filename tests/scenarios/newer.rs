//! State that a newer program wrote: whatever would change something is refused in
//! the same words, which name the version that it takes, and nothing is touched.
//! What only looks answers as far as it can, and the app runs.

use e2e::process::{Running, stalled, until};
use e2e::{World, http};
use serde_json::{Value, json};
use std::fs;

type Edit = fn(&mut Value);

/// What a newer program may have written: the file, and how it differs.
const RECEIPTS: &[(&str, Edit)] = &[
    ("another schema", |receipt| {
        receipt["schema"] = json!(2);
        receipt["slots"] = json!(["a list, in schema 2"]);
        receipt["more"] = json!({});
    }),
    ("another kind of Undo", |receipt| {
        receipt["made"][0]["undo"] = json!({"restore-registry": {"key": "HKCU"}});
    }),
];

/// The first line of a journal, and a line after it.
const JOURNALS: &[(&str, Edit, &str)] = &[
    ("another schema", |first| first["began"]["schema"] = json!(2), "{\"anything\":{}}\n"),
    (
        "another kind of step",
        |first| first["began"]["plan"]["steps"][0] = json!({"edit-registry": {"key": "HKCU"}}),
        "",
    ),
    ("another kind of Undo", |_| (), "{\"intent\":{\"index\":0,\"undo\":{\"restore-key\":1}}}\n"),
    ("another kind of run", |first| first["began"]["plan"]["verb"] = json!("migrate"), ""),
    ("another kind of line", |_| (), "{\"paused\":{\"index\":0}}\n"),
];

/// Refuses as a newer program's, by name, and leaves everything as it is.
#[track_caller]
fn refused(world: &World, what: &str, commands: &[&[&str]]) {
    let before = world.snapshot();
    for words in commands {
        let outcome = world.offgrid_run(&[words, &["--json"][..]].concat());
        let outcome = outcome.expect_error(3, "E_SCHEMA");
        let error = outcome.ended().unwrap()["error"].clone();
        let (message, hint) = (error["message"].as_str().unwrap(), error["hint"].as_str().unwrap());
        let own = concat!("this is ", env!("CARGO_PKG_VERSION"));
        for part in ["written by offgrid-setup 9.4.0", own] {
            assert!(message.contains(part), "{what}, {words:?}: {message}");
        }
        for part in ["nothing was changed", "offgrid-setup 9.4.0 or newer", "bin/offgrid"] {
            assert!(hint.contains(part), "{what}, {words:?}: {hint}");
        }
        before.assert_same(&world.snapshot());
    }
}

/// What still answers, and that it says what is wrong.
#[track_caller]
fn answers(world: &World, what: &str) {
    let status = world.offgrid_run(&["self", "status", "--json"]).expect(0).json();
    let known = (&status["installed"], &status["version"], &status["variant"].is_string());
    assert_eq!(known, (&json!(true), &json!("0.1.0"), &true), "{what}");
    let notes = status["notes"].to_string();
    assert!(notes.contains("offgrid-setup 9.4.0"), "{what}: {notes}");
    world.offgrid_run(&["self", "status"]).expect(0).says("offgrid-setup 9.4.0");
    world.offgrid_run(&["self", "version"]).expect(0).says("0.1.0");
    world.offgrid_run(&["version"]).expect(0).says("0.2.11");
    let port = http::free_port();
    let mut serve = world.command(world.offgrid());
    serve.arg("serve").env("OFFGRID_PORT", port.to_string());
    let app = Running::start(serve);
    let answers = || http::ask(port, "/livez", None).is_ok_and(|(status, _)| status == 200);
    until("the app serves", answers);
    app.kill();
}

const ALL: &[&[&str]] = &[
    &["update", "--yes"],
    &["self", "install", "--yes"],
    &["rollback", "--yes"],
    &["self", "model", "remove", "tiny", "--yes"],
    &["uninstall", "--yes"],
];

#[test]
fn a_receipt_of_a_newer_program_is_refused_by_name() {
    let world = World::new();
    world.install();
    let path = world.prefix().join("state/receipt.json");
    let was = fs::read_to_string(&path).unwrap();
    for (what, edit) in RECEIPTS {
        let mut receipt: Value = serde_json::from_str(&was).unwrap();
        receipt["by"] = json!("9.4.0");
        edit(&mut receipt);
        fs::write(&path, receipt.to_string()).unwrap();
        refused(&world, what, ALL);
        refused(&world, what, &[&["self", "verify"], &["repair", "--yes"], &["self", "plan"]]);
        answers(&world, what);
    }
    // More members alone are no reason: they are another program's to care about.
    let mut receipt: Value = serde_json::from_str(&was).unwrap();
    (receipt["by"], receipt["more"]) = (json!("9.4.0"), json!([1]));
    fs::write(&path, receipt.to_string()).unwrap();
    world.offgrid_run(&["self", "verify"]).expect(0);
    world.offgrid_run(&["uninstall", "--yes"]).expect(0);
}

#[test]
fn a_journal_of_a_newer_program_is_refused_by_name() {
    let world = World::new();
    world.install();
    let path = world.prefix().join("state/journal");
    let steps = json!([{"make-dir": {"path": world.home().join("made")}}]);
    let first = json!({"began": {"schema": 1, "by": "9.4.0", "plan": {
        "id": "0123456789abcdef", "verb": "model", "from": null, "to": null, "steps": steps,
        "receipt": null, "download_bytes": 0, "reused_bytes": 0, "disk_bytes": 0,
    }}});
    for (what, edit, more) in JOURNALS {
        let mut first = first.clone();
        edit(&mut first);
        fs::write(&path, format!("{first}\n{more}")).unwrap();
        refused(&world, what, ALL);
        let ways: &[&[&str]] = &[
            &["repair", "--yes"],
            &["repair", "--finish", "--yes"],
            &["repair", "--back", "--yes"],
        ];
        refused(&world, what, ways);
        answers(&world, what);
        let status = world.offgrid_run(&["self", "status", "--json"]).expect(0).json();
        assert_eq!(status["unfinished"], json!({"run": null, "what": null}), "{what}");
    }
    // The same without anything new in it is a run like any other.
    fs::write(&path, format!("{first}\n")).unwrap();
    world.offgrid_run(&["repair", "--back", "--yes"]).expect(0);
    world.offgrid_run(&["self", "verify"]).expect(0);
}

#[test]
fn trust_state_of_a_newer_program_is_refused_by_name() {
    let world = World::new();
    world.install();
    let path = world.prefix().join("state/trust.json");
    let mut trust: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    (trust["by"], trust["schema"]) = (json!("9.4.0"), json!(2));
    trust["witnesses"] = json!(["of schema 2"]);
    fs::write(&path, trust.to_string()).unwrap();
    let before = world.snapshot();
    for words in [&["update", "--yes"][..], &["self", "install", "--yes"], &["self", "plan"]] {
        let outcome = world.offgrid_run(&[words, &["--json"]].concat());
        let outcome = outcome.expect_error(3, "E_SCHEMA").says("written by offgrid-setup 9.4.0");
        outcome.says("offgrid-setup 9.4.0 or newer");
        before.assert_same(&world.snapshot());
    }
    answers(&world, "trust.json");
    // Nothing of it is needed to give everything back.
    world.offgrid_run(&["uninstall", "--yes"]).expect(0);
}

#[test]
fn every_state_file_says_who_wrote_it() {
    let world = World::new();
    let child = stalled(&world, &["install", "--yes"], 300_000).1;
    let journal = fs::read_to_string(world.prefix().join("state/journal")).unwrap();
    child.kill();
    let own = env!("CARGO_PKG_VERSION");
    let first: Value = serde_json::from_str(journal.lines().next().unwrap()).unwrap();
    assert_eq!((&first["began"]["schema"], &first["began"]["by"]), (&json!(1), &json!(own)));
    world.install();
    for name in ["receipt.json", "trust.json"] {
        let text = fs::read_to_string(world.prefix().join("state").join(name)).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&value["schema"], &value["by"]), (&json!(1), &json!(own)), "{name}");
    }
}
