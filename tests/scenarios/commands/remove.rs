//! `verify` after damage, `repair` with nothing to do, and `uninstall`.

use super::target;
use e2e::base::set_mode;
use e2e::{Outcome, World};
use std::fs;
use std::path::PathBuf;

fn slot(world: &World) -> PathBuf {
    world.prefix().join(format!("versions/0.1.0+{}-cpu", target()))
}

#[track_caller]
fn damaged(world: &World, what: &str) -> Outcome {
    let before = world.snapshot();
    let verify = world.offgrid_run(&["self", "verify", "--json"]);
    before.assert_same(&world.snapshot());
    verify.expect_error(1, "E_STATE").says(what)
}

#[test]
fn verify_names_every_kind_of_damage() {
    let world = World::new();
    world.install();
    let engine = slot(&world).join("llama/llama-server");
    let mut bytes = fs::read(&engine).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&engine, &bytes).unwrap();
    damaged(&world, "llama/llama-server has other contents");
    bytes[middle] ^= 1;
    fs::write(&engine, &bytes).unwrap();
    world.offgrid_run(&["self", "verify"]).expect(0);

    set_mode(&engine, 0o644);
    damaged(&world, "llama/llama-server has other permissions");
    set_mode(&engine, 0o755);

    let extra = slot(&world).join("llama/libevil.so");
    fs::write(&extra, "extra").unwrap();
    damaged(&world, "llama/libevil.so does not belong there");
    fs::remove_file(extra).unwrap();

    let link = slot(&world).join("llama/libnote.so");
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
    damaged(&world, "llama/libnote.so is not the link to libnote.so.1");
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("libnote.so.1", &link).unwrap();

    fs::remove_file(slot(&world).join("app/VERSION")).unwrap();
    let one = damaged(&world, "app/VERSION is missing");
    assert!(one.ended().unwrap()["error"]["hint"].is_string());
    fs::write(slot(&world).join("release.json"), "{}").unwrap();
    damaged(&world, "release.json");
}

#[test]
fn verify_looks_at_the_program_the_models_and_what_is_live_too() {
    let world = World::new();
    world.run(&["install", "--yes", "--model", "tiny"]).expect(0);
    let program = world.prefix().join("bin/offgrid");
    let aside = world.path("aside");
    fs::rename(&program, &aside).unwrap();
    fs::write(&program, "not a program").unwrap();
    let verify = world.run(&["verify", "--json"]).expect_error(1, "E_STATE");
    verify.says("is not the installed program");
    fs::rename(&aside, &program).unwrap();
    world.offgrid_run(&["self", "verify"]).expect(0);
    let model = world.models().join("tiny.gguf");
    let mut bytes = fs::read(&model).unwrap();
    bytes[1000] ^= 1;
    fs::write(&model, bytes).unwrap();
    damaged(&world, "tiny.gguf is not the installed model");
    let current = world.prefix().join("current");
    fs::remove_file(&current).unwrap();
    std::os::unix::fs::symlink("versions/elsewhere", &current).unwrap();
    damaged(&world, "current does not name 0.1.0");
}

#[test]
fn verify_of_nothing_says_how_to_install() {
    let world = World::new();
    let outcome = world.run(&["verify", "--json"]).expect_error(3, "E_UNSUPPORTED");
    outcome.says("offgrid-setup install");
}

#[test]
fn repair_with_nothing_to_do_changes_nothing() {
    let world = World::new();
    let before = world.snapshot();
    world.run(&["repair", "--yes"]).expect(0).says("no run was cut off");
    before.assert_same(&world.snapshot());
    world.install();
    let before = world.snapshot();
    for way in ["--finish", "--back"] {
        let repair = world.offgrid_run(&["repair", "--yes", "--json", way]).expect(0);
        assert_eq!(repair.ended().unwrap()["outcome"], "unchanged");
    }
    before.assert_same(&world.snapshot());
}

#[test]
fn uninstall_of_nothing_is_fine_and_makes_nothing() {
    let world = World::new();
    let before = world.snapshot();
    let outcome = world.run(&["uninstall", "--yes", "--json"]).expect(0);
    assert_eq!(outcome.ended().unwrap()["outcome"], "unchanged");
    before.assert_same(&world.snapshot());
}

#[test]
fn uninstall_without_a_yes_is_refused_and_changes_nothing() {
    let world = World::new();
    world.install();
    let before = world.snapshot();
    world.offgrid_run(&["uninstall", "--json"]).expect_error(2, "E_NEEDS_CONSENT");
    before.assert_same(&world.snapshot());
}

#[test]
fn uninstall_keeps_models_settings_and_whatever_is_not_ours() {
    let world = World::new();
    let config = world.home().join(".config/offgrid");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("offgrid.env"), "OFFGRID_MAX_MODELS=2\n").unwrap();
    fs::create_dir_all(world.models()).unwrap();
    fs::write(world.models().join("my own.gguf"), "mine").unwrap();
    let before = world.snapshot();
    world.run(&["install", "--yes", "--model", "tiny"]).expect(0);
    // Put there by somebody else, in every kind of our places.
    let prefix = world.prefix();
    let theirs = [
        prefix.join("notes.txt"),
        prefix.join("bin/other"),
        prefix.join("versions/mine/file"),
        world.home().join(".local/bin/other tool"),
    ];
    for path in &theirs {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "mine").unwrap();
    }
    let model = world.models().join("tiny.gguf");
    let removed = world.offgrid_run(&["uninstall", "--yes"]).expect(0);
    removed.says("your models are still in");
    for path in &theirs {
        assert_eq!(fs::read_to_string(path).unwrap_or_default(), "mine", "{}", path.display());
    }
    assert!(model.exists() && !world.offgrid().exists());
    assert!(!prefix.join("bin/offgrid").exists() && !prefix.join("state").exists());
    // Without what others put there, the home is as it was.
    fs::remove_file(model).unwrap();
    fs::remove_dir_all(world.home().join(".local")).unwrap();
    before.assert_same(&world.snapshot());
}

#[test]
fn purge_takes_the_models_that_came_from_us_and_no_others() {
    let world = World::new();
    fs::create_dir_all(world.models()).unwrap();
    fs::write(world.models().join("my own.gguf"), "mine").unwrap();
    let before = world.snapshot();
    world.run(&["install", "--yes", "--model", "tiny"]).expect(0);
    world.offgrid_run(&["uninstall", "--yes", "--purge"]).expect(0);
    before.assert_same(&world.snapshot());
}

#[test]
fn a_link_that_somebody_changed_meanwhile_is_left_alone() {
    let world = World::new();
    world.install();
    fs::remove_file(world.offgrid()).unwrap();
    fs::write(world.offgrid(), "mine").unwrap();
    world.run(&["uninstall", "--yes"]).expect(0);
    assert_eq!(fs::read_to_string(world.offgrid()).unwrap(), "mine");
    assert!(!world.prefix().exists());
}

#[test]
fn uninstall_leaves_what_others_put_into_a_slot() {
    let world = World::new();
    world.install();
    let slot = world.prefix().join("current").canonicalize().unwrap();
    std::fs::create_dir(slot.join("app/notes")).unwrap();
    std::fs::write(slot.join("app/notes/mine.txt"), "mine\n").unwrap();
    world.offgrid_run(&["uninstall", "--yes"]).expect(0).says("left, because it is not ours");
    let left = std::fs::read_to_string(slot.join("app/notes/mine.txt")).unwrap();
    assert_eq!(left, "mine\n");
    assert!(!slot.join("app/offgrid").exists() && !slot.join("release.json").exists());
    assert!(!world.prefix().join("bin").exists() && !world.prefix().join("state").exists());
}

#[test]
fn purge_takes_the_settings_too_and_nothing_else_of_their_folder() {
    let world = World::new();
    let config = world.home().join(".config/offgrid");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("setup.toml"), "channel = \"stable\"\n").unwrap();
    std::fs::write(config.join("offgrid.env"), "OFFGRID_PORT=11612\n").unwrap();
    let before = world.snapshot();
    world.install();
    world.offgrid_run(&["uninstall", "--yes"]).expect(0);
    before.assert_same(&world.snapshot());
    world.install();
    std::fs::write(config.join("of somebody else"), "\n").unwrap();
    world.offgrid_run(&["uninstall", "--yes", "--purge"]).expect(0);
    let left: Vec<_> =
        std::fs::read_dir(&config).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["of somebody else"]);
}
