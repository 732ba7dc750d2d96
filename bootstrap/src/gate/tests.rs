//! Slots that work and slots that do not: the stand-in with a real engine where
//! there is one, and engines that are scripts.

use super::*;
use crate::service::tests::{Installed, built, slot_name};
use std::process::Command;
use std::time::Instant;

const VERSION: &str = "1.0.0";
const APP: &str = "#!/bin/sh\n[ \"$*\" = 'version --json' ] && echo '{\"version\":\"1\"}'\n";

fn short() -> Limits {
    let second = Duration::from_secs(2);
    Limits { app: second, engine: second, load: second, answer: second }
}

fn proved(
    installed: &Installed,
    limits: &Limits,
    stop: &dyn Fn() -> bool,
) -> Result<(), crate::Error> {
    let store = &installed.store;
    let watch = Watch { stop, say: &|_| {} };
    prove_within(store, &store.staging(), &slot_name(VERSION), limits, &watch)
}

fn prove(installed: &Installed) -> Result<(), crate::Error> {
    proved(installed, &short(), &|| false)
}

/// A slot of scripts; none where none can be run.
fn scripts(app: &str, engine: &str) -> Option<Installed> {
    let installed = Installed::new(&[VERSION]);
    let done = installed.script(VERSION, "app/offgrid", app)
        && installed.script(VERSION, "llama/llama-server", engine);
    done.then_some(installed)
}

/// The error with its causes, as a person sees it.
fn refused(result: Result<(), crate::Error>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.code(), Code::Health, "{error}");
    assert!(error.hint().unwrap().starts_with("nothing was changed"));
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[test]
fn a_slot_without_its_parts_is_refused() {
    let installed = Installed::new(&[VERSION]);
    assert!(refused(prove(&installed)).contains("the app `"));
    let Some(installed) = scripts(APP, "") else { return };
    let llama = installed.slot(VERSION).join("llama");
    std::fs::remove_dir_all(llama).unwrap();
    assert!(refused(prove(&installed)).contains("the engine `"));
    installed.release(VERSION, "elsewhere/", "null");
    prove(&installed).unwrap();
    std::fs::remove_file(installed.slot(VERSION).join("release.json")).unwrap();
    assert!(refused(prove(&installed)).contains("the release document `"));
    assert!(!installed.store.staging().join("gate").exists());
}

#[test]
fn an_app_that_does_not_answer_is_refused() {
    for (app, expected) in [
        ("#!/bin/sh\necho no such library >&2; exit 127\n", "status 127: it said: no such library"),
        ("#!/bin/sh\necho 1.0\n", "printed no JSON with a `version`: it said: 1.0"),
        ("#!/bin/sh\necho '{\"v\":1}'\n", "printed no JSON with a `version`"),
        ("#!/bin/sh\nsleep 60\n", "did not end within 2 s"),
        ("#!/bin/sh\nkill -11 $$\n", "was ended by signal"),
        ("#!/no/such/loader\n", "could not be started"),
    ] {
        let Some(installed) = scripts(app, "") else { return };
        let text = refused(prove(&installed));
        assert!(text.contains("app/offgrid version --json`") && text.contains(expected), "{text}");
    }
}

#[test]
fn an_engine_that_does_not_work_is_refused() {
    let probed = "#!/bin/sh\n[ \"$1\" = --version ] && exit 0\n";
    for (engine, expected) in [
        (
            "#!/bin/sh\necho '\x1b[1mbad' >&2; exit 1\n",
            "--version` ended with status 1: it said: \\u{1b}[1mbad",
        ),
        ("#!/bin/sh\nsleep 60\n", "--version` did not end within 2 s"),
        (
            &format!("{probed}echo out of memory; exit 1\n"),
            "-ngl 0` ended with status 1: it said: out of",
        ),
        (
            &format!("{probed}echo loading; exec sleep 60\n"),
            "-ngl 0` was not ready within 2 s: it said: loading",
        ),
        (&format!("{probed}exit 0\n"), "-ngl 0` ended with status 0"),
    ] {
        let Some(installed) = scripts(APP, engine) else { return };
        std::fs::write(installed.slot(VERSION).join("probe/m.gguf"), "x").unwrap();
        let text = refused(prove(&installed));
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn an_engine_that_dies_is_not_waited_for() {
    let engine = "#!/bin/sh\n[ \"$1\" = --version ] && exit 0\nsleep 0.3; kill -4 $$\n";
    let Some(installed) = scripts(APP, engine) else { return };
    std::fs::write(installed.slot(VERSION).join("probe/m.gguf"), "x").unwrap();
    let began = Instant::now();
    let result = proved(&installed, &LIMITS, &|| false);
    assert!(refused(result).contains("-ngl 0` was ended by signal"));
    assert!(began.elapsed() < LIMITS.load / 4);
}

#[test]
fn a_device_that_is_not_seen_is_refused() {
    let engine = "#!/bin/sh\necho Available devices:; echo '  Vulkan0: X (9 MiB, 8 MiB free)'\n";
    let Some(installed) = scripts(APP, engine) else { return };
    installed.release(VERSION, "llama/", "\"Vulkan\"");
    prove(&installed).unwrap();
    installed.release(VERSION, "llama/", "\"CUDA\"");
    let text = refused(prove(&installed));
    assert!(text.contains("--list-devices` does not show a CUDA device: it said: "), "{text}");
}

#[test]
fn a_request_to_stop_is_heard_in_every_proof() {
    let probed = "#!/bin/sh\n[ \"$1\" = --version ] || exec sleep 60\n";
    for (app, engine) in
        [("#!/bin/sh\nsleep 60\n", ""), (APP, "#!/bin/sh\nsleep 60\n"), (APP, probed)]
    {
        let Some(installed) = scripts(app, engine) else { return };
        std::fs::write(installed.slot(VERSION).join("probe/m.gguf"), "x").unwrap();
        let began = Instant::now();
        let stop = || began.elapsed() > Duration::from_millis(300);
        let limits = Limits { load: Duration::from_secs(60), ..LIMITS };
        let result = proved(&installed, &limits, &stop);
        assert_eq!(result.unwrap_err().code(), Code::Interrupted);
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}

/// A real llama-server; the reason is printed when there is none.
fn engine() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/payload/llama-server");
    let path = std::env::var_os("OFFGRID_TEST_ENGINE").map_or(beside.into(), PathBuf::from);
    if path.is_file() {
        return Some(path);
    }
    println!("skipped: no llama-server at {} (set OFFGRID_TEST_ENGINE)", path.display());
    None
}

#[test]
fn a_real_engine_generates_and_is_gone_afterwards() {
    let installed = Installed::new(&[VERSION]);
    let (Some(engine), true) = (engine(), installed.standin()) else { return };
    let Some(make) = built("make-probe-model", "OFFGRID_TEST_MAKE_PROBE") else { return };
    let llama = installed.slot(VERSION).join("llama").join(platform::exe_name("llama-server"));
    std::fs::copy(&engine, &llama).unwrap();
    let model = installed.slot(VERSION).join("probe/probe.gguf");
    assert!(Command::new(make).arg(&model).status().unwrap().success());
    let result = proved(&installed, &LIMITS, &|| false);
    result.unwrap_or_else(|error| panic!("{}", refused(Err(error))));
    let running = |entry: std::fs::DirEntry| {
        std::fs::read_link(entry.path().join("exe")).is_ok_and(|exe| exe == llama)
    };
    let left = std::fs::read_dir("/proc").into_iter().flatten().flatten().any(running);
    assert!(!left, "an engine lives on");
    std::fs::write(&model, "no model").unwrap();
    let text = refused(proved(&installed, &LIMITS, &|| false));
    assert!(text.contains("-ngl 0` ended with status 1: it said: "), "{text}");
}
