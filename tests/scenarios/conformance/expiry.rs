//! tuf-conformance, expiration, and our own rules about it: a kit, `--accept-stale`,
//! clocks (reference/trust.md 2.6, F4).

use super::client::Client;
use e2e::Origin;
use e2e::simulator::{BEGAN, Simulator, day};
use offgrid_manifest::Time;
use serde_json::json;
use std::fs;

#[test]
fn a_new_document_that_has_expired_is_not_taken() {
    for (role, code) in [("root", "E_ROOT_EXPIRED"), ("head", "E_FROZEN"), ("channel", "E_FROZEN")]
    {
        let mut depot = Simulator::new();
        let client = Client::of(&depot);
        client.refresh(0).expect(0);
        let end = json!(day(4));
        match role {
            "root" => depot.root["expires"] = end,
            "head" => depot.head["expires"] = end,
            _ => depot.channels.get_mut("stable").unwrap()["expires"] = end,
        }
        depot.publish_root();
        depot.publish();
        client.publish(&depot);
        client.refresh(5).expect_error(5, code);
        // The root was right, only late: it stays, and nothing else is taken.
        assert_eq!(client.versions(), (2, 1, 1), "{role}");
        client.refresh(4).expect(0);
        assert_eq!(client.versions(), (2, 2, 2), "{role}");
    }
}

#[test]
fn stored_documents_that_have_expired_stand_in_the_way_of_nothing_new() {
    for role in ["root", "head", "channel"] {
        let mut depot = Simulator::empty();
        let draft = |depot: &mut Simulator, end: u64| match role {
            "root" => depot.root["expires"] = json!(day(end)),
            "head" => depot.head["expires"] = json!(day(end)),
            _ => depot.channels.get_mut("stable").unwrap()["expires"] = json!(day(end)),
        };
        draft(&mut depot, 7);
        depot.publish_root();
        depot.publish();
        let client = Client::of(&depot);
        client.refresh(0).expect(0);
        draft(&mut depot, 40);
        depot.head["expires"] = json!(day(40));
        depot.publish_root();
        depot.publish();
        client.publish(&depot);
        client.refresh(18).expect(0);
        assert_eq!(client.versions(), (2, 2, 2), "{role}");
    }
}

#[test]
fn whoever_insists_gets_what_has_expired_with_a_warning() {
    let depot = Simulator::new();
    let client = Client::of(&depot);
    let folder = client.depot().display().to_string();
    client.refresh(20).expect_error(5, "E_FROZEN").says("--accept-stale");
    client.refresh_from(&folder, 20, &["--accept-stale"]).expect(0).says("W_STALE");
    assert_eq!(client.versions(), (1, 1, 1));
    // A root that has expired is the end, whoever insists.
    let late = client.refresh_from(&folder, 4 * 365, &["--accept-stale"]);
    late.expect_error(5, "E_ROOT_EXPIRED");
}

#[test]
fn a_folder_is_a_kit_when_somebody_typed_it_and_all_there_is_are_folders() {
    let depot = Simulator::new();
    let client = Client::of(&depot);
    let folder = client.depot().display().to_string();
    let origin = Origin::of(&client.depot());
    // By variable: nobody looked at the stick.
    client.refresh(20).expect_error(5, "E_FROZEN");
    // A server among the sources may be the one that keeps back the news.
    let both = ["--source", folder.as_str(), "--source", &origin.url()];
    client.refresh_from("", 20, &both).expect_error(5, "E_FROZEN");
    let both = ["--source", &origin.url(), "--source", folder.as_str()];
    client.refresh_from("", 20, &both).expect_error(5, "E_FROZEN");
    let web = ["--source", &origin.url()];
    client.refresh_from("", 20, &web).expect_error(5, "E_FROZEN");
    assert_eq!(client.versions(), (1, 0, 0));
    client.refresh_from("", 20, &["--source", &folder]).expect(0).says("6 days ago");
    assert_eq!(client.versions(), (1, 1, 1));
}

#[test]
fn a_clock_of_1970_is_bounded_by_what_was_signed_and_one_of_2099_locks_nobody_out() {
    let mut depot = Simulator::new();
    let client = Client::of(&depot);
    let folder = client.depot().display().to_string();
    let now = |now: &str| {
        let mut words = vec!["refresh", "--now", now, "--source"];
        let origin = Origin::of(&client.depot());
        let url = origin.url();
        words.push(&url);
        client.trust(words[0], &words[1..])
    };
    now("1970-01-01T00:00:00Z").expect(0).says("W_CLOCK_BEHIND");
    assert_eq!(client.shown()["not_before"], Time::from_unix(BEGAN).to_string());
    now("2099-01-01T00:00:00Z").expect_error(5, "E_ROOT_EXPIRED");
    now("2027-01-01T00:00:00Z").expect_error(5, "E_FROZEN");
    client.refresh_from(&folder, 0, &[]).expect(0);
    // Documents of day 20 were seen: it is not day 3.
    depot.head["issued"] = json!(day(20));
    depot.head["expires"] = json!(day(34));
    depot.publish_head();
    client.publish(&depot);
    client.refresh(20).expect(0);
    client.refresh(3).expect(0).says("W_CLOCK_BEHIND");
    assert_eq!(client.shown()["not_before"], day(20));
    let state = fs::read_to_string(client.path("state/trust.json")).unwrap();
    assert!(!state.contains("2099"));
}
