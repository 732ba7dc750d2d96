//! One refresh after another against one depot.

use crate::client::{Client, days, id, sources, stamped};
use crate::e2e::simulator::{BEGAN, DAY, Simulator, Twist, day};
use offgrid_manifest::{Code, Time};
use offgrid_setup::trust::{Refused, Staleness, Trusted, Warning};
use serde_json::{Value, json};

/// A second.
const TICK: u64 = 1;

fn at(days: u64, seconds: u64) -> Time {
    Time::from_unix(BEGAN + days * DAY + seconds)
}

fn error(answer: Result<Trusted, Refused>) -> Refused {
    match answer {
        Ok(_) => panic!("accepted"),
        Err(refused) => refused,
    }
}

fn codes(trusted: &Trusted) -> Vec<&'static str> {
    trusted.warnings.iter().map(|warning| warning.code).collect()
}

#[test]
fn what_is_good_is_taken_and_remembered() {
    let mut depot = Simulator::new();
    let mut client = Client::of(&depot);
    let first = client.take(&depot, days(0)).unwrap();
    assert!(first.changed && !first.damaged && first.warnings.is_empty());
    assert_eq!(first.now, days(0));
    assert_eq!(first.root.bytes(), depot.files["root/1.json"]);
    assert_eq!(first.head.bytes(), depot.files["head.json"]);
    assert_eq!(first.channel.bytes(), depot.files["channel/stable/1.json"]);
    assert_eq!(client.file()["marks"], json!({"head": 1, "channel": {"stable": 1}}));
    assert_eq!(client.file()["probed"], BEGAN);
    assert_eq!(client.file()["issued"], BEGAN);
    // The same again is nothing new; a look on another day is.
    assert!(!client.take(&depot, days(0)).unwrap().changed);
    assert!(client.take(&depot, days(1)).unwrap().changed);
    depot.publish();
    assert_eq!(client.takes(&depot, 1), (1, 2, 2));
    assert_eq!(
        client.file()["head"]["document"].as_str().unwrap().as_bytes(),
        depot.files["head.json"]
    );
}

#[test]
fn the_chain_of_roots_is_walked_to_its_end_and_no_step_is_left_out() {
    let mut depot = Simulator::new();
    let mut client = Client::of(&depot);
    for _ in 0..5 {
        depot.publish_root();
    }
    depot.publish();
    let whole = depot.clone();
    assert_eq!(client.takes(&depot, 0), (6, 2, 2));
    let chain = client.file()["roots"].as_array().unwrap().len();
    assert_eq!(chain, 5);
    let trusted = client.take(&depot, days(0)).unwrap();
    assert_eq!(trusted.memory.chain.len(), 6);
    // A missing one in the middle ends the walk; the head says that there is more.
    depot.files.remove("root/4.json");
    let mut client = Client::of(&depot);
    client.refuses(&depot, 0, Code::RootWithheld);
    assert_eq!(client.shown()["root"]["version"], 3);
    assert_eq!(client.shown()["head"], Value::Null);
    client.refuses(&depot, 0, Code::RootWithheld);
    assert_eq!(client.takes(&whole, 0), (6, 2, 2));
    // A later one in the place of the next.
    for name in ["root/2.json", "root/2.json.minisig"] {
        let later = depot.files[&name.replace('2', "3")].clone();
        depot.files.insert(name.to_owned(), later);
    }
    let mut client = Client::of(&depot);
    client.refuses(&depot, 0, Code::Name);
    assert_eq!(client.memory, None);
    client.stamped = stamped(&whole.files, 6);
    assert_eq!(client.takes(&whole, 0), (6, 2, 2));
    assert_eq!(client.file()["roots"], json!([]));
}

#[test]
fn a_root_that_was_verified_is_handed_out_with_the_refusal_and_nothing_else_is() {
    let mut depot = Simulator::new();
    let mut client = Client::of(&depot);
    client.takes(&depot, 0);
    let before = client.memory.clone();
    depot.publish_channel("stable");
    let good = depot.files["channel/stable/2.json"].clone();
    depot.publish_head();
    depot.files.insert("channel/stable/2.json".into(), b"{}".to_vec());
    let refused = error(client.take(&depot, days(0)));
    assert_eq!(refused.error.code(), Code::Mixmatch);
    assert!(refused.learned.is_none());
    assert_eq!(client.memory, before);
    depot.publish_root();
    let refused = error(client.take(&depot, days(0)));
    assert!(refused.learned.is_some());
    let file = client.file();
    assert_eq!(file["roots"].as_array().unwrap().len(), 1);
    assert_eq!(file["marks"], json!({"head": 1, "channel": {"stable": 1}}));
    assert_eq!((&file["probed"], &file["tags"]), (&json!(BEGAN), &json!({})));
    let was: Value = serde_json::from_slice(&before.unwrap()).unwrap();
    assert_eq!((&file["head"], &file["channels"]), (&was["head"], &was["channels"]));
    // The second refusal has nothing to add.
    assert!(error(client.take(&depot, days(0))).learned.is_none());
    depot.files.insert("channel/stable/2.json".into(), good);
    assert_eq!(client.takes(&depot, 0), (2, 2, 2));
}

#[test]
fn nothing_older_than_what_was_seen_is_taken() {
    let mut depot = Simulator::new();
    depot.publish();
    let old = depot.clone();
    depot.publish();
    let mut client = Client::of(&depot);
    client.takes(&depot, 0);
    let before = client.memory.clone();
    client.refuses(&old, 0, Code::Rollback);
    // The channel alone, under a new head.
    let mut mixed = depot.clone();
    mixed.channels = old.channels.clone();
    mixed.republish_channel("stable");
    mixed.publish_head();
    client.refuses(&mixed, 0, Code::Rollback);
    assert_eq!(client.memory, before);
    // A head of one number and two contents: the first one stays.
    let mut other = depot.clone();
    other.head["note"] = json!("another");
    other.republish_head();
    let trusted = client.take(&other, days(0)).unwrap();
    assert_eq!(codes(&trusted), ["W_EQUIVOCATION"]);
    assert!(trusted.warnings[0].what.contains("another head 3"));
    assert_eq!(trusted.head.bytes(), depot.files["head.json"]);
    assert_eq!(client.shown()["evidence"], 1);
    // The same evidence is kept once, and four pieces at most.
    client.take(&other, days(0)).unwrap();
    assert_eq!(client.shown()["evidence"], 1);
    for count in [2, 3, 4, 4] {
        other.head["note"] = json!(format!("{count} {:?}", client.shown()["evidence"]));
        other.republish_head();
        client.take(&other, days(0)).unwrap();
        assert_eq!(client.shown()["evidence"], count);
    }
    let evidence = client.file()["evidence"][0]["document"].as_str().unwrap().to_owned();
    assert!(evidence.contains("\"note\":\"another\""));
    assert_eq!(client.takes(&depot, 0), (1, 3, 3));
}

#[test]
fn a_head_that_names_a_later_root_than_there_is_stops_everything() {
    let mut depot = Simulator::new();
    let mut client = Client::of(&depot);
    depot.head["root_version"] = json!(2);
    depot.publish_head();
    let refused = error(client.take(&depot, days(0)));
    assert_eq!(refused.error.to_string(), "the source names root 2 but gives none after 1");
    assert_eq!(refused.error.code(), Code::RootWithheld);
    depot.publish_root();
    assert_eq!(client.takes(&depot, 0), (2, 2, 1));
    depot.head["root_version"] = json!(1);
    depot.publish_head();
    assert_eq!(client.takes(&depot, 0), (2, 3, 1));
}

#[test]
fn a_document_is_good_up_to_the_second_of_its_end() {
    for (role, end, code) in [
        ("head", 14, Code::Frozen),
        ("channel stable", 10, Code::Frozen),
        ("root", 9, Code::RootExpired),
    ] {
        let mut depot = Simulator::empty();
        match role {
            "head" => depot.head["expires"] = json!(day(end)),
            "root" => depot.root["expires"] = json!(day(end)),
            _ => depot.channels.get_mut("stable").unwrap()["expires"] = json!(day(end)),
        }
        depot.publish_root();
        depot.publish();
        let mut client = Client::of(&depot);
        client.take(&depot, at(end, 0)).unwrap();
        let before = client.memory.clone();
        let refused = error(client.take(&depot, at(end, TICK)));
        assert_eq!(refused.error.code(), code, "{role}");
        let text = refused.error.to_string();
        assert!(text.contains(role) && text.contains(&day(end)), "{text}");
        assert_eq!(client.memory, before);
        // A fresh client is no different.
        let mut fresh = Client::of(&depot);
        assert_eq!(error(fresh.take(&depot, at(end, TICK))).error.code(), code);
    }
}

#[test]
fn expired_documents_are_a_warning_where_that_is_allowed() {
    let mut depot = Simulator::new();
    let stale = |accepted, kit| Staleness { accepted, kit };
    for stale in [stale(true, false), stale(false, true), stale(true, true)] {
        let mut client = Client::of(&depot);
        client.stale = stale;
        assert!(client.take(&depot, days(14)).unwrap().warnings.is_empty());
        let trusted = client.take(&depot, days(20)).unwrap();
        let what = format!("head expired 6 days ago, on {}; there may be news", day(14));
        assert_eq!(trusted.warnings, [Warning { code: "W_STALE", what }]);
        let trusted = client.take(&depot, days(200)).unwrap();
        assert_eq!(codes(&trusted), ["W_STALE", "W_STALE"]);
        assert!(trusted.warnings[1].what.starts_with("channel stable expired 20 days ago"));
        // What was seen is not forgotten for it, and a root has to be good.
        let code = error(client.take(&depot, days(4 * 365))).error.code();
        assert_eq!(code, Code::RootExpired);
    }
    depot.publish();
    let mut client = Client::of(&depot);
    client.stale = stale(true, true);
    client.takes(&depot, 0);
    let old = Simulator::new().files;
    let mut replay = depot.clone();
    replay.files.extend(old);
    replay.head["version"] = json!(1);
    replay.republish_head();
    client.refuses(&replay, 0, Code::Rollback);
}

#[test]
fn a_clock_that_is_behind_is_not_believed() {
    let mut depot = Simulator::new();
    let mut client = Client::of(&depot);
    let trusted = client.take(&depot, Time::from_unix(0)).unwrap();
    assert_eq!(codes(&trusted), ["W_CLOCK_BEHIND"]);
    assert_eq!(trusted.now, days(0));
    let text = &trusted.warnings[0].what;
    assert!(text.contains("1970-01-01T00:00:00Z") && text.contains(&day(0)), "{text}");
    depot.head["issued"] = json!(day(10));
    depot.publish_head();
    client.takes(&depot, 10);
    // Head 2 is of day 10: it cannot be day 9.
    assert_eq!(client.take(&depot, days(9)).unwrap().now, days(10));
    depot.head["expires"] = json!(day(9));
    depot.publish_head();
    client.refuses(&depot, 0, Code::Frozen);
    // A clock that ran ahead locks nobody out.
    let depot = Simulator::new();
    let mut client = Client::of(&depot);
    client.takes(&depot, 0);
    client.refuses(&depot, 70 * 365, Code::RootExpired);
    client.refuses(&depot, 100, Code::Frozen);
    client.takes(&depot, 0);
}

#[test]
fn every_source_of_time_counts() {
    // The stamp, the root, and what was remembered of head and channel.
    let mut depot = Simulator::empty();
    depot.root["issued"] = json!(day(3));
    depot.publish_root();
    depot.publish();
    let mut client = Client::of(&depot);
    assert_eq!(client.take(&depot, days(0)).unwrap().now, days(3));
    client.stamped.stamp.issued = days(5);
    assert_eq!(client.take(&depot, days(0)).unwrap().now, days(5));
    client.stamped.stamp.issued = days(0);
    assert_eq!(client.take(&depot, days(0)).unwrap().now, days(3));
    depot.channels.get_mut("stable").unwrap()["issued"] = json!(day(6));
    depot.publish();
    client.takes(&depot, 3);
    assert_eq!(client.shown()["not_before"], day(6));
    depot.root["issued"] = json!(day(7));
    depot.publish_root();
    client.takes(&depot, 7);
    assert_eq!(client.shown()["not_before"], day(7));
    assert_eq!(client.file()["issued"], BEGAN + 7 * DAY);
}

#[test]
fn a_root_asks_for_a_program_that_is_new_enough() {
    let own = env!("CARGO_PKG_VERSION");
    for (least, good) in [(own, true), ("0.0.9", true), ("0.1.1", false), ("1.0.0", false)] {
        let mut depot = Simulator::new();
        let mut client = Client::of(&depot);
        depot.root["min_bootstrap"] = json!(least);
        depot.publish_root();
        depot.publish();
        match good {
            true => assert_eq!(client.takes(&depot, 0), (2, 2, 2)),
            false => {
                client.refuses(&depot, 0, Code::Schema);
                assert_eq!(client.shown()["root"]["version"], 2);
            }
        }
    }
}

#[test]
fn what_a_program_must_understand_it_understands_or_stops() {
    for role in ["root", "head", "channel"] {
        let mut depot = Simulator::new();
        let mut client = Client::of(&depot);
        let document = match role {
            "root" => &mut depot.root,
            "head" => &mut depot.head,
            _ => depot.channels.get_mut("stable").unwrap(),
        };
        document["new-field"] = json!({"any": ["thing", 1, null]});
        depot.publish_root();
        depot.publish();
        assert_eq!(client.takes(&depot, 0), (2, 2, 2), "{role}");
        let document = match role {
            "root" => &mut depot.root,
            "head" => &mut depot.head,
            _ => depot.channels.get_mut("stable").unwrap(),
        };
        document["must_understand"] = json!(["tomorrow"]);
        depot.publish_root();
        depot.publish();
        client.refuses(&depot, 0, Code::Schema);
    }
}

#[test]
fn a_channel_that_is_not_there_is_a_question_of_usage() {
    let mut depot = Simulator::new();
    depot.channel("beta");
    depot.publish();
    let mut client = Client::of(&depot);
    client.channel = id("nightly");
    let refused = error(client.take(&depot, days(0)));
    assert_eq!(refused.error.code(), Code::Usage);
    assert!(refused.error.to_string().ends_with("there is beta, stable"));
    client.channel = id("beta");
    assert_eq!(client.takes(&depot, 0), (1, 2, 1));
    client.channel = id("stable");
    assert_eq!(client.takes(&depot, 0), (1, 2, 2));
    let marks = json!({"head": 2, "channel": {"beta": 1, "stable": 2}});
    assert_eq!(client.shown()["marks"], marks);
    assert_eq!(client.shown()["channels"].as_object().unwrap().len(), 2);
    // Each channel has its own mark.
    depot.publish_channel("beta");
    depot.publish_head();
    client.takes(&depot, 0);
    assert_eq!(client.shown()["channels"].as_object().unwrap().len(), 1);
    client.channel = id("beta");
    assert_eq!(client.takes(&depot, 0), (1, 3, 2));
    depot.channels.get_mut("beta").unwrap()["version"] = json!(1);
    depot.republish_channel("beta");
    depot.publish_head();
    client.refuses(&depot, 0, Code::Rollback);
    client.channel = id("stable");
    client.takes(&depot, 0);
}

#[test]
fn signatures_are_counted_by_keys_and_bad_ones_take_nothing_away() {
    let two_of_three = |depot: &mut Simulator| {
        depot.role("head", &["h1", "h2", "h3"], 2);
        depot.publish_root();
    };
    let all = |_: usize| Some(Twist::Relabel);
    type Way = (&'static [&'static str], fn(usize) -> Option<Twist>, Option<Code>);
    let rows: [Way; 9] = [
        (&["h1", "h2"], |_| None, None),
        (&["h3", "h1"], |_| None, None),
        (&["h1"], |_| None, Some(Code::SigThreshold)),
        (&["h1", "h1"], |_| None, Some(Code::SigThreshold)),
        (&["h1", "h1"], |at| (at == 1).then_some(Twist::Relabel), Some(Code::SigThreshold)),
        (&["h1", "x1"], |_| None, Some(Code::SigThreshold)),
        (&["x1", "h1", "h2", "x2"], |at| (at == 0).then_some(Twist::Break), None),
        (&["h1", "h2"], |at| (at == 1).then_some(Twist::Break), Some(Code::SigThreshold)),
        (&["h1", "h2", "h3"], |at| (at == 2).then_some(Twist::Legacy), Some(Code::SigAlg)),
    ];
    for (signers, twist, code) in rows {
        let mut depot = Simulator::new();
        let mut client = Client::of(&depot);
        two_of_three(&mut depot);
        depot.sign_by("head", signers);
        depot.publish();
        depot.twist("head.json", twist);
        match code {
            None => assert_eq!(client.takes(&depot, 0), (2, 2, 2), "{signers:?}"),
            Some(code) => client.refuses(&depot, 0, code),
        }
    }
    // A key id that is no key's: nobody is asked to guess.
    let mut depot = Simulator::new();
    let mut client = Client::of(&depot);
    two_of_three(&mut depot);
    depot.publish();
    depot.twist("head.json", all);
    client.refuses(&depot, 0, Code::SigThreshold);
}

#[test]
fn a_head_without_a_signature_is_a_head_that_nobody_signed() {
    let mut depot = Simulator::new();
    let mut client = Client::of(&depot);
    depot.files.retain(|path, _| !path.starts_with("head/"));
    let refused = error(client.take(&depot, days(0)));
    assert_eq!(refused.error.code(), Code::SigThreshold);
    assert!(refused.error.to_string().contains("no signature of this head"));
    // One that cannot be fetched is something else.
    let path = depot.files["head.json"].clone();
    let path = crate::e2e::simulator::signature_of("head.json", &path);
    depot.files.insert(path, vec![b'x'; 20_000]);
    let refused = error(client.take(&depot, days(0)));
    assert_eq!(refused.error.code(), Code::Size);
}

#[test]
fn the_stored_signature_of_the_stored_head_is_good_enough() {
    let mut depot = Simulator::new();
    let mut client = Client::of(&depot);
    client.takes(&depot, 0);
    depot.files.retain(|path, _| !path.starts_with("head/"));
    assert_eq!(client.takes(&depot, 0), (1, 1, 1));
    // So is the stored channel.
    depot.files.retain(|path, _| !path.starts_with("channel/"));
    assert_eq!(client.takes(&depot, 0), (1, 1, 1));
    // Not by keys that are trusted no longer.
    depot.role("release", &["c2"], 1);
    depot.publish_root();
    client.refuses(&depot, 0, Code::Http);
}

#[test]
fn a_command_that_was_interrupted_says_so() {
    let depot = Simulator::new();
    let mut client = Client::of(&depot);
    let folder = client.room.put("depot", &depot.files);
    let sources = sources(&[folder]);
    sources.stop().set();
    let refused = error(client.ask(&sources, days(0)));
    assert_eq!(refused.error.code(), Code::Interrupted);
}
