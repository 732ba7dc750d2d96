//! The day after a theft, and keys that are kept apart: what `rotate` leaves behind
//! and what it leaves to others.

use crate::rotate::{id, instead, options};
use crate::world::{World, now};
use offgrid_depot::depot::Depot;
use offgrid_depot::keys::{self, Keyring, Password};
use offgrid_depot::rotate::{Added, Floor, Options, RoleName};
use offgrid_manifest::Code;
use offgrid_manifest::json::INTEGER_MAX;
use std::fs;

impl World {
    /// A head of this version, signed with the old head key, as a thief would.
    fn stolen(&self, version: u64) {
        self.forge_head(|head| {
            head.version = version;
            head.channels.clear();
        });
    }
}

#[test]
fn a_head_that_a_thief_counted_up_is_left_behind() {
    for restart in [true, false] {
        let world = World::published("0.3.0");
        world.publish(&world.publish_options("0.3.0")).unwrap();
        world.stolen(INTEGER_MAX);
        // The usual floors would lock everybody out: it says what to type instead.
        let error = world.rotate(&instead(RoleName::Head, "head-1")).unwrap_err();
        assert_eq!(error.code(), Code::Usage);
        assert!(error.hint().unwrap().contains("--restart-head"), "{error}");
        let floor_head = (!restart).then_some(Floor::At(2));
        let change =
            Options { restart_head: restart, floor_head, ..instead(RoleName::Head, "head-1") };
        let rotated = world.rotate(&change).unwrap();
        // 1 and 2 were signed; no number is used twice.
        assert_eq!(rotated.head.unwrap().version, 3);
        assert!(rotated.notes[0].contains("counts for nothing"), "{:?}", rotated.notes);
        let head = world.head();
        assert_eq!((head.root_version, head.channels[&id("stable")].version), (2, 2));
        let report = world.check();
        assert_eq!((report.problems, report.notes), (vec![], vec![]));
        // And on from there, also by `head` alone.
        world.publish(&world.publish_options("0.3.0")).unwrap();
        assert_eq!(world.head().version, 4);
    }
}

#[test]
fn the_new_head_is_signed_where_its_key_is() {
    let world = World::published("0.3.0");
    world.stolen(INTEGER_MAX);
    let away = world.root.join("away");
    let mut change = instead(RoleName::Head, "head-1");
    change.restart_head = true;
    keys::make(&away, &["head-2".into()], &Password::None).unwrap();
    change.new.clear();
    let file = away.join("head-2.pub");
    change.add = vec![Added { role: RoleName::Head, name: id("head-2"), file }];
    let rotated = world.rotate(&change).unwrap();
    assert!(rotated.head.is_none());
    assert!(
        rotated.notes.iter().any(|note| note.contains("offgrid-depot head")),
        "{:?}",
        rotated.notes
    );
    let depot = Depot::open(&world.depot).unwrap();
    let mut ring = Keyring::new(away, Password::Ask);
    let headed = offgrid_depot::head::run(&depot, &mut ring, &[], now()).unwrap();
    assert_eq!(headed.head.version, 2, "1 was ours");
    assert_eq!(world.check().problems, []);
}

#[test]
fn a_channel_of_a_thief_is_left_behind() {
    // Head and release key were stolen: the thief's channel is pinned.
    let world = World::with_release_keys((1, 1));
    world.build("0.3.0");
    world.publish(&world.publish_options("0.3.0")).unwrap();
    world.forge_channel(|channel| {
        channel.version = INTEGER_MAX;
        channel.critical = true;
    });
    world.forge_head(|head| head.version = INTEGER_MAX);
    let mut change = Options {
        new: vec![RoleName::Head, RoleName::Release],
        remove: vec![id("head-1"), id("release-1")],
        restart_head: true,
        ..options()
    };
    let error = world.rotate(&change).unwrap_err();
    assert!(error.hint().unwrap().contains("--floor-channel stable=N"), "{error}");
    change.floor_channels.insert(id("stable"), Floor::At(1));
    let rotated = world.rotate(&change).unwrap();
    assert_eq!(rotated.channels[&id("stable")], 2);
    assert!(!world.stable().critical, "what the thief said is gone");
    let report = world.check();
    assert_eq!(report.problems, []);
}

#[test]
fn keys_that_are_elsewhere_are_told_what_to_do() {
    let world = World::with_release_keys((1, 1));
    world.build("0.3.0");
    world.publish(&world.publish_options("0.3.0")).unwrap();
    let (roots, release) = (world.root.join("roots"), world.root.join("release-keys"));
    for folder in [&roots, &release] {
        fs::create_dir(folder).unwrap();
    }
    for name in ["root-1", "root-2"] {
        fs::rename(world.keys.join(format!("{name}.key")), roots.join(format!("{name}.key")))
            .unwrap();
    }
    keys::make(&world.root.join("made"), &["release-2".into()], &Password::None).unwrap();
    let file = world.root.join("made/release-2.pub");
    let change = Options {
        add: vec![Added { role: RoleName::Release, name: id("release-2"), file }],
        remove: vec![id("release-1")],
        ..options()
    };
    let rotated = world.rotate_with(&[&roots], &change).unwrap();
    assert!(rotated.head.is_none() && rotated.channels.is_empty());
    let notes = rotated.notes.join("\n");
    for text in ["keep serving", "rollout", "--channel stable --no-head", "head", "--take NAME=N"] {
        assert!(notes.contains(text), "{notes}");
    }
    // Each of the other two, with its own keys.
    let depot = Depot::open(&world.depot).unwrap();
    let error = offgrid_depot::head::run(&depot, &mut world.ring(), &[], now()).unwrap_err();
    assert_eq!(error.code(), Code::SigThreshold);
    assert!(error.hint().unwrap().contains("--no-head"), "{error}");
    let renew = offgrid_depot::channel::Options {
        channel: id("stable"),
        change: offgrid_depot::channel::Change::Rollout(None),
        no_head: true,
        now: now(),
    };
    let mut ring = Keyring::new(world.root.join("made"), Password::Ask);
    offgrid_depot::channel::run(&depot, &mut ring, &renew).unwrap();
    let take = offgrid_depot::head::Take { channel: id("stable"), version: 2 };
    offgrid_depot::head::run(&depot, &mut world.ring(), &[take], now()).unwrap();
    assert_eq!(world.check().problems, []);
}
