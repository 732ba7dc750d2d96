//! Sources that give nothing: each ends with exit 4 and a word of help, and a
//! fresh home is as it was.

use e2e::{Forge, Lie, Origin, World};
use std::net::TcpListener;

/// An address where nobody listens.
pub(super) fn dead() -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}/")
}

#[track_caller]
fn fails(world: &World, source: &str, error: &str, words: &str) {
    let before = world.snapshot();
    world.run_from(source, &["install", "--yes", "--json"]).expect_error(4, error).says(words);
    before.assert_same(&world.snapshot());
}

#[test]
fn a_source_that_cannot_be_reached_is_explained() {
    let world = World::new();
    fails(&world, &dead(), "E_UNREACHABLE", "check the network");
    fails(&world, "http://no-such-host.invalid/", "E_UNREACHABLE", "is this machine online?");
}

#[test]
fn answers_that_are_not_the_file_are_explained() {
    let world = World::new();
    let origin = Origin::of(&world.depot());
    let loops = Lie::Redirect(origin.url());
    let rows = [
        (Lie::Status(404), "is this the address of a depot?"),
        (Lie::Status(500), "500"),
        (Lie::Status(503), "503"),
        (Lie::Status(407), "407"),
        (Lie::Page, "log in"),
        (loops, "in circles"),
        (Lie::Redirect("file:///etc/passwd".into()), "led to an address"),
    ];
    for (lie, words) in rows {
        origin.repent().lie("", lie);
        fails(&world, &origin.url(), "E_HTTP", words);
    }
}

#[test]
fn documents_that_are_cut_off_are_a_broken_connection() {
    let world = World::new();
    let origin = Origin::of(&world.depot());
    let channel = Forge::of(&world.depot()).newest_channel();
    for path in ["head.json", &channel] {
        for lie in [Lie::Truncate(0), Lie::Truncate(100), Lie::Length(9999)] {
            origin.repent().lie(path, lie);
            fails(&world, &origin.url(), "E_UNREACHABLE", "broke");
        }
    }
    // A length that is too short gives other bytes, and nobody signed those.
    let before = world.snapshot();
    origin.repent().lie("head.json", Lie::Length(100));
    let outcome = world.run_from(&origin.url(), &["install", "--yes", "--json"]);
    outcome.expect_error(5, "E_SIG_THRESHOLD");
    before.assert_same(&world.snapshot());
}

#[test]
fn a_source_that_stalls_is_left_and_another_one_is_asked() {
    // The only test that waits for the 30 seconds of silence; all at once.
    let slow = [("head.json", Lie::Stall(10)), ("head.json", Lie::Headers)];
    std::thread::scope(|scope| {
        for (path, lie) in slow {
            scope.spawn(move || {
                let world = World::new();
                let origin = Origin::of(&world.depot());
                origin.lie(path, lie);
                fails(&world, &origin.url(), "E_STALL", "stopped answering");
            });
        }
        scope.spawn(|| {
            let world = World::new();
            let (slow, good) = (Origin::of(&world.depot()), Origin::of(&world.depot()));
            slow.lie_times("head.json", Lie::Stall(10), 1);
            let both = format!("{},{}", slow.url(), good.url());
            world.run_from(&both, &["install", "--yes"]).expect(0);
        });
    });
}

#[test]
fn a_blob_that_never_arrives_whole_keeps_what_came() {
    let world = World::new();
    let origin = Origin::of(&world.depot());
    let engine = Forge::of(&world.depot()).blob_of("llama-cpu", "llama-server");
    origin.lie(&engine, Lie::Truncate(1 << 20));
    let before = world.snapshot();
    let outcome = world.run_from(&origin.url(), &["install", "--yes", "--json"]);
    outcome.expect_error(4, "E_UNREACHABLE").says("what was downloaded is kept");
    let kept =
        world.prefix().join("blobs").join(format!("{}.part", &engine["blob/sha256/".len()..]));
    assert_eq!(kept.metadata().unwrap().len(), 1 << 20);
    // The same command again pays for the rest alone; uninstall leaves nothing.
    let sent = origin.repent().sent_of(&engine);
    world.run_from(&origin.url(), &["install", "--yes"]).expect(0);
    let size = world.depot().join(&engine).metadata().unwrap().len();
    assert_eq!(origin.sent_of(&engine) - sent, size - (1 << 20));
    world.offgrid_run(&["uninstall", "--yes"]).expect(0);
    before.assert_same(&world.snapshot());
}

#[test]
fn limits_of_the_user_hold() {
    let world = World::new();
    let origin = Origin::of(&world.depot());
    fails_with(&world, &origin.url(), &["--offline"], 4, "E_UNREACHABLE");
    assert!(origin.seen().is_empty(), "offline means offline");
    fails_with(&world, &origin.url(), &["--max-download", "1M"], 2, "E_NEEDS_CONSENT");
    assert!(origin.seen().iter().all(|seen| seen.sent < 100_000), "refused before the first blob");
    let words = ["install", "--yes", "--limit-rate", "100M", "--max-download", "100M"];
    world.run_from(&origin.url(), &words).expect(0);
    let kit = world.run(&["update", "--yes", "--offline"]);
    kit.expect(0).says("nothing newer");
}

fn fails_with(world: &World, source: &str, more: &[&str], code: i32, error: &str) {
    let before = world.snapshot();
    let words = [&["install", "--yes", "--json"], more].concat();
    world.run_from(source, &words).expect_error(code, error);
    before.assert_same(&world.snapshot());
}
