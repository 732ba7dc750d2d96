//! L8: something is where only this program makes things.

use super::{all, victim};
use crate::rights::NOBODY;
use e2e::World;
use e2e::base::set_mode;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown, lchown, symlink};
use std::path::Path;

/// What a prefix consists of.
const FOLDERS: [&str; 5] = ["state/staging", "state/trash", "blobs", "versions", "bin"];
const FILES: [&str; 8] = [
    "state/journal",
    "state/receipt.json",
    "state/trust.json",
    "state/made.json",
    "state/lock",
    "state/id",
    "state/schedule.json",
    "state/history.jsonl",
];

/// A prefix that an attacker began, with a receipt over which whoever reads it
/// stumbles.
fn begun() -> World {
    let world = World::new();
    fs::create_dir_all(world.prefix().join("state")).unwrap();
    set_mode(&world.prefix().join("state"), 0o700);
    fs::write(world.prefix().join("state/receipt.json"), "{\"schema\": 99}").unwrap();
    world
}

/// Every command that reads or changes a prefix is refused, names the place, and
/// changes nothing in the whole world.
#[track_caller]
fn refused(world: &World, path: &Path) {
    let before = all(world);
    for word in ["install", "update", "status", "verify", "repair", "uninstall"] {
        let outcome = world.run(&[word, "--yes"]).expect_error(8, "E_PERM");
        outcome.says(path.to_str().unwrap());
        before.assert_same(&all(world));
    }
}

#[test]
fn l08_a_link_where_a_folder_of_ours_would_be_is_refused() {
    for name in FOLDERS {
        let world = begun();
        symlink(victim(&world), world.prefix().join(name)).unwrap();
        refused(&world, &world.prefix().join(name));
    }
}

#[test]
fn l08_a_link_where_a_file_of_ours_would_be_is_refused() {
    for name in FILES {
        let world = begun();
        let path = world.prefix().join(name);
        let _ = fs::remove_file(&path);
        symlink(victim(&world).join("file"), &path).unwrap();
        refused(&world, &path);
    }
}

#[test]
fn l08_a_folder_of_ours_that_others_may_write_to_is_refused() {
    for name in FOLDERS.into_iter().chain(["state"]) {
        for mode in [0o777, 0o1777, 0o773] {
            let world = begun();
            let path = world.prefix().join(name);
            fs::create_dir_all(&path).unwrap();
            set_mode(&path, mode);
            refused(&world, &path);
        }
    }
}

#[test]
fn l08_a_folder_or_file_of_ours_that_belongs_to_another_is_refused() {
    if begun().home().metadata().unwrap().uid() != 0 {
        eprintln!("skipped: only root can give a file away");
        return;
    }
    for name in FOLDERS.into_iter().chain(["state"]) {
        let world = begun();
        let path = world.prefix().join(name);
        fs::create_dir_all(&path).unwrap();
        chown(&path, Some(NOBODY), None).unwrap();
        refused(&world, &path);
    }
    for name in FILES {
        let world = begun();
        let path = world.prefix().join(name);
        fs::write(&path, "theirs").unwrap();
        chown(&path, Some(NOBODY), None).unwrap();
        refused(&world, &path);
    }
    let world = begun();
    let path = world.prefix().join("state/staging");
    symlink("/etc", &path).unwrap();
    lchown(&path, Some(NOBODY), None).unwrap();
    refused(&world, &path);
}

#[test]
fn l08_an_installation_into_which_a_link_was_put_is_left_alone() {
    for name in ["state/staging", "state/trash", "blobs"] {
        let world = World::new();
        world.install();
        world.publish_newer();
        let path = world.prefix().join(name);
        let _ = fs::remove_dir(&path);
        symlink(victim(&world), &path).unwrap();
        let before = all(&world);
        for word in ["update", "uninstall", "repair", "rollback"] {
            world.offgrid_run(&[word, "--yes"]).expect_error(8, "E_PERM");
            before.assert_same(&all(&world));
        }
        // When it is gone, all goes on.
        fs::remove_file(&path).unwrap();
        world.offgrid_run(&["update", "--yes"]).expect(0);
    }
}
