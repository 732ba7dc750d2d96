//! Clocks, and documents that expire.

use crate::client::{Client, codes, days, error};
use crate::e2e::simulator::{BEGAN, DAY, Simulator, day};
use offgrid_manifest::{Code, Time};
use offgrid_setup::trust::{Staleness, Warning};
use serde_json::json;

/// A second.
const TICK: u64 = 1;

fn at(days: u64, seconds: u64) -> Time {
    Time::from_unix(BEGAN + days * DAY + seconds)
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
    depot.head["issued"] = json!(day(8));
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
fn a_head_that_goes_on_over_an_expired_channel_is_stale_and_no_dead_end() {
    let mut depot = Simulator::new();
    depot.head["issued"] = json!(day(190));
    depot.head["expires"] = json!(day(204));
    depot.publish_head();
    let mut client = Client::of(&depot);
    client.refuses(&depot, 191, Code::Frozen);
    for (accepted, kit) in [(true, false), (false, true)] {
        let mut client = Client::of(&depot);
        client.stale = Staleness { accepted, kit };
        let trusted = client.take(&depot, days(191)).unwrap();
        assert_eq!(codes(&trusted), ["W_STALE"]);
        assert!(trusted.warnings[0].what.starts_with("channel stable expired 11 days ago"));
        // A head alone moves the time no further than the offline keys went.
        assert_eq!(client.shown()["not_before"], day(180));
    }
    // The root is an end too.
    let mut depot = Simulator::empty();
    depot.root["expires"] = json!(day(100));
    depot.publish_root();
    depot.head["issued"] = json!(day(101));
    depot.head["expires"] = json!(day(115));
    depot.publish();
    let mut client = Client::of(&depot);
    client.stale.accepted = true;
    client.take(&depot, days(99)).unwrap();
    assert_eq!(client.shown()["not_before"], day(100));
}
