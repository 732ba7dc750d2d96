//! Roles that pass from keys to keys: the rows of `fixtures/rotation.json`.

use super::client::Client;
use e2e::Simulator;
use serde_json::Value;

fn table() -> Value {
    let text = include_str!("../../fixtures/rotation.json");
    serde_json::from_str(text).unwrap()
}

fn rows(name: &str, count: usize) -> Vec<Value> {
    let rows = table()[name].as_array().unwrap().clone();
    assert_eq!(rows.len(), count, "{name}");
    rows
}

/// Lets a role pass to the keys of a row, signed by the row's signers.
fn pass(depot: &mut Simulator, role: &str, row: &Value) {
    let names = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|number| format!("k{number}")).collect()
    };
    let (keys, signers) = (names(&row["keys"]), names(&row["signers"]));
    let threshold = usize::try_from(row["threshold"].as_u64().unwrap()).unwrap();
    depot.role(role, &keys.iter().map(String::as_str).collect::<Vec<_>>(), threshold);
    depot.sign_by(role, &signers.iter().map(String::as_str).collect::<Vec<_>>());
}

/// Refreshes and compares exit code and E_ code with the row's.
#[track_caller]
fn ends_as(client: &Client, row: &Value, what: &str) {
    let outcome = client.refresh(0);
    let exit = i64::from(outcome.code);
    assert_eq!(Some(exit), row["exit"].as_i64(), "{what}: {outcome:#?}");
    let ended = outcome.ended().unwrap();
    assert_eq!(ended["error"]["code"], row["error"], "{what}");
}

#[test]
fn the_root_passes_from_keys_to_keys() {
    for row in rows("root", 15) {
        let what = row["name"].as_str().unwrap();
        let mut depot = Simulator::empty();
        for version in row["versions"].as_array().unwrap() {
            pass(&mut depot, "root", version);
            depot.publish_root();
        }
        // A head that names no later root than there is: only the chain decides.
        depot.head["root_version"] = 1.into();
        depot.publish();
        let client = Client::of(&depot);
        ends_as(&client, &row, what);
        let shown = client.shown();
        assert_eq!(shown["root"]["version"], row["stored_root"], "{what}");
        let stored = row["stored_root"].as_u64().unwrap();
        let bytes = &depot.files[&format!("root/{stored}.json")];
        let digest = offgrid_manifest::Digest::of(bytes).to_string();
        assert_eq!(shown["root"]["sha256"], digest, "{what}");
    }
}

#[test]
fn the_other_roles_pass_from_keys_to_keys() {
    for row in rows("other_roles", 10) {
        let what = row["name"].as_str().unwrap();
        let refused = !row["error"].is_null();
        for role in ["head", "release"] {
            let what = format!("{role}: {what}");
            let mut depot = Simulator::new();
            depot.role(role, &["k1"], 1);
            depot.publish_root();
            depot.publish();
            let client = Client::of(&depot);
            client.refresh(0).expect(0);
            assert_eq!(client.versions(), (2, 2, 2), "{what}");
            pass(&mut depot, role, &row);
            depot.publish_root();
            depot.publish();
            client.publish(&depot);
            ends_as(&client, &row, &what);
            // A root that was verified stays, whatever follows.
            let (root, head, channel) = client.versions();
            assert_eq!(root, 3, "{what}");
            if refused {
                assert!((head, channel) != (3, 3), "{what}: {head} {channel}");
            } else {
                assert_eq!((head, channel), (3, 3), "{what}");
            }
        }
    }
}
