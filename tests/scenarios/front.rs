//! The front door of the supervisor, and what keeps the app apart from this computer.
//! The app listens on all interfaces and ends every engine that it sees, as the real one
//! does, so these run in namespaces of their own.

use e2e::apart::{ADDRESS, Apart};
use e2e::http::{ask, free_port};
use e2e::service::{Service, eventually, processes, signal};
use e2e::{World, light};
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;

fn apart() -> Option<Apart> {
    let apart = Apart::new();
    apart.inspect_err(|why| eprintln!("skipped: no namespaces here: {why}")).ok()
}

/// Settings of people, with the app on a port of its own.
fn settings(world: &World, more: &str) -> u16 {
    let port = free_port();
    let config = world.home().join(".config/offgrid");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("offgrid.env"), format!("OFFGRID_PORT={port}\n{more}")).unwrap();
    port
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A supervisor in there; the app answers when `answers`.
fn start(world: &World, apart: &Apart, port: u16, words: &[&str]) -> Service {
    let offgrid = world.offgrid();
    let all = [&[text(&offgrid), "self", "service", "run"], words].concat();
    let mut service = Service::of(world, port, apart.command(world, &all));
    eventually("the app answers", || {
        assert!(!service.has_ended(), "the supervisor ended:\n{}", service.log());
        apart.get(world, &format!("http://127.0.0.1:{port}/livez")).filter(|text| text == "ok")
    });
    service
}

fn told(world: &World, apart: &Apart) -> Value {
    let offgrid = world.offgrid();
    let words = [text(&offgrid), "self", "service", "status", "--json"];
    let output = apart.command(world, &words).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn only_this_computer_reaches_the_app_unless_the_network_is_asked_for() {
    let Some(apart) = apart() else { return };
    let world = World::new();
    world.run(&["install", "--yes", "--service", "supervise"]).expect(0);
    let port = settings(&world, "");
    let at = |host: &str| apart.get(&world, &format!("http://{host}:{port}/livez"));
    let service = start(&world, &apart, port, &[]);
    // The stand-in says where it listens: everywhere.
    assert!(service.log().contains(&format!("listening on 0.0.0.0:{port}")), "{}", service.log());
    assert_eq!(told(&world, &apart)["confined"], serde_json::json!(["network", "processes"]));
    assert_eq!(at("[::1]").as_deref(), Some("ok"));
    assert_eq!(at(ADDRESS), None, "others reach it");
    drop(service);
    let root = world.home().canonicalize().unwrap();
    eventually("nothing is left", || processes(&root).is_empty().then_some(()));
    let lan = start(&world, &apart, port, &["--listen", "lan"]);
    assert_eq!(at(ADDRESS).as_deref(), Some("ok"));
    assert_eq!(at("[::1]").as_deref(), Some("ok"));
    drop(lan);
}

/// As the app does it when it starts, with an engine of its own to show that it works.
const KILLER: &str = r#"if [ "$1" = serve ]; then
PATH=/usr/bin:/bin
cp "$(command -v sleep)" "$HOME/llama-server"
"$HOME/llama-server" 600 & own=$!
until pgrep -x llama-server >/dev/null; do :; done
pkill -9 -x llama-server
wait $own; echo $? >"$HOME/killed"
exec sleep 600
fi"#;

#[test]
fn what_the_app_kills_by_name_is_its_own() {
    let Some(apart) = apart() else { return };
    let world = World::new();
    light::publish(&world, &["1.0.0"], KILLER);
    world.run(&["install", "--yes", "--service", "supervise"]).expect(0);
    let port = settings(&world, "");
    let foreign = world.path("llama-server");
    assert!(Command::new("cp").arg("/bin/sleep").arg(&foreign).status().unwrap().success());
    let mut engine = apart.command(&world, &[text(&foreign), "600"]).spawn().unwrap();
    eventually("the other engine runs", || (!processes(&foreign).is_empty()).then_some(()));
    let offgrid = world.offgrid();
    let words = [text(&offgrid), "self", "service", "run"];
    let service = Service::of(&world, port, apart.command(&world, &words));
    let killed = world.home().join("killed");
    let status = eventually("it has killed", || {
        fs::read_to_string(&killed).ok().filter(|text| text.ends_with('\n'))
    });
    assert_eq!(status, "137\n", "its own engine was there and was killed");
    assert!(!processes(&foreign).is_empty(), "somebody else's engine: {}", service.log());
    drop(service);
    engine.kill().unwrap();
    engine.wait().unwrap();
}

/// The first half of a request, which the front door has read: somebody is being answered
/// until the rest comes.
fn half_a_request(port: u16) -> TcpStream {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let text = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nno";
    stream.write_all(text.as_bytes()).unwrap();
    let ours = stream.local_addr().unwrap().port();
    eventually("it is read", || (unread(port, ours) == 0).then_some(()));
    stream
}

/// Bytes from a client's port that a server's port has not read yet (proc(5), `net/tcp`).
fn unread(server: u16, client: u16) -> u64 {
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let ends = |address: &str, port: u16| address.ends_with(&format!(":{port:04X}"));
    let mut queues = table.lines().skip(1).filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (_, received) = words[4].split_once(':')?;
        let is_it = ends(words[1], server) && ends(words[2], client);
        is_it.then(|| u64::from_str_radix(received, 16).unwrap())
    });
    queues.next().expect("the connection is there")
}

fn supervised() -> World {
    let world = World::new();
    world.run(&["install", "--yes", "--service", "supervise", "--model", "tiny"]).expect(0);
    world
}

fn status(world: &World) -> Value {
    world.offgrid_run(&["self", "service", "status", "--json"]).expect(0).json()
}

#[test]
fn an_update_waits_for_who_is_answered_and_two_hundred_others_wait_for_the_update() {
    let world = supervised();
    let mut service = Service::start(&world);
    let port = service.port;
    assert_eq!(service.chat(), 4);
    let mut half = half_a_request(port);
    world.publish_newer();
    let mut update = world.command(world.offgrid());
    update.env("OFFGRID_SETUP_SOURCE", world.depot()).args(["update", "--yes"]);
    let mut update = update.spawn().unwrap();
    eventually("it waits", || (status(&world)["draining"] == true).then_some(()));
    let others: Vec<_> =
        (0..200).map(|_| thread::spawn(move || ask(port, "/health", None))).collect();
    half.write_all(b"ne").unwrap();
    let mut answer = String::new();
    half.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "who was in was answered: {answer}");
    assert!(update.wait().unwrap().success());
    let mut counts = std::collections::BTreeMap::new();
    for other in others {
        let seen = match other.join().unwrap() {
            Ok((status, body)) => {
                let body: Value = serde_json::from_str(&body).unwrap_or_default();
                format!("{status} from {}", body["version"])
            }
            Err(error) => error.to_string(),
        };
        *counts.entry(seen).or_insert(0) += 1;
    }
    let told = status(&world);
    eprintln!("during the switch: {counts:?}; clients waited {} ms", told["paused_ms"]);
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [("200 from \"0.2.12\"".to_owned(), 200)]);
    assert_eq!(service.chat(), 4);
    world.offgrid_run(&["self", "service", "stop"]).expect(0);
    service.ended();
}

#[test]
fn a_request_that_takes_too_long_is_cut_off_and_a_stop_waits_for_nobody() {
    let world = supervised();
    let mut service = Service::start(&world);
    let slow = half_a_request(service.port);
    fs::write(world.prefix().join("state/service.drain"), "1\n").unwrap();
    world.offgrid_run(&["self", "service", "restart"]).expect(0);
    eventually("the app answers again", || service.get("/livez"));
    assert!(service.log().contains("cut off"), "{}", service.log());
    assert!(!world.prefix().join("state/service.drain").exists(), "it was for one time");
    drop(slow);
    let _slow = half_a_request(service.port);
    signal(service.pid(), "HUP");
    eventually("it waits", || (status(&world)["draining"] == true).then_some(()));
    signal(service.pid(), "HUP");
    signal(service.pid(), "TERM");
    assert!(service.ended().success(), "{}", service.log());
}

#[test]
fn an_app_that_dies_five_times_after_a_switch_ends_the_service_with_70() {
    let world = World::new();
    light::publish(&world, &["1.0.0"], "[ \"$1\" != serve ] || exit 3");
    world.run(&["install", "--yes", "--service", "supervise"]).expect(0);
    let port = settings(&world, "");
    let mut command = world.command(world.offgrid());
    command.args(["self", "service", "run"]);
    let mut service = Service::of(&world, port, command);
    eventually("a first start has failed", || {
        service.log().contains("exit status: 3").then_some(())
    });
    // Who knocks meanwhile waits, and is told at the end.
    assert_eq!(service.ended().code(), Some(70), "{}", service.log());
    assert_eq!(service.log().matches("ended by itself: exit status: 3").count(), 5);
    assert!(service.log().contains("offgrid rollback"), "{}", service.log());
}

#[test]
fn sockets_of_a_service_manager_are_the_front_door() {
    let activate = Path::new("/usr/bin/systemd-socket-activate");
    if !activate.exists() {
        return eprintln!("skipped: no {}", activate.display());
    }
    let world = World::new();
    world.run(&["install", "--yes", "--service", "supervise"]).expect(0);
    let port = free_port();
    let mut command = world.command(activate);
    command.args(["-l", &format!("127.0.0.1:{port}"), "--fdname=offgrid-llm.socket"]);
    for name in ["HOME", "OFFGRID_SETUP_SCOPE"] {
        command.args(["-E", name]);
    }
    command.arg(world.offgrid()).args(["self", "service", "run"]);
    let mut service = Service::of(&world, port, command);
    // The first client starts it, and is answered.
    eventually("it listens", || service.log().contains("Listening on").then_some(()));
    assert_eq!(service.get("/livez").as_deref(), Some("ok"), "{}", service.log());
    assert_eq!(status(&world)["port"], port);
    world.offgrid_run(&["self", "service", "stop"]).expect(0);
    assert!(service.ended().success(), "{}", service.log());
}

#[test]
fn where_namespaces_are_refused_the_app_runs_and_status_says_what_does_not_hold() {
    let world = World::new();
    world.run(&["install", "--yes", "--service", "supervise"]).expect(0);
    let port = settings(&world, "");
    let offgrid = world.offgrid();
    // The limits are those of a user namespace of its own.
    let script = "set -e; ip link set lo up; for kind in user net pid mnt; do \
                  echo 0 >/proc/sys/user/max_${kind}_namespaces; done; exec \"$@\"";
    let mut command = world.command("unshare");
    command.args(["-rn", "sh", "-c", script, "sh", text(&offgrid), "self", "service", "run"]);
    let mut service = Service::of(&world, port, command);
    let started = eventually("it starts or not", || {
        (service.log().contains("answers") || service.has_ended()).then(|| !service.has_ended())
    });
    if !started {
        return eprintln!("skipped: no namespaces here: {}", service.log());
    }
    let log = service.log();
    assert_eq!(log.matches("does not let the app have a network").count(), 1, "{log}");
    assert_eq!(log.matches("does not let the app have processes").count(), 1, "{log}");
    assert_eq!(status(&world)["confined"], serde_json::json!([]));
    world.offgrid_run(&["self", "service", "stop"]).expect(0);
    assert!(service.ended().success(), "{}", service.log());
}
