//! The day after a key was stolen: what a root that changes keys gives back, and
//! what stays (reference/trust.md A6, 2.4).

use crate::client::{Client, days, stamped};
use crate::e2e::simulator::{BEGAN, DAY, Simulator, day};
use offgrid_manifest::{Code, Time};
use serde_json::{Value, json};

const FAR: u64 = (1 << 53) - 1;

/// A depot whose head was counted up to the end by a thief.
fn fast_head() -> (Simulator, Client) {
    let mut depot = Simulator::new();
    let mut client = Client::of(&depot);
    client.takes(&depot, 0);
    depot.head["version"] = json!(FAR);
    depot.republish_head();
    assert_eq!(client.takes(&depot, 0), (1, FAR, 1));
    depot.head["version"] = json!(4);
    (depot, client)
}

/// The same with a channel.
fn fast_channel() -> (Simulator, Client) {
    let mut depot = Simulator::new();
    let mut client = Client::of(&depot);
    client.takes(&depot, 0);
    depot.channels.get_mut("stable").unwrap()["version"] = json!(FAR);
    depot.republish_channel("stable");
    depot.publish_head();
    assert_eq!(client.takes(&depot, 0), (1, 2, FAR));
    depot.channels.get_mut("stable").unwrap()["version"] = json!(4);
    (depot, client)
}

#[test]
fn a_head_that_a_thief_counted_ahead_is_left_behind_with_its_key() {
    let (mut depot, mut client) = fast_head();
    depot.publish();
    client.refuses(&depot, 0, Code::Rollback);
    depot.role("head", &["h2"], 1);
    depot.publish_root();
    depot.publish_head();
    assert_eq!(client.takes(&depot, 0), (2, 6, 2));
    assert_eq!(client.shown()["marks"], json!({"head": 6, "channel": {"stable": 2}}));
    assert_eq!(client.takes(&depot, 0), (2, 6, 2));
}

#[test]
fn a_channel_that_a_thief_counted_ahead_is_left_behind_with_its_key() {
    let (mut depot, mut client) = fast_channel();
    depot.publish();
    client.refuses(&depot, 0, Code::Rollback);
    depot.role("release", &["c2"], 1);
    depot.publish_root();
    depot.publish();
    assert_eq!(client.takes(&depot, 0), (2, 4, 6));
    assert_eq!(client.shown()["marks"], json!({"head": 4, "channel": {"stable": 6}}));
}

#[test]
fn the_installed_release_of_called_back_keys_is_no_floor_in_any_later_run() {
    let (mut depot, mut client) = fast_channel();
    client.installed = Some(json!({"name": "stable", "version": FAR}).to_string().into_bytes());
    depot.role("release", &["c2"], 1);
    depot.publish_root();
    depot.publish();
    assert_eq!(client.takes(&depot, 0), (2, 3, 5));
    // The live slot is still the thief's; only the memory is another one.
    depot.publish();
    assert_eq!(client.takes(&depot, 0), (2, 4, 6));
    // Keys that did not change leave the floor where it is.
    depot.role("root", &["r1", "r2"], 1);
    depot.publish_root();
    client.installed = Some(json!({"name": "stable", "version": 9}).to_string().into_bytes());
    client.memory = None;
    client.stamped = stamped(&depot.files, 2);
    client.refuses(&depot, 0, Code::Rollback);
    client.refuses(&depot, 0, Code::Rollback);
}

#[test]
fn a_newer_program_that_begins_with_the_new_keys_recovers_too() {
    let (mut depot, mut client) = fast_head();
    depot.role("head", &["h2"], 1);
    depot.publish_root();
    depot.publish();
    client.stamped = stamped(&depot.files, 2);
    assert_eq!(client.takes(&depot, 0), (2, 5, 2));
    assert_eq!(client.takes(&depot, 0), (2, 5, 2));

    let (mut depot, mut client) = fast_channel();
    client.installed = Some(json!({"name": "stable", "version": FAR}).to_string().into_bytes());
    depot.role("release", &["c2"], 1);
    depot.publish_root();
    depot.publish();
    client.stamped = stamped(&depot.files, 2);
    assert_eq!(client.takes(&depot, 0), (2, 3, 5));
    client.installed = None;
    assert_eq!(client.takes(&depot, 0), (2, 3, 5));
}

#[test]
fn a_newer_program_with_the_same_keys_keeps_the_marks() {
    let mut depot = Simulator::new();
    depot.publish();
    let mut client = Client::of(&depot);
    client.takes(&depot, 0);
    let old = depot.clone();
    depot.publish();
    client.takes(&depot, 0);
    let mut depot = old;
    depot.role("root", &["r1", "r2"], 1);
    depot.publish_root();
    depot.republish_head();
    client.stamped = stamped(&depot.files, 2);
    client.refuses(&depot, 0, Code::Rollback);
}

#[test]
fn other_keys_give_back_the_marks_of_their_own_role_alone() {
    for (role, key) in [("head", "h2"), ("release", "c2"), ("root", "r2")] {
        let mut depot = Simulator::new();
        for _ in 0..4 {
            depot.publish();
        }
        let mut client = Client::of(&depot);
        client.takes(&depot, 0);
        let old: Value = client.shown()["marks"].clone();
        assert_eq!(old, json!({"head": 5, "channel": {"stable": 5}}));
        if role == "root" {
            depot.role("root", &["r1", "r2"], 1);
        } else {
            depot.role(role, &[key], 1);
        }
        depot.publish_root();
        // The root is there, but nothing signed by the new keys.
        depot.files.remove("head.json");
        client.refuses(&depot, 0, Code::Http);
        let marks = client.shown()["marks"].clone();
        // Not even looked at without any head.
        assert_eq!(marks, old);
        depot.head["expires"] = json!(day(0));
        depot.publish();
        client.refuses(&depot, 1, Code::Frozen);
        let left = match role {
            "head" => json!({"head": 0, "channel": {"stable": 5}}),
            "release" => json!({"head": 5, "channel": {}}),
            _ => old,
        };
        assert_eq!(client.shown()["marks"], left, "{role}");
        assert_eq!(client.shown()["root"]["version"], 2);
    }
}

#[test]
fn a_raised_threshold_gives_back_nothing() {
    let mut depot = Simulator::new();
    for _ in 0..4 {
        depot.publish();
    }
    depot.role("head", &["h1", "h2"], 1);
    depot.role("release", &["c1", "c2"], 1);
    depot.sign_by("head", &["h1"]);
    depot.sign_by("release", &["c1"]);
    depot.publish_root();
    depot.publish();
    let mut client = Client::of(&depot);
    client.takes(&depot, 0);
    let marks = client.shown()["marks"].clone();
    depot.role("head", &["h1", "h2"], 2);
    depot.role("release", &["c1", "c2"], 2);
    depot.publish_root();
    depot.head["version"] = json!(2);
    depot.publish();
    client.refuses(&depot, 0, Code::Rollback);
    let shown = client.shown();
    assert_eq!(shown["marks"], marks);
    // What one key alone had signed is believed no longer.
    assert_eq!((&shown["head"], &shown["channels"]), (&Value::Null, &json!({})));
}

#[test]
fn a_time_that_a_thief_signed_goes_with_his_key() {
    let mut depot = Simulator::new();
    let mut client = Client::of(&depot);
    client.takes(&depot, 0);
    depot.head["issued"] = json!(day(170));
    depot.head["expires"] = json!(day(179));
    depot.publish_head();
    client.takes(&depot, 1);
    assert_eq!(client.shown()["not_before"], day(170));
    depot.head["issued"] = json!(day(1));
    depot.head["expires"] = json!(day(15));
    depot.publish_head();
    client.refuses(&depot, 1, Code::Frozen);
    depot.role("head", &["h2"], 1);
    depot.publish_root();
    depot.publish_head();
    // The refresh that learns of the root forgets that time at once.
    client.takes(&depot, 1);
    assert_eq!(client.shown()["not_before"], day(1));
}

#[test]
fn a_time_beyond_what_the_offline_keys_signed_is_refused() {
    let mut depot = Simulator::new();
    let mut client = Client::of(&depot);
    depot.head["expires"] = json!(day(400));
    depot.head["issued"] = json!(day(181));
    depot.publish_head();
    client.refuses(&depot, 0, Code::Frozen);
    depot.head["issued"] = json!(day(180));
    depot.publish_head();
    client.takes(&depot, 0);
    // The root's end counts as much as the channel's.
    let mut depot = Simulator::empty();
    depot.root["expires"] = json!(day(100));
    depot.publish_root();
    depot.head["expires"] = json!(day(400));
    depot.head["issued"] = json!(day(101));
    depot.publish();
    let mut client = Client::of(&depot);
    client.refuses(&depot, 0, Code::Frozen);
    assert_eq!(days(0), Time::from_unix(BEGAN));
    assert_eq!(DAY, 86_400);
}

#[test]
fn a_root_raises_floors_and_they_hold() {
    let mut depot = Simulator::new();
    let mut client = Client::of(&depot);
    client.takes(&depot, 0);
    depot.root["floors"] = json!({"head": 4, "channel": {"stable": 3}});
    depot.publish_root();
    depot.publish_head();
    depot.publish_head();
    // Head 3 is below its floor.
    client.refuses(&depot, 0, Code::Rollback);
    depot.publish_head();
    // Head 4 is not, but channel 1 is.
    client.refuses(&depot, 0, Code::Rollback);
    depot.publish_channel("stable");
    depot.publish();
    assert_eq!(client.takes(&depot, 0), (2, 5, 3));
    assert_eq!(client.shown()["marks"], json!({"head": 5, "channel": {"stable": 3}}));
}
