//! A disk that is really full: the home is a small tmpfs of its own. Sizes go up in
//! steps of 64 KiB; by default a sample of them is tried, every one with
//! `E2E_FULL=1`. `E2E_SEED=N` takes another sample.

use e2e::chance::Chance;
use e2e::cut;
use e2e::room::Room;
use e2e::world::finish;
use e2e::{Outcome, Snapshot, World, base};
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

const MIB: u64 = 1 << 20;
/// One step.
const STEP: u64 = 64 * 1024;
/// What a failed command may leave another, or not have again: who held the lock,
/// what was learned, and the room that is kept for a full disk.
const LOOSE: [&str; 4] = [
    "filler",
    ".local/share/offgrid/state/lock",
    ".local/share/offgrid/state/trust.json",
    ".local/share/offgrid/state/reserve",
];

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

/// Sizes in bytes from `from` to `to`: so many, spread over all steps, and always
/// the first and the last; or every step.
fn steps(from: u64, to: u64, count: u64) -> Vec<u64> {
    let (from, to) = (from / STEP, to / STEP);
    let seed = std::env::var("E2E_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut chance = Chance::new(seed);
    let piece = ((to - from) / count).max(1);
    let mut one = |at: u64| from + at * piece + chance.below(piece as usize) as u64;
    let steps: BTreeSet<u64> = match std::env::var_os("E2E_FULL") {
        Some(_) => (from..=to).collect(),
        None => (0..count).map(&mut one).chain([from, to]).collect(),
    };
    eprintln!("{} of {} sizes are tried; E2E_SEED={seed}", steps.len(), to - from + 1);
    steps.into_iter().map(|step| step * STEP).collect()
}

/// Exit 9. `known`: by the sizes that are in the plan, before it was begun.
fn no_space(outcome: Outcome, known: bool) {
    let outcome = outcome.expect_error(9, "E_NOSPACE");
    let begun = outcome.events().iter().any(|event| event["event"] == "began");
    assert!(!known || !begun, "it was begun, although it could not fit: {outcome:?}");
}

/// Exit 9 and nothing left, or a complete installation that goes without a trace.
fn whole_or_nothing(room: &Room, world: &World, before: &Snapshot, what: &str) -> bool {
    let free = room.free();
    let outcome = run(room, world, &["install", "--yes", "--json"]);
    if outcome.code == 0 {
        run(room, world, &["verify"]).expect(0);
        run(room, world, &["uninstall", "--yes"]).expect(0);
        before.assert_same(&room.snapshot(&[]));
        return true;
    }
    let differences = before.differences(&room.snapshot(&[]));
    assert!(differences.is_empty(), "{what}: {differences:#?} is left of {outcome:?}");
    no_space(outcome, free < 40 * MIB);
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
    // From "not even the state" to more than enough; the program itself is large here.
    let program = world.setup().metadata().unwrap().len();
    let (small, enough) = (program + 24 * MIB, program + 32 * MIB);
    let sizes = [steps(0, small, 8), steps(small, enough, 10)].concat();
    for size in sizes.into_iter().map(|size| size.max(4096)) {
        let room = room!(&world, &format!("size={size},mode=755"));
        let before = room.snapshot(&[]);
        ended.push(whole_or_nothing(&room, &world, &before, &format!("{size} bytes")));
    }
    assert_eq!((ended.first(), ended.last()), (Some(&false), Some(&true)), "{ended:?}");
    assert!(ended.is_sorted(), "more room was not enough where less was: {ended:?}");
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
    let before = room.snapshot(&LOOSE);
    let filler = room.home().join("filler");
    let mut ended = Vec::new();
    for left in [steps(0, 18 * MIB, 6), steps(18 * MIB, 21 * MIB, 8)].concat() {
        fill(&room, &filler, left);
        let outcome = run(&room, &world, &["update", "--yes", "--json"]);
        fs::remove_file(&filler).unwrap();
        ended.push(outcome.code == 0);
        if outcome.code == 0 {
            break;
        }
        before.assert_same(&room.snapshot(&LOOSE));
        no_space(outcome, left < 18 * MIB);
    }
    assert_eq!((ended.first(), ended.last()), (Some(&false), Some(&true)), "{ended:?}");
    run(&room, &world, &["verify"]).expect(0);
    let mut app = room.command(&world, world.offgrid());
    app.arg("version");
    finish(app).expect(0).says("0.2.12");
    run(&room, &world, &["uninstall", "--yes"]).expect(0);
    first.assert_same(&room.snapshot(&[]));
}

#[test]
fn an_update_of_the_program_on_a_disk_that_is_nearly_full_leaves_the_old_one() {
    let world = World::new();
    let new = crate::renew::newer(&world);
    crate::renew::bring(&world.depot(), &new);
    let room = room!(&world, "size=260m,mode=755");
    run(&room, &world, &["install", "--yes", "--no-self-update"]).expect(0);
    let before = room.snapshot(&LOOSE);
    let filler = room.home().join("filler");
    let (mut ended, size) = (Vec::new(), new.len() as u64);
    for left in [steps(0, 4 * size, 5), steps(4 * size, 5 * size + 2 * MIB, 5)].concat() {
        fill(&room, &filler, left);
        let mut update = room.command(&world, world.offgrid());
        update.args(["update", "--yes", "--json"]);
        let outcome = finish(update);
        fs::remove_file(&filler).unwrap();
        ended.push(outcome.code == 0);
        if outcome.code == 0 {
            break;
        }
        before.assert_same(&room.snapshot(&LOOSE));
        no_space(outcome, left < 4 * size);
    }
    assert_eq!((ended.first(), ended.last()), (Some(&false), Some(&true)), "{ended:?}");
    let installed = room.home().join(".local/share/offgrid/bin/offgrid");
    assert_eq!(fs::read(installed).unwrap(), new);
    run(&room, &world, &["verify"]).expect(0);
}

#[test]
fn going_back_needs_no_room_at_all() {
    let world = World::new();
    let room = room!(&world, "size=120m,mode=755");
    run(&room, &world, &["install", "--yes"]).expect(0);
    world.publish_newer();
    run(&room, &world, &["update", "--yes"]).expect(0);
    let filler = room.home().join("filler");
    // Enough to begin with, and then not for the receipt: less than a step.
    let little = [4, 8, 12, 16, 20, 28, 40].map(|kib| kib * 1024);
    for left in [steps(0, MIB / 2, 4), little.to_vec()].concat() {
        fill(&room, &filler, left);
        run(&room, &world, &["rollback", "--yes"]).expect(0);
        run(&room, &world, &["verify"]).expect(0);
        fs::remove_file(&filler).unwrap();
        // Which takes the room for the next time, too.
        run(&room, &world, &["update", "--yes"]).expect(0);
    }
}

#[test]
fn going_away_needs_no_room_at_all() {
    let world = World::new();
    let first = world.snapshot();
    world.install();
    world.publish_newer();
    world.run(&["update", "--yes"]).expect(0);
    for left in steps(0, MIB / 2, 4) {
        let room = room!(&world, "size=120m,mode=755");
        bring(&world, &room);
        let filler = room.home().join("filler");
        fill(&room, &filler, left);
        run(&room, &world, &["uninstall", "--yes"]).expect(0);
        fs::remove_file(&filler).unwrap();
        first.assert_same(&room.snapshot(&[".local/share/offgrid/state/lock"]));
    }
}

#[test]
fn a_run_that_was_cut_off_is_taken_back_on_a_full_disk() {
    if let Some(why) = cut::why_not() {
        eprintln!("skipped: no run can be cut off here: {why}");
        return;
    }
    let world = World::new();
    world.install();
    world.publish_newer();
    let before = world.snapshot_but(&["state/trust.json", "state/reserve"]);
    let saved = world.path("saved");
    base::copy_tree(&world.home(), &saved);
    let update = || {
        let mut update = world.command(world.setup());
        update.env("OFFGRID_SETUP_SOURCE", world.depot()).args(["update", "--yes"]);
        update
    };
    let (outcome, points) = cut::points(&update(), &world.path("trace"));
    outcome.expect(0);
    for at in 1..6 {
        fs::remove_dir_all(world.home()).unwrap();
        base::copy_tree(&saved, &world.home());
        let cut = cut::cut(&update(), &points[at * points.len() / 6]);
        let room = room!(&world, "size=120m,mode=755");
        bring(&world, &room);
        fill(&room, &room.home().join("filler"), 0);
        let words = ["repair", "--back", "--yes", "--json"];
        let outcome = run(&room, &world, &words).expect(0);
        let now = room.snapshot(&LOOSE);
        let differences = before.differences(&now);
        // The one that was over is finished; one that never came to its point is, too.
        let moved = cut.code == 0
            || outcome.ended().is_some_and(|ended| ended.to_string().contains("0.2.0"));
        assert!(moved || differences.is_empty(), "{}: {differences:#?}", points[at]);
        run(&room, &world, &["verify"]).expect(0);
    }
}

/// Puts the home of the world onto its small disk, on which it has the same path.
fn bring(world: &World, room: &Room) {
    for entry in fs::read_dir(world.home()).unwrap() {
        base::copy_tree(&entry.unwrap().path(), &room.home());
    }
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
