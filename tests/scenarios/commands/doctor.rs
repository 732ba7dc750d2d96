//! `doctor`: the facts of a computer, judged, with what to type.

use e2e::{World, machine};
use serde_json::Value;
use std::fs;
use std::net::TcpListener;

/// A captured machine of the fixtures.
fn captured(world: &World, name: &str) -> String {
    let root = world.path(&format!("machine-{name}"));
    machine::make(name, &root);
    root.to_str().unwrap().to_owned()
}

#[test]
fn doctor_looks_at_this_computer_advises_and_changes_nothing() {
    let world = World::new();
    let before = world.snapshot();
    let json = world.run(&["doctor", "--json"]).expect(0).json();
    assert_eq!(json["v"], 1);
    for finding in json["findings"].as_array().unwrap() {
        let keys: Vec<&String> = finding.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["hint", "severity", "what", "word"], "{finding}");
        assert!(["problem", "advice"].contains(&finding["severity"].as_str().unwrap()));
        assert!(!finding["what"].as_str().unwrap().is_empty());
    }
    let text = world.run(&["doctor"]).expect(0);
    assert!(text.stderr.is_empty(), "{}", text.stderr);
    for finding in json["findings"].as_array().unwrap() {
        assert!(text.stdout.contains(finding["word"].as_str().unwrap()), "{}", text.stdout);
    }
    before.assert_same(&world.snapshot());
    // The same by the installed program: the app has a word `doctor` of its own.
    world.install();
    assert_eq!(world.offgrid_run(&["self", "doctor", "--json"]).expect(0).json()["v"], 1);
}

#[test]
fn what_troubles_this_computer_is_found_by_preflight_too() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = world.home().join(".config/offgrid");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("offgrid.env"), format!("OFFGRID_PORT={port}\n")).unwrap();
    let found = world.run(&["doctor", "--json"]).expect(0).json();
    let of_port = found["findings"].as_array().unwrap().iter().find(|one| one["word"] == "W_PORT");
    let of_port = of_port.unwrap_or_else(|| panic!("{found}"));
    assert_eq!(of_port["severity"], "advice");
    assert!(of_port["what"].as_str().unwrap().contains(&port.to_string()), "{of_port}");
    // A captured machine has another one.
    let tree = captured(&world, "rtx4090-550");
    let found = world.run(&["doctor", "--json", "--sysroot", &tree]).expect(0).json();
    assert_eq!(found["findings"], Value::Array(Vec::new()));
}

#[test]
fn doctor_of_a_captured_machine_says_what_to_type_there() {
    let world = World::new();
    for (name, word, typed) in [
        ("minimal-no-libgomp", "W_OPENMP", "`sudo apt install libgomp1`"),
        ("win-no-vcredist", "W_VCRUNTIME", "`winget install Microsoft.VCRedist.2015+.x64`"),
        ("no-driver", "W_GPU_DRIVER", "`sudo ubuntu-drivers install`"),
        ("rx7900xtx-not-in-group", "W_GPU_RIGHTS", "`sudo usermod -aG render,video USER`"),
        ("docker-no-gpu", "W_GPU_CONTAINER", "`--gpus all`"),
        ("alpine", "W_MUSL", "glibc 2.35"),
        ("mac-old", "W_MACOS", "softwareupdate"),
    ] {
        let tree = captured(&world, name);
        let before = world.snapshot();
        let json = world.run(&["doctor", "--json", "--sysroot", &tree]).expect(0).json();
        let first = &json["findings"][0];
        assert_eq!((&first["word"], &first["severity"]), (&word.into(), &"problem".into()));
        assert!(first["hint"].as_str().unwrap().contains(typed), "{name}: {first}");
        world.run(&["doctor", "--sysroot", &tree]).expect(0).says(word).says(typed);
        before.assert_same(&world.snapshot());
    }
    let nothing = "everything that this program needs is here\n";
    let tree = captured(&world, "rtx4090-550");
    assert_eq!(world.run(&["doctor", "--sysroot", &tree]).expect(0).stdout, nothing);
}

#[test]
fn doctor_takes_no_words_of_others() {
    let world = World::new();
    let refused = world.run(&["doctor", "--capture", "here"]).expect(2);
    refused.says("`--capture` does not belong to `doctor`, only to `detect`");
    world.run(&["doctor", "now"]).expect(2).says("`doctor` does not know what to do with `now`");
    world.run(&["docter"]).expect(2).says("did you mean `doctor`?");
    world.run(&["doctor", "--sysroot", "/nowhere/at/all"]).expect(2).says("there is no folder");
}
