//! Several sources at once, web servers that know tags, and mirrors.

use crate::client::{Client, Room, days, id, sources, with_mirrors};
use crate::e2e::origin::{Lie, Origin};
use crate::e2e::simulator::{BEGAN, DAY, Simulator, day};
use offgrid_manifest::{Code, Time};
use offgrid_setup::source::{Error, Fresh, Place, Sources, Worst};
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

fn named(sources: &Sources, skip: usize) -> Vec<String> {
    let answers = sources.heads("head.json", 99_999, skip, &|_| None);
    answers.into_iter().map(|answer| answer.source).collect()
}

#[test]
fn heads_are_asked_of_three_sources_at_a_time_in_their_order() {
    let room = Room::new();
    let depot = Simulator::new();
    let folders: Vec<String> = (0..7).map(|n| room.put(&n.to_string(), &depot.files)).collect();
    let all = sources(&folders);
    assert_eq!(named(&all, 0), folders[..3]);
    assert_eq!(named(&all, 3), folders[3..6]);
    assert_eq!(named(&all, 6), folders[6..]);
    assert!(named(&all, 7).is_empty());
    let answers = all.heads("head.json", 99_999, 0, &|_| None);
    for answer in answers {
        match answer.fresh {
            Ok(Fresh::New(bytes, None)) => assert_eq!(bytes, depot.files["head.json"]),
            _ => panic!("{}", answer.source),
        }
    }
    let none = all.heads("head.json", 3, 0, &|_| None);
    assert!(none.iter().all(|answer| matches!(answer.fresh, Err(Error::TooLarge { .. }))));
}

fn ways(sources: &Sources) -> Vec<String> {
    let routes = sources.routes(&Place::Depot("blob/x".into()));
    routes.iter().map(|route| format!("{route:?}")).collect()
}

#[test]
fn signed_mirrors_are_asked_for_files_before_the_origin_and_for_news_after_it() {
    let room = Room::new();
    let origin = room.put("origin", &Simulator::new().files);
    let all = with_mirrors(std::slice::from_ref(&origin));
    assert_eq!(ways(&all).len(), 1);
    let mirrors = ["http://127.0.0.1:1/".to_owned(), "https://127.0.0.1:2".to_owned()];
    all.learn(&mirrors);
    let found = ways(&all);
    assert_eq!(found.len(), 3);
    assert!(found[2].contains(&origin) && found[2].contains("blob/x"), "{found:?}");
    assert!(found[..2].iter().any(|way| way.contains("http://127.0.0.1:1/")));
    assert!(found[..2].iter().any(|way| way.contains("https://127.0.0.1:2/")));
    assert_eq!(named(&all, 0)[0], origin);
    // What is learned later takes the place of what was learned before.
    all.learn(&mirrors[..1]);
    assert_eq!(ways(&all).len(), 2);
    all.learn(&[]);
    assert_eq!(ways(&all).len(), 1);
    // An address of its own has one way.
    let address = all.routes(&Place::Address("http://127.0.0.1:3/x".into()));
    assert!(format!("{address:?}").contains("127.0.0.1:3") && address.len() == 1);
    // Somebody who said where to fetch from is taken at his word.
    let typed = sources(&[origin]);
    typed.learn(&mirrors);
    assert_eq!(ways(&typed).len(), 1);
}

#[test]
fn what_is_no_web_address_is_no_mirror() {
    let room = Room::new();
    let depot = Simulator::new();
    let (origin, other) = (room.put("origin", &depot.files), room.put("http-dir", &depot.files));
    let list = ["http://127.0.0.1:1/".to_owned(), origin];
    let all = with_mirrors(&list);
    // A folder whose name begins like an address, seen from where the program runs.
    let here = tempfile::Builder::new().prefix("http-").tempdir_in(".").unwrap();
    let here = here.path().file_name().unwrap().to_str().unwrap();
    for bad in [
        other.as_str(),
        &format!("file://{other}"),
        here,
        "http:",
        "ftp://127.0.0.1/",
        "http://a b/",
        "http://127.0.0.1:1/",
        "http://127.0.0.1:1",
        "",
    ] {
        all.learn(&[bad.to_owned()]);
        assert_eq!(ways(&all).len(), 2, "{bad}");
    }
    let twice = vec!["http://127.0.0.1:4/".to_owned(); 3];
    all.learn(&twice);
    assert_eq!(ways(&all).len(), 3);
    let many: Vec<String> = (10..30).map(|port| format!("http://127.0.0.1:{port}/")).collect();
    all.learn(&many);
    assert_eq!(ways(&all).len(), 2 + 8);
    assert!(ways(&all).iter().all(|way| !way.contains(":18/")));
}

#[test]
fn any_of_the_mirrors_may_be_the_first() {
    let all = with_mirrors(&["http://127.0.0.1:1/".to_owned()]);
    let many: Vec<String> = (10..14).map(|port| format!("http://127.0.0.1:{port}/")).collect();
    let mut firsts = std::collections::BTreeSet::new();
    for _ in 0..100_000 {
        all.learn(&many);
        firsts.insert(ways(&all)[0].clone());
        if firsts.len() == 4 {
            return;
        }
    }
    panic!("never first: all but {firsts:?}");
}

#[test]
fn a_way_that_could_not_be_gone_comes_last() {
    let list: Vec<String> = (10..13).map(|port| format!("http://127.0.0.1:{port}/")).collect();
    let all = sources(&list);
    let routes = all.routes(&Place::Depot("blob/x".into()));
    assert!(routes.iter().all(|route| !all.is_blamed(route)));
    all.blame(&routes[0]);
    all.blame(&routes[0]);
    assert!(all.is_blamed(&routes[0]) && !all.is_blamed(&routes[1]));
    let order: Vec<String> = ways(&all);
    let begins = |at: usize, port: u16| assert!(order[at].contains(&format!(":{port}/")));
    (begins(0, 11), begins(1, 12), begins(2, 10));
    // Of another file too: it is the source that is blamed.
    let other = all.routes(&Place::Depot("blob/y".into()));
    assert!(all.is_blamed(&other[2]) && !all.is_blamed(&other[0]));
    let address = all.routes(&Place::Address("http://127.0.0.1:10/".into()));
    all.blame(&address[0]);
    assert!(!all.is_blamed(&address[0]));
}

#[test]
fn the_most_telling_of_many_errors_is_told() {
    let absent = |n: u8| Error::Absent { url: format!("absent {n}") };
    let status = |n: u16| Error::Status { url: "x".into(), status: n };
    let told = |errors: Vec<offgrid_setup::Error>| {
        let mut worst = Worst::default();
        errors.into_iter().for_each(|error| worst.add(error));
        worst.into_error().to_string()
    };
    let forged =
        |text: &str| offgrid_manifest::Error::new(Code::SigThreshold, text.to_owned()).into();
    assert_eq!(told(vec![]), "there is no source to ask");
    assert!(told(vec![absent(1).into(), absent(2).into()]).contains("absent 1"));
    assert!(told(vec![absent(1).into(), status(500).into()]).contains("500"));
    assert!(told(vec![status(500).into(), absent(1).into(), status(501).into()]).contains("500"));
    let all = vec![absent(1).into(), status(500).into(), forged("a"), forged("b")];
    assert_eq!(told(all), "a");
    let all = vec![forged("a"), status(500).into(), absent(1).into()];
    assert_eq!(told(all), "a");
}
