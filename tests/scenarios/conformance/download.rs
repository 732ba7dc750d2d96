//! tuf-conformance, file download: one thing of a real release by its name,
//! fetched and checked as an installation would.

use e2e::{Forge, Lie, Origin, Outcome, World};
use offgrid_manifest::Digest;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// `trust download` of this name into a folder of its own, from this source.
fn fetch(world: &World, source: &str, name: &str) -> Outcome {
    let (state, into) = (world.path("state"), world.path("into"));
    let words = ["trust", "download", "--json", "--state", state.to_str().unwrap()];
    let more = ["--target", name, "--into", into.to_str().unwrap()];
    world.run_from(source, &[&words[..], &more].concat())
}

fn good(world: &World, name: &str) -> PathBuf {
    let depot = world.depot().display().to_string();
    let outcome = fetch(world, &depot, name).expect(0);
    PathBuf::from(outcome.ended().unwrap()["path"].as_str().unwrap())
}

/// What lies in the folder of results.
fn results(world: &World) -> Vec<String> {
    let entries = fs::read_dir(world.path("into")).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

/// A blob of the release's own list, and its file in the depot.
fn engine_blob(forge: &Forge) -> String {
    forge.blob_of("llama-cpu", "llama-server")
}

#[test]
fn each_thing_of_a_release_comes_by_its_name() {
    let world = World::newer();
    let forge = Forge::of(&world.depot());
    let release = forge.read(&forge.newest_release());
    // A component, with and without its target: a folder with its files.
    let target = forge.parts_of("app").1;
    for name in ["app".to_owned(), format!("app/{target}")] {
        let path = good(&world, &name);
        assert!(path.ends_with("app") && path.join("offgrid").is_file());
        assert_eq!(fs::read_to_string(path.join("VERSION")).unwrap().trim(), "0.2.12");
        fs::remove_dir_all(path).unwrap();
    }
    // A variant: all of its components.
    let variant = release["variants"][0]["id"].as_str().unwrap();
    let path = good(&world, variant);
    assert!(path.join("app/offgrid").is_file() && path.join("llama/llama-server").is_file());
    // A blob: its stored bytes.
    let blob = engine_blob(&forge);
    let digest = blob.rsplit('/').next().unwrap();
    let path = good(&world, digest);
    assert_eq!(fs::read(path).unwrap(), fs::read(world.depot().join(&blob)).unwrap());
    // Nothing but what was asked for is left behind.
    let mut left = results(&world);
    left.sort();
    let mut wanted = vec![variant.to_owned(), digest.to_owned()];
    wanted.sort();
    assert_eq!(left, wanted);
}

#[test]
fn a_model_is_the_file_that_the_catalogue_pins() {
    let world = World::newer();
    let mut forge = Forge::of(&world.depot());
    let bytes = vec![7u8; 300_000];
    let digest = forge.blob(&bytes);
    forge.release(|release| {
        release["models"] = json!([{
            "name": "tiny", "file": "tiny.gguf", "sha256": digest, "size": bytes.len(),
            "urls": [], "memory_bytes": 1, "license": "MIT", "title": "Tiny", "default": false,
        }]);
    });
    assert_eq!(fs::read(good(&world, "tiny")).unwrap(), bytes);
}

#[test]
fn what_the_release_does_not_list_is_not_fetched() {
    let world = World::newer();
    let origin = Origin::of(&world.depot());
    let mut forge = Forge::of(&world.depot());
    // A blob that is there, and that nobody signed for.
    let stray = forge.blob(b"stray").to_string();
    for name in [
        "nothing",
        "app/windows-x86_64",
        "setup/windows-x86_64",
        "../app",
        &stray,
        &Digest::of(b"nowhere").to_string(),
        "app/../../x",
        "",
    ] {
        let outcome = fetch(&world, &origin.url(), name);
        assert!([2, 5].contains(&outcome.code), "{name}: {outcome:#?}");
        assert!(results(&world).is_empty(), "{name}");
    }
    fetch(&world, &origin.url(), "nothing").expect_error(5, "E_NOT_LISTED").says("llama-cpu");
    let blobs = origin.seen().into_iter().filter(|seen| seen.path.contains(&stray));
    assert_eq!(blobs.count(), 0);
}

#[test]
fn other_bytes_or_another_length_are_refused_and_leave_nothing() {
    let world = World::newer();
    let origin = Origin::of(&world.depot());
    let forge = Forge::of(&world.depot());
    let blob = engine_blob(&forge);
    let digest = blob.rsplit('/').next().unwrap().to_owned();
    let bytes = fs::read(world.depot().join(&blob)).unwrap();
    let mut longer = bytes.clone();
    longer.push(0);
    let other = vec![0u8; bytes.len()];
    let rows: Vec<(Lie, i32, &str)> = vec![
        (Lie::Flip(1_000), 5, "E_HASH"),
        (Lie::Bytes(other), 5, "E_HASH"),
        (Lie::Bytes(longer), 5, "E_SIZE"),
        (Lie::Bytes(bytes[..bytes.len() - 1].to_vec()), 5, "E_SIZE"),
        (Lie::Status(404), 4, "E_HTTP"),
        (Lie::Status(500), 4, "E_HTTP"),
    ];
    for (lie, exit, code) in rows {
        let what = format!("{code} {exit}");
        origin.repent().lie(&blob, lie);
        for name in [digest.as_str(), "llama-cpu"] {
            let outcome = fetch(&world, &origin.url(), name);
            assert_eq!(outcome.code, exit, "{what} {name}: {outcome:#?}");
            outcome.expect_error(exit, code);
            assert!(results(&world).is_empty(), "{what}");
        }
    }
    origin.repent();
    fetch(&world, &origin.url(), &digest).expect(0);
    // Documents on the way to it are checked as everywhere.
    let release = forge.newest_release();
    for (path, code) in [(release.as_str(), "E_HASH"), ("head.json", "E_SIG_THRESHOLD")] {
        origin.repent().lie(path, Lie::Flip(40));
        let _ = fs::remove_dir_all(world.path("state"));
        fetch(&world, &origin.url(), "app").expect_error(5, code);
    }
}

#[test]
fn a_result_that_is_there_already_is_not_written_over() {
    let world = World::newer();
    fs::create_dir(world.path("into")).unwrap();
    fs::write(world.path("into/app"), "mine").unwrap();
    let depot = world.depot().display().to_string();
    fetch(&world, &depot, "app").expect_error(2, "E_USAGE").says("already");
    assert_eq!(fs::read_to_string(world.path("into/app")).unwrap(), "mine");
    assert_eq!(results(&world), ["app"]);
}

#[test]
fn an_older_release_comes_by_its_version() {
    let world = World::newer();
    let (state, into) = (world.path("state"), world.path("into"));
    let words = ["trust", "download", "--state", state.to_str().unwrap(), "--target", "app"];
    let more = ["--into", into.to_str().unwrap(), "--version"];
    let of = |version: &str| world.run(&[&words[..], &more, &[version]].concat());
    of("0.1.0").expect(0);
    let version = fs::read_to_string(into.join("app/VERSION")).unwrap();
    assert_eq!(version.trim(), "0.2.11");
    of("9.9.9").expect(5).says("E_NOT_LISTED");
}

#[test]
fn a_withdrawn_release_is_not_handed_out() {
    let world = World::newer();
    Forge::of(&world.depot()).channel(|channel| {
        let current = channel["current"].as_str().unwrap().to_owned();
        let mut yanked = serde_json::Map::new();
        yanked.insert(current, json!({"reason": "loses data"}));
        channel["yanked"] = Value::Object(yanked);
    });
    let depot = world.depot().display().to_string();
    fetch(&world, &depot, "app").expect_error(5, "E_YANKED").says("loses data");
    assert!(!world.path("into").exists());
}
