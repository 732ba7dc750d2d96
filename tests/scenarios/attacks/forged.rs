//! Documents that are wrong and signed by the right keys: stolen keys, a
//! confused release engineer, and releases of a later time.

use e2e::{Forge, Victims, World, base};
use serde_json::{Value, json};

type Edit = fn(&mut Forge);

/// (what, forge, exit code, E_ name)
const ROWS: &[(&str, Edit, i32, &str)] = &[
    ("an expired head", |f| f.head(expire), 5, "E_FROZEN"),
    ("an expired channel", |f| f.channel(expire), 5, "E_FROZEN"),
    ("a channel of another name", |f| f.channel(|c| c["name"] = json!("beta")), 5, "E_NAME"),
    ("a channel of another version", renumbered, 5, "E_NAME"),
    ("a channel that is a release", |f| f.channel(|c| kind(c, "release")), 5, "E_TYPE"),
    ("a release that is a channel", |f| f.release(|r| kind(r, "channel")), 5, "E_TYPE"),
    ("a head that is a root", |f| f.head(|h| kind(h, "root")), 5, "E_TYPE"),
    ("a release of another product", |f| f.release(|r| r["product"] = json!("x")), 5, "E_NAME"),
    ("a head with another channel's pin", mixed, 5, "E_MIXMATCH"),
    ("a head that claims a later root", withheld, 5, "E_ROOT_WITHHELD"),
    ("a head that must be understood", |f| f.head(future), 3, "E_SCHEMA"),
    ("a channel that must be understood", |f| f.channel(future), 3, "E_SCHEMA"),
    ("a release that must be understood", |f| f.release(future), 3, "E_SCHEMA"),
    ("a head of schema 2", |f| f.head(|h| h["schema"] = json!(2)), 3, "E_SCHEMA"),
    ("a channel of schema 2", |f| f.channel(|c| c["schema"] = json!(2)), 3, "E_SCHEMA"),
    ("a release of schema 2", |f| f.release(|r| r["schema"] = json!(2)), 3, "E_SCHEMA"),
    ("a head without a version", |f| f.head(|h| h["version"] = json!(0)), 5, "E_PARSE"),
    ("a number too large", |f| f.head(|h| h["version"] = json!(1u64 << 53)), 5, "E_PARSE"),
    ("no release of that number", |f| f.channel(|c| c["current"] = json!("9.9.9")), 5, "E_PARSE"),
    ("a withdrawn release", yanked, 5, "E_YANKED"),
    ("rules that nobody knows", quantum, 3, "E_UNSUPPORTED"),
];

fn expire(document: &mut Value) {
    document["issued"] = json!("2020-01-01T00:00:00Z");
    document["expires"] = json!("2020-01-15T00:00:00Z");
}

fn kind(document: &mut Value, kind: &str) {
    document["type"] = json!(format!("offgrid/{kind}"));
}

fn future(document: &mut Value) {
    document["must_understand"] = json!(["telepathy"]);
}

fn renumbered(forge: &mut Forge) {
    forge.channel(|_| {});
    forge.head(|head| {
        let version = head["channels"]["stable"]["version"].as_u64().unwrap();
        head["channels"]["stable"]["version"] = json!(version + 1);
    });
    forge.copy_channel(1);
}

fn mixed(forge: &mut Forge) {
    forge.head(|head| {
        head["channels"]["stable"]["sha256"] = head["channels"]["broken"]["sha256"].clone()
    });
}

fn withheld(forge: &mut Forge) {
    forge.head(|head| head["root_version"] = json!(7));
}

fn yanked(forge: &mut Forge) {
    forge.channel(|channel| channel["yanked"] = json!({"0.2.0": {"reason": "it eats models"}}));
}

fn quantum(forge: &mut Forge) {
    forge.release(|release| release["variants"][0]["needs"] = json!({"quantum": ">=1"}));
}

#[test]
fn what_is_wrong_is_refused_whoever_signed_it() {
    let victims = Victims::new();
    let depot = victims.depot();
    for (what, edit, code, error) in ROWS {
        victims.forge(edit);
        victims.suffer(what, depot.to_str().unwrap(), *code, error);
    }
}

#[test]
fn an_unknown_rule_and_a_withdrawal_are_told_in_words() {
    let world = World::newer();
    quantum(&mut Forge::of(&world.depot()));
    world.run(&["plan", "--explain"]).expect(3).says("`quantum`, which this program does not know");
    world.publish_newer();
    yanked(&mut Forge::of(&world.depot()));
    world.run(&["install", "--yes"]).expect(5).says("it eats models");
}

#[test]
fn an_older_head_or_channel_is_refused_after_a_newer_one() {
    let world = World::newer();
    world.install();
    let before = world.snapshot_but_downloads();
    let old = base::folder().join("depot-1");
    for words in [["update", "--yes", "--json"], ["install", "--yes", "--json"]] {
        world.run_from(old.to_str().unwrap(), &words).expect_error(5, "E_ROLLBACK");
        before.assert_same(&world.snapshot_but_downloads());
    }
    // A thief of the head key alone: a new head with the old channel.
    let pin = Forge::of(&old).read("head.json")["channels"]["stable"].clone();
    Forge::of(&world.depot()).head(|head| head["channels"]["stable"] = pin);
    world.run(&["update", "--yes", "--json"]).expect_error(5, "E_ROLLBACK");
    before.assert_same(&world.snapshot_but_downloads());
}

#[test]
fn the_same_head_version_with_other_bytes_keeps_the_first_one() {
    let world = World::newer();
    world.install();
    let head = || {
        let bytes = std::fs::read(world.prefix().join("state/trust.json")).unwrap();
        serde_json::from_slice::<Value>(&bytes).unwrap()["head"].clone()
    };
    let before = head();
    Forge::of(&world.depot()).head(|head| {
        head["version"] = json!(head["version"].as_u64().unwrap() - 1);
        head["expires"] = json!("2031-01-01T00:00:00Z");
    });
    world.run(&["update", "--yes"]).expect(0).says("nothing newer").says("another head");
    assert_eq!(head(), before);
}

#[test]
fn a_stale_kit_is_a_warning_only_when_it_was_typed() {
    let world = World::newer();
    Forge::of(&world.depot()).head(expire);
    let depot = world.depot();
    let depot = depot.to_str().unwrap();
    // As a variable it might be a schedule's.
    world.run(&["install", "--yes", "--json"]).expect_error(5, "E_FROZEN").says("--accept-stale");
    let origin = e2e::Origin::of(&world.depot());
    world
        .run_from(depot, &["install", "--yes", "--json", "--source", &origin.url()])
        .expect_error(5, "E_FROZEN");
    let typed = world.run_from("http://127.0.0.1:9/", &["plan", "--source", depot]);
    typed.expect(0).says("days ago");
    world.run(&["install", "--yes", "--accept-stale"]).expect(0).says("days ago");
    world.run(&["update", "--yes", "--json"]).expect_error(5, "E_FROZEN");
    // Running and removing are never stopped.
    world.offgrid_run(&["version"]).expect(0);
    world.offgrid_run(&["self", "verify"]).expect(0);
    world.offgrid_run(&["uninstall", "--yes"]).expect(0);
}
