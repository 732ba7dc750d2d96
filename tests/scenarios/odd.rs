//! File systems that lack something, and names that somebody may have given: a
//! command succeeds, or says with the right error what is in its way before
//! anything has changed. What cannot be mounted here is said so.

use e2e::room::Room;
use e2e::world::finish;
use e2e::{Outcome, Snapshot, World, base, cut};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Lets the test end where something cannot be mounted, and says why.
macro_rules! mounted {
    ($room:expr) => {
        match $room {
            Ok(room) => room,
            Err(why) => {
                eprintln!("skipped: this cannot be mounted here: {why}");
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

/// A whole life: every command that changes something, and nothing left of it.
fn lives(room: &Room, world: &World) {
    let first = room.snapshot(&[]);
    run(room, world, &["install", "--yes", "--model", "tiny"]).expect(0);
    world.publish_newer();
    run(room, world, &["update", "--yes"]).expect(0);
    run(room, world, &["verify"]).expect(0);
    let mut app = room.command(world, world.offgrid());
    app.arg("version");
    finish(app).expect(0).says("0.2.12");
    run(room, world, &["rollback", "--yes"]).expect(0);
    run(room, world, &["verify"]).expect(0);
    run(room, world, &["uninstall", "--yes", "--purge"]).expect(0);
    first.assert_same(&room.snapshot(&[]));
}

#[test]
fn a_disk_that_can_only_be_read_still_runs_and_refuses_what_would_change_it() {
    let world = World::new();
    let room = mounted!(Room::over(&world, "size=120m,mode=755"));
    let empty = room.snapshot(&[]);
    let remount = |how: &str| {
        let mut mount = room.command(&world, "mount");
        mount.args(["-o", &format!("remount,{how}")]).arg(world.home());
        finish(mount).expect(0);
    };
    remount("ro");
    run(&room, &world, &["install", "--yes", "--json"]).expect_error(8, "E_PERM");
    empty.assert_same(&room.snapshot(&[]));
    remount("rw");
    run(&room, &world, &["install", "--yes"]).expect(0);
    world.publish_newer();
    run(&room, &world, &["update", "--yes"]).expect(0);
    remount("ro");
    let before = room.snapshot(&[]);
    for word in ["update", "rollback", "uninstall", "install"] {
        run(&room, &world, &[word, "--yes", "--json"]).expect_error(8, "E_PERM").says("Read-only");
        before.assert_same(&room.snapshot(&[]));
    }
    run(&room, &world, &["verify"]).expect(0);
    run(&room, &world, &["status", "--json"]).expect(0).says("0.2.0");
    let mut app = room.command(&world, world.offgrid());
    app.arg("version");
    finish(app).expect(0).says("0.2.12");
}

#[test]
fn a_temporary_folder_from_which_nothing_may_be_started_is_no_hindrance() {
    let world = World::new();
    let script = "mount -t tmpfs -o noexec,nosuid,nodev tmpfs /tmp\n\
                  mount -t tmpfs -o nosuid,nodev,size=120m,mode=755 tmpfs \"$1\"";
    lives(&mounted!(Room::with(&world, script)), &world);
}

#[test]
fn real_file_systems_of_linux_carry_a_whole_life() {
    for (kind, size) in [("ext4", "150M"), ("xfs", "350M"), ("btrfs", "350M"), ("vfat", "150M")] {
        let world = World::new();
        let script = format!(
            "truncate -s {size} \"$2/disk\"; mkfs.{kind} -q \"$2/disk\" >&2\n\
             mount -o loop \"$2/disk\" \"$1\"; rmdir \"$1/lost+found\" || true"
        );
        match Room::of_root(&world, &script) {
            Ok(room) if kind == "vfat" => lacks_links(&room, &world),
            Ok(room) => lives(&room, &world),
            Err(why) => eprintln!("skipped: no {kind} here: {why}"),
        }
    }
}

/// Without links and modes there is no installation, and no trace of a try.
fn lacks_links(room: &Room, world: &World) {
    let before = room.snapshot(&[]);
    let outcome = run(room, world, &["install", "--yes", "--json"]);
    assert!([1, 8].contains(&outcome.code), "{outcome:?}");
    before.assert_same(&room.snapshot(&[]));
}

#[test]
fn a_folder_that_knows_no_case_carries_a_whole_life() {
    let world = World::new();
    let script = "truncate -s 150M \"$2/disk\"\n\
                  mkfs.ext4 -q -O casefold -E encoding=utf8 \"$2/disk\"\n\
                  mount -o loop \"$2/disk\" \"$2/home\"; rmdir \"$1/lost+found\"\n\
                  chattr +F \"$1\"";
    lives(&mounted!(Room::of_root(&world, script)), &world);
}

#[test]
fn downloads_and_models_on_other_disks_are_no_hindrance() {
    for at in [".local/share/offgrid/blobs", ".offgrid-llm"] {
        let world = World::new();
        let script = format!(
            "mount -t tmpfs -o size=120m,mode=755 tmpfs \"$1\"; mkdir -p \"$1/{at}\"\n\
             mount -t tmpfs -o size=60m,mode=700 tmpfs \"$1/{at}\""
        );
        lives(&mounted!(Room::with(&world, &script)), &world);
    }
}

#[test]
fn releases_or_state_on_another_disk_work_or_are_refused_without_a_trace() {
    for at in ["versions", "state"] {
        let world = World::new();
        let script = format!(
            "mount -t tmpfs -o size=120m,mode=755 tmpfs \"$1\"; p=\"$1/.local/share/offgrid\"\n\
             mkdir -p \"$p/{at}\"; mount -t tmpfs -o size=60m,mode=700 tmpfs \"$p/{at}\""
        );
        let room = mounted!(Room::with(&world, &script));
        let before = room.snapshot(&[]);
        let outcome = run(&room, &world, &["install", "--yes", "--json"]);
        if outcome.code != 0 {
            outcome.expect_error(1, "E_STATE").says("offgrid");
        } else {
            run(&room, &world, &["verify"]).expect(0);
            run(&room, &world, &["uninstall", "--yes"]).expect(0);
        }
        before.assert_same(&room.snapshot(&[]));
    }
}

#[test]
fn an_installation_in_a_lower_layer_of_an_image_is_updated_and_removed() {
    let world = World::new();
    let first = world.snapshot();
    world.install();
    world.publish_newer();
    let script = "mount -t tmpfs -o size=200m tmpfs \"$2/disk\"; mkdir \"$2/disk/up\" \"$2/disk/w\"\n\
                  mount -t overlay -o \"lowerdir=$1,upperdir=$2/disk/up,workdir=$2/disk/w\" \
                  overlay \"$1\"";
    fs::create_dir(world.path("disk")).unwrap();
    let room = mounted!(Room::of_root(&world, script));
    run(&room, &world, &["update", "--yes"]).expect(0);
    run(&room, &world, &["verify"]).expect(0);
    run(&room, &world, &["rollback", "--yes"]).expect(0);
    run(&room, &world, &["uninstall", "--yes"]).expect(0);
    first.assert_same(&room.snapshot(&[]));
}

#[test]
fn what_a_file_system_does_not_know_is_done_without_or_refused_without_a_trace() {
    if let Some(why) = cut::why_not() {
        eprintln!("skipped: no call can be refused here: {why}");
        return;
    }
    for (calls, error, exit, code) in [
        ("link,linkat", "EPERM", 0, ""),
        ("copy_file_range", "EXDEV", 0, ""),
        ("copy_file_range", "EOPNOTSUPP", 0, ""),
        ("statfs,fstatfs", "ENOSYS", 0, ""),
        ("symlink,symlinkat", "EPERM", 8, "E_PERM"),
        ("fchmod", "EPERM", 8, "E_PERM"),
        ("flock", "ENOLCK", 1, "E_STATE"),
        ("flock", "EOPNOTSUPP", 1, "E_STATE"),
    ] {
        let world = World::new();
        for word in ["install", "update"] {
            let before = world.snapshot_but(&["state/trust.json"]);
            let mut command = world.command(world.setup());
            command.env("OFFGRID_SETUP_SOURCE", world.depot()).args([word, "--yes", "--json"]);
            let outcome = cut::failing(&command, calls, error);
            assert_eq!(outcome.code, exit, "{calls} {error} {outcome:?}");
            if exit == 0 {
                world.run(&["verify"]).expect(0);
            } else {
                let named = outcome.expect_error(exit, code).says("`/");
                let differences = before.differences(&world.snapshot_but(&["state/trust.json"]));
                assert!(differences.is_empty(), "{differences:#?} {named:?}");
                if word == "install" {
                    world.install();
                }
            }
            world.publish_newer();
        }
    }
}

/// Names that a folder may have.
fn names() -> Vec<OsString> {
    let long = "n".repeat(255);
    let deep: PathBuf = std::iter::repeat_n("d".repeat(250), 14).collect();
    let plain = ["a b", "o'brien", "say \"hi\"", "a\nb", "$(touch owned)", "`touch owned`", "-rf"];
    let more = ["%s", "a\\b", "\u{1b}[2J", "#", "größe", &long, deep.to_str().unwrap()];
    let bytes = [&b"\xff\xfe"[..], b"caf\xe9"].map(|name| OsStr::from_bytes(name).to_owned());
    plain.iter().chain(&more).map(OsString::from).chain(bytes).collect()
}

/// Ended well, or was refused with a name and changed nothing.
fn well_or_refused(outcome: &Outcome, before: &Snapshot, world: &World, name: &OsStr) -> bool {
    assert!(!world.path("owned").exists() && !Path::new("owned").exists(), "{name:?}");
    if outcome.code == 0 {
        return true;
    }
    let code = outcome.ended().map(|ended| ended["error"]["code"].to_string());
    assert_eq!((outcome.code, code.as_deref()), (2, Some("\"E_USAGE\"")), "{outcome:?}");
    let differences = before.differences(&all(world));
    assert!(differences.is_empty(), "{name:?}: {differences:#?}\n{outcome:?}");
    false
}

fn all(world: &World) -> Snapshot {
    Snapshot::of(&world.path(""), &["depot", "offgrid-setup"])
}

#[test]
fn a_home_of_any_name_is_lived_in_or_refused_before_anything_changes() {
    for name in names() {
        let world = World::new();
        let home = world.path("x").join(&name);
        fs::create_dir_all(&home).unwrap();
        let first = all(&world);
        let run = |words: &[&str]| {
            let mut command = world.command(world.setup());
            command.env("OFFGRID_SETUP_SOURCE", world.depot()).env("HOME", &home).args(words);
            finish(command)
        };
        let outcome = run(&["install", "--yes", "--json"]);
        if well_or_refused(&outcome, &first, &world, &name) {
            world.publish_newer();
            for word in ["update", "status", "rollback", "verify", "uninstall"] {
                run(&[word, "--yes", "--json"]).expect(0);
            }
            first.assert_same(&all(&world));
        } else {
            let plain = name.to_str().is_some_and(|name| !name.contains(char::is_control));
            assert!(!plain, "{outcome:?}");
            eprintln!("a home called {name:?} is refused: {}", outcome.stdout.trim_end());
            assert!(!outcome.stdout.contains("\"event\":\"began\""), "{name:?} {outcome:?}");
        }
    }
}

#[test]
fn a_source_folder_of_any_name_is_read_or_refused() {
    for name in names() {
        let world = World::new();
        let depot = world.path("y").join(&name);
        fs::create_dir_all(depot.parent().unwrap()).unwrap();
        base::copy_tree(&world.depot(), &depot);
        let before = Snapshot::of(&world.home(), &[]);
        let mut command = world.command(world.setup());
        let mut flag = OsString::from("--source=");
        flag.push(&depot);
        command.args(["install", "--yes", "--json"]).arg(flag);
        let outcome = finish(command);
        if outcome.code != 0 {
            assert!([2, 4].contains(&outcome.code), "{name:?}: {outcome:?}");
            before.assert_same(&Snapshot::of(&world.home(), &[]));
            eprintln!("a source called {name:?} is refused: {}", outcome.stdout.trim_end());
        }
    }
}
