//! Downloads that were cut off, and leftovers that are not what they seem.

use e2e::{Forge, Lie, Origin, World};
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

fn engine(world: &World) -> (String, u64) {
    let path = Forge::of(&world.depot()).blob_of("llama-cpu", "llama-server");
    let size = world.depot().join(&path).metadata().unwrap().len();
    (path, size)
}

#[test]
fn a_connection_that_breaks_again_and_again_is_resumed() {
    let world = World::new();
    let (engine, size) = engine(&world);
    let origin = Origin::of(&world.depot());
    origin.lie_times(&engine, Lie::Cut(size / 3), 2);
    world.run_from(&origin.url(), &["install", "--yes"]).expect(0);
    let seen = origin.seen_of(&engine);
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert!(seen[1].range.is_some() && seen[2].range.is_some(), "{seen:?}");
    let sent = origin.sent_of(&engine);
    assert!(sent * 5 < size * 6, "{sent} bytes for {size}");
    world.offgrid_run(&["self", "verify"]).expect(0);
}

#[test]
fn an_install_that_was_killed_goes_on_where_it_was() {
    let world = World::new();
    let (engine, size) = engine(&world);
    let origin = Origin::of(&world.depot());
    origin.lie(&engine, Lie::Stall(size / 2));
    let mut command = world.command(world.setup());
    command.env("OFFGRID_SETUP_SOURCE", origin.url()).args(["install", "--yes"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let part = part_of(&world, &engine);
    let until = Instant::now() + Duration::from_secs(60);
    while part.metadata().map_or(0, |meta| meta.len()) < size / 2 {
        assert!(Instant::now() < until, "the download never got to its half");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    origin.repent();
    world.run_from(&origin.url(), &["install", "--yes"]).expect(0);
    let seen = origin.seen_of(&engine);
    assert_eq!(seen.last().unwrap().range, Some(format!("bytes={}-", size / 2)));
    assert_eq!(origin.sent_of(&engine), size);
    world.offgrid_run(&["self", "verify"]).expect(0);
}

fn part_of(world: &World, blob: &str) -> PathBuf {
    let digest = blob.rsplit('/').next().unwrap();
    world.prefix().join("blobs").join(format!("{digest}.part"))
}

/// What lies in `blobs/` before an update, and what the server does.
struct Row {
    what: &'static str,
    /// From the right bytes to those on disk.
    left: fn(&[u8]) -> Vec<u8>,
    finished: bool,
    lie: Option<Lie>,
    /// How many bytes may be sent, in percent of the blob.
    percent: u64,
}

const fn row(what: &'static str, left: fn(&[u8]) -> Vec<u8>) -> Row {
    Row { what, left, finished: false, lie: None, percent: 100 }
}

fn half(bytes: &[u8]) -> Vec<u8> {
    bytes[..bytes.len() / 2].to_vec()
}

fn poisoned(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = half(bytes);
    bytes[1000] ^= 1;
    bytes
}

fn rows() -> Vec<Row> {
    vec![
        Row { percent: 51, ..row("half", half) },
        Row { percent: 0, ..row("all, unfinished", <[u8]>::to_vec) },
        Row { percent: 0, finished: true, ..row("all", <[u8]>::to_vec) },
        Row { lie: Some(Lie::IgnoreRange), ..row("half, ranges ignored", half) },
        Row { lie: Some(Lie::Chunked), ..row("half, in chunks", half) },
        Row { lie: Some(Lie::WrongRange), percent: 200, ..row("half, a wrong range", half) },
        Row { lie: Some(Lie::NoRange), ..row("half, 416", half) },
        Row { percent: 151, ..row("a poisoned half", poisoned) },
        row("as many other bytes", |bytes| vec![7; bytes.len()]),
        row("more bytes", |bytes| [bytes, &[7; 99]].concat()),
        Row { percent: 200, ..row("garbage", |_| b"garbage".repeat(1000)) },
        Row { finished: true, ..row("other bytes, finished", |bytes| vec![7; bytes.len()]) },
        Row { finished: true, percent: 200, ..row("one byte, finished", |_| vec![7]) },
    ]
}

#[test]
fn leftovers_of_downloads_are_used_when_right_and_replaced_when_wrong() {
    for row in rows() {
        let world = World::new();
        world.install();
        world.publish_newer();
        let mut forge = Forge::of(&world.depot());
        forge.new_app();
        let app = forge.blob_of("app", "offgrid");
        let bytes = fs::read(world.depot().join(&app)).unwrap();
        let part = part_of(&world, &app);
        let at = if row.finished { part.with_extension("") } else { part };
        fs::write(at, (row.left)(&bytes)).unwrap();
        let origin = Origin::of(&world.depot());
        if let Some(lie) = &row.lie {
            origin.lie(&app, lie.clone());
        }
        world.run_from(&origin.url(), &["update", "--yes"]).expect(0).says("0.2.0 is live");
        let (sent, size) = (origin.sent_of(&app), bytes.len() as u64);
        assert!(sent * 100 <= size * row.percent, "{}: {sent} bytes of {size}", row.what);
        world.offgrid_run(&["self", "verify"]).expect(0);
        let left = fs::read_dir(world.prefix().join("blobs")).unwrap().count();
        assert_eq!(left, 0, "{}: downloads are left", row.what);
    }
}

#[test]
fn a_partial_download_is_never_followed_through_a_link() {
    let world = World::new();
    world.install();
    world.publish_newer();
    let mut forge = Forge::of(&world.depot());
    forge.new_app();
    let part = part_of(&world, &forge.blob_of("app", "offgrid"));
    let victim = world.home().join("a file of the user's");
    std::os::unix::fs::symlink(&victim, part).unwrap();
    world.run(&["update", "--yes"]).expect(0);
    assert_eq!(fs::read_to_string(victim).unwrap(), "untouched\n");
}
