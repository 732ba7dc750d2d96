//! What this user may not do, and what others could do to this user: refused by
//! name, before anything is read or written.

use e2e::room::Room;
use e2e::world::finish;
use e2e::{Outcome, Snapshot, World, base};
use std::fs;
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::Path;
use std::process::Command;

/// Nobody.
pub(crate) const NOBODY: u32 = 65534;

/// A world that belongs to nobody, as far as a user without rights would own it.
pub(crate) fn world() -> Option<World> {
    let world = World::new();
    if world.home().metadata().unwrap().uid() != 0 {
        eprintln!("skipped: only root can act as two users");
        return None;
    }
    let tried =
        Command::new("setpriv").args(["--reuid", "65534", "--clear-groups", "true"]).status();
    if !tried.is_ok_and(|status| status.success()) {
        eprintln!("skipped: setpriv cannot make root an ordinary user here");
        return None;
    }
    base::set_mode(&world.path(""), 0o755);
    give(&world.home());
    Some(world)
}

/// Gives a tree to nobody.
pub(crate) fn give(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { give(&path) } else { chown(&path, Some(NOBODY), Some(NOBODY)).unwrap() }
    }
}

/// The bootstrapper as nobody.
pub(crate) fn run(world: &World, words: &[&str]) -> Outcome {
    let mut command = world.command("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    command.arg(world.setup()).env("OFFGRID_SETUP_SOURCE", world.depot()).args(words);
    finish(command)
}

/// Everything in the world but the depot.
pub(crate) fn all(world: &World) -> Snapshot {
    Snapshot::of(&world.path(""), &["depot"])
}

#[test]
fn an_ordinary_user_installs_and_removes_without_any_right() {
    let Some(world) = world() else { return };
    let before = all(&world);
    run(&world, &["install", "--yes"]).expect(0);
    run(&world, &["verify"]).expect(0);
    run(&world, &["uninstall", "--yes"]).expect(0);
    before.assert_same(&all(&world));
}

#[test]
fn a_home_that_may_only_be_read_is_said_so() {
    let Some(world) = world() else { return };
    base::set_mode(&world.home(), 0o555);
    let before = all(&world);
    run(&world, &["install", "--yes", "--json"]).expect_error(8, "E_PERM");
    run(&world, &["install", "--yes"]).expect(8).says("--prefix DIR");
    before.assert_same(&all(&world));
}

#[test]
fn a_models_folder_that_may_only_be_read_is_taken_back() {
    let Some(world) = world() else { return };
    let folder = world.home().join(".offgrid-llm");
    fs::create_dir(&folder).unwrap();
    give(&world.home());
    base::set_mode(&folder, 0o555);
    let before = all(&world);
    run(&world, &["install", "--yes"]).expect_error(8, "E_PERM");
    before.assert_same(&all(&world));
}

#[test]
fn a_prefix_of_somebody_else_is_refused_before_it_is_read() {
    let Some(world) = world() else { return };
    let prefix = world.path("theirs");
    fs::create_dir_all(prefix.join("state")).unwrap();
    // Whoever reads these stumbles over them.
    fs::write(prefix.join("state/receipt.json"), "{\"schema\": 99}").unwrap();
    fs::write(prefix.join("state/journal"), "no journal\n").unwrap();
    let before = all(&world);
    let at = prefix.to_str().unwrap();
    for word in ["install", "update", "status", "verify", "rollback", "repair", "uninstall"] {
        let outcome = run(&world, &[word, "--yes", "--prefix", at]).expect_error(8, "E_PERM");
        outcome.says("as root").says("belongs to user 0");
        before.assert_same(&all(&world));
    }
}

#[test]
fn root_does_not_use_the_prefix_of_an_ordinary_user() {
    let Some(world) = world() else { return };
    run(&world, &["install", "--yes"]).expect(0);
    let before = all(&world);
    for word in ["install", "update", "uninstall", "repair"] {
        let outcome = world.run(&[word, "--yes"]).expect_error(8, "E_PERM");
        outcome.says("run the command without sudo");
        before.assert_same(&all(&world));
    }
}

#[test]
fn a_prefix_under_a_folder_that_all_may_write_to_is_refused() {
    let Some(world) = world() else { return };
    let open = world.path("open");
    fs::create_dir_all(open.join("a")).unwrap();
    give(&open);
    base::set_mode(&open, 0o777);
    let before = all(&world);
    let at = open.join("a/offgrid");
    let words = ["install", "--yes", "--prefix", at.to_str().unwrap()];
    run(&world, &words).expect_error(8, "E_PERM").says("may be written to by everybody");
    before.assert_same(&all(&world));
    // As in /tmp: who may write there may still not exchange what is ours.
    base::set_mode(&open, 0o1777);
    run(&world, &words).expect(0);
}

#[test]
fn system_scope_is_root_s_alone() {
    let Some(world) = world() else { return };
    let before = all(&world);
    let outcome = run(&world, &["install", "--yes", "--system"]).expect_error(8, "E_PERM");
    outcome.says("sudo");
    before.assert_same(&all(&world));
}

#[test]
fn a_state_folder_that_leads_to_somebody_else_is_refused() {
    let Some(world) = world() else { return };
    let theirs = world.path("theirs");
    fs::create_dir(&theirs).unwrap();
    fs::create_dir_all(world.prefix()).unwrap();
    symlink(&theirs, world.prefix().join("state")).unwrap();
    give_links(&world);
    let before = all(&world);
    run(&world, &["install", "--yes"]).expect_error(8, "E_PERM").says("leads to");
    before.assert_same(&all(&world));
}

/// Gives the home to nobody, links too, but nothing that they lead to.
fn give_links(world: &World) {
    let home = world.home();
    let status = Command::new("chown").args(["-Rh", "65534:65534"]).arg(&home).status();
    assert!(status.unwrap().success());
}

#[test]
fn a_state_folder_that_leads_to_our_own_folder_is_used_and_given_back() {
    let world = World::new();
    let elsewhere = world.home().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    base::set_mode(&elsewhere, 0o700);
    fs::create_dir_all(world.prefix()).unwrap();
    symlink(&elsewhere, world.prefix().join("state")).unwrap();
    let before = world.snapshot();
    world.install();
    world.run(&["verify"]).expect(0);
    world.run(&["uninstall", "--yes"]).expect(0);
    before.assert_same(&world.snapshot());
    world.run(&["repair", "--yes"]).expect(0).says("no run was cut off");
}

#[test]
fn a_file_in_the_place_of_a_folder_is_named_and_left_alone() {
    for name in [".local", ".local/share", ".local/share/offgrid", ".offgrid-llm", ".local/bin"] {
        let world = World::new();
        let path = world.home().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "a file of the user's\n").unwrap();
        let before = world.snapshot();
        let outcome = world.run(&["install", "--yes"]).expect_error(1, "E_STATE");
        outcome.says(name);
        before.assert_same(&world.snapshot());
    }
}

#[test]
fn a_home_from_which_nothing_may_be_started_is_refused_before_the_proof() {
    let world = World::new();
    let room = match Room::over(&world, "size=120m,noexec,mode=755") {
        Ok(room) => room,
        Err(why) => {
            eprintln!("skipped: no disk with noexec here: {why}");
            return;
        }
    };
    let before = room.snapshot(&[]);
    let mut command = room.command(&world, world.setup());
    command.args(["install", "--yes", "--json"]);
    finish(command).expect_error(8, "E_PERM").says("noexec");
    before.assert_same(&room.snapshot(&[]));
}
