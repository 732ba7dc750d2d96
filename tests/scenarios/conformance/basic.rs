//! tuf-conformance, basic: what is asked for and in which order, what is trusted
//! at the beginning, and documents that are not what they are called.

use super::client::Client;
use e2e::simulator::{Simulator, Twist, day, signature_of};
use e2e::{Lie, Origin};
use offgrid_manifest::layout;
use serde_json::json;
use std::fs;

/// Every path that was asked for, in order.
fn asked(origin: &Origin) -> Vec<String> {
    origin.seen().into_iter().map(|seen| seen.path).collect()
}

#[test]
fn a_refresh_asks_for_each_document_once_and_in_its_order() {
    let mut depot = Simulator::new();
    depot.publish_root();
    depot.publish();
    let client = Client::of(&depot);
    let origin = Origin::of(&client.depot());
    let head = signature_of(layout::HEAD, &depot.files[layout::HEAD]);
    client.refresh_from(&origin.url(), 0, &[]).expect(0);
    assert_eq!(
        asked(&origin),
        [
            "head.json",
            "root/2.json",
            "root/2.json.minisig",
            "root/3.json",
            &head,
            "channel/stable/2.json",
            "channel/stable/2.json.minisig",
        ]
    );
    assert_eq!(client.versions(), (2, 2, 2));
    // Nothing new: one request.
    let outcome = client.refresh_from(&origin.url(), 0, &[]).expect(0);
    assert_eq!(outcome.ended().unwrap()["outcome"], "unchanged");
    assert_eq!(asked(&origin)[7..], ["head.json"]);
    // A new head over the same channel.
    depot.publish_head();
    depot.write(&client.depot());
    client.refresh_from(&origin.url(), 0, &[]).expect(0);
    let head = signature_of(layout::HEAD, &depot.files[layout::HEAD]);
    assert_eq!(asked(&origin)[8..], ["head.json", "root/3.json", &head]);
}

#[test]
fn a_download_refreshes_first() {
    let depot = Simulator::new();
    let client = Client::of(&depot);
    let origin = Origin::of(&client.depot());
    // The release of a simulator is a pin and no more.
    client.download(&origin.url(), "setup").expect_error(4, "E_HTTP");
    let asked = asked(&origin);
    assert_eq!(asked[..2], ["head.json", "root/2.json"]);
    assert!(asked.last().unwrap().starts_with("release/0.1.0/"), "{asked:?}");
    assert_eq!(client.versions(), (1, 1, 1));
    assert!(!client.path("into").exists());
}

#[test]
fn a_first_root_that_nobody_signed_or_can_read_is_no_beginning() {
    let depot = Simulator::new();
    let root = String::from_utf8(depot.files["root/1.json"].clone()).unwrap();
    let signature = depot.files["root/1.json.minisig"].clone();
    let other = Simulator::new().files["root/1.json.minisig"].clone();
    let mut broken = depot.clone();
    broken.twist("root/1.json", |_| Some(Twist::Break));
    let mut legacy = depot.clone();
    legacy.twist("root/1.json", |_| Some(Twist::Legacy));
    let of = |depot: &Simulator| depot.files["root/1.json.minisig"].clone();
    for (root, signature, code) in [
        (root.replace("\"version\":1", "\"version\":2"), signature.clone(), "E_SIG_THRESHOLD"),
        (root.replace(",\"version\":1", ""), signature.clone(), "E_PARSE"),
        (root.replace("offgrid/root", "offgrid/head"), signature.clone(), "E_TYPE"),
        (root.replace("\"threshold\":1", "\"threshold\":0"), signature.clone(), "E_PARSE"),
        (root.replace("\"threshold\":1", "\"threshold\":2"), signature.clone(), "E_PARSE"),
        (String::new(), signature.clone(), "E_PARSE"),
        (root.clone(), other, "E_SIG_THRESHOLD"),
        (root.clone(), Vec::new(), "E_SIG_THRESHOLD"),
        (root.clone(), of(&broken), "E_SIG_THRESHOLD"),
        (root.clone(), of(&legacy), "E_SIG_ALG"),
    ] {
        let client = Client::new();
        let path = client.path("first.json");
        fs::write(&path, &root).unwrap();
        fs::write(client.path("first.json.minisig"), &signature).unwrap();
        client.init(&path).expect_error(5, code);
        assert!(!client.path("state").exists());
        // One that got there all the same is not believed, and nobody is asked.
        fs::create_dir(client.path("state")).unwrap();
        fs::copy(&path, client.path("state/root.json")).unwrap();
        let beside = client.path("state/root.json.minisig");
        fs::copy(client.path("first.json.minisig"), beside).unwrap();
        client.publish(&depot);
        let origin = Origin::of(&client.depot());
        client.refresh_from(&origin.url(), 0, &[]).expect_error(5, code);
        assert!(origin.seen().is_empty());
    }
    // Without a root nothing begins.
    let client = Client::new();
    client.init(&client.path("nothing.json")).expect(2);
    client.trust("refresh", &[]).expect_error(3, "E_UNSTAMPED");
}

#[test]
fn a_state_begins_once() {
    let depot = Simulator::new();
    let client = Client::of(&depot);
    let again = client.init(&client.depot().join("root/1.json")).expect(0);
    assert_eq!(again.ended().unwrap()["outcome"], "unchanged");
    let other = Client::of(&Simulator::new());
    client.init(&other.depot().join("root/1.json")).expect(2);
    client.refresh(0).expect(0);
}

#[test]
fn documents_without_their_signatures_are_refused() {
    let good = {
        let mut depot = Simulator::new();
        depot.publish_root();
        depot.publish();
        depot
    };
    let head = signature_of(layout::HEAD, &good.files[layout::HEAD]);
    for path in ["root/2.json.minisig", &head, "channel/stable/2.json.minisig"] {
        for (bytes, code) in [
            (Some(&b""[..]), "E_SIG_THRESHOLD"),
            (Some(b"untrusted comment: x\n"), "E_SIG_THRESHOLD"),
            (None, ""),
        ] {
            let mut depot = good.clone();
            match bytes {
                Some(bytes) => drop(depot.files.insert(path.to_owned(), bytes.to_vec())),
                None => drop(depot.files.remove(path)),
            }
            let client = Client::of(&depot);
            let outcome = client.refresh(0);
            assert!([4, 5].contains(&outcome.code), "{path}: {outcome:#?}");
            assert!(outcome.stdout.contains(code), "{path}: {outcome:#?}");
            assert_eq!(client.versions().1, 0, "{path}");
        }
    }
}

#[test]
fn a_document_under_the_name_of_another_version_is_refused() {
    // The next root, inside another number.
    for inside in [1, 3, 7] {
        let mut depot = Simulator::new();
        depot.root["version"] = json!(inside);
        let document = depot.root.clone();
        depot.put_signed("root/2.json", &document, "root");
        depot.publish();
        let client = Client::of(&depot);
        client.refresh(0).expect_error(5, "E_NAME");
        assert_eq!(client.versions(), (1, 0, 0));
    }
    // A channel whose number is not the one that the head says.
    let mut depot = Simulator::new();
    let client = Client::of(&depot);
    depot.publish_channel("stable");
    depot.head["channels"]["stable"]["version"] = json!(3);
    for name in ["channel/stable/2.json", "channel/stable/2.json.minisig"] {
        let bytes = depot.files[name].clone();
        depot.files.insert(name.replace('2', "3"), bytes);
    }
    depot.publish_head();
    client.publish(&depot);
    client.refresh(0).expect_error(5, "E_NAME");
    // Another channel of the same makers.
    depot.channel("beta");
    depot.publish_channel("beta");
    depot.head["channels"]["stable"] = depot.head["channels"]["beta"].clone();
    for name in ["channel/beta/1.json", "channel/beta/1.json.minisig"] {
        let bytes = depot.files[name].clone();
        depot.files.insert(name.replace("beta", "stable"), bytes);
    }
    depot.publish_head();
    client.publish(&depot);
    client.refresh(0).expect_error(5, "E_NAME");
    assert_eq!(client.versions(), (1, 0, 0));
}

#[test]
fn a_document_of_another_type_is_refused() {
    for role in ["root", "head", "channel"] {
        let mut depot = Simulator::new();
        let client = Client::of(&depot);
        let kind = json!(if role == "head" { "offgrid/channel" } else { "offgrid/head" });
        match role {
            "root" => depot.root["type"] = kind,
            "head" => depot.head["type"] = kind,
            _ => depot.channels.get_mut("stable").unwrap()["type"] = kind,
        }
        depot.publish_root();
        depot.publish();
        client.publish(&depot);
        client.refresh(0).expect_error(5, "E_TYPE");
    }
    // A head that the release keys signed, and a channel that the head key signed.
    for (role, by) in [("head", "c1"), ("release", "h1"), ("head", "r1"), ("release", "r1")] {
        let mut depot = Simulator::new();
        let client = Client::of(&depot);
        depot.sign_by(role, &[by]);
        depot.publish();
        client.publish(&depot);
        client.refresh(0).expect_error(5, "E_SIG_THRESHOLD");
    }
}

#[test]
fn what_is_missing_is_unreachable_and_changes_nothing() {
    let mut depot = Simulator::new();
    let client = Client::of(&depot);
    client.refresh(0).expect(0);
    depot.publish();
    client.publish(&depot);
    let origin = Origin::of(&client.depot());
    for path in ["head.json", "channel/stable/2.json", "channel/stable/2.json.minisig"] {
        for status in [404, 500, 403] {
            origin.repent().lie(path, Lie::Status(status));
            // A signature that nobody has is one that nobody made.
            let unsigned = path.ends_with(".minisig") && status == 404;
            let (exit, error) = if unsigned { (5, "E_SIG_THRESHOLD") } else { (4, "E_HTTP") };
            client.refresh_from(&origin.url(), 0, &[]).expect_error(exit, error);
            assert_eq!(client.versions(), (1, 1, 1), "{path}");
        }
    }
    origin.repent();
    client.refresh_from(&origin.url(), 0, &[]).expect(0);
    assert_eq!(client.versions(), (1, 2, 2));
}

#[test]
fn a_head_that_changes_without_a_new_number_changes_nothing() {
    let mut depot = Simulator::new();
    let client = Client::of(&depot);
    client.refresh(0).expect(0);
    let first = client.shown()["head"]["sha256"].clone();
    depot.publish_channel("stable");
    depot.republish_head();
    client.publish(&depot);
    client.refresh(0).expect(0).says("W_EQUIVOCATION");
    assert_eq!(client.versions(), (1, 1, 1));
    assert_eq!(client.shown()["head"]["sha256"], first);
    assert_eq!(client.shown()["evidence"], 1);
}

#[test]
fn fields_that_nobody_knows_are_part_of_what_was_signed() {
    let mut depot = Simulator::new();
    let client = Client::of(&depot);
    client.refresh(0).expect(0);
    depot.root["custom"] = json!("value");
    depot.root["roles"]["root"]["another"] = json!({"a": 1, "b": [2]});
    depot.head["custom"] = json!(null);
    depot.channels.get_mut("stable").unwrap()["custom"] = json!({"x": []});
    depot.publish_root();
    depot.publish();
    client.publish(&depot);
    client.refresh(0).expect(0);
    assert_eq!(client.versions(), (2, 2, 2));
    // What is kept is what was signed, to the byte.
    let stored = fs::read_to_string(client.path("state/trust.json")).unwrap();
    let stored: serde_json::Value = serde_json::from_str(&stored).unwrap();
    let head = stored["head"]["document"].as_str().unwrap();
    assert_eq!(head.as_bytes(), depot.files[layout::HEAD]);
    // A field of that name which is signed differently is another document.
    let torn = head.replace("null", "1234");
    depot.files.insert(layout::HEAD.into(), torn.into_bytes());
    client.publish(&depot);
    client.refresh(0).expect_error(5, "E_SIG_THRESHOLD");
}

#[test]
fn the_time_is_the_one_that_was_given() {
    let client = Client::of(&Simulator::new());
    client.refresh(14).expect(0);
    client.refresh(15).expect_error(5, "E_FROZEN").says(&day(14));
    client.refresh(0).expect(0);
    let now = client.refresh_from(&client.depot().display().to_string(), 0, &["--now", "today"]);
    now.expect(2);
}
