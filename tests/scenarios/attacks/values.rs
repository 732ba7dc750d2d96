//! Text that two readers would read differently, and values that are wrong, signed
//! by the right keys.

use super::forged::each;
use e2e::Forge;
use offgrid_manifest::layout;
use serde_json::{Value, json};
use std::fs;

/// A head of these bytes, properly signed.
fn head_of(forge: &mut Forge, edit: impl FnOnce(String) -> Vec<u8>) {
    forge.head(|_| {});
    let version = forge.read(layout::HEAD)["version"].clone();
    let text = fs::read_to_string(forge.path(layout::HEAD)).unwrap();
    forge.head_as(&version, &edit(text));
}

/// The head with this before its last brace.
fn with(forge: &mut Forge, more: &str) {
    head_of(forge, |text| format!("{},{more}}}", &text[..text.len() - 1]).into_bytes());
}

#[test]
fn a19_text_that_two_readers_would_read_differently_is_never_taken() {
    each(&[
        ("a key twice", |f| with(f, "\"version\":1"), 5, "E_PARSE"),
        ("a key twice, escaped", |f| with(f, "\"vers\\u0069on\":1"), 5, "E_PARSE"),
        ("an unknown key twice", |f| with(f, "\"x\":1,\"x\":1"), 5, "E_PARSE"),
        ("nested deep", nested, 5, "E_PARSE"),
        ("a huge number", |f| with(f, "\"x\":9007199254740992"), 5, "E_PARSE"),
        ("a larger one", |f| with(f, "\"x\":1e999"), 5, "E_PARSE"),
        ("a fraction", |f| with(f, "\"x\":1.5"), 5, "E_PARSE"),
        ("a comma too many", |f| with(f, ""), 5, "E_PARSE"),
        ("a byte-order mark", |f| head_of(f, |t| format!("\u{feff}{t}").into()), 5, "E_PARSE"),
        ("two documents", |f| head_of(f, |t| format!("{t}{t}").into()), 5, "E_PARSE"),
        ("a byte after it", |f| head_of(f, |t| format!("{t}\0").into()), 5, "E_PARSE"),
        ("nothing", |f| head_of(f, |_| Vec::new()), 5, "E_PARSE"),
        ("no text", not_text, 5, "E_PARSE"),
    ]);
}

fn nested(forge: &mut Forge) {
    with(forge, &format!("\"x\":{}{}", "[".repeat(64), "]".repeat(64)));
}

fn not_text(forge: &mut Forge) {
    head_of(forge, |text| [&text.as_bytes()[..text.len() - 1], b",\"x\":\"\xff\"}"].concat());
}

#[test]
fn a20_values_that_are_wrong_are_never_taken_whoever_signed_them() {
    each(&[
        ("no version", |f| without(f, "version"), 5, "E_PARSE"),
        ("no end", |f| without(f, "expires"), 5, "E_PARSE"),
        ("no root version", |f| without(f, "root_version"), 5, "E_PARSE"),
        ("version 0", |f| f.head(|h| h["version"] = json!(0)), 5, "E_PARSE"),
        ("a number too large", |f| f.head(|h| h["version"] = json!(1u64 << 53)), 5, "E_PARSE"),
        ("a negative number", |f| f.head(|h| h["version"] = json!(-1)), 5, "E_PARSE"),
        ("a number as text", |f| f.head(|h| h["version"] = json!("7")), 5, "E_PARSE"),
        (
            "a day that is none",
            |f| f.head(|h| h["expires"] = json!("2030-02-30T00:00:00Z")),
            5,
            "E_PARSE",
        ),
        (
            "an end in the past",
            |f| {
                f.head(|h| {
                    h["issued"] = json!(e2e::forge::days(-15));
                    h["expires"] = json!(e2e::forge::days(-1));
                });
            },
            5,
            "E_FROZEN",
        ),
        (
            "no release of that number",
            |f| f.channel(|c| c["current"] = json!("9.9.9")),
            5,
            "E_PARSE",
        ),
        ("more than everybody", more_than_all, 5, "E_PARSE"),
    ]);
}

#[test]
fn a20_names_that_would_become_paths_are_never_taken_whoever_signed_them() {
    // Paths in a tree are E_PATH (see l01); in a release document they are a part of
    // what cannot be read.
    each(&[
        (
            "a channel's name as a path",
            |f| f.head(|h| h["channels"]["../x"] = json!({})),
            5,
            "E_PARSE",
        ),
        (
            "a number as a path",
            |f| f.channel(|c| c["current"] = json!("../../0.2.0")),
            5,
            "E_PARSE",
        ),
        ("a model outside", |f| model_file(f, "../../.profile"), 5, "E_PARSE"),
        ("a model of a device's name", |f| model_file(f, "CON"), 5, "E_PARSE"),
        ("a model at the top", |f| model_file(f, "/etc/passwd"), 5, "E_PARSE"),
        ("a component outside", |f| component_into(f, "../app/"), 5, "E_PARSE"),
        ("a component of a device's name", |f| component_into(f, "nul/"), 5, "E_PARSE"),
        (
            "a variant as a path",
            |f| f.release(|r| r["variants"][0]["id"] = json!("../x")),
            5,
            "E_PARSE",
        ),
    ]);
}

fn without(forge: &mut Forge, name: &str) {
    head_of(forge, |text| {
        let mut head: Value = serde_json::from_str(&text).unwrap();
        head.as_object_mut().unwrap().remove(name).unwrap();
        serde_json::to_vec(&head).unwrap()
    });
}

fn more_than_all(forge: &mut Forge) {
    let steps = json!([{"at": "2026-01-01T00:00:00Z", "permyriad": 10_001}]);
    forge.channel(|channel| channel["rollout"] = json!({"salt": "x", "steps": steps}));
}

fn model_file(forge: &mut Forge, file: &str) {
    forge.release(|release| release["models"][0]["file"] = json!(file));
}

fn component_into(forge: &mut Forge, into: &str) {
    let (_, target) = forge.parts_of("app");
    forge.release(|release| release["components"]["app"][&target]["into"] = json!(into));
}
