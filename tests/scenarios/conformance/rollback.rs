//! tuf-conformance, rollback: nothing goes back, and makers recover from a thief
//! who counted ahead by calling back his key.

use super::client::Client;
use e2e::Simulator;
use serde_json::json;

const FAR: u64 = (1 << 53) - 1;

#[test]
fn no_document_goes_back() {
    let mut depot = Simulator::new();
    for _ in 0..3 {
        depot.publish();
    }
    let client = Client::of(&depot);
    client.refresh(0).expect(0);
    assert_eq!(client.versions(), (1, 4, 4));
    // The head alone, the channel alone under a new head, both together.
    for (head, channel) in [(2, 4), (9, 3), (3, 3)] {
        let mut old = depot.clone();
        old.channels.get_mut("stable").unwrap()["version"] = json!(channel);
        old.republish_channel("stable");
        old.head["version"] = json!(head);
        old.republish_head();
        client.publish(&old);
        client.refresh(0).expect_error(5, "E_ROLLBACK");
        assert_eq!(client.versions(), (1, 4, 4), "{head} {channel}");
    }
    client.publish(&depot);
    client.refresh(0).expect(0);
}

#[test]
fn an_older_channel_in_the_place_of_the_pinned_one_is_another_document() {
    let mut depot = Simulator::new();
    let client = Client::of(&depot);
    client.refresh(0).expect(0);
    depot.publish();
    for name in ["channel/stable/2.json", "channel/stable/2.json.minisig"] {
        let old = depot.files[&name.replace('2', "1")].clone();
        depot.files.insert(name.to_owned(), old);
    }
    client.publish(&depot);
    client.refresh(0).expect_error(5, "E_MIXMATCH");
    assert_eq!(client.versions(), (1, 1, 1));
}

#[test]
fn a_role_recovers_from_a_thief_who_counted_ahead_by_calling_back_its_key() {
    for (role, stolen) in [("head", "h1"), ("release", "c1")] {
        let mut depot = Simulator::new();
        let client = Client::of(&depot);
        let honest = depot.clone();
        match role {
            "head" => depot.head["version"] = json!(FAR),
            _ => {
                depot.channels.get_mut("stable").unwrap()["version"] = json!(FAR);
                depot.republish_channel("stable");
            }
        }
        depot.republish_head();
        client.publish(&depot);
        client.refresh(0).expect(0);
        // Without another key nothing of the makers' is ever taken again.
        depot = honest;
        depot.publish();
        client.publish(&depot);
        client.refresh(0).expect_error(5, "E_ROLLBACK");
        // Another key of another role does not help.
        depot.role("root", &["r1", "r2"], 1);
        depot.publish_root();
        depot.publish();
        client.publish(&depot);
        client.refresh(0).expect_error(5, "E_ROLLBACK");
        depot.role(role, &["new"], 1);
        depot.publish_root();
        depot.publish();
        client.publish(&depot);
        client.refresh(0).expect(0);
        assert_eq!(client.versions(), (3, 4, 4), "{stolen}");
        client.refresh(0).expect(0);
        // What the thief signs now is nobody's.
        depot.sign_by(role, &[stolen]);
        depot.publish();
        client.publish(&depot);
        client.refresh(0).expect_error(5, "E_SIG_THRESHOLD");
        assert_eq!(client.versions(), (3, 4, 4), "{stolen}");
    }
}

#[test]
fn floors_of_a_root_hold_from_the_moment_it_is_known() {
    let mut depot = Simulator::new();
    let client = Client::of(&depot);
    client.refresh(0).expect(0);
    depot.root["floors"] = json!({"head": 3, "channel": {"stable": 2}});
    depot.publish_root();
    depot.publish_head();
    client.publish(&depot);
    client.refresh(0).expect_error(5, "E_ROLLBACK").says("head 2 is older than 3");
    assert_eq!(client.versions(), (2, 1, 1));
    depot.publish_head();
    client.publish(&depot);
    client.refresh(0).expect_error(5, "E_ROLLBACK").says("channel stable 1 is older than 2");
    depot.publish();
    client.publish(&depot);
    client.refresh(0).expect(0);
    assert_eq!(client.versions(), (2, 4, 2));
}

#[test]
fn one_head_pins_every_channel() {
    let mut depot = Simulator::new();
    depot.channel("beta");
    depot.publish();
    let client = Client::of(&depot);
    let folder = client.depot().display().to_string();
    client.refresh(0).expect(0);
    client.refresh_from(&folder, 0, &["--channel", "beta"]).expect(0);
    let marks = json!({"head": 2, "channel": {"beta": 1, "stable": 2}});
    assert_eq!(client.shown()["marks"], marks);
    // The head of before would bring back the other channel too.
    let old = Simulator::clone(&depot);
    depot.publish();
    client.publish(&depot);
    client.refresh_from(&folder, 0, &["--channel", "beta"]).expect(0);
    client.publish(&old);
    client.refresh(0).expect_error(5, "E_ROLLBACK");
    client.refresh_from(&folder, 0, &["--channel", "gamma"]).expect(5);
}
