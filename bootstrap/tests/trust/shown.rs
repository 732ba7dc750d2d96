//! What `status` and `trust show` say of what is remembered.

use crate::client::{Client, days, id};
use crate::e2e::simulator::{Simulator, day};
use offgrid_manifest::{Code, Digest};
use offgrid_setup::trust::{self, Wish};
use serde_json::{Value, json};

const MACHINE: &str = "00000000000000000000000000000000";

fn remembered(client: &Client, live: &str, clock: u64) -> Value {
    let (known, live) = (client.known(), live.parse().unwrap());
    let (channel, clock) = (id("stable"), days(clock));
    let wish = Wish { live: Some(&live), machine: Some(MACHINE), ..Wish::default() };
    trust::remembered(&client.stamped, &known, &channel, &wish, clock).unwrap()
}

#[test]
fn everything_that_is_remembered_is_shown() {
    let mut depot = Simulator::new();
    let mut client = Client::of(&depot);
    let nothing = client.shown();
    assert_eq!((&nothing["head"], &nothing["channels"]), (&Value::Null, &json!({})));
    assert_eq!((&nothing["checked"], &nothing["damaged"]), (&Value::Null, &json!(false)));
    assert_eq!(nothing["marks"], json!({"head": 0, "channel": {}}));
    let pin = json!({"sha256": Digest::of(b"2").to_string(), "size": 1});
    let channel = depot.channels.get_mut("stable").unwrap();
    channel["releases"]["0.2.0"] = pin;
    channel["yanked"] = json!({"0.2.0": {"reason": "bad"}});
    channel["minimum_safe"] = json!("0.0.5");
    channel["mirrors"] = json!(["http://127.0.0.1:9/"]);
    depot.root["floors"] = json!({"head": 1, "channel": {"stable": 1, "beta": 7}});
    depot.publish_root();
    depot.publish();
    client.stamped.stamp.floors.channel.insert(id("beta"), 8);
    client.takes(&depot, 3);
    let digest = |path: &str| Digest::of(&depot.files[path]).to_string();
    let role = |key: &str| json!({"keys": [key], "threshold": 1});
    let expected = json!({
        "v": 1,
        "root": {
            "version": 2, "issued": day(0), "expires": day(3 * 365),
            "sha256": digest("root/2.json"), "min_bootstrap": "0.0.1",
            "floors": {"head": 1, "channel": {"stable": 1, "beta": 7}},
            "keys": depot.root["keys"],
            "roles": {"root": role("r1"), "head": role("h1"), "release": role("c1")},
        },
        "head": {
            "version": 2, "issued": day(0), "expires": day(14), "root_version": 2,
            "sha256": digest("head.json"),
        },
        "channels": {"stable": {
            "version": 2, "issued": day(0), "expires": day(180),
            "sha256": digest("channel/stable/2.json"), "current": "0.1.0",
            "minimum_safe": "0.0.5", "critical": false, "releases": ["0.1.0", "0.2.0"],
            "yanked": ["0.2.0"], "mirrors": ["http://127.0.0.1:9/"],
        }},
        "marks": {"head": 2, "channel": {"stable": 2, "beta": 8}},
        "not_before": day(0),
        "checked": day(3),
        "evidence": 0,
        "damaged": false,
    });
    assert_eq!(client.shown(), expected);
    client.memory.as_mut().unwrap().push(b' ');
    assert_eq!(client.shown()["damaged"], true);
}

#[test]
fn status_tells_of_the_update_and_of_what_holds_it_back() {
    let mut depot = Simulator::new();
    let mut client = Client::of(&depot);
    let nothing = json!({
        "current": null,
        "update": {"available": null, "checked": null, "blocked_by": null},
        "trust": {"root": 1, "head": null, "channel": null, "expires": null},
        "notes": [],
    });
    assert_eq!(remembered(&client, "0.0.1", 0), nothing);
    let channel = depot.channels.get_mut("stable").unwrap();
    channel["rollout"] = json!({"salt": "stable:42:1.7.0", "steps": [
        {"at": day(1), "permyriad": 2421}, {"at": day(2), "permyriad": 2422},
    ]});
    channel["yanked"] = json!({"0.1.1": {"reason": "bad"}});
    depot.publish();
    client.takes(&depot, 0);
    let update = |available: Value, by: Value| json!({"available": available, "checked": day(0), "blocked_by": by});
    let held = remembered(&client, "0.0.1", 1);
    assert_eq!(held["update"], update(json!("0.1.0"), json!("rollout")));
    assert_eq!(held["trust"], json!({"root": 1, "head": 2, "channel": 2, "expires": day(14)}));
    let free = remembered(&client, "0.0.1", 2);
    assert_eq!(free["update"], update(json!("0.1.0"), Value::Null));
    assert_eq!(free["notes"], json!([]));
    let same = remembered(&client, "0.1.0", 2);
    assert_eq!(same["update"], update(Value::Null, Value::Null));
    let newer = remembered(&client, "0.1.1", 2);
    assert_eq!(newer["update"], update(Value::Null, Value::Null));
    assert_eq!(newer["notes"].as_array().unwrap().len(), 1);
    // The end of the channel counts when it comes first, and the clock is bounded.
    depot.channels.get_mut("stable").unwrap()["expires"] = json!(day(10));
    depot.head["issued"] = json!(day(2));
    depot.publish();
    client.takes(&depot, 2);
    assert_eq!(remembered(&client, "0.0.1", 0)["trust"]["expires"], day(10));
    assert_eq!(remembered(&client, "0.0.1", 0)["update"]["blocked_by"], Value::Null);
}

#[test]
fn state_of_a_newer_program_is_neither_shown_nor_used() {
    let depot = Simulator::new();
    let mut client = Client::of(&depot);
    client.memory = Some(br#"{"schema":2}"#.to_vec());
    client.refuses(&depot, 0, Code::Schema);
    let (known, wish) = (client.known(), Wish::default());
    let shown = trust::show(&client.stamped, &known).unwrap_err();
    let told =
        trust::remembered(&client.stamped, &known, &id("stable"), &wish, days(0)).unwrap_err();
    assert_eq!((shown.code(), told.code()), (Code::Schema, Code::Schema));
}
