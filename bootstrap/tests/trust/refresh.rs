//! One refresh after another against one depot.

use crate::client::{Client, codes, days, error, id, sources, stamped};
use crate::e2e::simulator::{BEGAN, Simulator};
use offgrid_manifest::Code;
use serde_json::{Value, json};

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

#[test]
fn the_stored_channel_stands_for_the_pinned_one_by_number_and_by_bytes() {
    let mut depot = Simulator::new();
    let mut client = Client::of(&depot);
    client.takes(&depot, 0);
    let old = depot.files["channel/stable/1.json"].clone();
    // The same number with other bytes is another document.
    depot.channels.get_mut("stable").unwrap()["note"] = json!("another");
    depot.republish_channel("stable");
    depot.publish_head();
    let trusted = client.take(&depot, days(0)).unwrap();
    assert_eq!(trusted.channel.bytes(), depot.files["channel/stable/1.json"]);
    assert_ne!(trusted.channel.bytes(), old);
    // So are the same bytes under another number.
    depot.head["channels"]["stable"]["version"] = json!(2);
    for name in ["channel/stable/1.json", "channel/stable/1.json.minisig"] {
        let bytes = depot.files[name].clone();
        depot.files.insert(name.replace('1', "2"), bytes);
    }
    depot.publish_head();
    client.refuses(&depot, 0, Code::Name);
}

#[test]
fn so_many_roots_are_walked_at_once_and_the_rest_the_next_time() {
    let mut depot = Simulator::new();
    let mut client = Client::of(&depot);
    for _ in 0..1_030 {
        depot.publish_root();
    }
    depot.publish();
    client.refuses(&depot, 0, Code::RootWithheld);
    assert_eq!(client.file()["roots"].as_array().unwrap().len(), 1_024);
    assert_eq!(client.takes(&depot, 0), (1_031, 2, 2));
    assert_eq!(client.takes(&depot, 0), (1_031, 2, 2));
}
