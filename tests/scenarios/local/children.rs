//! L10: programs that this one starts are those of the slot, by whole path, and
//! know nothing of the variables that make a program load other code. An engine of
//! somebody else's is started when it was named and nobody else could change it.

use super::slot;
use e2e::http::free_port;
use e2e::process::{Running, programs_under};
use e2e::programs::program;
use e2e::service::eventually;
use e2e::world::finish;
use e2e::{World, base, cut};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What steers the loader of some system, or where programs are looked for.
const STEERING: [(&str, &str); 8] = [
    ("LD_PRELOAD", "EVIL/evil.so"),
    ("LD_LIBRARY_PATH", "EVIL"),
    ("LD_AUDIT", "EVIL/evil.so"),
    ("LD_DEBUG_OUTPUT", "EVIL/said"),
    ("DYLD_INSERT_LIBRARIES", "EVIL/evil.so"),
    ("DYLD_LIBRARY_PATH", "EVIL"),
    ("PATH", "EVIL:/usr/bin:/bin"),
    ("LLAMA_ARG_MODEL", "EVIL/model"),
];

/// A folder with programs of well-known names that leave a marker.
fn evil(world: &World) -> PathBuf {
    let folder = world.path("evil");
    fs::create_dir(&folder).unwrap();
    let text = format!("#!/bin/sh\ntouch '{}'\n", folder.join("ran").display());
    for name in ["llama-server", "offgrid", "nvidia-smi", "sh", "sw_vers", "uname", "ldd", "tar"] {
        fs::write(folder.join(name), &text).unwrap();
        base::set_mode(&folder.join(name), 0o755);
    }
    // Not a library: a loader that is told to load it only complains.
    fs::write(folder.join("evil.so"), "").unwrap();
    folder
}

fn steer(command: &mut Command, evil: &Path) {
    for (name, value) in STEERING {
        command.env(name, value.replace("EVIL", evil.to_str().unwrap()));
    }
    command.current_dir(evil);
}

/// Every program that was started: its path and its variables.
fn started(command: &Command, log: &Path) -> Vec<(String, Vec<String>)> {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-v", "-s", "4096", "-e", "trace=execve", "-o"]).arg(log);
    // strace itself is not to be steered.
    strace.env_clear().env("PATH", "/usr/bin:/bin");
    for (name, value) in command.get_envs().filter_map(|(name, value)| Some((name, value?))) {
        let pair = [name, value].map(|text| text.to_str().unwrap()).join("=");
        strace.args(["-E", &pair]);
    }
    strace.arg(command.get_program()).args(command.get_args());
    strace.current_dir(command.get_current_dir().unwrap());
    finish(strace).expect(0);
    let text = fs::read_to_string(log).unwrap();
    let calls = text.lines().filter_map(|line| line.split_once("execve(\"")).map(|(_, rest)| rest);
    calls
        .map(|call| {
            let (program, rest) = call.split_once('"').unwrap();
            let (_, vars) = rest.rsplit_once("], [").unwrap_or(("", ""));
            let vars = vars.split_once(']').map_or("", |(vars, _)| vars);
            let vars = vars.split("\", \"").map(|var| var.trim_matches('"').to_owned());
            (program.to_owned(), vars.filter(|var| !var.is_empty()).collect())
        })
        .collect()
}

#[test]
fn l10_the_gate_starts_the_slot_s_programs_in_a_clean_environment() {
    if let Some(reason) = cut::why_not() {
        eprintln!("skipped: {reason}");
        return;
    }
    let world = World::new();
    let evil = evil(&world);
    let mut command = world.command(world.setup());
    command.env("OFFGRID_SETUP_SOURCE", world.depot()).args(["install", "--yes"]);
    steer(&mut command, &evil);
    let all = started(&command, &world.path("strace.log"));
    assert!(!evil.join("ran").exists(), "a program of PATH or of the folder ran");
    let children: Vec<_> =
        all.iter().filter(|(path, _)| Path::new(path) != world.setup()).collect();
    // The app, the engine's version, and the engine that generates.
    assert!(children.len() >= 3, "{all:?}");
    for (path, vars) in children {
        assert!(Path::new(path).starts_with(slot(&world.prefix(), "0.1.0")), "{path}");
        assert!(!vars.is_empty() || path.ends_with("offgrid"), "{path}: nothing was seen of it");
        for var in vars {
            let steers = var.contains("evil") || var.starts_with("LD_") || var.starts_with("DYLD_");
            assert!(!steers, "{path} got {var}");
            assert!(!var.starts_with("PATH="), "{path} got {var}");
        }
    }
}

#[test]
fn l10_the_service_starts_the_app_in_a_clean_environment() {
    let world = World::new();
    world.install();
    let evil = evil(&world);
    let (port, engine_port) = (free_port(), free_port());
    let config = world.home().join(".config/offgrid");
    fs::create_dir_all(&config).unwrap();
    let text = format!(
        "OFFGRID_PORT={port}\nSTANDIN_LISTEN=127.0.0.1:{port}\nSTANDIN_ENGINE_PORT={engine_port}\n\
         LD_PRELOAD={0}/evil.so\nDYLD_INSERT_LIBRARIES={0}/evil.so\n",
        evil.display()
    );
    fs::write(config.join("offgrid.env"), text).unwrap();
    let mut command = world.command(world.offgrid());
    command.args(["self", "service", "run"]);
    steer(&mut command, &evil);
    let running = Running::start(command);
    let folder = slot(&world.prefix(), "0.1.0");
    let app = eventually("the app runs", || programs_under(&folder).first().copied());
    let environ = eventually("it has its variables", || {
        let bytes = fs::read(format!("/proc/{app}/environ")).ok()?;
        (!bytes.is_empty()).then_some(bytes)
    });
    let vars: Vec<String> = environ
        .split(|byte| *byte == 0)
        .map(|var| String::from_utf8_lossy(var).into_owned())
        .collect();
    running.signal("TERM");
    running.end();
    assert!(vars.iter().any(|var| var.starts_with("OFFGRID_PORT=")), "{vars:?}");
    for var in vars {
        let steers = ["LD_", "DYLD_", "PATH="].iter().any(|name| var.starts_with(name));
        assert!(!steers && !var.contains("evil"), "the app got {var}");
    }
    assert!(!evil.join("ran").exists());
}

#[test]
fn l10_an_engine_of_path_or_of_the_folder_is_not_run_and_a_named_one_only_when_it_is_safe() {
    let world = World::new();
    let evil = world.path("evil");
    fs::create_dir(&evil).unwrap();
    // It would pass every test, and says whether it ran.
    base::copy_tree(&program("engine-standin"), &evil.join("llama-server"));
    let plan = |words: &[&str]| {
        let mut command = world.command(world.setup());
        command.env("OFFGRID_SETUP_SOURCE", world.depot());
        command.env("PATH", format!("{0}:.:/usr/bin:/bin", evil.display()));
        command.current_dir(&evil).args(["plan", "--json"]).args(words);
        finish(command)
    };
    let kind = |outcome: e2e::Outcome| {
        let said = outcome.expect(0).events().pop().unwrap();
        said["selection"]["engine"]["kind"].as_str().unwrap().to_owned()
    };
    assert_eq!(kind(plan(&[])), "bundled");
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        assert_eq!(kind(plan(&["--reuse-llama"])), "bundled");
    }
    assert!(!evil.join("ran").exists(), "an engine ran that nobody had named");
    // Named in the settings, and others may write to it.
    let config = world.home().join(".config/offgrid");
    fs::create_dir_all(&config).unwrap();
    let engine = evil.join("llama-server");
    fs::write(config.join("setup.toml"), format!("engine = \"{}\"\n", engine.display())).unwrap();
    for open in [&engine, &evil] {
        base::set_mode(open, 0o777);
        let before = world.snapshot();
        for words in [&[][..], &["--llama-server", "./llama-server"]] {
            let outcome = plan(words).expect_error(5, "E_UNTRUSTED_BINARY");
            outcome.says("may be written to by everybody");
        }
        before.assert_same(&world.snapshot());
        assert!(!evil.join("ran").exists(), "it was tried before it was judged");
        base::set_mode(open, 0o755);
    }
    assert_eq!(kind(plan(&[])), "existing");
    assert!(evil.join("ran").exists());
}

/// A person who starts the app by its name starts a program like any other: what
/// their shell says to the loader is theirs to say.
#[test]
fn l10_a_person_s_own_variables_reach_the_app_that_they_start() {
    if let Some(reason) = cut::why_not() {
        eprintln!("skipped: {reason}");
        return;
    }
    let world = World::new();
    world.install();
    let mut command = world.command(world.offgrid());
    command.env("LD_BIND_NOW", "1").arg("version");
    let all = started(&command, &world.path("strace.log"));
    let (path, vars) = all.last().unwrap();
    assert!(Path::new(path).starts_with(slot(&world.prefix(), "0.1.0")), "{all:?}");
    assert!(vars.contains(&"LD_BIND_NOW=1".to_owned()), "{vars:?}");
}
