//! What `check` says of documents that are signed, whole, and wrong all the same.

use crate::world::{World, now};
use offgrid_manifest::channel::{Rollout, RolloutStep, Yank};
use offgrid_manifest::json::INTEGER_MAX;
use offgrid_manifest::{Channel, Code, Root};
use std::fs;

fn rollout(salt: &str, steps: &[(u64, u64)]) -> Option<Rollout> {
    let step = |(after, permyriad): &(u64, u64)| RolloutStep {
        at: now().plus(*after),
        permyriad: *permyriad,
    };
    Some(Rollout { salt: salt.into(), steps: steps.iter().map(step).collect() })
}

fn yank(channel: &mut Channel, version: &str) {
    let yank = Yank { reason: "it burns".into(), advisory: None };
    channel.yanked.insert(version.parse().unwrap(), yank);
}

/// A world after this change of `stable`; what check finds.
type Row = (&'static str, Option<Code>, fn(&mut Channel));

#[test]
fn what_a_channel_should_not_say_is_found() {
    let rows: &[Row] = &[
        ("was yanked: it burns", Some(Code::Yanked), |c| yank(c, "0.3.0")),
        ("is below 0.9.0", Some(Code::NeedsConsent), |c| {
            c.minimum_safe = Some("0.9.0".parse().unwrap());
        }),
        ("0.1.0 is yanked and not listed", None, |c| yank(c, "0.1.0")),
        ("a mirror: `ftp://x/` is not the address", Some(Code::Parse), |c| {
            c.mirrors = vec!["ftp://x/".into()];
        }),
        ("has no `/` at its end", None, |c| c.mirrors = vec!["https://x/y".into()]),
        ("0.3.0 is halted", None, |c| c.rollout = rollout("s", &[(0, 0)])),
        ("0.3.0 is halted", None, |c| c.rollout = rollout("s", &[])),
        ("it ends at 25%", None, |c| c.rollout = rollout("s", &[(0, 100), (60, 2_500)])),
        ("steps that are not in the order of time", Some(Code::Parse), |c| {
            c.rollout = rollout("s", &[(60, 2_500), (0, 10_000)]);
        }),
        ("the steps of 0.3.0 do not rise", None, |c| {
            c.rollout = rollout("s", &[(0, 2_500), (60, 100), (120, 10_000)]);
        }),
        ("is missing", Some(Code::State), |c| {
            let pin = c.releases[&c.current];
            c.releases.insert("0.2.0".parse().unwrap(), pin);
        }),
        ("it expired at", Some(Code::Frozen), |c| c.expires = now()),
    ];
    for (text, code, change) in rows {
        let world = World::published("0.3.0");
        world.forge_channel(change);
        expect(&world, text, *code);
    }
}

/// This problem and no other, or no problem and this note. That the install
/// scripts have no release to follow then goes without saying.
#[track_caller]
fn expect(world: &World, text: &str, code: Option<Code>) {
    let report = world.check();
    let problems = report.problems.iter().filter(|p| !p.path.starts_with("install"));
    let problems: Vec<String> =
        problems.map(|p| format!("{} {}: {}", p.code, p.path, p.what)).collect();
    match code {
        Some(code) => {
            assert_eq!(problems.len(), 1, "{text}: {problems:?}");
            assert!(problems[0].starts_with(code.name()), "{text}: {problems:?}");
            assert!(problems[0].contains(text), "{text}: {problems:?}");
        }
        None => {
            assert_eq!(problems, Vec::<String>::new(), "{text}");
            assert!(report.notes.iter().any(|n| n.contains(text)), "{text}: {:?}", report.notes);
        }
    }
}

/// What check finds after this change of the root.
type FloorRow = (&'static str, fn(&mut Root));

#[test]
fn floors_above_what_there_is_are_found() {
    let rows: &[FloorRow] = &[
        ("head.json: version 1 is below the floor 2", |r| r.floors.head = 2),
        ("channel/stable/1.json: version 1 is below the floor 9", |r| {
            r.floors.channel.insert("stable".parse().unwrap(), 9);
        }),
    ];
    for (text, change) in rows {
        let world = World::published("0.3.0");
        world.forge_root(change);
        expect(&world, text, Some(Code::Rollback));
    }
    let world = World::published("0.3.0");
    world.forge_root(|root| {
        root.floors.channel.insert("beta".parse().unwrap(), 1);
    });
    expect(&world, "a floor for beta, which is no channel", None);
}

#[test]
fn a_head_that_names_another_root_than_the_newest_is_found() {
    let world = World::published("0.3.0");
    world.forge_head(|head| head.root_version = 2);
    expect(&world, "names root 2, which is not here", Some(Code::RootWithheld));
    let world = World::published("0.3.0");
    world.forge_root(|_| {});
    expect(&world, "does not name root 2 yet", None);
}

#[test]
fn roots_that_clients_refuse_are_found() {
    let world = World::published("0.3.0");
    world.forge_root(|root| root.min_bootstrap = "0.2.0".parse().unwrap());
    expect(&world, "its program is 0.1.0, the root asks for 0.2.0", Some(Code::Mixmatch));
    let world = World::published("0.3.0");
    world.forge_root(|root| root.expires = now());
    expect(&world, "root/2.json: it expired at", Some(Code::RootExpired));
    let world = World::published("0.3.0");
    world.forge_root(|root| root.version += 1);
    fs::rename(world.depot.join("root/3.json"), world.depot.join("root/2.json")).unwrap();
    let (from, to) = ("root/3.json.minisig", "root/2.json.minisig");
    fs::rename(world.depot.join(from), world.depot.join(to)).unwrap();
    expect(&world, "root 3 after root 1", Some(Code::Name));
}

#[test]
fn a_number_that_was_used_twice_is_found() {
    // Of a head: both signatures lie there.
    let world = World::published("0.3.0");
    let mirrored = world.head().channels;
    world.forge_head(|head| head.version -= 1);
    assert_eq!(world.head().channels, mirrored);
    let text = "1 heads";
    assert!(!world.check().problems.iter().any(|p| p.what.contains(text)));
    world.forge_head(|head| {
        head.version -= 1;
        head.expires = head.expires.plus(60);
    });
    expect(&world, "2 heads of version 1 were signed", Some(Code::Mixmatch));
    // The next one is right again; the old one is remembered.
    world.publish(&world.publish_options("0.3.0")).unwrap();
    expect(&world, "2 heads of version 1 were signed", None);

    // Of a channel: signed by the right keys, with other bytes than are pinned.
    let world = World::published("0.3.0");
    world.forge_unpinned(|channel| {
        channel.version -= 1;
        channel.expires = channel.expires.plus(60);
    });
    expect(&world, "that are pinned", Some(Code::Mixmatch));
}

#[test]
fn another_salt_for_the_same_release_is_found() {
    let world = World::published("0.3.0");
    world.forge_channel(|c| c.rollout = rollout("stable:2:0.3.0", &[(0, 100), (60, 10_000)]));
    assert!(!world.check().notes.iter().any(|note| note.contains("salt")));
    world.forge_channel(|c| c.rollout = rollout("stable:3:0.3.0", &[(0, 100), (60, 10_000)]));
    expect(&world, "the salt of 0.3.0 is another one than before", None);
}

#[test]
fn a_channel_that_is_pinned_and_missing_is_found() {
    let world = World::published("0.3.0");
    world.forge_channel(|_| {});
    fs::remove_file(world.depot.join("channel/stable/2.json")).unwrap();
    expect(&world, "`channel/stable/2.json` is missing", Some(Code::State));
}

#[test]
fn what_was_signed_and_is_not_offered_is_found() {
    let world = World::published("0.3.0");
    world.forge_unpinned(|_| {});
    expect(&world, "there is a version 2 that the head does not name", None);
}

#[test]
fn numbers_end_where_json_does() {
    let world = World::published("0.3.0");
    world.forge_head(|head| head.version = INTEGER_MAX);
    let error = world.publish(&world.publish_options("0.3.0")).unwrap_err();
    assert_eq!(error.code(), Code::Usage);
    assert!(error.to_string().contains("somebody else"), "{error}");
}
