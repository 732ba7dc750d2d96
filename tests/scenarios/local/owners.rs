//! L9: an installation for everybody lies where nobody but root may write, and
//! one of a user is that user's alone.

use super::ground;
use crate::rights::{self, NOBODY};
use e2e::base::{copy_tree, set_mode};
use e2e::world::finish;
use e2e::{Outcome, Snapshot, World};
use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::path::Path;
use std::process::Command;

/// For everybody, from the depot of this world.
fn system(world: &World, word: &str, prefix: &Path) -> Outcome {
    let mut command = world.command(world.setup());
    command.env_remove("OFFGRID_SETUP_SCOPE").env("OFFGRID_SETUP_SOURCE", world.depot());
    command.args([word, "--yes", "--json", "--system", "--prefix"]).arg(prefix);
    finish(command)
}

#[test]
fn l09_a_place_for_everybody_that_others_may_write_to_is_refused() {
    let (world, Some(ground)) = (World::new(), ground()) else { return };
    let rows: [(&str, u32, Option<u32>, Option<u32>); 5] = [
        ("a group", 0o775, None, Some(NOBODY)),
        ("everybody", 0o777, None, None),
        ("everybody, as in /tmp", 0o1777, None, None),
        ("a group, as in /tmp", 0o1775, None, Some(NOBODY)),
        ("its owner", 0o755, Some(NOBODY), None),
    ];
    for (who, mode, owner, group) in rows {
        // The prefix itself, the folder above it, and one further up.
        for below in ["", "offgrid", "a/b/offgrid"] {
            let open = ground.path().join("open");
            let prefix = open.join(below);
            fs::create_dir_all(prefix.join("state")).unwrap();
            fs::write(prefix.join("state/receipt.json"), "{\"schema\": 99}").unwrap();
            set_mode(&open, mode);
            chown(&open, owner, group).unwrap();
            let before = Snapshot::of(ground.path(), &[]);
            for word in ["install", "update", "status", "uninstall"] {
                let outcome = system(&world, word, &prefix);
                assert!(!Path::new("/usr/local/bin/offgrid").exists());
                if word == "status" {
                    outcome.expect(8).says("open");
                } else {
                    let outcome = outcome.expect_error(8, "E_PERM").says(open.to_str().unwrap());
                    outcome.says("--prefix DIR");
                }
                let same = before.differences(&Snapshot::of(ground.path(), &[]));
                assert!(same.is_empty(), "{who}, {below}, {word}: {same:?}");
            }
            chown(&open, Some(0), Some(0)).unwrap();
            fs::remove_dir_all(&open).unwrap();
        }
    }
}

#[test]
fn l09_a_link_to_a_place_that_others_may_write_to_is_refused() {
    let (world, Some(ground)) = (World::new(), ground()) else { return };
    let open = ground.path().join("open");
    fs::create_dir_all(open.join("inner")).unwrap();
    set_mode(&open, 0o777);
    let link = ground.path().join("link");
    symlink(open.join("inner"), &link).unwrap();
    let before = Snapshot::of(ground.path(), &[]);
    for prefix in [link.clone(), link.join("offgrid")] {
        let outcome = system(&world, "install", &prefix).expect_error(8, "E_PERM");
        outcome.says("leads to").says("may be written to by everybody");
        before.assert_same(&Snapshot::of(ground.path(), &[]));
    }
}

#[test]
fn l09_who_is_not_root_installs_for_everybody_nowhere() {
    let Some(world) = rights::world() else { return };
    let before = rights::all(&world);
    let prefix = world.home().join("everybody");
    let words = ["install", "--yes", "--json", "--system", "--prefix", prefix.to_str().unwrap()];
    rights::run(&world, &words).expect_error(8, "E_PERM").says("sudo");
    before.assert_same(&rights::all(&world));
}

#[test]
fn l09_not_a_word_is_read_of_a_prefix_of_another() {
    let Some(world) = rights::world() else { return };
    rights::run(&world, &["install", "--yes"]).expect(0);
    // Whoever opens this waits for ever.
    let receipt = world.prefix().join("state/receipt.json");
    fs::remove_file(&receipt).unwrap();
    assert!(Command::new("mkfifo").arg(&receipt).status().unwrap().success());
    chown(&receipt, Some(NOBODY), Some(NOBODY)).unwrap();
    let before: Vec<_> = listed(&world);
    // Root, by that user's program: the prefix is found by where the program lies.
    for word in ["update", "rollback", "repair", "uninstall"] {
        let mut command = world.command(world.prefix().join("bin/offgrid"));
        command.env_remove("OFFGRID_SETUP_SCOPE").args([word, "--yes", "--json"]);
        let outcome = finish(command).expect_error(8, "E_PERM");
        outcome.says("without sudo").says("belongs to user 65534");
        assert_eq!(listed(&world), before);
    }
}

/// Every path in the home; a snapshot would open the pipe.
fn listed(world: &World) -> Vec<String> {
    let output = Command::new("find").arg(world.home()).output().unwrap();
    let mut lines: Vec<String> =
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn l09_nothing_of_a_user_reaches_an_installation_for_everybody() {
    // A whole staged slot that a user offers is not taken: what is not in our own
    // staging does not count, and that is made anew.
    let world = World::new();
    world.install();
    let staged = world.prefix().join("state/staging/0.2.0+evil");
    copy_tree(&world.prefix().join("versions"), &world.path("copy"));
    fs::create_dir_all(&staged).unwrap();
    fs::write(staged.join("evil"), "evil").unwrap();
    world.publish_newer();
    world.offgrid_run(&["update", "--yes"]).expect(0);
    assert!(!world.prefix().join("state/staging").exists());
    world.offgrid_run(&["self", "verify"]).expect(0);
}
