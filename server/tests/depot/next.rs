//! `rollout`, `halt`, `yank`, `promote` and `head`.

use crate::world::{World, now};
use offgrid_depot::channel::{self, Change, Options};
use offgrid_depot::depot::Depot;
use offgrid_depot::head::{self, Take};
use offgrid_depot::keys::{Keyring, Password};
use offgrid_depot::publish::Published;
use offgrid_manifest::{Code, Time};
use std::collections::BTreeSet;
use std::fs;

const HOUR: u64 = 3_600;

fn later(hours: u64) -> Time {
    now().plus(hours * HOUR)
}

impl World {
    pub(crate) fn ring(&self) -> Keyring {
        Keyring::new(self.keys.clone(), Password::Ask)
    }

    fn change(&self, change: Change, hours: u64) -> Result<Published, channel::Error> {
        let channel = "stable".parse().unwrap();
        let options = Options { channel, change, no_head: false, now: later(hours) };
        channel::run(&Depot::open(&self.depot).unwrap(), &mut self.ring(), &options)
    }

    fn yank(&self, version: &str, reason: &str) -> Result<Published, channel::Error> {
        let change = Change::Yank {
            release: version.parse().unwrap(),
            reason: reason.into(),
            advisory: Some("OFFGRID-1".into()),
        };
        self.change(change, 1)
    }

    fn renew(&self, take: &[(&str, u64)], hours: u64) -> Result<head::Headed, head::Error> {
        let parse = |(name, version): &(&str, u64)| {
            let channel = name.parse().unwrap();
            Take { channel, version: *version }
        };
        let take: Vec<Take> = take.iter().map(parse).collect();
        head::run(&Depot::open(&self.depot).unwrap(), &mut self.ring(), &take, later(hours))
    }

    fn next_release(&self, version: &str) {
        self.write("app/VERSION", version.as_bytes());
        self.build(version);
        self.publish(&self.publish_options(version)).unwrap();
    }

    fn names(&self) -> BTreeSet<String> {
        self.files().into_keys().collect()
    }
}

fn steps(text: &str) -> Change {
    Change::Rollout(Some(text.parse().unwrap()))
}

#[test]
fn whoever_is_in_a_rollout_stays_in_as_long_as_the_release_is_the_same() {
    let world = World::published("0.3.0");
    let mut options = world.publish_options("0.3.0");
    options.rollout = Some("1%@0h,100%@48h".parse().unwrap());
    world.publish(&options).unwrap();
    let first = world.stable();
    let salt = first.rollout.clone().unwrap().salt;
    assert_eq!(salt, "stable:2:0.3.0");

    let published = world.change(steps("25%@0h,100%@10h"), 3).unwrap();
    assert_eq!((published.channel_version, published.head.unwrap().version), (3, 3));
    let now = world.stable();
    let rollout = now.rollout.clone().unwrap();
    assert_eq!(rollout.salt, salt);
    let found: Vec<_> = rollout.steps.iter().map(|s| (s.at, s.permyriad)).collect();
    assert_eq!(found, [(later(3), 2_500), (later(13), 10_000)]);

    world.change(Change::Halt, 4).unwrap();
    let halted = world.stable().rollout.unwrap();
    assert_eq!(
        (halted.salt, halted.steps[0].at, halted.steps[0].permyriad),
        (salt.clone(), later(4), 0)
    );
    let report = world.check();
    assert_eq!(report.problems, []);
    assert!(report.notes.iter().any(|note| note.contains("0.3.0 is halted")), "{:?}", report.notes);

    // Also when the same release is published again, and when it is only renewed.
    world.publish(&options).unwrap();
    assert_eq!(world.stable().rollout.unwrap().salt, salt);
    world.change(Change::Rollout(None), 24 * 100).unwrap();
    let renewed = world.stable();
    assert_eq!(renewed.rollout.unwrap().salt, salt);
    assert_eq!(renewed.expires, later(24 * 280));
    // The next release draws anew.
    world.next_release("0.4.0");
    world.change(steps("1%@0h,100%@1d"), 5).unwrap();
    assert_ne!(world.stable().rollout.unwrap().salt, salt);
}

#[test]
fn a_halt_takes_back_critical_and_publish_says_what_became_of_the_halted() {
    let world = World::published("0.3.0");
    let mut options = world.publish_options("0.3.0");
    options.critical = true;
    world.publish(&options).unwrap();
    let published = world.change(Change::Halt, 1).unwrap();
    assert!(published.notes.iter().any(|note| note.contains("those that have it keep it")));
    assert!(!world.stable().critical);
    options.critical = false;
    options.now = later(2);
    let published = world.publish(&options).unwrap();
    assert_eq!(published.notes, ["0.3.0 was halted; from now on it is for everybody"]);
    world.change(steps("5%@0h,100%@9h"), 3).unwrap();
    world.write("app/VERSION", b"x");
    world.build("0.4.0");
    let mut options = world.publish_options("0.4.0");
    options.now = later(4);
    let notes = world.publish(&options).unwrap().notes;
    assert!(notes[0].starts_with("0.3.0 had reached 5% and goes no further: 0.4.0"), "{notes:?}");
}

#[test]
fn a_yanked_release_gives_way_to_the_newest_that_is_good() {
    let world = World::published("0.3.0");
    for version in ["0.4.0", "0.5.0", "0.6.0"] {
        world.next_release(version);
    }
    let published = world.yank("0.5.0", "it burns").unwrap();
    assert_eq!((published.release.to_string(), published.notes.len()), ("0.6.0".into(), 0));
    let published = world.yank("0.6.0", "so does this").unwrap();
    assert_eq!(published.release.to_string(), "0.4.0");
    assert_eq!(published.notes, ["0.6.0 was current; now it is 0.4.0, for everybody"]);
    let channel = world.stable();
    assert_eq!(channel.current.to_string(), "0.4.0");
    assert_eq!(channel.releases.len(), 4, "a withdrawn release stays listed");
    let yank = &channel.yanked[&"0.6.0".parse().unwrap()];
    assert_eq!(
        (yank.reason.as_str(), yank.advisory.as_deref()),
        ("so does this", Some("OFFGRID-1"))
    );
    let report = world.check();
    assert_eq!((report.problems, report.notes), (vec![], vec![]));
    let error = world.publish(&world.publish_options("0.6.0")).unwrap_err();
    assert_eq!(error.code(), Code::Yanked);
}

#[test]
fn when_everything_is_yanked_that_is_said_and_a_lower_release_may_follow() {
    let world = World::published("0.3.0");
    let mut options = world.publish_options("0.3.0");
    options.minimum_safe = Some("0.3.0".parse().unwrap());
    world.write("app/VERSION", b"old");
    world.build("0.2.0");
    world.publish(&world.publish_options("0.3.0")).unwrap();
    world.publish(&options).unwrap();
    let published = world.yank("0.3.0", "it burns").unwrap();
    assert!(published.notes[0].contains("nothing that can be installed"), "{:?}", published.notes);
    assert_eq!(published.release.to_string(), "0.3.0");
    assert!(world.check().problems.iter().any(|problem| problem.code == Code::Yanked));
    // Still below what is safe; a higher one replaces it, without a word.
    assert_eq!(world.publish(&world.publish_options("0.2.0")).unwrap_err().code(), Code::Usage);
    world.build("0.3.1");
    let published = world.publish(&world.publish_options("0.3.1")).unwrap();
    assert_eq!(published.notes, ["0.3.0 was yanked; 0.3.1 takes its place"]);
    assert_eq!(world.check().problems, []);

    let world = World::published("0.3.0");
    world.yank("0.3.0", "it burns").unwrap();
    world.write("app/VERSION", b"old");
    world.build("0.2.0");
    world.publish(&world.publish_options("0.2.0")).unwrap();
    assert_eq!(world.check().problems, []);
}

#[test]
fn what_is_not_listed_or_has_no_reason_is_not_yanked() {
    let world = World::published("0.3.0");
    let before = world.files();
    assert_eq!(world.yank("0.9.0", "x").unwrap_err().code(), Code::NotListed);
    for reason in ["", "  ", "a\x1b[2J", &"x".repeat(501)] {
        assert_eq!(world.yank("0.3.0", reason).unwrap_err().code(), Code::Usage, "{reason:?}");
    }
    assert_eq!(world.files(), before);
}

#[test]
fn promote_gives_the_same_document_to_another_channel() {
    let world = World::published("0.3.0");
    world.write("app/VERSION", b"0.2.13\n");
    world.build("0.4.0");
    let mut beta = world.publish_options("0.4.0");
    beta.channel = "beta".parse().unwrap();
    world.publish(&beta).unwrap();
    let before = world.names();
    let mut options = world.publish_options("0.4.0");
    options.from = Some("beta".parse().unwrap());
    options.release = None;
    options.rollout = Some("10%@0h,100%@1d".parse().unwrap());
    let published = world.publish(&options).unwrap();
    assert_eq!(published.release.to_string(), "0.4.0");
    let channel = world.stable();
    assert_eq!((channel.releases.len(), channel.rollout.unwrap().steps.len()), (2, 2));
    let new: Vec<String> = world.names().difference(&before).cloned().collect();
    let fresh = |name: &String| name.starts_with("channel/stable/2.") || name.starts_with("head/");
    assert!(new.iter().all(fresh) && new.len() == 3, "{new:?}");
    assert_eq!(world.check().problems, []);

    options.release = Some("0.9.0".parse().unwrap());
    assert_eq!(world.publish(&options).unwrap_err().code(), Code::NotListed);
    options.from = Some("gamma".parse().unwrap());
    let error = world.publish(&options).unwrap_err();
    assert_eq!((error.code(), error.hint().is_some()), (Code::Usage, true));
    assert!(error.to_string().contains("there is beta, stable"), "{error}");
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

#[test]
fn the_install_scripts_follow_what_a_yank_leaves() {
    let world = World::published("0.3.0");
    let before = world.read("install");
    let text = fs::read_to_string(world.spec("0.4.0", |text| text)).unwrap();
    let text = text.replacen("[setup]\nversion = \"0.1.0\"", "[setup]\nversion = \"0.2.0\"", 1);
    world.write("setup", &[&fs::read(world.root.join("setup")).unwrap()[..], b"new"].concat());
    let spec = world.write("release.toml", text.as_bytes());
    offgrid_depot::build::run(&world.build_options(&spec)).unwrap();
    world.publish(&world.publish_options("0.4.0")).unwrap();
    assert_ne!(world.read("install"), before);
    world.yank("0.4.0", "it burns").unwrap();
    assert_eq!(world.read("install"), before);
    assert_eq!(world.check().problems, []);
}
