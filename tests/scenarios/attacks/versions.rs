//! Sources that go back, that count ahead, or that tell different people different
//! things.

use e2e::forge::days;
use e2e::victims::settle;
use e2e::{Forge, Lie, Origin, Outcome, Victims, World, base};
use offgrid_manifest::layout;
use serde_json::{Value, json};
use std::fs;

type Edit = fn(&mut Forge);

/// A home with 0.2.0 in it, from depot-2.
fn newer() -> World {
    let world = World::newer();
    settle(&world.home());
    world.install();
    world
}

/// Install and update both end with this error and change nothing.
#[track_caller]
fn refuses(world: &World, source: &str, what: &str, error: &str) {
    let before = world.snapshot_but_downloads();
    for words in [["update", "--yes", "--json"], ["install", "--yes", "--json"]] {
        let outcome = world.run_from(source, &words).expect(5);
        let found = outcome.ended().unwrap()["error"]["code"].clone();
        assert_eq!(found, error, "{what}: {outcome:#?}");
        before.assert_same(&world.snapshot_but_downloads());
    }
}

/// The codes of the notes.
fn codes(outcome: &Outcome) -> Vec<String> {
    let events = outcome.events().into_iter();
    events.filter_map(|event| event["code"].as_str().map(str::to_owned)).collect()
}

fn status(world: &World) -> Value {
    world.offgrid_run(&["self", "status", "--json"]).expect(0).json()
}

fn trust(world: &World) -> Value {
    let bytes = fs::read(world.prefix().join("state/trust.json")).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn a04_an_older_head_or_channel_is_refused_after_a_newer_one() {
    let world = newer();
    let old = base::folder().join("depot-1");
    refuses(&world, old.to_str().unwrap(), "both are older", "E_ROLLBACK");
    // The old head alone: everything that it pins is still in the depot.
    let origin = Origin::of(&world.depot());
    let head = fs::read(old.join(layout::HEAD)).unwrap();
    origin.lie(layout::HEAD, Lie::Bytes(head));
    refuses(&world, &origin.url(), "the head is older", "E_ROLLBACK");
    // A thief of the head key alone: a new head with the old channel.
    let pin = Forge::of(&old).read(layout::HEAD)["channels"]["stable"].clone();
    Forge::of(&world.depot()).head(|head| head["channels"]["stable"] = pin);
    let depot = world.depot();
    refuses(&world, depot.to_str().unwrap(), "the channel is older", "E_ROLLBACK");
    // What was seen of one channel says nothing about another one.
    let other = ["plan", "--channel", "broken", "--json"];
    world.run(&other).expect(0);
}

#[test]
fn a04_the_same_head_version_with_other_bytes_keeps_the_first_one() {
    let world = newer();
    let before = trust(&world)["head"].clone();
    Forge::of(&world.depot()).head(|head| {
        head["version"] = json!(head["version"].as_u64().unwrap() - 1);
        head["expires"] = json!("2031-01-01T00:00:00Z");
    });
    let outcome = world.run(&["update", "--yes", "--json"]).expect(0);
    assert!(codes(&outcome).contains(&"W_EQUIVOCATION".to_owned()), "{outcome:#?}");
    assert_eq!(outcome.ended().unwrap()["outcome"], "unchanged");
    assert_eq!(trust(&world)["head"], before);
    assert_eq!(trust(&world)["evidence"].as_array().unwrap().len(), 1, "both are kept");
    world.run(&["update", "--yes"]).expect(0).says("another head");
}

#[test]
fn a06_a_thief_who_counts_ahead_is_undone_by_another_key() {
    let world = World::new();
    settle(&world.home());
    world.install();
    world.publish_newer();
    let mut forge = Forge::of(&world.depot());
    let honest = forge.read(layout::HEAD);
    forge.head(|head| head["version"] = json!((1u64 << 53) - 1));
    world.run(&["update", "--yes"]).expect(0).says("0.2.0 is live");
    assert_eq!(status(&world)["trust"]["head"], json!((1u64 << 53) - 1));
    // Under the stolen key nothing helps.
    let version = honest["version"].clone();
    forge.head_as(&version, &serde_json::to_vec(&honest).unwrap());
    let depot = world.depot();
    refuses(&world, depot.to_str().unwrap(), "a head below the highest", "E_ROLLBACK");
    forge.new_head_key("head-2");
    forge.head(|head| head["version"] = json!(5));
    world.run(&["update", "--yes"]).expect(0).says("nothing newer");
    let trust = status(&world)["trust"].clone();
    assert_eq!((&trust["head"], &trust["root"]), (&json!(5), &json!(2)));
    // The mark counts again.
    forge.head(|head| head["version"] = json!(4));
    refuses(&world, depot.to_str().unwrap(), "a head below the new mark", "E_ROLLBACK");
}

#[test]
fn a06_a_thief_who_signs_a_time_far_ahead_is_undone_by_another_key() {
    let world = newer();
    let depot = world.depot();
    let mut forge = Forge::of(&depot);
    let honest = forge.read(layout::HEAD);
    // After the end of what the offline keys signed: not believed at all.
    let ahead = |head: &mut Value, issued: &str| {
        head["issued"] = json!(issued);
        head["expires"] = json!("2101-01-01T00:00:00Z");
    };
    forge.head(|head| ahead(head, "2099-01-01T00:00:00Z"));
    refuses(&world, depot.to_str().unwrap(), "a head of 2099", "E_FROZEN");
    // Before that end: believed, and true heads look old from now on ...
    forge.head(|head| ahead(head, &days(170)));
    world.run(&["update", "--yes"]).expect(0);
    let back = |forge: &mut Forge| {
        let next = forge.read(layout::HEAD)["version"].as_u64().unwrap() + 1;
        forge.head(|head| {
            *head = honest.clone();
            head["version"] = json!(next);
            head["root_version"] = json!(forge_root(&depot));
        });
    };
    back(&mut forge);
    refuses(&world, depot.to_str().unwrap(), "a true head after the false time", "E_FROZEN");
    // ... until the key is called back, and then at once.
    forge.new_head_key("head-2");
    back(&mut forge);
    let outcome = world.run(&["update", "--yes", "--json"]).expect(0);
    assert_eq!(outcome.ended().unwrap()["outcome"], "unchanged");
    let clock = codes(&world.run(&["update", "--yes", "--json"]).expect(0));
    assert!(!clock.contains(&"W_CLOCK_BEHIND".to_owned()), "the false time is forgotten");
}

/// The newest root of a depot.
fn forge_root(depot: &std::path::Path) -> u64 {
    (1..).take_while(|n| depot.join(layout::root(*n)).exists()).last().unwrap()
}

#[test]
fn a11_a_thief_of_the_head_key_alone_can_install_nothing() {
    let victims = Victims::new();
    let depot = victims.depot();
    let signature = |forge: &Forge| forge.path(&layout::signature(&forge.newest_channel()));
    let rows: [(&str, Edit); 3] = [
        ("a channel by the head key", |f| f.released_by(&["head-1"]).channel(|_| {})),
        ("a release by the head key", |f| {
            f.released_by(&["head-1"]).release(|_| {});
            f.released_by(&["release-1"]).channel(|_| {});
        }),
        ("a channel by a root key", |f| f.released_by(&["root-1"]).channel(|_| {})),
    ];
    for (what, edit) in rows {
        victims.forge(edit);
        victims.suffer(what, depot.to_str().unwrap(), 5, "E_SIG_THRESHOLD");
    }
    victims.forge(|forge| {
        forge.channel(|_| {});
        fs::remove_file(signature(forge)).unwrap();
    });
    victims.suffer("nobody's channel", depot.to_str().unwrap(), 5, "E_SIG_THRESHOLD");
    // Who knows nothing yet can be shown an older release and no other one; who has
    // seen a newer one cannot (reference/trust.md 2.5).
    let world = newer();
    let pin =
        Forge::of(&base::folder().join("depot-1")).read(layout::HEAD)["channels"]["stable"].clone();
    Forge::of(&world.depot()).head(|head| head["channels"]["stable"] = pin);
    let depot = world.depot();
    refuses(&world, depot.to_str().unwrap(), "an older channel", "E_ROLLBACK");
}

#[test]
fn a17_two_heads_of_one_number_are_told_and_kept_as_evidence() {
    // Two mirrors: the second one has another head of the same number.
    let (one, other) = (World::newer(), World::newer());
    let both = format!("{},{}", one.depot().display(), other.depot().display());
    Forge::of(&other.depot()).head(|head| {
        head["version"] = json!(head["version"].as_u64().unwrap() - 1);
        head["expires"] = json!(days(13));
    });
    settle(&one.home());
    let fresh = one.run_from(&both, &["install", "--yes", "--json"]).expect(0);
    assert!(codes(&fresh).contains(&"W_EQUIVOCATION".to_owned()), "{fresh:#?}");
    let kept = trust(&one);
    let first = fs::read_to_string(one.depot().join(layout::HEAD)).unwrap();
    let second = fs::read_to_string(other.depot().join(layout::HEAD)).unwrap();
    assert_eq!(kept["head"]["document"], first.as_str());
    assert_eq!(kept["evidence"][0]["document"], second.as_str());
    // Who has the first one already is shown the second one alone.
    let depot = other.depot();
    let again = one.run_from(depot.to_str().unwrap(), &["update", "--yes", "--json"]).expect(0);
    assert!(codes(&again).contains(&"W_EQUIVOCATION".to_owned()), "{again:#?}");
    let kept = trust(&one);
    assert_eq!(kept["head"]["document"], first.as_str());
    assert_eq!(kept["evidence"].as_array().unwrap().len(), 1, "the same evidence once");
    // And together with a newer head that everybody should have.
    Forge::of(&one.depot()).head(|_| {});
    let newer = one.run_from(&both, &["update", "--yes", "--json"]).expect(0);
    assert!(codes(&newer).contains(&"W_EQUIVOCATION".to_owned()), "{newer:#?}");
    let shown = one.run(&["trust", "show", "--json"]).expect(0).json();
    assert_eq!(shown["evidence"], 1);
}

#[test]
fn a22_an_old_or_withdrawn_release_needs_words_of_its_own() {
    let world = newer();
    let before = world.snapshot_but_downloads();
    let refused = |words: &[&str], code: i32, error: &str| {
        let words = [&["update", "--yes", "--json", "--version"], words].concat();
        world.run(&words).expect_error(code, error);
        before.assert_same(&world.snapshot_but_downloads());
    };
    refused(&["0.1.0"], 2, "E_NEEDS_CONSENT");
    refused(&["0.9.0"], 5, "E_NOT_LISTED");
    refused(&["0.9.0", "--allow-downgrade", "--allow-yanked"], 5, "E_NOT_LISTED");
    let mut forge = Forge::of(&world.depot());
    forge.channel(|channel| channel["minimum_safe"] = json!("0.2.0"));
    refused(&["0.1.0", "--allow-downgrade"], 2, "E_NEEDS_CONSENT");
    refused(&["0.1.0", "--accept-vulnerable", "0.1.0"], 2, "E_NEEDS_CONSENT");
    let other = ["0.1.0", "--allow-downgrade", "--accept-vulnerable", "0.2.0"];
    refused(&other, 2, "E_NEEDS_CONSENT");
    forge.channel(|channel| {
        channel["yanked"] = json!({"0.1.0": {"reason": "it eats models"}});
    });
    refused(&["0.1.0", "--allow-downgrade"], 5, "E_YANKED");
    let vulnerable = ["0.1.0", "--allow-downgrade", "--accept-vulnerable", "0.1.0"];
    refused(&vulnerable, 5, "E_YANKED");
    refused(&["0.1.0", "--allow-downgrade", "--allow-yanked"], 2, "E_NEEDS_CONSENT");
    // All of it said: it goes, and the marks stay where they were.
    let words = ["update", "--yes", "--json", "--version", "0.1.0", "--allow-downgrade"];
    let words = [&words[..], &["--allow-yanked", "--accept-vulnerable", "0.1.0"]].concat();
    world.run(&words).expect(0);
    assert_eq!(status(&world)["version"], "0.1.0");
    let old = base::folder().join("depot-1");
    refuses(&world, old.to_str().unwrap(), "the old head after a downgrade", "E_ROLLBACK");
    // And every look says that it is a bad one, until it is gone.
    let said = world.run(&["update", "--check", "--json"]).expect(10);
    assert!(codes(&said).contains(&"W_LIVE_UNSAFE".to_owned()), "{said:#?}");
    world.run(&["update", "--yes"]).expect(0).says("0.2.0 is live");
}

#[test]
fn a22_a_withdrawn_release_is_offered_to_nobody() {
    let victims = Victims::new();
    victims.forge(|forge| {
        forge.channel(|channel| {
            channel["yanked"] = json!({"0.2.0": {"reason": "it eats models"}});
        });
    });
    let depot = victims.depot();
    for outcome in victims.suffer("a withdrawal", depot.to_str().unwrap(), 5, "E_YANKED") {
        outcome.says("it eats models");
    }
    victims.forge(|forge| {
        forge.channel(|channel| channel["minimum_safe"] = json!("0.3.0"));
    });
    victims.suffer("all unsafe", depot.to_str().unwrap(), 2, "E_NEEDS_CONSENT");
}
