//! Documents that are wrong and signed by the right keys: stolen keys, a
//! confused release engineer, and releases of a later time.

use e2e::world::finish;
use e2e::{Forge, Origin, Victims, World, base};
use offgrid_manifest::layout;
use serde_json::{Value, json};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

type Edit = fn(&mut Forge);
/// (what, forge, exit code, E_ name)
type Row = (&'static str, Edit, i32, &'static str);

#[track_caller]
fn each(rows: &[Row]) {
    let victims = Victims::new();
    let depot = victims.depot();
    for (what, edit, code, error) in rows {
        victims.forge(edit);
        victims.suffer(what, depot.to_str().unwrap(), *code, error);
    }
}

fn kind(document: &mut Value, kind: &str) {
    document["type"] = json!(format!("offgrid/{kind}"));
}

fn other_name(forge: &mut Forge) {
    forge.channel(|channel| channel["name"] = json!("beta"));
}

/// A real and rightly signed channel, under the name of another one.
fn beta_as_stable(forge: &mut Forge) {
    forge.channel(|_| {});
    let beta = "channel/broken/1.json";
    let to = forge.newest_channel();
    for name in [String::from, |name: &str| layout::signature(name)] {
        fs::copy(forge.path(&name(beta)), forge.path(&name(&to))).unwrap();
    }
    forge.head(|head| {
        let beta = head["channels"]["broken"].clone();
        let version = head["channels"]["stable"]["version"].clone();
        head["channels"]["stable"] = beta;
        head["channels"]["stable"]["version"] = version;
    });
}

fn renumbered(forge: &mut Forge) {
    forge.channel(|_| {});
    forge.head(|head| {
        let version = head["channels"]["stable"]["version"].as_u64().unwrap();
        head["channels"]["stable"]["version"] = json!(version + 1);
    });
    forge.copy_channel(1);
}

#[test]
fn a03_signed_documents_of_another_name_kind_or_product_are_never_taken() {
    each(&[
        ("a channel of another name", other_name, 5, "E_NAME"),
        ("a real channel as another one", beta_as_stable, 5, "E_NAME"),
        ("a channel of another version", renumbered, 5, "E_NAME"),
        ("a channel that is a release", |f| f.channel(|c| kind(c, "release")), 5, "E_TYPE"),
        ("a release that is a channel", |f| f.release(|r| kind(r, "channel")), 5, "E_TYPE"),
        ("a head that is a root", |f| f.head(|h| kind(h, "root")), 5, "E_TYPE"),
        ("a head without a kind", |f| f.head(|h| h["type"] = json!(null)), 5, "E_TYPE"),
        ("a release of another product", |f| f.release(|r| r["product"] = json!("x")), 5, "E_NAME"),
        ("a release of another number", other_number, 5, "E_NAME"),
        ("signed as another version", |f| retold(f, &json!(99)), 5, "E_NAME"),
        ("no bundle for this target", other_target, 3, "E_UNSUPPORTED"),
    ]);
}

fn other_number(forge: &mut Forge) {
    forge.release(|release| release["version"] = json!("9.9.9"));
}

/// A good head whose trusted comment tells another version.
fn retold(forge: &mut Forge, version: &Value) {
    forge.head(|_| {});
    let bytes = fs::read(forge.path(layout::HEAD)).unwrap();
    forge.head_as(version, &bytes);
}

fn other_target(forge: &mut Forge) {
    forge.release(|release| {
        for variant in release["variants"].as_array_mut().unwrap() {
            variant["needs"] = json!({"memory": ">=900000GiB"});
        }
    });
}

#[test]
fn a07_documents_of_two_publications_are_never_mixed() {
    let victims = Victims::new();
    let depot = victims.depot();
    // Each publication is whole; a source mixes the files of the two.
    victims.forge(|forge| forge.channel(|_| {}));
    let (head, channel) = (layout::HEAD, Forge::of(&depot).newest_channel());
    let read = |path: &str| fs::read(depot.join(path)).unwrap();
    let one = [read(&channel), read(&layout::signature(&channel))];
    let old_head = read(head);
    victims.forge(|forge| forge.channel(|channel| channel["minimum_safe"] = json!("0.1.0")));
    let origin = Origin::of(&depot);
    for (path, bytes) in [channel.clone(), layout::signature(&channel)].iter().zip(&one) {
        origin.lie(path, e2e::Lie::Bytes(bytes.clone()));
    }
    victims.suffer("a new head, the other channel", &origin.url(), 5, "E_MIXMATCH");
    let pin = |head: &[u8]| serde_json::from_slice::<Value>(head).unwrap()["channels"].clone();
    assert_ne!(pin(&old_head), pin(&read(head)));
    victims.forge(|forge| {
        forge.head(|head| {
            head["channels"]["stable"]["sha256"] = head["channels"]["broken"]["sha256"].clone();
        });
    });
    victims.suffer("another channel's pin", depot.to_str().unwrap(), 5, "E_MIXMATCH");
    // A release document that is right and of another channel version.
    victims.forge(|forge| {
        let old = forge.read(&forge.newest_release());
        forge.release(|release| release["notes"] = json!("other notes"));
        let path = forge.newest_release();
        fs::write(forge.path(&path), serde_json::to_vec(&old).unwrap()).unwrap();
    });
    victims.suffer("another release", depot.to_str().unwrap(), 5, "E_HASH");
}

#[test]
fn a07_who_fetches_while_somebody_publishes_sees_one_whole_publication() {
    let world = World::new();
    let origin = Origin::of(&world.depot());
    let done = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                let safe = format!("0.0.{number}");
                let words = ["publish", "depot", "--channel", "stable", "--release", "0.1.0"];
                let words = [&words[..], &["--minimum-safe", &safe]].concat();
                base::depot(&world.path(""), &words);
            }
        });
        let fetchers: Vec<_> = (0..4)
            .map(|fetcher| {
                let (world, origin) = (&world, &origin);
                scope.spawn(move || (0..50).map(|_| fetch(world, origin, fetcher)).collect())
            })
            .collect();
        let seen: Vec<Vec<u64>> = fetchers.into_iter().map(|f| f.join().unwrap()).collect();
        done.store(true, Ordering::Relaxed);
        seen
    });
    for versions in seen {
        assert_eq!(versions.len(), 50);
        assert!(versions.is_sorted(), "never back: {versions:?}");
        assert!(versions.last() > versions.first(), "nothing was published meanwhile");
    }
}

/// One refresh; the version of the channel that is believed now.
fn fetch(world: &World, origin: &Origin, fetcher: u32) -> u64 {
    let mut command = world.command(world.setup());
    let state = world.path(&format!("state-{fetcher}"));
    command.args(["trust", "refresh", "--json", "--source", &origin.url(), "--state"]).arg(state);
    let ended = finish(command).expect(0).ended().unwrap();
    ended["channel"].as_u64().unwrap()
}

/// A head of these bytes, properly signed.
fn head_of(forge: &mut Forge, edit: impl FnOnce(String) -> Vec<u8>) {
    forge.head(|_| {});
    let version = forge.read(layout::HEAD)["version"].clone();
    let text = fs::read_to_string(forge.path(layout::HEAD)).unwrap();
    forge.head_as(&version, &edit(text));
}

/// The head with this before its last brace.
fn with(forge: &mut Forge, more: &str) {
    head_of(forge, |text| format!("{},{more}}}", &text[..text.len() - 1]).into_bytes());
}

#[test]
fn a19_text_that_two_readers_would_read_differently_is_never_taken() {
    each(&[
        ("a key twice", |f| with(f, "\"version\":1"), 5, "E_PARSE"),
        ("a key twice, escaped", |f| with(f, "\"vers\\u0069on\":1"), 5, "E_PARSE"),
        ("an unknown key twice", |f| with(f, "\"x\":1,\"x\":1"), 5, "E_PARSE"),
        ("nested deep", nested, 5, "E_PARSE"),
        ("a huge number", |f| with(f, "\"x\":9007199254740992"), 5, "E_PARSE"),
        ("a larger one", |f| with(f, "\"x\":1e999"), 5, "E_PARSE"),
        ("a fraction", |f| with(f, "\"x\":1.5"), 5, "E_PARSE"),
        ("a comma too many", |f| with(f, ""), 5, "E_PARSE"),
        ("a byte-order mark", |f| head_of(f, |t| format!("\u{feff}{t}").into()), 5, "E_PARSE"),
        ("two documents", |f| head_of(f, |t| format!("{t}{t}").into()), 5, "E_PARSE"),
        ("a byte after it", |f| head_of(f, |t| format!("{t}\0").into()), 5, "E_PARSE"),
        ("nothing", |f| head_of(f, |_| Vec::new()), 5, "E_PARSE"),
        ("no text", not_text, 5, "E_PARSE"),
    ]);
}

fn nested(forge: &mut Forge) {
    with(forge, &format!("\"x\":{}{}", "[".repeat(64), "]".repeat(64)));
}

fn not_text(forge: &mut Forge) {
    head_of(forge, |text| [&text.as_bytes()[..text.len() - 1], b",\"x\":\"\xff\"}"].concat());
}

#[test]
fn a20_values_that_are_wrong_are_never_taken_whoever_signed_them() {
    // Paths in a tree are E_PATH (see l01); in a release document they are a part of
    // what cannot be read.
    each(&[
        ("no version", |f| without(f, "version"), 5, "E_PARSE"),
        ("no end", |f| without(f, "expires"), 5, "E_PARSE"),
        ("no root version", |f| without(f, "root_version"), 5, "E_PARSE"),
        ("version 0", |f| f.head(|h| h["version"] = json!(0)), 5, "E_PARSE"),
        ("a number too large", |f| f.head(|h| h["version"] = json!(1u64 << 53)), 5, "E_PARSE"),
        ("a negative number", |f| f.head(|h| h["version"] = json!(-1)), 5, "E_PARSE"),
        ("a number as text", |f| f.head(|h| h["version"] = json!("7")), 5, "E_PARSE"),
        (
            "a day that is none",
            |f| f.head(|h| h["expires"] = json!("2030-02-30T00:00:00Z")),
            5,
            "E_PARSE",
        ),
        (
            "an end in the past",
            |f| f.head(|h| h["expires"] = json!(e2e::forge::days(-1))),
            5,
            "E_FROZEN",
        ),
        (
            "a channel's name as a path",
            |f| f.head(|h| h["channels"]["../x"] = json!({})),
            5,
            "E_PARSE",
        ),
        (
            "no release of that number",
            |f| f.channel(|c| c["current"] = json!("9.9.9")),
            5,
            "E_PARSE",
        ),
        (
            "a number as a path",
            |f| f.channel(|c| c["current"] = json!("../../0.2.0")),
            5,
            "E_PARSE",
        ),
        ("more than everybody", more_than_all, 5, "E_PARSE"),
        ("a model outside", |f| model_file(f, "../../.profile"), 5, "E_PARSE"),
        ("a model of a device's name", |f| model_file(f, "CON"), 5, "E_PARSE"),
        ("a model at the top", |f| model_file(f, "/etc/passwd"), 5, "E_PARSE"),
        ("a component outside", |f| component_into(f, "../app/"), 5, "E_PARSE"),
        ("a component of a device's name", |f| component_into(f, "nul/"), 5, "E_PARSE"),
        (
            "a variant as a path",
            |f| f.release(|r| r["variants"][0]["id"] = json!("../x")),
            5,
            "E_PARSE",
        ),
    ]);
}

fn without(forge: &mut Forge, name: &str) {
    head_of(forge, |text| {
        let mut head: Value = serde_json::from_str(&text).unwrap();
        head.as_object_mut().unwrap().remove(name).unwrap();
        serde_json::to_vec(&head).unwrap()
    });
}

fn more_than_all(forge: &mut Forge) {
    let steps = json!([{"at": "2026-01-01T00:00:00Z", "permyriad": 10_001}]);
    forge.channel(|channel| channel["rollout"] = json!({"salt": "x", "steps": steps}));
}

fn model_file(forge: &mut Forge, file: &str) {
    forge.release(|release| release["models"][0]["file"] = json!(file));
}

fn component_into(forge: &mut Forge, into: &str) {
    let (_, target) = forge.parts_of("app");
    forge.release(|release| release["components"]["app"][&target]["into"] = json!(into));
}

fn future(document: &mut Value) {
    document["must_understand"] = json!(["telepathy"]);
}

fn quantum(forge: &mut Forge) {
    forge.release(|release| release["variants"][0]["needs"] = json!({"quantum": ">=1"}));
}

#[test]
fn documents_of_a_later_time_are_not_guessed_at() {
    each(&[
        ("a head that must be understood", |f| f.head(future), 3, "E_SCHEMA"),
        ("a channel that must be understood", |f| f.channel(future), 3, "E_SCHEMA"),
        ("a release that must be understood", |f| f.release(future), 3, "E_SCHEMA"),
        ("a head of schema 2", |f| f.head(|h| h["schema"] = json!(2)), 3, "E_SCHEMA"),
        ("a channel of schema 2", |f| f.channel(|c| c["schema"] = json!(2)), 3, "E_SCHEMA"),
        ("a release of schema 2", |f| f.release(|r| r["schema"] = json!(2)), 3, "E_SCHEMA"),
        ("rules that nobody knows", quantum, 3, "E_UNSUPPORTED"),
    ]);
    let world = World::newer();
    quantum(&mut Forge::of(&world.depot()));
    world.run(&["plan", "--explain"]).expect(3).says("`quantum`, which this program does not know");
}
