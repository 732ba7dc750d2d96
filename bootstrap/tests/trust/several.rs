//! Several sources at once, and web servers that know tags.

use crate::client::{Client, days, id};
use crate::e2e::origin::{Lie, Origin};
use crate::e2e::simulator::{BEGAN, DAY, Simulator, day};
use offgrid_manifest::{Code, Time};
use serde_json::json;

/// The paths that a server was asked for since the last time.
fn asked(origin: &Origin, before: &mut usize) -> Vec<String> {
    let all: Vec<String> = origin.seen().into_iter().map(|seen| seen.path).collect();
    let new = all[*before..].to_vec();
    *before = all.len();
    new
}

/// A client that has seen a depot over the web, and what it was asked for.
fn seen(depot: &Simulator) -> (Client, Origin, usize) {
    let mut client = Client::of(depot);
    client.room.put("depot", &depot.files);
    let origin = Origin::of(&client.room.path("depot"));
    client.from(&[origin.url()], days(0)).unwrap();
    let count = origin.seen().len();
    (client, origin, count)
}

#[test]
fn nothing_new_is_one_question_and_writes_nothing() {
    let depot = Simulator::new();
    let (mut client, origin, mut count) = seen(&depot);
    let tags = client.file()["tags"].as_object().unwrap().len();
    assert_eq!(tags, 1);
    let trusted = client.from(&[origin.url()], days(0)).unwrap();
    assert!(!trusted.changed);
    assert_eq!((trusted.head.version, trusted.channel.version), (1, 1));
    assert_eq!(asked(&origin, &mut count), ["head.json"]);
}

#[test]
fn everything_is_asked_for_once_a_day_and_whenever_the_stored_state_is_not_enough() {
    let depot = Simulator::new();
    let (mut client, origin, mut count) = seen(&depot);
    let good = client.memory.clone();
    let exactly = |seconds| Time::from_unix(BEGAN + DAY + seconds);
    client.from(&[origin.url()], exactly(0)).unwrap();
    assert_eq!(asked(&origin, &mut count), ["head.json"]);
    client.from(&[origin.url()], exactly(1)).unwrap();
    assert_eq!(asked(&origin, &mut count), ["head.json", "root/2.json"]);
    // A look that is still to come was a clock that ran ahead.
    client.from(&[origin.url()], days(0)).unwrap();
    assert_eq!(asked(&origin, &mut count), ["head.json", "root/2.json"]);
    client.from(&[origin.url()], days(0)).unwrap();
    assert_eq!(asked(&origin, &mut count), ["head.json"]);
    // Another channel.
    client.channel = id("beta");
    assert!(client.from(&[origin.url()], days(0)).is_err());
    assert_eq!(asked(&origin, &mut count), ["head.json", "root/2.json"]);
    client.channel = id("stable");
    // A floor that was raised since: by the stamp.
    client.stamped.stamp.floors.head = 1;
    client.stamped.stamp.floors.channel.insert(id("stable"), 1);
    client.from(&[origin.url()], days(0)).unwrap();
    assert_eq!(asked(&origin, &mut count), ["head.json"]);
    client.stamped.stamp.floors.head = 2;
    let refused = client.from(&[origin.url()], days(0)).unwrap_err();
    assert_eq!(refused.error.code(), Code::Rollback);
    client.stamped.stamp.floors.head = 0;
    client.stamped.stamp.floors.channel.insert(id("stable"), 2);
    let refused = client.from(&[origin.url()], days(0)).unwrap_err();
    assert_eq!(refused.error.code(), Code::Rollback);
    client.stamped.stamp.floors.channel.clear();
    asked(&origin, &mut count);
    // An expired head may be out of date.
    client.stale.accepted = true;
    client.memory = good;
    let probe = |client: &mut Client, on: u64| {
        let text = String::from_utf8(client.memory.clone().unwrap()).unwrap();
        assert!(text.contains("\"probed\""));
        client.from(&[origin.url()], days(on)).unwrap();
    };
    probe(&mut client, 14);
    asked(&origin, &mut count);
    probe(&mut client, 14);
    assert_eq!(asked(&origin, &mut count), ["head.json"]);
    let late = Time::from_unix(BEGAN + 14 * DAY + 1);
    client.from(&[origin.url()], late).unwrap();
    assert_eq!(asked(&origin, &mut count), ["head.json", "root/2.json"]);
}

#[test]
fn an_expired_root_is_never_the_end_of_a_check() {
    let mut depot = Simulator::empty();
    depot.root["expires"] = json!(day(10));
    depot.publish_root();
    depot.publish();
    let (mut client, origin, mut count) = seen(&depot);
    client.from(&[origin.url()], days(10)).unwrap();
    asked(&origin, &mut count);
    client.from(&[origin.url()], days(10)).unwrap();
    assert_eq!(asked(&origin, &mut count), ["head.json"]);
    let late = Time::from_unix(BEGAN + 10 * DAY + 1);
    let refused = client.from(&[origin.url()], late).unwrap_err();
    assert_eq!(refused.error.code(), Code::RootExpired);
    assert_eq!(asked(&origin, &mut count), ["head.json", "root/2.json"]);
    // A program that was told by its newest root to step aside stops here too.
    depot.root["expires"] = json!(day(100));
    depot.publish_root();
    depot.publish();
    client.room.put("depot", &depot.files);
    client.from(&[origin.url()], late).unwrap();
    client.from(&[origin.url()], late).unwrap();
}

#[test]
fn a_source_that_knows_nothing_new_hides_no_news_of_another_one() {
    let mut depot = Simulator::new();
    let (mut client, origin, _) = seen(&depot);
    depot.publish();
    let newer = client.room.put("newer", &depot.files);
    let both = [origin.url(), newer.clone()];
    let trusted = client.from(&both, days(0)).unwrap();
    assert_eq!((trusted.head.version, trusted.channel.version), (2, 2));
    // And one that cannot be reached hides nothing either.
    let (mut client, origin, mut count) = seen(&Simulator::new());
    let both = ["http://127.0.0.1:9/".to_owned(), origin.url()];
    client.from(&both, days(0)).unwrap();
    assert_eq!(asked(&origin, &mut count), ["head.json"]);
    origin.lie("", Lie::Status(503));
    assert!(client.from(&both, days(0)).is_err());
}

#[test]
fn the_highest_good_head_of_three_is_taken() {
    let mut depot = Simulator::new();
    let mut client = Client::of(&depot);
    let mut folders = vec![client.room.put("1", &depot.files)];
    for name in ["2", "3"] {
        depot.publish();
        folders.push(client.room.put(name, &depot.files));
    }
    // The highest one of all is signed by nobody.
    let mut forged = depot.clone();
    forged.sign_by("head", &["x1"]);
    forged.publish();
    folders.insert(0, client.room.put("forged", &forged.files));
    for turn in 0..4 {
        folders.rotate_left(1);
        client.memory = None;
        let trusted = client.from(&folders, days(0)).unwrap();
        let among = folders[..3].iter().filter(|name| !name.ends_with("forged"));
        let best = among.map(|name| name.as_bytes()[name.len() - 1] - b'0').max().unwrap();
        assert_eq!(trusted.head.version, u64::from(best), "turn {turn}");
        assert_eq!(trusted.channel.version, u64::from(best), "turn {turn}");
        let said: Vec<&str> = trusted.warnings.iter().map(|warning| warning.code).collect();
        assert_eq!(said, [""; 0], "a mirror that lags behind is no other truth");
    }
}

#[test]
fn more_sources_are_asked_until_one_is_right_to_the_end() {
    let mut depot = Simulator::new();
    let mut client = Client::of(&depot);
    let empty = client.room.path("empty");
    std::fs::create_dir(&empty).unwrap();
    let empty = empty.display().to_string();
    let old = client.room.put("old", &depot.files);
    depot.publish();
    let good = client.room.put("good", &depot.files);
    client.from(std::slice::from_ref(&good), days(0)).unwrap();
    let mut torn = depot.clone();
    torn.files.insert("channel/stable/2.json".into(), b"{}".to_vec());
    torn.publish();
    torn.files.insert("channel/stable/3.json".into(), b"{}".to_vec());
    let torn = client.room.put("torn", &torn.files);
    for count in 0..8 {
        let mut list: Vec<String> =
            [&empty, &old, &torn].into_iter().cycle().take(count).cloned().collect();
        list.push(good.clone());
        client.memory = None;
        let trusted = client.from(&list, days(0)).unwrap();
        // Without a memory the old one is as good as any, among the first three.
        let wanted = if (2..=7).contains(&count) { trusted.head.version } else { 2 };
        assert_eq!(trusted.head.version, wanted, "{count}");
        let again = client.from(std::slice::from_ref(&good), days(0)).unwrap();
        assert_eq!(again.head.version, 2);
        let trusted = client.from(&list, days(0)).unwrap();
        assert_eq!((trusted.head.version, trusted.channel.version), (2, 2), "{count}");
    }
    let bad = [empty.clone(), old, torn];
    let refused = client.from(&bad, days(0)).unwrap_err();
    // The highest one was asked first, and what was wrong with it is told.
    assert_eq!(refused.error.code(), Code::Mixmatch);
    let refused = client.from(&[empty], days(0)).unwrap_err();
    assert_eq!(refused.error.code(), Code::Http);
    let refused = client.from(&[], days(0)).unwrap_err();
    assert_eq!(refused.error.code(), Code::Unreachable);
}

#[test]
fn a_document_and_its_signature_may_come_from_two_sources() {
    let mut depot = Simulator::new();
    let mut client = Client::of(&depot);
    depot.publish_root();
    depot.publish();
    let good = client.room.put("good", &depot.files);
    let mut bad = depot.clone();
    for (path, bytes) in &mut bad.files {
        if path.ends_with(".minisig") {
            *bytes = b"untrusted comment: nothing\n".to_vec();
        }
    }
    let bad = client.room.put("bad", &bad.files);
    for list in [[good.clone(), bad.clone()], [bad.clone(), good]] {
        client.memory = None;
        let trusted = client.from(&list, days(0)).unwrap();
        assert_eq!((trusted.root.version, trusted.head.version), (2, 2));
    }
    client.memory = None;
    let refused = client.from(&[bad], days(0)).unwrap_err();
    assert_eq!(refused.error.code(), Code::SigThreshold);
}

#[test]
fn nothing_new_is_one_question_to_each_of_several_sources() {
    let depot = Simulator::new();
    let (mut client, origin, _) = seen(&depot);
    let second = Origin::of(&client.room.path("depot"));
    let both = [origin.url(), second.url()];
    client.from(&both, days(0)).unwrap();
    let (mut one, mut two) = (origin.seen().len(), second.seen().len());
    for _ in 0..3 {
        assert!(!client.from(&both, days(0)).unwrap().changed);
        assert_eq!(asked(&origin, &mut one), ["head.json"]);
        assert_eq!(asked(&second, &mut two), ["head.json"]);
    }
}

#[test]
fn only_tags_of_the_head_that_was_taken_are_kept() {
    let mut depot = Simulator::new();
    let (mut client, origin, _) = seen(&depot);
    let tag = client.file()["tags"][origin.url()].clone();
    let mut other = depot.clone();
    other.head["note"] = json!("another");
    other.republish_head();
    client.room.put("other", &other.files);
    depot.publish();
    client.room.put("newer", &depot.files);
    let newer = Origin::of(&client.room.path("newer"));
    let other = Origin::of(&client.room.path("other"));
    // One is behind, one lies about the number, one has the news.
    client.from(&[origin.url(), other.url(), newer.url()], days(0)).unwrap();
    let tags = client.file()["tags"].as_object().unwrap().clone();
    assert_eq!(tags.keys().collect::<Vec<_>>(), [&newer.url()]);
    assert!(tags[&newer.url()].is_string() && tags[&newer.url()] != tag);
    // Nor that of a head which had to give way to the one that was seen first.
    depot.head["note"] = json!("another");
    depot.republish_head();
    client.room.put("newer", &depot.files);
    assert_eq!(client.from(&[newer.url()], days(0)).unwrap().warnings.len(), 1);
    assert_eq!(client.file()["tags"], json!({}));
}

#[test]
fn a_tag_that_nobody_gave_is_never_sent() {
    let depot = Simulator::new();
    let (mut client, origin, _) = seen(&depot);
    // Whoever says "same as before" without being asked has said nothing.
    let second = Origin::of(&client.room.path("depot"));
    second.lie("head.json", Lie::Status(304));
    let both = [second.url(), origin.url()];
    client.from(&both, days(0)).unwrap();
    let refused = client.from(&[second.url()], days(0)).unwrap_err();
    assert_eq!(refused.error.code(), Code::Http);
}
