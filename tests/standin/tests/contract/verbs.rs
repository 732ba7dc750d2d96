//! The verbs: what they print and how they exit.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::host::{BINARY, command, folder};

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A hard link, not a copy: a file just written may still be open in a child
/// that another test is starting, and cannot be executed then.
fn release(home: &Path, version: &str) -> Command {
    let binary = home.join(format!("offgrid{}", std::env::consts::EXE_SUFFIX));
    fs::hard_link(BINARY, &binary).unwrap();
    fs::write(home.join("VERSION"), format!("{version}\n")).unwrap();
    Command::new(binary)
}

#[test]
fn the_version_is_that_of_the_release_and_names_the_standin() {
    let home = folder("verbs-version");
    let mut offgrid = release(&home, "0.2.12");
    let output = offgrid.arg("version").output().unwrap();
    assert_eq!(text(&output).trim_end(), "OffGrid LLM stand-in 0.2.12");
    let output = offgrid.arg("--json").output().unwrap();
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((json["version"].as_str(), json["go"].as_str()), (Some("0.2.12"), Some("stand-in")));
    assert_eq!(json["standin"], true);
    assert!(json["os"].is_string() && json["arch"].is_string());
}

#[test]
fn arguments_stdin_and_exit_code_pass_through() {
    let home = folder("verbs-echo");
    let mut child = command(&home)
        .args(["echo-args", "--json", "a b", "", "é"])
        .env("STANDIN_EXIT", "7")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"\x00in\xff").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"--json\na b\n\n\xc3\xa9\n\x00in\xff");
    assert_eq!(output.status.code(), Some(7));
}

#[test]
fn the_environment_it_sees_is_shown_sorted() {
    let home = folder("verbs-env");
    let output =
        command(&home).arg("env").env("OFFGRID_B", "2").env("OFFGRID_A", "1 x").output().unwrap();
    let models = home.join("models");
    let expected = format!("OFFGRID_A=1 x\nOFFGRID_B=2\nOFFGRID_MODELS_DIR={}\n", models.display());
    assert_eq!(text(&output), expected);
}

#[test]
fn models_are_listed_by_name() {
    let home = folder("verbs-list");
    for file in ["b.gguf", "a.gguf", "notes.txt"] {
        fs::write(home.join("models").join(file), "x").unwrap();
    }
    let output = command(&home).arg("list").output().unwrap();
    assert_eq!(text(&output), "a\t1 bytes\nb\t1 bytes\n");
}

#[test]
fn an_unknown_verb_is_an_error() {
    let home = folder("verbs-unknown");
    for verb in ["logs", "models", "update"] {
        let output = command(&home).arg(verb).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8(output.stderr).unwrap().contains(verb));
    }
}
