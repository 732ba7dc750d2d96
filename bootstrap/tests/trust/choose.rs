//! Which release a machine takes: the table of `choose`, and what holds for every
//! cell of the whole product.

use crate::client::days;
use crate::e2e::simulator::day;
use offgrid_manifest::{Channel, Digest, Time, Version};
use offgrid_setup::trust::{Choice, Consent, Error, Wish, choose, notices};
use serde_json::{Value, json};

/// Stands at 2421 in the rollout with this salt (reference/trust.md 2.9).
const MACHINE: &str = "00000000000000000000000000000000";
const SALT: &str = "stable:42:1.7.0";

fn v(text: &str) -> Version {
    text.parse().unwrap()
}

/// A channel that offers 0.3.0 and lists 0.1.0 to 0.4.0, with other fields.
fn channel(fields: &Value) -> Channel {
    let pin = |n: u8| json!({"sha256": Digest::of(&[n]).to_string(), "size": n});
    let mut document = json!({
        "schema": 1, "type": "offgrid/channel", "name": "stable", "version": 1,
        "issued": day(0), "expires": day(180), "current": "0.3.0",
        "releases": {"0.1.0": pin(1), "0.2.0": pin(2), "0.3.0": pin(3), "0.4.0": pin(4)},
    });
    for (name, value) in fields.as_object().unwrap() {
        document[name] = value.clone();
    }
    serde_json::from_value(document).unwrap()
}

/// Rolled out to so many of 10,000 since the day before; `null` for no rollout.
fn share(share: Option<u64>) -> Value {
    share.map_or(Value::Null, |n| {
        json!({"salt": SALT, "steps": [
            {"at": day(1), "permyriad": n}, {"at": day(9), "permyriad": 10_000},
        ]})
    })
}

/// In a word: `take 0.3.0`, `stay rollout`, `E_YANKED`.
fn outcome(channel: &Channel, wish: &Wish<'_>, now: Time) -> String {
    match choose(channel, wish, now) {
        Ok(Choice::Take(version, pin)) => {
            assert_eq!(Some(&pin), channel.releases.get(&version));
            format!("take {version}")
        }
        Ok(Choice::Stay(held)) => format!("stay {}", held.name()),
        Err(error) => error.code().name().to_owned(),
    }
}

/// A row: fields of the channel, the wish in words, what comes of it.
#[track_caller]
fn row(fields: &Value, wish: &str, expected: &str) {
    let words: Vec<&str> = wish.split_whitespace().collect();
    let after = |name: &str| {
        let at = words.iter().position(|word| *word == name)?;
        Some(v(words[at + 1]))
    };
    let has = |name: &str| words.contains(&name);
    let (live, version, vulnerable) = (after("live"), after("version"), after("vulnerable"));
    let left = after("left");
    let wish = Wish {
        version: version.as_ref(),
        live: live.as_ref(),
        left: left.as_ref(),
        machine: has("machine").then_some(MACHINE),
        by_person: has("person"),
        consent: Consent {
            downgrade: has("downgrade"),
            yanked: has("yanked"),
            vulnerable: vulnerable.as_ref(),
        },
    };
    let found = outcome(&channel(fields), &wish, days(2));
    assert_eq!(found, expected, "{fields} {words:?}");
}

#[test]
fn without_a_release_before_nobody_is_held_back_but_by_a_halt() {
    let yank = json!({"0.3.0": {"reason": "bad"}});
    for (fields, expected) in [
        (json!({}), "take 0.3.0"),
        (json!({"rollout": share(Some(1))}), "take 0.3.0"),
        (json!({"rollout": share(Some(10_000))}), "take 0.3.0"),
        // The first step is still to come: a person asks, so it is taken.
        (json!({"rollout": {"salt": "", "steps": [{"at": day(3), "permyriad": 1}]}}), "take 0.3.0"),
        (json!({"rollout": {"salt": "", "steps": []}}), "take 0.3.0"),
        (json!({"rollout": share(Some(0))}), "take 0.2.0"),
        (json!({"rollout": share(Some(0)), "critical": true}), "take 0.3.0"),
        (json!({"rollout": share(Some(0)), "yanked": {"0.2.0": {"reason": ""}}}), "take 0.1.0"),
        (json!({"rollout": share(Some(0)), "minimum_safe": "0.2.0"}), "take 0.2.0"),
        (json!({"rollout": share(Some(0)), "minimum_safe": "0.2.1"}), "E_YANKED"),
        (json!({"rollout": share(Some(0)), "current": "0.1.0"}), "E_YANKED"),
        (json!({"yanked": yank}), "E_YANKED"),
        (json!({"minimum_safe": "0.3.0"}), "take 0.3.0"),
        (json!({"minimum_safe": "0.3.1"}), "E_NEEDS_CONSENT"),
    ] {
        row(&fields, "", expected);
        row(&fields, "machine", expected);
    }
    row(&json!({"yanked": yank}), "yanked", "take 0.3.0");
    row(&json!({"minimum_safe": "0.3.1"}), "vulnerable 0.3.0", "take 0.3.0");
    row(&json!({"minimum_safe": "0.3.1"}), "vulnerable 0.2.0", "E_NEEDS_CONSENT");
    row(&json!({"rollout": share(Some(0))}), "version 0.3.0", "take 0.3.0");
}

#[test]
fn an_installed_release_is_replaced_when_the_rollout_has_come_this_far() {
    for (fields, machine, expected) in [
        (json!({}), "", "take 0.3.0"),
        (json!({"rollout": share(Some(2421))}), "machine", "stay rollout"),
        (json!({"rollout": share(Some(2422))}), "machine", "take 0.3.0"),
        // Without a number of its own a machine comes last.
        (json!({"rollout": share(Some(9_999))}), "", "stay rollout"),
        (json!({"rollout": share(Some(10_000))}), "", "take 0.3.0"),
        (json!({"rollout": share(Some(0))}), "machine", "stay halted"),
        (json!({"rollout": share(Some(0))}), "machine person", "stay halted"),
        (json!({"rollout": share(Some(0)), "critical": true}), "machine", "take 0.3.0"),
        (json!({"rollout": share(Some(1)), "critical": true}), "machine", "take 0.3.0"),
        (json!({"rollout": share(Some(1))}), "machine person", "take 0.3.0"),
        (
            json!({"rollout": {"salt": "", "steps": [{"at": day(3), "permyriad": 9}]}}),
            "machine",
            "stay rollout",
        ),
        (json!({"rollout": {"salt": "", "steps": []}}), "machine", "stay rollout"),
        // The way out of a bad release is open at once, unless it was stopped too.
        (json!({"rollout": share(Some(1)), "minimum_safe": "0.2.1"}), "machine", "take 0.3.0"),
        (json!({"rollout": share(Some(1)), "minimum_safe": "0.2.0"}), "machine", "stay rollout"),
        (
            json!({"rollout": share(Some(1)), "yanked": {"0.2.0": {"reason": ""}}}),
            "machine",
            "take 0.3.0",
        ),
        (json!({"rollout": share(Some(0)), "minimum_safe": "0.2.1"}), "machine", "stay halted"),
        (json!({"yanked": {"0.3.0": {"reason": "bad"}}}), "", "E_YANKED"),
        (json!({"minimum_safe": "0.3.1"}), "", "E_NEEDS_CONSENT"),
    ] {
        row(&fields, &format!("live 0.2.0 {machine}"), expected);
    }
    row(&json!({}), "live 0.3.0", "stay newest");
    row(&json!({"rollout": share(Some(0))}), "live 0.3.0", "stay newest");
    row(&json!({"yanked": {"0.3.0": {"reason": ""}}}), "live 0.3.0", "stay newest");
    row(&json!({}), "live 0.4.0", "stay older");
    row(&json!({"yanked": {"0.4.0": {"reason": ""}}}), "live 0.4.0 person", "stay older");
    row(&json!({}), "live 0.4.0 downgrade", "stay older");
}

#[test]
fn who_went_back_from_a_release_is_not_brought_there_again_unasked() {
    let least = json!({"minimum_safe": "0.2.1"});
    row(&json!({}), "live 0.2.0 left 0.3.0", "stay rolled-back");
    row(&json!({}), "live 0.2.0 left 0.3.0 person", "stay rolled-back");
    row(&least, "live 0.2.0 left 0.3.0 person", "stay rolled-back");
    row(&json!({}), "live 0.2.0 left 0.3.0 version 0.3.0", "take 0.3.0");
    // A later one, and one that comes in its place, may be better.
    row(&json!({}), "live 0.2.0 left 0.2.9", "take 0.3.0");
    row(&json!({}), "live 0.2.0 left 0.4.0", "take 0.3.0");
    row(&json!({"rollout": share(Some(0))}), "live 0.2.0 left 0.3.0", "stay halted");
}

#[test]
fn a_release_that_was_named_needs_no_rollout_but_every_consent() {
    let yank = json!({"yanked": {"0.1.0": {"reason": "bad"}, "0.4.0": {"reason": "worse"}}});
    let safe = json!({"minimum_safe": "0.2.0"});
    for (fields, wish, expected) in [
        (&json!({}), "version 0.4.0", "take 0.4.0"),
        (&json!({}), "version 0.9.0", "E_NOT_LISTED"),
        (&json!({}), "version 0.9.0 live 0.9.0", "E_NOT_LISTED"),
        (&json!({"rollout": share(Some(1))}), "version 0.3.0 live 0.2.0 machine", "take 0.3.0"),
        (&json!({"rollout": share(Some(0))}), "version 0.3.0 live 0.2.0", "take 0.3.0"),
        (&json!({}), "version 0.1.0 live 0.2.0", "E_NEEDS_CONSENT"),
        (&json!({}), "version 0.1.0 live 0.2.0 downgrade", "take 0.1.0"),
        (&json!({}), "version 0.2.0 live 0.2.0", "take 0.2.0"),
        (&json!({}), "version 0.1.0", "take 0.1.0"),
        (&yank, "version 0.4.0 live 0.2.0", "E_YANKED"),
        (&yank, "version 0.4.0 live 0.2.0 yanked", "take 0.4.0"),
        (&yank, "version 0.4.0 live 0.4.0", "take 0.4.0"),
        (&yank, "version 0.1.0 live 0.2.0 yanked", "E_NEEDS_CONSENT"),
        (&yank, "version 0.1.0 live 0.2.0 yanked downgrade", "take 0.1.0"),
        (&yank, "version 0.1.0 live 0.2.0 downgrade", "E_YANKED"),
        (&safe, "version 0.1.0", "E_NEEDS_CONSENT"),
        (&safe, "version 0.1.0 vulnerable 0.1.0", "take 0.1.0"),
        (&safe, "version 0.1.0 vulnerable 0.1.0 live 0.2.0", "E_NEEDS_CONSENT"),
        (&safe, "version 0.1.0 vulnerable 0.1.0 live 0.2.0 downgrade", "take 0.1.0"),
        (&safe, "version 0.1.0 live 0.1.0", "take 0.1.0"),
        (&safe, "version 0.2.0", "take 0.2.0"),
    ] {
        row(fields, wish, expected);
    }
}

/// What holds whatever the channel says and whoever asks.
fn judge(channel: &Channel, steps: Option<u64>, wish: &Wish<'_>) -> bool {
    let what = || format!("{channel:?} {wish:?}");
    let Wish { version, live, by_person, consent, .. } = *wish;
    let is_unsafe = |v: &Version| channel.minimum_safe.as_ref().is_some_and(|least| v < least);
    match choose(channel, wish, days(2)) {
        // What is live may be taken again by its name, whatever it is.
        Ok(Choice::Take(found, _)) if live == Some(&found) => assert!(version.is_some()),
        Ok(Choice::Take(found, _)) => {
            assert!(version.is_none_or(|version| *version == found), "{}", what());
            let named = version.is_some() || live.is_none();
            assert!(named || found == channel.current, "{}", what());
            assert!(!channel.yanked.contains_key(&found) || consent.yanked, "{}", what());
            let agreed = consent.vulnerable == Some(&found);
            assert!(!is_unsafe(&found) || agreed, "{}", what());
            assert!(live.is_none_or(|live| found > *live) || consent.downgrade, "{}", what());
            return true;
        }
        Ok(Choice::Stay(held)) => {
            assert!(live.is_some() && version.is_none(), "{}", what());
            assert!(!by_person || held.name() != "rollout", "{}", what());
        }
        Err(Error::Yanked { version, .. }) => {
            assert!(channel.yanked.contains_key(&version) && !consent.yanked, "{}", what());
        }
        Err(Error::Vulnerable { version, .. }) => assert!(is_unsafe(&version), "{}", what()),
        Err(Error::Downgrade { wanted, live: was }) => {
            assert!(wanted < was && Some(&was) == live && !consent.downgrade, "{}", what());
        }
        Err(Error::Halted { .. }) => assert!(live.is_none() && steps == Some(0), "{}", what()),
        Err(other) => panic!("{other}: {}", what()),
    }
    false
}

#[test]
fn in_every_cell_of_the_table_nothing_is_taken_that_nobody_agreed_to() {
    let versions = ["0.1.0", "0.2.0", "0.3.0", "0.4.0"].map(v);
    let any = || versions.iter().map(Some).chain([None]);
    let bits = |count: usize| (0..1usize << count).map(|n| move |at: usize| n >> at & 1 == 1);
    let (mut cells, mut taken) = (0, 0);
    for (least, bad) in any().flat_map(|least| any().map(move |bad| (least, bad))) {
        for (steps, critical) in
            [None, Some(0), Some(2421), Some(2422)].map(|s| (s, s == Some(2421)))
        {
            let mut fields =
                json!({"rollout": share(steps), "critical": critical, "minimum_safe": least});
            if let Some(bad) = bad {
                fields["yanked"] = json!({bad.to_string(): {"reason": ""}});
            }
            let channel = channel(&fields);
            for (live, version) in any().flat_map(|live| any().map(move |v| (live, v))) {
                for (bit, vulnerable) in bits(4).flat_map(|bit| any().map(move |v| (bit, v))) {
                    let consent = Consent { downgrade: bit(0), yanked: bit(1), vulnerable };
                    let machine = bit(2).then_some(MACHINE);
                    let (left, by_person) = (None, bit(3));
                    let wish = Wish { version, live, left, machine, by_person, consent };
                    cells += 1;
                    taken += usize::from(judge(&channel, steps, &wish));
                }
            }
        }
    }
    assert_eq!(cells, 25 * 4 * 25 * 16 * 5);
    assert!(taken > cells / 5, "{taken} of {cells}");
}

#[test]
fn an_error_says_what_there_is_and_what_to_type() {
    let wish = |version| Wish { version, ..Wish::default() };
    let plain = channel(&json!({}));
    let unknown = v("0.9.0");
    let error = choose(&plain, &wish(Some(&unknown)), days(0)).unwrap_err();
    let text = "release 0.9.0 is not in the channel `stable`; there is 0.4.0, 0.3.0, 0.2.0, 0.1.0";
    assert_eq!(error.to_string(), text);
    let bad = channel(&json!({"yanked": {"0.3.0": {"reason": "a\u{1b}[31mb"}}}));
    let error = choose(&bad, &wish(None), days(0)).unwrap_err();
    assert_eq!(error.to_string(), "release 0.3.0 was withdrawn: a\\u{1b}[31mb");
}

#[test]
fn whoever_runs_a_bad_release_is_told() {
    let fields = json!({
        "minimum_safe": "0.2.0",
        "yanked": {"0.1.0": {"reason": "loses data\n"}, "0.2.0": {"reason": "x", "advisory": "A-1"}},
    });
    let channel = channel(&fields);
    assert_eq!(
        notices(&channel, &v("0.1.0")),
        [
            "release 0.1.0, which is live, was withdrawn: loses data\\n",
            "release 0.1.0, which is live, is unsafe; 0.2.0 is the first safe one",
        ]
    );
    assert_eq!(
        notices(&channel, &v("0.2.0")),
        ["release 0.2.0, which is live, was withdrawn: x (A-1)"]
    );
    assert!(notices(&channel, &v("0.3.0")).is_empty());
}
