//! A disk that is really full: the home is a small tmpfs of its own.

use e2e::room::Room;
use e2e::world::finish;
use e2e::{Outcome, Snapshot, World};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

const MIB: u64 = 1 << 20;

/// Lets the test end where no small disk can be made, and says why.
macro_rules! room {
    ($world:expr, $options:expr) => {
        match Room::over($world, $options) {
            Ok(room) => room,
            Err(why) => {
                eprintln!("skipped: no small disk here: {why}");
                return;
            }
        }
    };
}

fn run(room: &Room, world: &World, words: &[&str]) -> Outcome {
    let mut command = room.command(world, world.setup());
    command.args(words);
    finish(command)
}

/// Exit 9 and nothing left, or a complete installation that goes without a trace.
fn whole_or_nothing(room: &Room, world: &World, before: &Snapshot, what: &str) -> bool {
    let outcome = run(room, world, &["install", "--yes"]);
    if outcome.code == 0 {
        run(room, world, &["verify"]).expect(0);
        run(room, world, &["uninstall", "--yes"]).expect(0);
        before.assert_same(&room.snapshot(&[]));
        return true;
    }
    let differences = before.differences(&room.snapshot(&[]));
    assert!(differences.is_empty(), "{what}: {differences:#?} is left of {outcome:?}");
    outcome.expect_error(9, "E_NOSPACE");
    false
}

#[test]
fn a_disk_that_is_too_small_is_said_before_anything_is_written() {
    let world = World::new();
    let room = room!(&world, "size=4m,mode=755");
    let before = room.snapshot(&[]);
    let outcome = run(&room, &world, &["install", "--yes", "--json"]);
    outcome.expect_error(9, "E_NOSPACE").says("free");
    before.assert_same(&room.snapshot(&[]));
}

#[test]
fn every_size_of_a_disk_means_a_whole_installation_or_none() {
    let world = World::new();
    let mut ended = Vec::new();
    // From "not even the state" to "more than enough".
    for kib in [4, 16, 64, 256, 2048, 12_000, 24_000, 30_000, 40_000, 50_000, 60_000, 90_000] {
        let room = room!(&world, &format!("size={kib}k,mode=755"));
        let before = room.snapshot(&[]);
        ended.push(whole_or_nothing(&room, &world, &before, &format!("{kib} KiB")));
    }
    assert_eq!((ended.first(), ended.last()), (Some(&false), Some(&true)), "{ended:?}");
}

#[test]
fn a_disk_without_room_for_another_name_means_none() {
    let world = World::new();
    for inodes in [2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 28, 36] {
        let room = room!(&world, &format!("size=90m,nr_inodes={inodes},mode=755"));
        let before = room.snapshot(&[]);
        whole_or_nothing(&room, &world, &before, &format!("{inodes} inodes"));
    }
}

#[test]
fn an_update_on_a_disk_that_is_nearly_full_leaves_the_old_release() {
    let world = World::new();
    let room = room!(&world, "size=120m,mode=755");
    let first = room.snapshot(&[]);
    run(&room, &world, &["install", "--yes"]).expect(0);
    world.publish_newer();
    for left in [8 * MIB, MIB, 64 * 1024, 0] {
        let filler = room.home().join("filler");
        fill(&room, &filler, left);
        let without =
            [".local/share/offgrid/state/lock", ".local/share/offgrid/state/trust.json", "filler"];
        let before = room.snapshot(&without);
        run(&room, &world, &["update", "--yes"]).expect_error(9, "E_NOSPACE");
        before.assert_same(&room.snapshot(&without));
        run(&room, &world, &["verify"]).expect(0);
        let mut app = room.command(&world, world.offgrid());
        app.arg("version");
        finish(app).expect(0).says("0.2.11");
        fs::remove_file(&filler).unwrap();
    }
    run(&room, &world, &["update", "--yes"]).expect(0);
    run(&room, &world, &["verify"]).expect(0);
    run(&room, &world, &["uninstall", "--yes"]).expect(0);
    first.assert_same(&room.snapshot(&[]));
}

#[test]
fn going_back_and_going_away_need_room_for_the_journal_alone() {
    let world = World::new();
    let room = room!(&world, "size=120m,mode=755");
    let first = room.snapshot(&[]);
    run(&room, &world, &["install", "--yes"]).expect(0);
    world.publish_newer();
    run(&room, &world, &["update", "--yes"]).expect(0);
    let filler = room.home().join("filler");
    fill(&room, &filler, 0);
    let before = room.snapshot(&["filler", ".local/share/offgrid/state/lock"]);
    for word in ["rollback", "uninstall"] {
        run(&room, &world, &[word, "--yes"]).expect_error(9, "E_NOSPACE").says("make room");
        before.assert_same(&room.snapshot(&["filler", ".local/share/offgrid/state/lock"]));
    }
    fs::remove_file(&filler).unwrap();
    fill(&room, &filler, MIB);
    run(&room, &world, &["rollback", "--yes"]).expect(0);
    run(&room, &world, &["uninstall", "--yes"]).expect(0);
    fs::remove_file(&filler).unwrap();
    first.assert_same(&room.snapshot(&[]));
}

/// Writes zeros until so many bytes are left.
fn fill(room: &Room, filler: &Path, left: u64) {
    let size = usize::try_from(room.free().saturating_sub(left)).unwrap();
    // The last page may not be had.
    match fs::write(filler, vec![0; size]) {
        Err(error) if error.kind() != ErrorKind::StorageFull => panic!("{error}"),
        _ => {}
    }
    assert!(room.free() <= left, "{} bytes are free", room.free());
}

#[test]
fn streams_that_are_closed_or_full_do_not_stop_an_install() {
    for redirect in [">&-", "2>&-", ">&- 2>&- <&-", ">/dev/full 2>/dev/full"] {
        for words in ["install --yes", "install --yes --json"] {
            let world = World::new();
            let before = world.snapshot();
            let mut command = world.command("sh");
            let line = format!("exec \"$0\" {words} {redirect}");
            command.env("OFFGRID_SETUP_SOURCE", world.depot()).arg("-c").arg(line);
            command.arg(world.setup());
            finish(command).expect(0);
            world.run(&["verify"]).expect(0);
            world.run(&["uninstall", "--yes"]).expect(0);
            before.assert_same(&world.snapshot());
        }
    }
}
