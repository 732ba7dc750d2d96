//! `head`: alone, and for channels that were signed elsewhere.

use crate::next::later;
use crate::world::{World, now};
use offgrid_depot::channel::{self, Change, Options};
use offgrid_depot::depot::Depot;
use offgrid_depot::head::{self, Take};
use offgrid_manifest::Code;
use std::fs;

impl World {
    fn renew(&self, take: &[(&str, u64)], hours: u64) -> Result<head::Headed, head::Error> {
        let parse = |(name, version): &(&str, u64)| {
            let channel = name.parse().unwrap();
            Take { channel, version: *version }
        };
        let take: Vec<Take> = take.iter().map(parse).collect();
        head::run(&Depot::open(&self.depot).unwrap(), &mut self.ring(), &take, later(hours))
    }
}

#[test]
fn head_signs_the_head_and_nothing_else() {
    let world = World::published("0.3.0");
    for name in ["root-1", "root-2", "root-3", "release-1", "release-2"] {
        // Not even a broken key of another role is looked at.
        fs::write(world.keys.join(format!("{name}.key")), "broken").unwrap();
    }
    let before = world.files();
    let headed = world.renew(&[], 24).unwrap();
    assert_eq!((headed.head.version, headed.head.expires), (2, later(24 * 15)));
    assert_eq!(headed.notes, Vec::<String>::new());
    for (name, bytes) in &before {
        let changed = world.read(name) != *bytes;
        assert_eq!(changed, name.starts_with("head.json"), "{name}");
    }
    assert_eq!(world.names().len(), before.len() + 1, "its signature");
    assert_eq!(world.check().problems, []);
    // What is near its end is said in time, with what to type.
    let notes = world.renew(&[], 24 * 160).unwrap().notes;
    assert_eq!(notes.len(), 1);
    assert!(notes[0].contains("rollout") && notes[0].contains("--channel stable"), "{notes:?}");
}

#[test]
fn a_channel_signed_elsewhere_waits_for_the_head_that_takes_it() {
    let world = World::published("0.3.0");
    let (head, key) = (world.read("head.json"), world.keys.join("head-1.key"));
    fs::rename(&key, world.root.join("away")).unwrap();
    let channel = "stable".parse().unwrap();
    let mut options = Options { channel, change: Change::Halt, no_head: true, now: later(1) };
    let depot = Depot::open(&world.depot).unwrap();
    let published = channel::run(&depot, &mut world.ring(), &options).unwrap();
    assert!(published.head.is_none());
    assert!(published.notes.iter().any(|n| n.contains("--take stable=2")), "{:?}", published.notes);
    // Without the word it is an error, after everything else was done.
    options.no_head = false;
    let error = channel::run(&depot, &mut world.ring(), &options).unwrap_err();
    assert_eq!(error.code(), Code::Usage);
    assert!(error.hint().unwrap().contains("--take stable=3"), "{error}");
    assert_eq!(world.read("head.json"), head);

    fs::rename(world.root.join("away"), &key).unwrap();
    world.renew(&[("stable", 2)], 2).unwrap();
    assert_eq!(world.stable().version, 2);
    assert_eq!(world.renew(&[("stable", 1)], 2).unwrap_err().code(), Code::Usage);
    assert_eq!(world.renew(&[("stable", 9)], 2).unwrap_err().code(), Code::State);
    world.renew(&[("stable", 3)], 3).unwrap();
    assert_eq!(world.check().problems, []);
}

#[test]
fn there_is_nothing_to_head_or_halt_before_the_first_release() {
    let world = World::new();
    assert_eq!(world.renew(&[], 0).unwrap_err().code(), Code::Usage);
    let error = world.change(Change::Halt, 0).unwrap_err();
    assert!(error.hint().unwrap().contains("offgrid-depot publish"), "{error}");
    let world = World::published("0.3.0");
    let channel = "gamma".parse().unwrap();
    let options = Options { channel, change: Change::Halt, no_head: false, now: now() };
    let depot = Depot::open(&world.depot).unwrap();
    let error = channel::run(&depot, &mut world.ring(), &options).unwrap_err();
    assert_eq!(error.code(), Code::Usage);
    assert!(error.to_string().contains("there is stable"), "{error}");
}
