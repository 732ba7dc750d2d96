//! What is right is taken when it is asked for, and only then.

use super::{planned, real, slot, standin, starts, status, told, with};
use e2e::process::engine_runs;
use e2e::service::Service;
use e2e::world::finish;
use e2e::{Forge, Origin, World, base};
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

#[test]
fn the_real_engine_answers_and_nothing_of_the_release_s_is_downloaded() {
    let world = World::new();
    fs::create_dir(world.home().join(".config")).unwrap();
    let before = world.snapshot();
    let engine = real(&world, "mine");
    let blob = Forge::of(&world.depot()).blob_of("llama-cpu", "llama-server");
    let origin = Origin::of(&world.depot());
    let words = |verb: &str| -> Vec<String> {
        let path = engine.to_str().unwrap();
        let words = [verb, "--json", "--source", &origin.url(), "--llama-server", path];
        words.map(str::to_owned).to_vec()
    };
    let run = |words: &[String], more: &[&str]| {
        let words: Vec<&str> =
            words.iter().map(String::as_str).chain(more.iter().copied()).collect();
        world.run(&words)
    };
    let own = planned(world.run(&["plan", "--json"]));
    assert_eq!(own["selection"]["engine"]["kind"], "bundled");
    assert!(own["selection"]["engine"]["path"].is_null());
    let plan = planned(run(&words("plan"), &[]));
    let engine_of = &plan["selection"]["engine"];
    assert_eq!((&engine_of["kind"], &engine_of["path"]), (&json!("existing"), &json!(engine)));
    assert_eq!(engine_of["version"], "0.5.0-dev");
    assert_eq!(told(&engine_of["found"], &engine), Some((true, String::new())));
    let size = |plan: &serde_json::Value| plan["download_bytes"].as_u64().unwrap();
    assert!(size(&plan) < size(&own), "{plan}\n{own}");
    before.assert_same(&world.snapshot());

    let installed = run(&words("install"), &["--yes", "--service", "supervise", "--model", "tiny"]);
    installed.expect(0).says("which is here already: none is downloaded");
    assert!(origin.seen_of(&blob).is_empty(), "the release's engine was asked for");
    assert!(!slot(&world).join("llama").exists());
    let told = status(&world);
    let wanted = json!({"kind": "existing", "version": "0.5.0-dev", "path": engine});
    assert_eq!(told["engine"], wanted);
    world.offgrid_run(&["self", "version"]).expect(0).says("engine        0.5.0-dev");
    world.offgrid_run(&["self", "verify"]).expect(0);
    let receipt = fs::read_to_string(world.prefix().join("state/receipt.json")).unwrap();
    let receipt: serde_json::Value = serde_json::from_str(&receipt).unwrap();
    let record = &receipt["slots"][slot(&world).file_name().unwrap().to_str().unwrap()]["existing"];
    assert_eq!(record["path"], json!(engine));
    assert_eq!(record["sha256"].as_str().unwrap().len(), 64);

    let mut service = Service::start(&world);
    assert_eq!(service.chat(), 4);
    assert!(engine_runs(engine.parent().unwrap()), "another engine answered");
    world.offgrid_run(&["self", "service", "stop"]).expect(0);
    service.ended();
    world.offgrid_run(&["uninstall", "--yes", "--purge"]).expect(0);
    assert!(engine.exists());
    before.assert_same(&world.snapshot());
}

#[test]
fn what_nobody_asked_for_is_told_and_never_started() {
    let world = World::new();
    let place = world.home().join(".local/bin");
    fs::create_dir_all(&place).unwrap();
    let engine = standin(&world, "mine", "fine");
    let link = place.join("llama-server");
    symlink(&engine, &link).unwrap();
    let unasked = "nobody asked for it; --reuse-llama does";
    let detected = world.run(&["detect", "--json"]).expect(0).json();
    let seen = format!("{} is not used: {unasked}", link.display());
    assert_eq!(detected["evidence"]["engines"], json!(seen));
    world.run(&["detect"]).expect(0).says(&seen);
    let plan = planned(world.run(&["plan", "--json"]));
    let engine_of = &plan["selection"]["engine"];
    assert_eq!(engine_of["kind"], "bundled");
    assert_eq!(told(&engine_of["found"], &link), Some((false, unasked.to_owned())));
    world.run(&["plan"]).expect(0).says("the release's own engine is used").says(unasked);
    world.run(&["plan", "--explain"]).expect(0).says(link.to_str().unwrap());
    world.run(&["install", "--yes"]).expect(0).says(link.to_str().unwrap()).says(unasked);
    assert_eq!(status(&world)["engine"]["kind"], "bundled");
    world.publish_newer();
    world.offgrid_run(&["update", "--yes"]).expect(0);
    assert!(starts(&engine).is_empty(), "{:?}", starts(&engine));
}

#[test]
fn the_first_one_that_does_is_taken_and_the_others_say_why_not() {
    let world = World::new();
    let places: Vec<_> = [".local/bin", ".nix-profile/bin", "miniconda3/bin"]
        .iter()
        .map(|name| world.home().join(name))
        .collect();
    places.iter().for_each(|place| fs::create_dir_all(place).unwrap());
    let old = standin(&world, "old", "old");
    let good = real(&world, "good");
    let more = real(&world, "more");
    let all = [&old, &good, &more];
    for (place, engine) in places.iter().zip(all) {
        symlink(engine, place.join("llama-server")).unwrap();
    }
    // The program of many words: told, and not taken.
    let unified = world.home().join("anaconda3/bin");
    fs::create_dir_all(&unified).unwrap();
    base::copy_tree(&good, &unified.join("llama"));
    let plan = planned(world.run(&["plan", "--json", "--reuse-llama"]));
    let engine_of = &plan["selection"]["engine"];
    let link = |at: usize| places[at].join("llama-server");
    assert_eq!((&engine_of["kind"], &engine_of["path"]), (&json!("existing"), &json!(link(1))));
    let why = |path: &Path| told(&engine_of["found"], path).unwrap().1;
    assert!(why(&link(0)).contains("build b5897"), "{engine_of}");
    assert_eq!(why(&link(1)), "");
    assert_eq!(why(&link(2)), "another one is used");
    assert!(why(&unified.join("llama")).contains("the one program `llama`"), "{engine_of}");
    world.run(&["install", "--yes", "--reuse-llama"]).expect(0);
    let engine = &status(&world)["engine"];
    assert_eq!((&engine["kind"], &engine["path"]), (&json!("existing"), &json!(link(1))));
}

/// For root, PATH is what somebody else may have written; for a user it is the user's.
#[test]
fn nothing_of_path_is_started_by_root_unless_it_is_named() {
    let world = World::new();
    let engine = standin(&world, "mine", "fine");
    let folder = engine.parent().unwrap().to_str().unwrap();
    let plan = |words: &[&str]| {
        let mut command = world.command(world.setup());
        command.env("OFFGRID_SETUP_SOURCE", world.depot());
        command.env("PATH", format!("{folder}:/usr/bin:/bin"));
        command.args(["plan", "--json"]).args(words);
        planned(finish(command))["selection"]["engine"].clone()
    };
    let auto = plan(&["--reuse-llama"]);
    let is_root = fs::metadata("/proc/self").is_ok_and(|meta| {
        use std::os::unix::fs::MetadataExt;
        meta.uid() == 0
    });
    if !is_root {
        assert_eq!(auto["kind"], "existing");
        return;
    }
    assert_eq!(auto["kind"], "bundled");
    let why = told(&auto["found"], &engine).unwrap().1;
    assert!(why.contains("nothing of PATH runs as root"), "{auto}");
    assert!(starts(&engine).is_empty(), "{:?}", starts(&engine));
    assert_eq!(plan(&["--llama-server", engine.to_str().unwrap()])["kind"], "existing");
    for line in starts(&engine) {
        // Words, variables, folder: nothing of ours but one variable, and its own folder.
        let parts: Vec<&str> = line.split(" | ").collect();
        assert_eq!(parts[1..], ["NO_PROXY=*", folder], "{line}");
    }
    assert_eq!(starts(&engine).len(), 3);
    with(&world, &["plan", "--json"], &engine).expect(0);
}

/// What the release's own would do on a card, another one must do there too.
#[test]
fn where_a_gpu_would_be_used_one_that_sees_none_is_refused() {
    let world = World::new();
    Forge::of(&world.depot()).release(|release| {
        for variant in release["variants"].as_array_mut().unwrap() {
            variant["device"] = json!("CUDA");
        }
    });
    let blind = standin(&world, "blind", "fine");
    let outcome = with(&world, &["plan", "--json"], &blind);
    let outcome = outcome.expect_error(5, "E_UNTRUSTED_BINARY").says("it sees no GPU here");
    outcome.says("with --gpu none");
    with(&world, &["plan", "--json", "--gpu", "none"], &blind).expect(0);
    let sees = standin(&world, "sees", "cuda");
    let plan = planned(with(&world, &["plan", "--json"], &sees));
    assert_eq!(plan["selection"]["engine"]["path"], json!(sees));
}
