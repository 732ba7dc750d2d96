//! What TUF does not have: the root that a head names, programs that are too old,
//! many sources, damaged state.

use super::client::Client;
use e2e::simulator::{Simulator, Twist};
use e2e::{Lie, Origin};
use serde_json::json;
use std::fs;

#[test]
fn a_root_that_is_named_and_not_given_is_withheld() {
    let mut depot = Simulator::new();
    for _ in 0..6 {
        depot.publish_root();
    }
    depot.publish();
    let whole = depot.clone();
    depot.files.remove("root/7.json");
    let client = Client::of(&depot);
    client.refresh(0).expect_error(5, "E_ROOT_WITHHELD").says("root 7 but gives none after 6");
    // What there is was verified and stays; the next source has the rest.
    assert_eq!(client.versions(), (6, 0, 0));
    let good = client.other("good", &whole.files);
    let both = format!("{},{good}", client.depot().display());
    client.refresh_from(&both, 0, &[]).expect(0);
    assert_eq!(client.versions(), (7, 2, 2));
}

#[test]
fn a_long_chain_of_roots_is_walked_to_its_end() {
    let mut depot = Simulator::new();
    for _ in 0..60 {
        depot.publish_root();
    }
    depot.publish();
    let client = Client::of(&depot);
    client.refresh(0).expect(0);
    assert_eq!(client.versions(), (61, 2, 2));
    assert_eq!(client.refresh(0).expect(0).ended().unwrap()["outcome"], "unchanged");
}

#[test]
fn what_this_program_is_too_old_for_says_so() {
    for field in ["min_bootstrap", "must_understand", "schema"] {
        for role in ["root", "head", "channel"] {
            if field == "min_bootstrap" && role != "root" {
                continue;
            }
            let mut depot = Simulator::new();
            let client = Client::of(&depot);
            let document = match role {
                "root" => &mut depot.root,
                "head" => &mut depot.head,
                _ => depot.channels.get_mut("stable").unwrap(),
            };
            document[field] = match field {
                "min_bootstrap" => json!("99.0.0"),
                "schema" => json!(2),
                _ => json!(["tomorrow"]),
            };
            depot.publish_root();
            depot.publish();
            client.publish(&depot);
            client.refresh(0).expect_error(3, "E_SCHEMA").says("update this program");
            assert_eq!(client.versions().1, 0, "{field} of {role}");
        }
    }
}

#[test]
fn one_bad_source_of_several_is_no_error() {
    let mut depot = Simulator::new();
    let client = Client::of(&depot);
    client.refresh(0).expect(0);
    let old = client.other("old", &depot.files);
    depot.publish_root();
    depot.publish();
    let good = client.other("good", &depot.files);
    let mut forged = depot.clone();
    forged.sign_by("head", &["x1"]);
    forged.publish();
    let forged = client.other("forged", &forged.files);
    let mut torn = depot.clone();
    torn.twist("root/2.json", |_| Some(Twist::Break));
    torn.twist("channel/stable/2.json", |_| Some(Twist::Break));
    let torn = client.other("torn", &torn.files);
    let origin = Origin::of(&client.path("good"));
    origin.lie("", Lie::Page);
    let dead = "http://127.0.0.1:9/";
    let page = origin.url();
    let bad = [old.as_str(), &forged, &torn, &page, dead];
    // Each alone, and all together, before and behind the good one.
    let state = client.path("state/trust.json");
    let before = fs::read(&state).unwrap();
    for turn in 0..bad.len() {
        let mut list: Vec<&str> = bad.to_vec();
        list.rotate_left(turn);
        for list in [vec![list[0], &good], vec![&good, list[0]], [&list[..], &[&good]].concat()] {
            fs::write(&state, &before).unwrap();
            client.refresh_from(&list.join(","), 0, &[]).expect(0);
            let (root, head, channel) = client.versions();
            // The first three that answer decide; the rest are asked when none is right.
            let late = list.len() > 2;
            assert!((root, head, channel) == (2, 2, 2) || late && head == 1, "{list:?}");
        }
    }
    // All bad: the most telling of their errors.
    fs::write(&state, &before).unwrap();
    let all = format!("{dead},{page},{forged}");
    client.refresh_from(&all, 0, &[]).expect_error(5, "E_SIG_THRESHOLD");
    client.refresh_from(&format!("{dead},{page}"), 0, &[]).expect(4);
}

#[test]
fn a_state_that_is_damaged_is_made_again_and_kept_aside() {
    let mut depot = Simulator::new();
    depot.publish();
    let client = Client::of(&depot);
    client.refresh(0).expect(0);
    let state = client.path("state/trust.json");
    let aside = client.path("state/trust.json.bad");
    let good = fs::read(&state).unwrap();
    for damage in [&good[..good.len() - 1], b"", b"{}", b"\xff"] {
        fs::write(&state, damage).unwrap();
        assert_eq!(client.shown()["damaged"], true);
        client.refresh(0).expect(0).says("W_STATE_FORGOTTEN");
        assert_eq!(fs::read(&aside).unwrap(), damage);
        assert_eq!(fs::read(&state).unwrap(), good);
        fs::remove_file(&aside).unwrap();
    }
    // Also when a root is all that could be learned.
    fs::write(&state, b"garbage").unwrap();
    depot.publish_root();
    depot.head["version"] = json!(0);
    depot.sign_by("head", &["x1"]);
    depot.publish_head();
    client.publish(&depot);
    client.refresh(0).expect_error(5, "E_SIG_THRESHOLD");
    assert_eq!(fs::read(&aside).unwrap(), b"garbage");
    assert_eq!(client.versions(), (2, 0, 0));
}

#[test]
fn a_state_of_a_newer_program_is_left_alone() {
    let client = Client::of(&Simulator::new());
    let state = client.path("state/trust.json");
    fs::write(&state, b"{\"schema\":2,\"else\":true}").unwrap();
    client.refresh(0).expect_error(3, "E_SCHEMA");
    client.trust("show", &[]).expect_error(3, "E_SCHEMA");
    assert_eq!(fs::read(&state).unwrap(), b"{\"schema\":2,\"else\":true}");
}

#[test]
fn words_that_are_missing_are_asked_for() {
    let client = Client::of(&Simulator::new());
    client.trust("dance", &[]).expect_error(2, "E_USAGE");
    let folder = client.depot().display().to_string();
    client.refresh_from(&folder, 0, &["--channel", "nightly"]).expect_error(2, "E_USAGE");
    client.trust("download", &["--target", "setup"]).expect_error(2, "E_USAGE").says("--into");
    client.trust("download", &["--into", "x"]).expect_error(2, "E_USAGE").says("--target");
}
