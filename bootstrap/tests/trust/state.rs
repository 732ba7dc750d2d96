//! The remembered state as bytes that anybody may have written.

use crate::client::{Client, days, id, stamped};
use crate::e2e::simulator::{BEGAN, DAY, Simulator, day};
use offgrid_manifest::{Code, Digest};
use serde_json::json;

/// Changes the state's text and makes its sum fit again.
fn reseal(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = std::str::from_utf8(bytes).unwrap();
    assert!(text.contains(from), "{from} in {text}");
    let at = text.find("\"sum\":\"").unwrap() + 7;
    let open = format!("{}{}", &text[..at], &text[at + 64..]).replace(from, to);
    let sum = Digest::of(open.as_bytes()).to_string();
    format!("{}{sum}{}", &open[..at], &open[at..]).into_bytes()
}

/// A client with roots, marks, a channel and evidence.
fn seasoned() -> (Simulator, Client) {
    let mut depot = Simulator::new();
    depot.publish_root();
    depot.publish();
    let mut client = Client::of(&depot);
    client.takes(&depot, 0);
    let mut other = depot.clone();
    other.head["note"] = json!("another");
    other.republish_head();
    client.take(&other, days(0)).unwrap();
    (depot, client)
}

#[test]
fn a_bit_that_flips_anywhere_is_found_out() {
    let (_, mut client) = seasoned();
    let good = client.memory.clone().unwrap();
    let (mut damaged, mut newer) = (0, 0);
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 7);
        client.memory = Some(bytes);
        match offgrid_setup::trust::show(&client.stamped, &client.known()) {
            Ok(shown) => {
                assert_eq!(shown["damaged"], true, "byte {at}");
                assert_eq!(shown["root"]["version"], 1);
                damaged += 1;
            }
            // The schema's own digit may become one of tomorrow.
            Err(error) => {
                assert_eq!(error.code(), Code::Schema, "byte {at}");
                newer += 1;
            }
        }
    }
    assert!(newer <= 1 && damaged + newer == good.len());
}

#[test]
fn a_file_that_ends_early_is_forgotten_and_made_again() {
    let (depot, mut client) = seasoned();
    let good = client.memory.clone().unwrap();
    for length in (0..good.len()).step_by(7) {
        client.memory = Some(good[..length].to_vec());
        assert_eq!(client.shown()["damaged"], true, "{length} bytes");
    }
    client.memory = Some(good[..good.len() - 1].to_vec());
    let trusted = client.take(&depot, days(0)).unwrap();
    assert!(trusted.damaged && trusted.changed);
    assert_eq!(trusted.warnings[0].code, "W_STATE_FORGOTTEN");
    assert_eq!(client.shown()["damaged"], false);
    assert_eq!(client.shown()["marks"], json!({"head": 2, "channel": {"stable": 2}}));
}

#[test]
fn without_a_memory_the_stamp_and_the_installed_release_are_floors() {
    let mut depot = Simulator::new();
    let mut client = Client::of(&depot);
    client.stamped.stamp.floors.head = 2;
    client.refuses(&depot, 0, Code::Rollback);
    depot.publish();
    assert_eq!(client.takes(&depot, 0), (1, 2, 2));
    client.memory = None;
    client.stamped.stamp.floors.channel.insert(id("stable"), 3);
    client.refuses(&depot, 0, Code::Rollback);
    depot.publish();
    client.takes(&depot, 0);
    client.memory = None;
    for (installed, code) in [
        (json!({"name": "stable", "version": 4}).to_string(), Some(Code::Rollback)),
        (json!({"name": "stable", "version": 3}).to_string(), None),
        (json!({"name": "beta", "version": 9}).to_string(), None),
        (json!({"name": "stable"}).to_string(), None),
        ("garbage".to_owned(), None),
    ] {
        client.installed = Some(installed.into_bytes());
        client.memory = None;
        match code {
            Some(code) => client.refuses(&depot, 0, code),
            None => assert_eq!(client.takes(&depot, 0), (1, 3, 3)),
        }
    }
}

#[test]
fn documents_in_a_file_with_the_right_sum_are_verified_all_the_same() {
    let (depot, mut client) = seasoned();
    let good = client.memory.clone().unwrap();
    // A head that nobody signed: forgotten alone, with what it pins.
    client.memory = Some(reseal(&good, "\\\"root_version\\\":2", "\\\"root_version\\\":1"));
    let shown = client.shown();
    assert_eq!((shown["head"].is_null(), shown["damaged"].as_bool()), (true, Some(false)));
    assert_eq!((&shown["root"]["version"], &shown["channels"]), (&json!(2), &json!({})));
    assert_eq!(shown["marks"], json!({"head": 2, "channel": {"stable": 2}}));
    // A channel that nobody signed.
    client.memory = Some(reseal(&good, "\\\"current\\\":\\\"0.1.0", "\\\"current\\\":\\\"0.1.1"));
    let shown = client.shown();
    assert_eq!((&shown["head"]["version"], &shown["channels"]), (&json!(2), &json!({})));
    // A root that nobody signed: nothing of the file is believed.
    client.memory = Some(reseal(&good, "\\\"0.0.1\\\"", "\\\"0.0.0\\\""));
    let shown = client.shown();
    assert_eq!((&shown["root"]["version"], &shown["damaged"]), (&json!(1), &json!(true)));
    client.takes(&depot, 0);
    // Another spelling of the same file is not what was written.
    client.memory = Some(reseal(&good, "\"schema\":1,\"by\"", "\"schema\": 1,\"by\""));
    assert_eq!(client.shown()["damaged"], true);
}

#[test]
fn a_program_that_begins_later_in_the_chain_reads_the_state_of_an_earlier_one() {
    let (mut depot, mut client) = seasoned();
    depot.publish_root();
    depot.publish();
    client.takes(&depot, 0);
    assert_eq!(client.file()["roots"].as_array().unwrap().len(), 2);
    client.stamped = stamped(&depot.files, 2);
    let shown = client.shown();
    assert_eq!((&shown["root"]["version"], &shown["damaged"]), (&json!(3), &json!(false)));
    assert_eq!((&shown["head"]["version"], &shown["evidence"]), (&json!(3), &json!(1)));
    client.stamped = stamped(&depot.files, 3);
    assert_eq!(client.shown()["root"]["version"], 3);
    assert_eq!(client.takes(&depot, 0), (3, 3, 3));
    // A chain of other makers is not continued, and not taken for an earlier one.
    let mut others = Simulator::new();
    others.publish_root();
    others.publish();
    client.stamped = stamped(&others.files, 1);
    client.memory = Client::of(&depot).memory;
    client.takes(&others, 0);
    client.stamped = stamped(&depot.files, 1);
    assert_eq!(client.shown()["damaged"], true);
}

#[test]
fn times_in_the_file_are_signed_times_and_looks() {
    let (depot, mut client) = seasoned();
    let good = client.memory.clone().unwrap();
    let issued = |days: u64| format!("\"issued\":{}", BEGAN + days * DAY);
    client.memory = Some(reseal(&good, &issued(0), &issued(9)));
    assert_eq!(client.shown()["not_before"], day(9));
    assert_eq!(client.take(&depot, days(1)).unwrap().now, days(9));
    let probed = |seconds: u64| format!("\"probed\":{seconds}");
    client.memory = Some(reseal(&good, &probed(BEGAN), &probed(0)));
    assert!(client.shown()["checked"].is_null());
    client.memory = Some(reseal(&good, &probed(BEGAN), &probed(1)));
    assert_eq!(client.shown()["checked"], "1970-01-01T00:00:01Z");
}

#[test]
fn nothing_larger_than_the_limit_is_read() {
    assert_eq!(offgrid_setup::trust::state_max(), 16 << 20);
}
