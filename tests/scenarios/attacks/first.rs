//! The first contact: the install script and the program that it fetches. Every
//! byte of the script is cut off in `tests/install-sh`, with several shells.

use e2e::victims::settle;
use e2e::world::finish;
use e2e::{Forge, Lie, Origin, Outcome, Snapshot, World};
use offgrid_manifest::layout;
use std::fs;
use std::path::Path;

/// The script from a file, fetching from here; where it may make its own folder.
fn script(world: &World, file: &Path, source: &str, temporary: &Path) -> Outcome {
    let mut command = world.command("sh");
    command.env("OFFGRID_SETUP_SOURCE", source).env("OFFGRID_SETUP_ALLOW_HTTP", "1");
    command.env("TMPDIR", temporary).arg(file).args(["install", "--yes"]);
    finish(command)
}

#[track_caller]
fn is_empty(folder: &Path) {
    assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "{}", folder.display());
}

fn world() -> (World, String) {
    let world = World::new();
    settle(&world.home());
    fs::create_dir(world.path("tmp")).unwrap();
    let forge = Forge::of(&world.depot());
    let release = forge.read(&forge.newest_release());
    let pins = release["setup"]["targets"].as_object().unwrap();
    let digest = pins.values().next().unwrap()["sha256"].as_str().unwrap();
    (world, format!("blob/sha256/{digest}"))
}

#[test]
fn a23_a_bootstrapper_that_is_not_the_pinned_one_is_never_started() {
    let (world, blob) = world();
    let bytes = fs::read(world.depot().join(&blob)).unwrap();
    let longer = [&bytes[..], b"\n"].concat();
    let before = Snapshot::of(&world.home(), &[]);
    let signature = layout::signature(&blob);
    let (hash, size, by) = ("E_HASH", "E_SIZE", "E_SIG_THRESHOLD");
    let rows = [
        (&blob, "one byte more", Lie::Bytes(longer), &[size, hash][..]),
        (&blob, "one byte less", Lie::Bytes(bytes[..bytes.len() - 1].to_vec()), &[size, hash]),
        (&blob, "one bit at the start", Lie::Flip(0), &[hash]),
        (&blob, "one bit in the middle", Lie::Flip(bytes.len() / 2), &[hash]),
        (&blob, "one bit at the end", Lie::Flip(bytes.len() - 1), &[hash]),
        (&blob, "another program", Lie::Bytes(b"#!/bin/sh\nid\n".to_vec()), &[size, hash]),
        (&signature, "another signature", Lie::Flip(80), &[by, "E_SIG_ALG"]),
    ];
    let install = world.depot().join("install");
    // The script tries again after a while, so all of them at once.
    std::thread::scope(|scope| {
        for (path, what, lie, errors) in rows {
            let (world, install) = (&world, &install);
            scope.spawn(move || {
                let (origin, own) = (Origin::of(&world.depot()), world.path(what));
                fs::create_dir(&own).unwrap();
                origin.lie(path, lie);
                // trust.md says exit 1; what is not trusted is exit 5 everywhere (DESIGN 11).
                let outcome = script(world, install, &origin.url(), &own);
                let told = errors.iter().any(|error| outcome.stderr.contains(error));
                assert!(outcome.code == 5 && told, "{what}: {outcome:#?}");
                assert!(!origin.seen_of(path).is_empty(), "{what}: nobody asked");
                is_empty(&own);
            });
        }
    });
    before.assert_same(&Snapshot::of(&world.home(), &[]));
    let origin = Origin::of(&world.depot());
    script(&world, &install, &origin.url(), &world.path("tmp")).expect(0);
    is_empty(&world.path("tmp"));
    world.offgrid_run(&["version"]).expect(0);
}

#[test]
fn a23_a_script_that_was_cut_off_does_nothing() {
    let (world, _) = world();
    let origin = Origin::of(&world.depot());
    let whole = fs::read(world.depot().join("install")).unwrap();
    let before = Snapshot::of(&world.home(), &[]);
    let cut = world.path("cut");
    // The last line is the brace that closes all of it, and its end.
    let last = whole.trim_ascii_end().len() - 1;
    for length in (1..last).step_by(97).chain([last - 1, last]) {
        fs::write(&cut, &whole[..length]).unwrap();
        let outcome = script(&world, &cut, &origin.url(), &world.path("tmp"));
        assert_eq!(outcome.stdout, "", "{length}");
        // A first line that is a comment, or nothing, is no mistake; it is nothing.
        assert!(outcome.code != 0 || length < 12, "{length}: {outcome:#?}");
    }
    assert!(origin.seen().is_empty(), "{:?}", origin.seen());
    is_empty(&world.path("tmp"));
    before.assert_same(&Snapshot::of(&world.home(), &[]));
}
