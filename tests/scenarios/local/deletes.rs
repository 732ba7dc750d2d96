//! L13: what is removed is what is ours, never what a link leads to.

use super::{slot, victim};
use e2e::{Snapshot, World};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Both releases, 0.2.0 live.
fn both() -> World {
    let world = World::new();
    world.install();
    world.publish_newer();
    world.offgrid_run(&["update", "--yes"]).expect(0);
    world
}

/// A link to the victim in the place of a tree of ours.
fn exchange(path: &Path, victim: &Path) {
    fs::rename(path, victim.with_file_name("taken")).unwrap();
    symlink(victim, path).unwrap();
}

#[test]
fn l13_an_uninstall_does_not_follow_a_link_in_the_place_of_a_slot() {
    for inside in ["", "app", "app/web/ui", "llama"] {
        let world = both();
        let victim = victim(&world);
        // As large and as well named as ours.
        fs::create_dir_all(victim.join("app")).unwrap();
        fs::write(victim.join("app/offgrid"), "theirs").unwrap();
        fs::write(victim.join("index.html"), "theirs").unwrap();
        let before = Snapshot::of(&victim, &[]);
        let old = slot(&world.prefix(), "0.1.0");
        let tree = if inside.is_empty() { old } else { old.join(inside) };
        exchange(&tree, &victim);
        world.offgrid_run(&["uninstall", "--yes"]).expect(0);
        before.assert_same(&Snapshot::of(&victim, &[]));
        assert!(!world.offgrid().exists() && !world.prefix().join("state").exists());
    }
}

#[test]
fn l13_an_update_that_collects_a_slot_does_not_follow_a_link() {
    let world = both();
    let victim = victim(&world);
    let before = Snapshot::of(&victim, &[]);
    let old = slot(&world.prefix(), "0.1.0");
    exchange(&old, &victim);
    // Back to 0.1.0 and forward again: the old slot has to be made anew.
    let depot = world.path("older");
    e2e::base::copy_tree(&e2e::base::folder().join("depot-1"), &depot);
    world.offgrid_run(&["rollback", "--yes"]);
    before.assert_same(&Snapshot::of(&victim, &[]));
    world.offgrid_run(&["update", "--yes"]);
    before.assert_same(&Snapshot::of(&victim, &[]));
    world.offgrid_run(&["uninstall", "--yes"]).expect(0);
    before.assert_same(&Snapshot::of(&victim, &[]));
}

#[test]
fn l13_a_purge_does_not_follow_links_in_settings_and_models() {
    let world = World::new();
    world.install();
    let victim = victim(&world);
    let config = world.home().join(".config");
    fs::create_dir_all(&config).unwrap();
    symlink(&victim, config.join("offgrid")).unwrap();
    symlink(&victim, world.models().join("theirs")).unwrap();
    let before = Snapshot::of(&victim, &[]);
    world.offgrid_run(&["uninstall", "--yes", "--purge"]).expect(0);
    before.assert_same(&Snapshot::of(&victim, &[]));
}

#[test]
fn l13_what_a_cut_off_run_left_is_removed_and_not_what_it_leads_to() {
    let world = World::new();
    world.install();
    let victim = victim(&world);
    let before = Snapshot::of(&victim, &[]);
    let staging = world.prefix().join("state/staging");
    fs::create_dir_all(staging.join("0.9.0+x")).unwrap();
    e2e::base::set_mode(&staging, 0o700);
    symlink(&victim, staging.join("0.9.0+x/way")).unwrap();
    symlink(&victim, staging.join("way")).unwrap();
    world.publish_newer();
    world.offgrid_run(&["update", "--yes"]).expect(0);
    assert!(!staging.exists());
    before.assert_same(&Snapshot::of(&victim, &[]));
}
