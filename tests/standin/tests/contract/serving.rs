//! The endpoints without an engine, with upstream's traps.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::host::{Serving, command, folder};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_fresh_install_lives_and_is_healthy_but_not_ready() {
    let home = folder("serving-fresh");
    let app = Serving::start(command(&home));
    assert_eq!(app.get("/livez"), (200, "ok".to_owned()));
    assert_eq!(app.get("/readyz").0, 503);
    assert_eq!(app.get("/ready").0, 503);
    let (status, body) = app.get("/health");
    assert_eq!((status, json(&body)["status"].as_str()), (200, Some("healthy")));
    assert_eq!(json(&body)["version"], "unknown");
    assert_eq!(app.get("/ui/").0, 404);
    assert!(app.get("/metrics").1.contains("offgrid_models 0"));
}

#[test]
fn the_working_folder_gives_the_health_version_and_the_page() {
    let home = folder("serving-folder");
    fs::write(home.join("VERSION"), "0.2.12\n").unwrap();
    fs::create_dir_all(home.join("web/ui")).unwrap();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/ui/index.html");
    fs::copy(page, home.join("web/ui/index.html")).unwrap();
    let app = Serving::start(command(&home));
    assert_eq!(json(&app.get("/health").1)["version"], "0.2.12");
    for path in ["/", "/ui/", "/ui/index.html"] {
        let (status, body) = app.get(path);
        assert!(status == 200 && body.contains("stand-in"), "{path}: {status}");
    }
    for path in ["/ui/../../VERSION", "/ui/..%2f..%2fVERSION", "/ui/none.html"] {
        assert_eq!(app.get(path).0, 404, "{path}");
    }
}

#[test]
fn an_unknown_path_gets_the_trap() {
    let home = folder("serving-trap");
    let app = Serving::start(command(&home));
    let (status, body) = app.get("/no/such/path");
    assert_eq!(status, 200);
    assert!(body.contains("0.2.10") && serde_json::from_str::<Value>(&body).is_err());
}

#[test]
fn a_model_makes_it_ready_and_a_missing_engine_is_said() {
    let home = folder("serving-model");
    fs::write(home.join("models/m.gguf"), "x").unwrap();
    let app = Serving::start(command(&home));
    assert_eq!(app.get("/readyz").0, 200);
    assert_eq!(json(&app.get("/v1/models").1)["data"][0]["id"], "m");
    let (status, body) = app.post("/v1/chat/completions", r#"{"messages":[]}"#);
    assert_eq!(status, 503);
    let message = json(&body)["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("OFFGRID_LLAMA_SERVER_PATH"), "{message}");
    assert_eq!(app.post("/v1/chat/completions", "{").0, 400);
    assert_eq!(app.get("/v1/chat/completions").0, 405);
}

#[cfg(unix)]
#[test]
fn an_engine_that_ends_at_once_is_said_at_once() {
    let home = folder("serving-ends");
    fs::write(home.join("models/m.gguf"), "x").unwrap();
    let mut offgrid = command(&home);
    // Any program that does not know the arguments will do.
    offgrid.env("OFFGRID_LLAMA_SERVER_PATH", crate::host::BINARY);
    let app = Serving::start(offgrid);
    let (status, body) = app.post("/v1/completions", "{}");
    assert!(status == 503 && body.contains("ended while it started"), "{status} {body}");
}

#[cfg(unix)]
#[test]
fn flags_are_ignored_and_sigterm_ends_it_with_success() {
    use rustix::process::{Pid, Signal, kill_process};
    let home = folder("serving-flags");
    let mut offgrid = command(&home);
    offgrid.args(["serve", "--port", "1", "--bogus"]);
    let mut app = Serving::start(offgrid);
    assert_eq!(app.get("/livez").0, 200);
    kill_process(Pid::from_child(&app.child), Signal::TERM).unwrap();
    assert_eq!(app.child.wait().unwrap().code(), Some(0));
}
