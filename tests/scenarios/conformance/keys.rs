//! tuf-conformance, keys: how signatures are counted.

use super::client::Client;
use e2e::simulator::{Simulator, Twist, relabelled};
use serde_json::json;

/// The path of a role's newest document.
fn path(role: &str, version: u64) -> String {
    match role {
        "head" => "head.json".into(),
        "root" => format!("root/{version}.json"),
        _ => format!("channel/stable/{version}.json"),
    }
}

#[test]
fn a_threshold_counts_different_keys_and_valid_signatures() {
    type Row = (&'static [&'static str], fn(usize) -> Option<Twist>, Option<&'static str>);
    let few = Some("E_SIG_THRESHOLD");
    let rows: [Row; 11] = [
        (&["k1", "k2"], |_| None, None),
        (&["k3", "k2"], |_| None, None),
        (&["k1", "k2", "k3"], |_| None, None),
        // Strangers, broken ones and relabelled ones among the good.
        (&["x1", "k1", "x2", "k3"], |_| None, None),
        (&["k2", "k1", "k3"], |at| (at == 0).then_some(Twist::Break), None),
        (&["k2", "k1", "k3"], |at| (at == 0).then_some(Twist::Relabel), None),
        // One key is one key.
        (&["k1"], |_| None, few),
        (&["k1", "k1"], |_| None, few),
        (&["k1", "k1", "k1"], |at| (at > 0).then_some(Twist::Relabel), few),
        (&["k1", "k2"], |at| (at == 1).then_some(Twist::Break), few),
        (&["k1", "k2", "k3"], |at| (at == 2).then_some(Twist::Legacy), Some("E_SIG_ALG")),
    ];
    for role in ["head", "release", "root"] {
        for (signers, twist, code) in &rows {
            let mut depot = Simulator::empty();
            depot.role(role, &["k1", "k2", "k3"], 2);
            depot.publish_root();
            depot.publish();
            let client = Client::of(&depot);
            client.refresh(0).expect(0);
            depot.sign_by(role, signers);
            depot.publish_root();
            depot.publish();
            depot.twist(&path(role, 2), twist);
            client.publish(&depot);
            let outcome = client.refresh(0);
            let what = format!("{role} {signers:?}: {outcome:#?}");
            match code {
                None => assert_eq!((outcome.code, client.versions()), (0, (2, 2, 2)), "{what}"),
                Some(code) => {
                    drop(outcome.expect_error(5, code));
                    let root = u64::from(role != "root") + 1;
                    assert_eq!(client.versions(), (root, 1, 1), "{what}");
                }
            }
        }
    }
}

#[test]
fn more_signers_needed_than_before_have_to_sign() {
    let mut depot = Simulator::new();
    let client = Client::of(&depot);
    client.refresh(0).expect(0);
    for (role, old) in [("head", "h1"), ("release", "c1")] {
        depot.role(role, &[old, "k2", "k3", "k4"], 3);
        depot.sign_by(role, &[old, "k2"]);
        depot.publish_root();
        depot.publish();
        client.publish(&depot);
        client.refresh(0).expect_error(5, "E_SIG_THRESHOLD").says("2 of 3");
        depot.sign_by(role, &[old, "k2", "k4"]);
        depot.publish();
        client.publish(&depot);
        client.refresh(0).expect(0);
    }
    assert_eq!(client.versions(), (3, 5, 5));
}

#[test]
fn a_root_that_could_be_counted_in_two_ways_is_refused() {
    let rows: [fn(&mut Simulator); 8] = [
        // One key twice in a role, or under two names, or under another id.
        |depot| depot.root["roles"]["head"]["keys"] = json!(["h1", "h1"]),
        |depot| depot.root["keys"]["other"] = depot.root["keys"]["h1"].clone(),
        |depot| {
            let twin = relabelled(depot.root["keys"]["h1"].as_str().unwrap());
            depot.root["keys"]["other"] = json!(twin);
            depot.root["roles"]["head"] = json!({"keys": ["h1", "other"], "threshold": 2});
        },
        // Thresholds that nobody can miss or meet.
        |depot| depot.root["roles"]["head"]["threshold"] = json!(0),
        |depot| depot.root["roles"]["release"]["threshold"] = json!(2),
        |depot| depot.root["roles"]["head"]["threshold"] = json!(-1),
        |depot| depot.root["roles"]["head"]["keys"] = json!([]),
        // A key that is not there.
        |depot| depot.root["roles"]["head"]["keys"] = json!(["h1", "h9"]),
    ];
    for (number, edit) in rows.iter().enumerate() {
        let mut depot = Simulator::new();
        let client = Client::of(&depot);
        client.refresh(0).expect(0);
        edit(&mut depot);
        depot.publish_root();
        depot.publish();
        client.publish(&depot);
        let outcome = client.refresh(0);
        assert_eq!(outcome.code, 5, "row {number}: {outcome:#?}");
        outcome.expect_error(5, "E_PARSE");
        assert_eq!(client.versions(), (1, 1, 1), "row {number}");
    }
}

#[test]
fn a_signature_for_another_document_counts_for_none() {
    for (role, path) in [("head", "head.json"), ("release", "channel/stable/2.json")] {
        let mut depot = Simulator::new();
        let client = Client::of(&depot);
        depot.publish();
        let bytes = depot.files[path].clone();
        let signer = depot.signers[role][0].clone();
        for comment in ["", "timestamp:1", "offgrid/head head v2 sha256:00"] {
            let file = depot.sign(&[&signer], &bytes, comment);
            let beside = e2e::simulator::signature_of(path, &bytes);
            depot.files.insert(beside, file.into_bytes());
            client.publish(&depot);
            client.refresh(0).expect_error(5, "E_NAME");
        }
    }
}

#[test]
fn more_blocks_than_a_file_may_hold_are_no_signature() {
    for (count, good) in [(8, true), (9, false)] {
        let mut depot = Simulator::new();
        let client = Client::of(&depot);
        let mut signers = vec!["x1"; count - 1];
        signers.push("h1");
        depot.sign_by("head", &signers);
        depot.publish_head();
        client.publish(&depot);
        match good {
            true => drop(client.refresh(0).expect(0)),
            false => drop(client.refresh(0).expect_error(5, "E_SIG_THRESHOLD")),
        }
    }
}
