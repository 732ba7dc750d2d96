//! `init` and `publish`.

use crate::world::{World, now};
use offgrid_depot::keys::{Keyring, Password};
use offgrid_depot::{depot::Depot, init, publish};
use offgrid_manifest::{Channel, Code, Head, json, signature};
use std::fs;
use std::process::Command;

#[test]
fn a_published_depot_passes_its_own_check() {
    let world = World::published("0.3.0");
    let report = world.check();
    assert_eq!(report.problems, []);
    assert_eq!(report.notes, Vec::<String>::new());
    assert_eq!(report.documents, 4);
}

#[test]
fn the_next_release_keeps_the_earlier_one() {
    let world = World::published("0.3.0");
    world.write("app/VERSION", b"0.2.13\n");
    world.build("0.4.0");
    let mut options = world.publish_options("0.4.0");
    options.rollout = Some("1%@0h,100%@48h".parse().unwrap());
    options.mirrors = vec!["https://mirror.example/offgrid".into()];
    options.minimum_safe = Some("0.3.0".parse().unwrap());
    let published = world.publish(&options).unwrap();
    assert_eq!((published.channel_version, published.head.unwrap().version), (2, 2));

    let channel: Channel = json::read(&world.read("channel/stable/2.json")).unwrap();
    assert_eq!(channel.releases.len(), 2);
    assert_eq!(channel.mirrors, ["https://mirror.example/offgrid/"]);
    assert_eq!(channel.rollout.unwrap().salt, "stable:2:0.4.0");
    assert_eq!(world.check().problems, []);

    // What is not said anew stays; an older release needs a word.
    let error = world.publish(&world.publish_options("0.3.0")).unwrap_err();
    assert_eq!(error.code(), Code::Usage);
    let mut back = world.publish_options("0.3.0");
    back.allow_downgrade = true;
    world.publish(&back).unwrap();
    let channel: Channel = json::read(&world.read("channel/stable/3.json")).unwrap();
    assert_eq!(channel.current.to_string(), "0.3.0");
    assert_eq!(channel.mirrors, ["https://mirror.example/offgrid/"]);
    assert_eq!(channel.minimum_safe.unwrap().to_string(), "0.3.0");
    assert!(channel.rollout.is_none());
    let head: Head = json::read(&world.read("head.json")).unwrap();
    assert_eq!(head.version, 3);
    assert_eq!(world.check().problems, []);
}

#[test]
fn a_release_below_the_safe_minimum_is_not_offered() {
    let world = World::published("0.3.0");
    let mut options = world.publish_options("0.3.0");
    options.minimum_safe = Some("0.4.0".parse().unwrap());
    assert_eq!(world.publish(&options).unwrap_err().code(), Code::Usage);
}

#[test]
fn the_scripts_follow_stable() {
    let world = World::published("0.3.0");
    let before = world.read("install");
    assert!(String::from_utf8_lossy(&before).contains("PRODUCT_VERSION='0.1.0'"));
    assert_eq!(before, world.read("install.sh"));
    world.build("0.4.0");
    let mut options = world.publish_options("0.4.0");
    options.channel = "beta".parse().unwrap();
    world.publish(&options).unwrap();
    assert_eq!(world.read("install"), before);
    let head: Head = json::read(&world.read("head.json")).unwrap();
    assert_eq!(head.channels.len(), 2);
    assert_eq!(world.check().problems, []);
}

#[test]
fn a_publish_that_fails_leaves_the_old_head() {
    let world = World::published("0.3.0");
    let head = world.read("head.json");
    world.write("app/VERSION", b"0.2.13\n");
    let before = world.files();
    world.build("0.4.0");
    let new = world.files().into_keys().filter(|name| !before.contains_key(name));
    for name in new.filter(|name| name.starts_with("blob/")) {
        let path = world.depot.join(&name);
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let error = world.publish(&world.publish_options("0.4.0")).unwrap_err();
        assert_eq!(error.code(), Code::Hash, "{name}");
        assert_eq!(world.read("head.json"), head);
        fs::write(&path, bytes).unwrap();
    }
    assert_eq!(world.check().problems, []);
    assert_eq!(world.publish(&world.publish_options("9.9.9")).unwrap_err().code(), Code::Usage);

    // Without the head's key everything but the head is written.
    let key = world.keys.join("head-1.key");
    fs::rename(&key, world.root.join("away")).unwrap();
    let error = world.publish(&world.publish_options("0.4.0")).unwrap_err();
    assert_eq!(error.code(), Code::Usage);
    assert_eq!(world.read("head.json"), head);
    fs::rename(world.root.join("away"), &key).unwrap();
    // The number of the failed channel document is not used again.
    let published = world.publish(&world.publish_options("0.4.0")).unwrap();
    assert_eq!((published.channel_version, published.head.unwrap().version), (3, 2));
    assert_eq!(world.check().problems, []);
}

#[test]
fn the_threshold_of_the_release_keys_must_be_met() {
    let world = World::with_release_keys((3, 2));
    world.build("0.3.0");
    fs::remove_file(world.keys.join("release-1.key")).unwrap();
    world.publish(&world.publish_options("0.3.0")).unwrap();
    assert_eq!(world.check().problems, []);
    fs::remove_file(world.keys.join("release-2.key")).unwrap();
    let error = world.publish(&world.publish_options("0.3.0")).unwrap_err();
    assert!(error.to_string().contains("1 of 2"), "{error}");
}

#[test]
fn a_key_of_another_depot_signs_nothing() {
    let world = World::new();
    world.build("0.3.0");
    let other = World::new();
    fs::copy(other.keys.join("release-1.key"), world.keys.join("release-1.key")).unwrap();
    let error = world.publish(&world.publish_options("0.3.0")).unwrap_err();
    assert!(error.to_string().contains("release-1"), "{error}");
    assert!(!world.depot.join("head.json").exists());
}

#[cfg(unix)]
#[test]
fn a_secret_key_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    world.build("0.3.0");
    let key = world.keys.join("release-1.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(world.publish(&world.publish_options("0.3.0")).unwrap_err().code(), Code::Perm);
}

#[test]
fn keys_with_a_password_need_it() {
    let world = World::new();
    let password = world.write("password", b"correct horse\n");
    let mut options = world.init((1, 1));
    options.dir = world.root.join("locked");
    options.keys = vec![world.root.join("locked-keys")];
    options.root = (1, 1);
    options.password = Password::File(password.clone());
    init::run(&options).unwrap();

    let depot = Depot::open(&options.dir).unwrap();
    let root = offgrid_depot::trust::roots(&depot).unwrap().remove(0);
    let sign = |password| {
        let mut ring = Keyring::of(options.keys.clone(), password);
        ring.sign(&root, &root.roles.head, b"x", "y")
    };
    assert!(sign(Password::File(password)).is_ok());
    let wrong = Password::File(world.write("wrong", b"wrong\n"));
    assert_eq!(sign(wrong).unwrap_err().code(), Code::Usage);
    if !std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        assert_eq!(sign(Password::Ask).unwrap_err().code(), Code::NeedsConsent);
    }
}

#[test]
fn init_writes_over_nothing_and_asks_for_thresholds_that_can_be_met() {
    let world = World::new();
    let before = world.files();
    assert_eq!(init::run(&world.init((2, 1))).unwrap_err().code(), Code::Usage);
    let mut options = world.init((2, 1));
    options.dir = world.root.join("second");
    assert_eq!(init::run(&options).unwrap_err().code(), Code::Usage);
    options.keys = vec![options.dir.join("keys")];
    assert_eq!(init::run(&options).unwrap_err().code(), Code::Usage);
    options.keys = vec![world.root.join("second-keys")];
    for bad in [(0, 0), (1, 2), (9, 1), (2, 0)] {
        options.root = bad;
        assert_eq!(init::run(&options).unwrap_err().code(), Code::Usage, "{bad:?}");
    }
    assert_eq!(world.files(), before);
}

#[test]
fn two_writers_do_not_meet() {
    let world = World::published("0.3.0");
    let depot = Depot::open(&world.depot).unwrap();
    let _lock = depot.lock().unwrap();
    assert_eq!(world.publish(&world.publish_options("0.3.0")).unwrap_err().code(), Code::Locked);
}

#[test]
fn nothing_is_published_under_an_expired_root() {
    let world = World::published("0.3.0");
    let mut options = world.publish_options("0.3.0");
    options.now = now().plus(4 * 365 * 86_400);
    assert_eq!(world.publish(&options).unwrap_err().code(), Code::RootExpired);
}

#[test]
fn the_stock_minisign_verifies_every_block() {
    let found = Command::new("minisign").arg("-v").output();
    if found.is_err() {
        println!("there is no minisign here; nothing was tested");
        return;
    }
    let world = World::published("0.3.0");
    let files = world.files();
    let mut blocks = 0;
    for (name, file) in files.iter().filter(|(name, _)| name.ends_with(".minisig")) {
        let document = match name.strip_prefix("head/") {
            Some(_) => "head.json",
            None => name.strip_suffix(".minisig").unwrap(),
        };
        let role = match name.split('/').next().unwrap() {
            "root" => "root",
            "head" | "head.json.minisig" => "head",
            _ => "release",
        };
        let document = world.depot.join(document);
        // Stock minisign looks at the first block alone.
        minisign(&world, &document, &world.depot.join(name), &format!("{role}-1"));
        for (i, block) in signature::split(file).unwrap().iter().enumerate() {
            let one = world.write("block", format!("{block}\n").as_bytes());
            minisign(&world, &document, &one, &format!("{role}-{}", i + 1));
            blocks += 1;
        }
    }
    // Root 3, head 2 x 1, channel, release and setup 2 each.
    assert_eq!(blocks, 11);
}

fn minisign(world: &World, document: &std::path::Path, file: &std::path::Path, key: &str) {
    let public = world.keys.join(format!("{key}.pub"));
    let mut command = Command::new("minisign");
    command.arg("-V").arg("-H").arg("-p").arg(public).arg("-x").arg(file).arg("-m").arg(document);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {key}: {said}", document.display());
}

#[test]
fn options_are_read_as_they_are_typed() {
    assert!("1%@0h,25%@48h,100%@120h".parse::<publish::Steps>().is_ok());
    assert_eq!("7d".parse::<publish::Span>().unwrap().seconds(), 604_800);
}
