//! `rotate` and `floor`: the root's chain, and everything that follows it.

use crate::world::{World, now};
use offgrid_depot::depot::Depot;
use offgrid_depot::keys::{self, Keyring, Password};
use offgrid_depot::rotate::{self, Added, Error, Floor, Options, RoleName, Rotated};
use offgrid_depot::trust;
use offgrid_manifest::{Code, Head, Id, Root, Verified, json, layout, signature, verify};
use std::fs;
use std::path::Path;

pub(crate) fn id(text: &str) -> Id {
    text.parse().unwrap()
}

pub(crate) fn options() -> Options {
    Options { no_password: true, now: Some(now().plus(3_600)), ..Options::default() }
}

/// A new key of this role instead of that one.
pub(crate) fn instead(role: RoleName, old: &str) -> Options {
    Options { new: vec![role], remove: vec![id(old)], ..options() }
}

impl World {
    pub(crate) fn rotate_with(&self, keys: &[&Path], options: &Options) -> Result<Rotated, Error> {
        let keys = keys.iter().map(|keys| keys.to_path_buf()).collect();
        let depot = Depot::open(&self.depot).unwrap();
        rotate::run(&depot, &mut Keyring::of(keys, Password::Ask), options)
    }

    pub(crate) fn rotate(&self, options: &Options) -> Result<Rotated, Error> {
        self.rotate_with(&[&self.keys], options)
    }

    /// A client with this root only, as old programs are, reads everything.
    fn readable_from(&self, root: &Verified<Root>) -> Result<(), offgrid_manifest::Error> {
        let file = |name: &str| fs::read(self.depot.join(name)).unwrap();
        let head = file("head.json");
        let signed = file(&layout::head_signature(&offgrid_manifest::Digest::of(&head)));
        let head = verify::head(root, &head, &signed)?;
        for (name, pin) in &head.channels {
            let place = layout::channel(name, pin.version);
            let signed = file(&layout::signature(&place));
            let channel = verify::channel(root, name, pin, &file(&place), &signed)?;
            for (version, pin) in &channel.releases {
                let place = layout::release(version, &pin.sha256);
                let signed = file(&layout::signature(&place));
                let release = verify::release(root, version, *pin, &file(&place), &signed)?;
                for (target, pin) in &release.setup.targets {
                    let place = layout::blob(&pin.sha256);
                    let signed = file(&layout::signature(&place));
                    verify::setup(root, target, &release.setup.version, &file(&place), &signed)?;
                }
            }
        }
        Ok(())
    }
}

#[test]
fn with_no_word_the_root_is_renewed_and_floors_are_what_is_current() {
    let world = World::published("0.3.0");
    let rotated = world.rotate(&options()).unwrap();
    assert_eq!((rotated.version, rotated.head.unwrap().version), (2, 2));
    let roots = world.roots();
    assert_eq!(roots[1].expires, now().plus(3_600 + 3 * 365 * 86_400));
    assert_eq!(
        (roots[1].keys.clone(), roots[1].roles.clone()),
        (roots[0].keys.clone(), roots[0].roles.clone())
    );
    assert_eq!((roots[1].floors.head, roots[1].floors.channel[&id("stable")]), (1, 1));
    assert_eq!(world.head().root_version, 2);
    assert_eq!(world.stable().version, 1, "no other keys: nothing is signed again");
    let report = world.check();
    assert_eq!((report.problems, report.notes), (vec![], vec![]));
    // Signed once for both roots, by each key that is here.
    let file = world.read("root/2.json.minisig");
    assert_eq!(signature::split(&file).unwrap().len(), 3);
}

#[test]
fn a_new_release_key_signs_everything_that_is_listed() {
    let world = World::published("0.3.0");
    world.write("app/VERSION", b"0.2.13\n");
    world.build("0.4.0");
    world.publish(&world.publish_options("0.4.0")).unwrap();
    let mut beta = world.publish_options("0.3.0");
    beta.channel = id("beta");
    world.publish(&beta).unwrap();
    let before = world.files();
    let both = Options {
        remove: vec![id("release-1"), id("release-2")],
        ..instead(RoleName::Release, "x")
    };
    assert_eq!(world.rotate(&instead(RoleName::Release, "x")).unwrap_err().code(), Code::Usage);
    assert_eq!(world.files(), before);

    let rotated = world.rotate(&both).unwrap();
    let found: Vec<_> = rotated.channels.iter().map(|(name, n)| (name.to_string(), *n)).collect();
    assert_eq!(found, [("beta".to_owned(), 2), ("stable".to_owned(), 3)]);
    let report = world.check();
    assert_eq!((report.problems, report.notes), (vec![], vec![]));
    let roots = world.roots();
    world.readable_from(&roots[1]).unwrap();
    // Only a release key was changed: whoever has the old root reads the head, and
    // finds releases and programs signed by the keys that it knows, too.
    let new = fs::read_to_string(world.keys.join("release-3.pub")).unwrap();
    let new = new.lines().nth(1).unwrap();
    let script = String::from_utf8(world.read("install")).unwrap();
    assert!(script.contains(new) && !script.contains(roots[0].keys[&id("release-1")].to_base64()));
    for (name, bytes) in before {
        if !name.ends_with(".minisig") && !name.starts_with("install") && name != "head.json" {
            assert_eq!(world.read(&name), bytes, "{name}: a signed document was edited");
        }
    }
}

#[test]
fn at_no_moment_of_a_rotation_is_anything_unsigned_for_anybody() {
    // Both kinds of key change. Everything that was written before the new root is
    // put back in place of what came after: what a client sees that asks meanwhile.
    let world = World::with_release_keys((1, 1));
    world.build("0.3.0");
    world.publish(&world.publish_options("0.3.0")).unwrap();
    let head = world.read("head.json");
    let old = world.roots().remove(0);
    let change = Options {
        new: vec![RoleName::Head, RoleName::Release],
        remove: vec![id("head-1"), id("release-1")],
        ..options()
    };
    world.rotate(&change).unwrap();
    let new = world.roots().remove(1);
    world.readable_from(&new).unwrap();
    fs::write(world.depot.join("head.json"), head).unwrap();
    world.readable_from(&new).unwrap();
    world.readable_from(&old).unwrap();
}

#[test]
fn a_key_that_signs_for_both_roots_counts_for_both() {
    let world = World::published("0.3.0");
    // 2 of 3 before; 2 of {root-2, root-3, root-4} after.
    world.rotate(&instead(RoleName::Root, "root-1")).unwrap();
    let names = |version: u64| {
        let file = String::from_utf8(world.read(&format!("root/{version}.json.minisig"))).unwrap();
        let by = |line: &str| line.strip_prefix("untrusted comment: signed by ").map(str::to_owned);
        file.lines().filter_map(by).collect::<Vec<_>>()
    };
    assert_eq!(names(2), ["root-2", "root-3", "root-4", "root-1"]);
    // With one old and one new key alone, only one of each two is met.
    for name in ["root-1", "root-4"] {
        fs::remove_file(world.keys.join(format!("{name}.key"))).unwrap();
    }
    let all = Options {
        new: vec![RoleName::Root, RoleName::Root],
        remove: vec![id("root-2"), id("root-3")],
        thresholds: vec![(RoleName::Root, 3)],
        ..options()
    };
    let before = world.files();
    let error = world.rotate(&all).unwrap_err();
    assert!(error.to_string().contains("2 of 3"), "{error}");
    assert!(error.hint().unwrap().contains("root-4"), "{error}");
    assert_eq!(world.files(), before);
    assert!(!world.keys.join("root-5.key").exists(), "nothing is made before it can be used");
    world.rotate(&Options { thresholds: vec![(RoleName::Root, 2)], ..all }).unwrap();
    assert_eq!(names(3), ["root-5", "root-6", "root-2", "root-3"]);
    assert_eq!(world.check().problems, []);
}

#[test]
fn floors_only_rise_and_never_above_what_there_is() {
    let world = World::published("0.3.0");
    for _ in 0..3 {
        world.publish(&world.publish_options("0.3.0")).unwrap();
    }
    let floor = |head: Option<Floor>, channel: Option<(&str, Floor)>| {
        let floor_channels = channel.map(|(name, floor)| (id(name), floor)).into_iter().collect();
        let only = Options { only_floors: true, floor_head: head, floor_channels, ..options() };
        world.rotate(&only)
    };
    let before = world.files();
    assert!(matches!(floor(None, None), Err(Error::Nothing)));
    assert!(matches!(floor(Some(Floor::At(5)), None), Err(Error::Above { now: 4, .. })));
    let above = floor(None, Some(("stable", Floor::At(5))));
    assert!(matches!(above, Err(Error::Above { now: 4, .. })));
    assert!(matches!(floor(None, Some(("beta", Floor::Current))), Err(Error::NoChannel(_))));
    assert_eq!(world.files(), before);

    let expires = world.roots()[0].expires;
    floor(Some(Floor::At(2)), None).unwrap();
    let root = world.roots().pop().unwrap();
    assert_eq!((root.floors.head, root.floors.channel.len()), (2, 0));
    assert_eq!(root.expires, expires, "floors and nothing else");
    assert!(matches!(floor(Some(Floor::At(1)), None), Err(Error::Lower { floor: 2, .. })));
    floor(None, Some(("stable", Floor::Current))).unwrap();
    let root = world.roots().pop().unwrap();
    assert_eq!((root.floors.head, root.floors.channel[&id("stable")]), (2, 4));
    let lower = Options { floor_head: Some(Floor::At(1)), ..options() };
    assert!(matches!(world.rotate(&lower), Err(Error::Lower { .. })));
    assert_eq!(world.check().problems, []);
}

#[test]
fn what_makes_no_root_changes_nothing() {
    let world = World::published("0.3.0");
    let stranger = world.root.join("stranger");
    keys::make(&stranger, &["new".into()], &Password::None).unwrap();
    let add = |role, name: &str, file: &Path| Options {
        add: vec![Added { role, name: id(name), file: file.to_owned() }],
        ..options()
    };
    let new = stranger.join("new.pub");
    let rows: Vec<(&str, Options)> = vec![
        ("there is no key `gone`", Options { remove: vec![id("gone")], ..options() }),
        ("0 head keys", Options { remove: vec![id("head-1")], ..options() }),
        ("2 of 1 head", Options { thresholds: vec![(RoleName::Head, 2)], ..options() }),
        ("0 of 1 head", Options { thresholds: vec![(RoleName::Head, 0)], ..options() }),
        ("9 head keys", Options { new: vec![RoleName::Head; 8], ..options() }),
        ("has a key `head-1` already", add(RoleName::Head, "head-1", &new)),
        ("is the key `release-1`", add(RoleName::Head, "x", &world.keys.join("release-1.pub"))),
        ("could not read", add(RoleName::Head, "x", &stranger.join("none.pub"))),
        ("is not a key", add(RoleName::Head, "x", &stranger.join("new.key"))),
        ("only when the head keys change", Options { restart_head: true, ..options() }),
        ("is of no use", Options { expires: Some(now()), ..options() }),
    ];
    let (before, keys) = (world.files(), fs::read_dir(&world.keys).unwrap().count());
    for (text, options) in rows {
        let error = world.rotate(&options).unwrap_err();
        let all = format!("{error} {}", error.hint().unwrap_or_default());
        assert!(all.contains(text), "{text}: {all}");
        assert_eq!(world.files(), before, "{text}");
        assert_eq!(fs::read_dir(&world.keys).unwrap().count(), keys, "{text}");
    }
    let _lock = Depot::open(&world.depot).unwrap().lock().unwrap();
    assert_eq!(world.rotate(&options()).unwrap_err().code(), Code::Locked);
}

#[test]
fn an_expired_root_can_still_be_renewed_and_a_lost_key_replaced() {
    let world = World::published("0.3.0");
    fs::remove_file(world.keys.join("root-2.key")).unwrap();
    let later = now().plus(4 * 365 * 86_400);
    let change = Options { now: Some(later), ..instead(RoleName::Root, "root-2") };
    world.rotate(&change).unwrap();
    let root = world.roots().pop().unwrap();
    assert!(root.expires > later);
    // A name is never given to another key.
    let again = Options { now: Some(later), ..instead(RoleName::Root, "root-1") };
    world.rotate(&again).unwrap();
    assert!(world.roots().pop().unwrap().keys.contains_key(&id("root-5")));
    let head: Head = json::read(&world.read("head.json")).unwrap();
    assert_eq!(head.root_version, 3);
}

#[test]
fn thresholds_and_programs_can_be_raised() {
    let world = World::published("0.3.0");
    let change = Options {
        thresholds: vec![(RoleName::Release, 2)],
        min_bootstrap: Some("0.1.0".parse().unwrap()),
        ..options()
    };
    let rotated = world.rotate(&change).unwrap();
    assert_eq!(rotated.channels[&id("stable")], 2, "one signature is not enough any more");
    assert!(
        rotated.changes[0].contains("release: 2 of release-1, release-2"),
        "{:?}",
        rotated.changes
    );
    assert_eq!(world.check().problems, []);
    let roots = trust::roots(&Depot::open(&world.depot).unwrap()).unwrap();
    world.readable_from(&roots[1]).unwrap();
}
