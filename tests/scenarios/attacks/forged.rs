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
pub(super) type Row = (&'static str, Edit, i32, &'static str);

#[track_caller]
pub(super) fn each(rows: &[Row]) {
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
        // Whatever came of them, the publisher has to end before anything is said.
        let seen: Vec<_> = fetchers.into_iter().map(|fetcher| fetcher.join()).collect();
        done.store(true, Ordering::Relaxed);
        seen.into_iter().map(|seen| seen.unwrap()).collect::<Vec<Vec<u64>>>()
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
