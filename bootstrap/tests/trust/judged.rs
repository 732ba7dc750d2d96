//! Who signed, and whether this program may go on.

use crate::client::{Client, days, error};
use crate::e2e::simulator::{Simulator, Twist, signature_of};
use offgrid_manifest::{Code, Version};
use offgrid_setup::trust::Error;
use serde_json::json;

#[test]
fn a_root_asks_for_a_program_that_is_new_enough() {
    let own = env!("CARGO_PKG_VERSION");
    for (least, good) in [(own, true), ("0.0.9", true), ("0.1.1", false), ("1.0.0", false)] {
        let mut depot = Simulator::new();
        let mut client = Client::of(&depot);
        depot.root["min_bootstrap"] = json!(least);
        depot.publish_root();
        depot.publish();
        // The refresh itself goes on: an update may bring the newer program.
        assert_eq!(client.takes(&depot, 0), (2, 2, 2));
        let root = client.take(&depot, days(0)).unwrap().root;
        let judged = offgrid_setup::trust::check_age(&root, &own.parse().unwrap());
        assert_eq!(
            judged.map_err(|error| error.code()),
            if good { Ok(()) } else { Err(Code::Schema) }
        );
    }
}

#[test]
fn what_a_program_must_understand_it_understands_or_stops() {
    for role in ["root", "head", "channel"] {
        let mut depot = Simulator::new();
        let mut client = Client::of(&depot);
        let document = match role {
            "root" => &mut depot.root,
            "head" => &mut depot.head,
            _ => depot.channels.get_mut("stable").unwrap(),
        };
        document["new-field"] = json!({"any": ["thing", 1, null]});
        depot.publish_root();
        depot.publish();
        assert_eq!(client.takes(&depot, 0), (2, 2, 2), "{role}");
        let document = match role {
            "root" => &mut depot.root,
            "head" => &mut depot.head,
            _ => depot.channels.get_mut("stable").unwrap(),
        };
        document["must_understand"] = json!(["tomorrow"]);
        depot.publish_root();
        depot.publish();
        client.refuses(&depot, 0, Code::Schema);
    }
}

#[test]
fn signatures_are_counted_by_keys_and_bad_ones_take_nothing_away() {
    let two_of_three = |depot: &mut Simulator| {
        depot.role("head", &["h1", "h2", "h3"], 2);
        depot.publish_root();
    };
    let all = |_: usize| Some(Twist::Relabel);
    type Way = (&'static [&'static str], fn(usize) -> Option<Twist>, Option<Code>);
    let rows: [Way; 9] = [
        (&["h1", "h2"], |_| None, None),
        (&["h3", "h1"], |_| None, None),
        (&["h1"], |_| None, Some(Code::SigThreshold)),
        (&["h1", "h1"], |_| None, Some(Code::SigThreshold)),
        (&["h1", "h1"], |at| (at == 1).then_some(Twist::Relabel), Some(Code::SigThreshold)),
        (&["h1", "x1"], |_| None, Some(Code::SigThreshold)),
        (&["x1", "h1", "h2", "x2"], |at| (at == 0).then_some(Twist::Break), None),
        (&["h1", "h2"], |at| (at == 1).then_some(Twist::Break), Some(Code::SigThreshold)),
        (&["h1", "h2", "h3"], |at| (at == 2).then_some(Twist::Legacy), Some(Code::SigAlg)),
    ];
    for (signers, twist, code) in rows {
        let mut depot = Simulator::new();
        let mut client = Client::of(&depot);
        two_of_three(&mut depot);
        depot.sign_by("head", signers);
        depot.publish();
        depot.twist("head.json", twist);
        match code {
            None => assert_eq!(client.takes(&depot, 0), (2, 2, 2), "{signers:?}"),
            Some(code) => client.refuses(&depot, 0, code),
        }
    }
    // A key id that is no key's: nobody is asked to guess.
    let mut depot = Simulator::new();
    let mut client = Client::of(&depot);
    two_of_three(&mut depot);
    depot.publish();
    depot.twist("head.json", all);
    client.refuses(&depot, 0, Code::SigThreshold);
}

#[test]
fn a_head_without_a_signature_is_a_head_that_nobody_signed() {
    let mut depot = Simulator::new();
    let mut client = Client::of(&depot);
    depot.files.retain(|path, _| !path.starts_with("head/"));
    let refused = error(client.take(&depot, days(0)));
    assert_eq!(refused.error.code(), Code::SigThreshold);
    assert!(refused.error.to_string().contains("no such signature"));
    // One that cannot be fetched is something else.
    let path = depot.files["head.json"].clone();
    let path = signature_of("head.json", &path);
    depot.files.insert(path, vec![b'x'; 20_000]);
    let refused = error(client.take(&depot, days(0)));
    assert_eq!(refused.error.code(), Code::Size);
}

#[test]
fn every_refusal_has_a_code_and_a_hint_of_its_own() {
    let (time, version) = (days(0), "0.1.0".parse::<Version>().unwrap());
    let text = || "x".to_owned();
    let same = || version.clone();
    for (error, code, hint) in [
        (Error::Rollback { what: text(), found: 1, seen: 2 }, "E_ROLLBACK", "source"),
        (Error::Frozen { what: text(), expires: time, now: time }, "E_FROZEN", ""),
        (Error::RootExpired { expires: time, now: time }, "E_ROOT_EXPIRED", "newest offgrid-setup"),
        (Error::RootWithheld { wanted: 2, have: 1 }, "E_ROOT_WITHHELD", "--source"),
        (Error::NoChannel { name: text(), known: text() }, "E_USAGE", "--channel"),
        (Error::Outdated { needs: same(), own: same() }, "E_SCHEMA", "update this program"),
        (Error::Halted { version: same() }, "E_YANKED", "--version 0.1.0"),
        (
            Error::Vulnerable { version: same(), least: same() },
            "E_NEEDS_CONSENT",
            "--accept-vulnerable 0.1.0",
        ),
        (Error::Downgrade { wanted: same(), live: same() }, "E_NEEDS_CONSENT", "--allow-downgrade"),
        (Error::Yanked { version: same(), reason: text() }, "E_YANKED", "--allow-yanked"),
        (
            Error::NotListed { version: same(), channel: text(), known: text() },
            "E_NOT_LISTED",
            "--version V",
        ),
    ] {
        assert_eq!(error.code().name(), code);
        let found = error.hint().unwrap_or_default();
        assert!(!found.is_empty() && found.contains(hint), "{code}: {found}");
    }
}
