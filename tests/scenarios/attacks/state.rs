//! What lies on disk, and a program without a root of trust.

use e2e::victims::settle;
use e2e::{Forge, World, base, programs};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

fn trust(world: &World) -> PathBuf {
    world.prefix().join("state/trust.json")
}

#[test]
fn a_program_without_a_stamp_makes_nothing() {
    let world = World::new();
    base::copy_tree(&programs::program("offgrid-setup"), &world.setup());
    let before = world.snapshot_but_downloads();
    for verb in ["install", "plan", "update"] {
        world.run(&[verb, "--yes", "--json"]).expect(3).says("E_UNSTAMPED");
        before.assert_same(&world.snapshot_but_downloads());
    }
}

#[test]
fn f05_state_of_a_newer_program_is_left_alone() {
    let world = World::new();
    world.install();
    world.publish_newer();
    for name in ["trust.json", "receipt.json"] {
        let path = world.prefix().join("state").join(name);
        let was = fs::read(&path).unwrap();
        let mut value: Value = serde_json::from_slice(&was).unwrap();
        value["schema"] = json!(2);
        value["new"] = json!({"in": "schema 2"});
        fs::write(&path, value.to_string()).unwrap();
        let before = world.snapshot_but_downloads();
        world.run(&["update", "--yes", "--json"]).expect_error(3, "E_SCHEMA");
        world.run(&["install", "--yes", "--json"]).expect_error(3, "E_SCHEMA");
        before.assert_same(&world.snapshot_but_downloads());
        fs::write(&path, was).unwrap();
    }
    let journal = world.prefix().join("state/journal");
    fs::write(&journal, "{\"began\":{\"schema\":2,\"plan\":{}}}\n").unwrap();
    let before = world.snapshot_but_downloads();
    world.run(&["update", "--yes", "--json"]).expect_error(3, "E_SCHEMA");
    before.assert_same(&world.snapshot_but_downloads());
    fs::remove_file(&journal).unwrap();
    world.run(&["update", "--yes"]).expect(0);
}

/// Every so many bytes of the state file are damaged; every byte with E2E_FULL=1.
fn stride() -> usize {
    if std::env::var_os("E2E_FULL").is_some() { 1 } else { 97 }
}

/// A home with 0.2.0, in which the trust state is damaged again and again.
struct Damaged {
    world: World,
    good: Vec<u8>,
    old: String,
}

impl Damaged {
    fn new() -> Damaged {
        let world = World::newer();
        settle(&world.home());
        world.install();
        let good = fs::read(trust(&world)).unwrap();
        let old = base::folder().join("depot-1").to_str().unwrap().to_owned();
        Damaged { world, good, old }
    }

    /// With these bytes as its state: nothing older is taken (the floor of the
    /// installed release holds), what was there is kept beside, and afterwards
    /// everything is as it was before the damage.
    #[track_caller]
    fn is_mended(&self, what: &str, bytes: &[u8]) {
        let Damaged { world, good, old } = self;
        let bad = world.prefix().join("state/trust.json.bad");
        let _ = fs::remove_file(&bad);
        fs::write(trust(world), bytes).unwrap();
        let older = world.run_from(old, &["update", "--yes", "--json"]);
        let code = older.ended().unwrap()["error"]["code"].clone();
        assert!(older.code == 5 && code == "E_ROLLBACK", "{what}: {older:#?}");
        assert_eq!(fs::read(trust(world)).unwrap(), bytes, "{what}: changed by a refusal");
        let outcome = world.run(&["update", "--yes", "--json"]);
        let told = outcome.events().iter().any(|event| event["code"] == "W_STATE_FORGOTTEN");
        assert!(outcome.code == 0 && told, "{what}: {outcome:#?}");
        assert_eq!(fs::read(bad).unwrap(), bytes, "{what}: no copy was kept");
        let now: Value = serde_json::from_slice(&fs::read(trust(world)).unwrap()).unwrap();
        let was: Value = serde_json::from_slice(good).unwrap();
        for name in ["roots", "head", "channels", "marks", "issued"] {
            assert_eq!(now[name], was[name], "{what}: {name}");
        }
    }
}

#[test]
fn f05_trust_state_that_was_cut_off_is_made_anew_above_its_floors() {
    let damaged = Damaged::new();
    let length = damaged.good.len();
    let sampled = (0..length).step_by(stride());
    for at in [0, 1, length / 2, length - 2, length - 1].into_iter().chain(sampled) {
        damaged.is_mended(&format!("{at} bytes are left"), &damaged.good[..at]);
    }
    for bytes in [&b"garbage \xff"[..], b"[1]", b"{\"schema\":1}", b"null", &[0; 4096]] {
        damaged.is_mended(&format!("{:?}", String::from_utf8_lossy(bytes)), bytes);
    }
}

#[test]
fn f05_trust_state_with_a_flipped_bit_is_made_anew_above_its_floors() {
    let damaged = Damaged::new();
    let length = damaged.good.len();
    let text = String::from_utf8(damaged.good.clone()).unwrap();
    // Where one bit makes another number: the schema, the marks, the times.
    let marks = ["\"schema\":", "\"head\":", "\"stable\":", "\"issued\":", "\"probed\":"];
    let marked = marks.iter().map(|name| text.rfind(name).unwrap() + name.len());
    let sampled = (0..length).step_by(stride());
    for (turn, at) in [0, length - 1].into_iter().chain(marked).chain(sampled).enumerate() {
        // The second bit of a digit is another digit.
        let bit = if turn < 7 { 1 } else { turn % 8 };
        let mut bytes = damaged.good.clone();
        bytes[at] ^= 1 << bit;
        damaged.is_mended(&format!("bit {bit} of byte {at}"), &bytes);
    }
}

#[test]
fn f05_documents_in_the_trust_state_are_verified_again() {
    let damaged = Damaged::new();
    let text = String::from_utf8(damaged.good.clone()).unwrap();
    let other = text.replace("root_version", "root_version_");
    damaged.is_mended("another head", other.as_bytes());
}

#[test]
fn f05_damaged_state_is_kept_when_a_root_is_learned_on_the_way_to_a_refusal() {
    let damaged = Damaged::new();
    let world = &damaged.world;
    let depot = world.depot();
    Forge::of(&depot).root(|_| {});
    Forge::of(&depot).head(|head| head["root_version"] = json!(9));
    fs::write(trust(world), "damaged").unwrap();
    world.run(&["update", "--yes", "--json"]).expect_error(5, "E_ROOT_WITHHELD");
    let bad = world.prefix().join("state/trust.json.bad");
    assert_eq!(fs::read(bad).unwrap(), b"damaged");
}

#[test]
fn f05_the_trust_client_alone_keeps_a_copy_too() {
    let world = World::new();
    let refresh = || {
        let words = ["trust", "refresh", "--json", "--state", "state"];
        world.run(&words).expect(0)
    };
    refresh();
    fs::write(world.path("state/trust.json"), "damaged").unwrap();
    refresh().says("W_STATE_FORGOTTEN");
    assert_eq!(fs::read(world.path("state/trust.json.bad")).unwrap(), b"damaged");
}

#[test]
fn f05_without_trust_state_the_installed_release_is_a_floor() {
    let damaged = Damaged::new();
    let world = &damaged.world;
    fs::remove_file(trust(world)).unwrap();
    let before = world.snapshot_but_downloads();
    world.run_from(&damaged.old, &["update", "--yes", "--json"]).expect_error(5, "E_ROLLBACK");
    before.assert_same(&world.snapshot_but_downloads());
    world.run(&["update", "--yes"]).expect(0);
    assert!(trust(world).is_file());
}

#[test]
fn after_uninstall_only_the_stamp_is_a_floor() {
    let world = World::newer();
    world.install();
    world.offgrid_run(&["uninstall", "--yes"]).expect(0);
    let old = base::folder().join("depot-1");
    let outcome = world.run_from(old.to_str().unwrap(), &["install", "--yes"]);
    outcome.expect(0).says("0.1.0 is installed");
}
