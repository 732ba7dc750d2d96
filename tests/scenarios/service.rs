//! The app in the background, by our own supervisor and with the real engine.

use e2e::World;
use e2e::service::{Service, eventually, processes, signal};
use serde_json::Value;

fn supervised() -> World {
    let world = World::new();
    world.run(&["install", "--yes", "--service", "supervise", "--model", "tiny"]).expect(0);
    world
}

fn status(world: &World) -> Value {
    world.offgrid_run(&["self", "status", "--json"]).expect(0).json()
}

#[test]
fn an_update_and_a_rollback_reach_the_running_service_which_answers_with_tokens() {
    let world = supervised();
    assert_eq!(status(&world)["service"]["state"], "stopped");
    let mut service = Service::start(&world);
    let told = status(&world);
    assert_eq!(told["service"]["kind"], "supervise");
    assert_eq!(told["service"]["state"], "running");
    assert_eq!(service.version().as_deref(), Some("0.2.11"));
    assert_eq!(service.chat(), 4);

    world.publish_newer();
    world.offgrid_run(&["update", "--yes"]).expect(0);
    // When `update` says that it is live, it is.
    assert_eq!(service.version().as_deref(), Some("0.2.12"));
    assert_eq!(service.chat(), 4);

    world.offgrid_run(&["rollback", "--yes"]).expect(0);
    assert_eq!(service.version().as_deref(), Some("0.2.11"));
    assert_eq!(service.chat(), 4);
    assert!(!service.has_ended(), "{}", service.log());

    world.offgrid_run(&["self", "service", "stop"]).expect(0).says("stopped");
    assert!(service.ended().success(), "{}", service.log());
    assert_eq!(status(&world)["service"]["state"], "stopped");
    world.offgrid_run(&["self", "verify"]).expect(0);
}

#[test]
fn a_broken_update_leaves_the_running_service_alone() {
    let world = supervised();
    let mut service = Service::start(&world);
    assert_eq!(service.chat(), 4);
    let slot =
        || world.offgrid_run(&["self", "service", "status", "--json"]).json()["slot"].clone();
    let before = (world.snapshot_but(&["state/trust.json"]), slot());
    world.publish_newer();
    let words = ["update", "--yes", "--json", "--channel", "broken"];
    world.offgrid_run(&words).expect_error(1, "E_HEALTH").says("this engine is broken");
    assert_eq!(service.version().as_deref(), Some("0.2.11"));
    assert_eq!(service.chat(), 4);
    before.0.assert_same(&world.snapshot_but(&["state/trust.json"]));
    assert_eq!(before.1, slot());
    world.offgrid_run(&["self", "service", "stop"]).expect(0);
    service.ended();
}

#[test]
fn one_supervisor_at_a_time_and_no_app_beside_it() {
    let world = supervised();
    let mut service = Service::start(&world);
    let words = ["self", "service", "run", "--json"];
    let second = world.offgrid_run(&words).expect_error(6, "E_LOCKED");
    second.says(&format!("process {}", service.pid())).says("offgrid self service stop");
    // A second app would end the engines of the first (reference/app.md).
    for words in [&["serve"][..], &["server"], &[], &["--json"]] {
        let refused = world.offgrid_run(words).expect_error(2, "E_USAGE");
        refused.says(&format!("http://localhost:{}", service.port)).says("service stop");
    }
    world.offgrid_run(&["list"]).expect(0).says("tiny");
    assert_eq!(service.version().as_deref(), Some("0.2.11"));
    // Ctrl-c and a stop request end it in order.
    signal(service.pid(), "TERM");
    assert!(service.ended().success(), "{}", service.log());
}

#[test]
fn restart_starts_the_app_anew_and_keeps_the_supervisor() {
    let world = supervised();
    let mut service = Service::start(&world);
    assert_eq!(service.chat(), 4);
    let app = || -> Vec<u32> {
        let all = processes(&world.home().canonicalize().unwrap());
        all.into_iter().filter(|pid| *pid != service.pid()).collect()
    };
    let before = app();
    assert!(!before.is_empty());
    world.offgrid_run(&["self", "service", "restart"]).expect(0);
    eventually("the app answers again", || service.get("/livez"));
    let after = app();
    assert!(!after.is_empty() && after.iter().all(|pid| !before.contains(pid)));
    assert!(!service.has_ended());
    world.offgrid_run(&["self", "service", "stop"]).expect(0);
    service.ended();
}

#[test]
fn an_app_that_dies_is_started_again() {
    let world = supervised();
    let mut service = Service::start(&world);
    let exe = world.prefix().join("current").canonicalize().unwrap().join("app");
    let app = processes(&exe);
    assert_eq!(app.len(), 1, "{app:?}");
    signal(app[0], "KILL");
    eventually("another app runs", || processes(&exe).into_iter().find(|pid| *pid != app[0]));
    eventually("it answers", || service.get("/livez"));
    assert!(service.log().contains("ended by itself"), "{}", service.log());
    signal(service.pid(), "INT");
    service.ended();
}

#[test]
fn a_supervisor_that_is_killed_takes_app_and_engine_with_it() {
    let world = supervised();
    let mut service = Service::start(&world);
    let port = service.port;
    assert_eq!(service.chat(), 4);
    service.crash();
    assert_eq!(status(&world)["service"]["state"], "stopped");
    let root = world.home().canonicalize().unwrap();
    eventually("no app and no engine is left", || processes(&root).is_empty().then_some(()));
    let mut next = Service::resume(&world, port);
    assert_eq!(next.chat(), 4);
    world.offgrid_run(&["self", "service", "stop"]).expect(0);
    next.ended();
}

#[test]
fn uninstall_ends_the_service_first_and_leaves_no_process() {
    let world = World::new();
    std::fs::create_dir_all(world.home().join(".config/offgrid")).unwrap();
    let before = world.snapshot();
    world.run(&["install", "--yes", "--service", "supervise"]).expect(0);
    let mut service = Service::start(&world);
    world.offgrid_run(&["uninstall", "--yes"]).expect(0);
    assert!(service.ended().success(), "{}", service.log());
    std::fs::remove_file(world.home().join(".config/offgrid/offgrid.env")).unwrap();
    before.assert_same(&world.snapshot());
}

#[test]
fn a_service_that_is_not_there_says_what_to_type() {
    let world = World::new();
    let words = ["service", "run", "--json"];
    world.run(&words).expect_error(3, "E_UNSUPPORTED").says("offgrid-setup install");
    world.install();
    let before = world.snapshot();
    for verb in ["stop", "restart"] {
        let words = ["self", "service", verb, "--json"];
        let outcome = world.offgrid_run(&words).expect_error(3, "E_UNSUPPORTED");
        outcome.says("offgrid self service run");
    }
    world.offgrid_run(&["self", "service"]).expect(0).says("stopped");
    before.assert_same(&world.snapshot());
}

#[test]
fn a_kind_of_service_that_this_version_cannot_set_up_is_refused_untouched() {
    let world = World::new();
    let before = world.snapshot();
    for kind in ["systemd", "launchd", "windows", "openrc"] {
        let words = ["install", "--yes", "--json", "--service", kind];
        let outcome = world.run(&words).expect_error(3, "E_UNSUPPORTED");
        outcome.says("--service supervise").says("--service none");
    }
    before.assert_same(&world.snapshot());
}
