//! `install`: what it makes, what it refuses, and what it leaves alone.

use super::target;
use e2e::{Snapshot, World};
use std::fs;

#[test]
fn installing_again_changes_nothing_and_says_so() {
    let world = World::new();
    world.install();
    let before = world.snapshot();
    let again = world.run(&["install", "--yes", "--json"]).expect(0);
    assert_eq!(again.ended().unwrap()["outcome"], "unchanged");
    before.assert_same(&world.snapshot());
    world.run(&["install", "--yes"]).expect(0).says("0.1.0 is installed and live");
    world.offgrid_run(&["self", "verify"]).expect(0);
}

#[test]
fn the_home_gets_the_prefix_the_link_and_the_models_folder_and_nothing_else() {
    let world = World::new();
    let without = [".local/share/offgrid", ".local/bin/offgrid"];
    // Profiles have scenarios of their own.
    world.run(&["install", "--yes", "--no-modify-path"]).expect(0);
    let (home, link) = (world.home(), world.offgrid());
    assert_eq!(fs::read_link(link).unwrap(), world.prefix().join("bin/offgrid"));
    assert!(world.models().is_dir());
    fs::remove_dir(world.models()).unwrap();
    for folder in [".offgrid-llm", ".local/share/offgrid/blobs"] {
        fs::remove_dir(home.join(folder)).unwrap();
    }
    let left = Snapshot::of(&home, &without);
    let expected = World::new();
    fs::create_dir_all(expected.home().join(".local/bin")).unwrap();
    fs::create_dir_all(expected.home().join(".local/share")).unwrap();
    let expected = Snapshot::of(&expected.home(), &[]);
    expected.assert_same(&left);
    let current = fs::read_link(world.prefix().join("current")).unwrap();
    assert_eq!(current.to_str().unwrap(), format!("versions/0.1.0+{}-cpu", target()));
}

#[test]
fn a_prefix_of_ones_own_holds_everything_and_is_given_back() {
    let world = World::new();
    let before = world.snapshot();
    let prefix = world.home().join("my programs/off grid");
    let words = ["install", "--yes", "--prefix", prefix.to_str().unwrap()];
    world.run(&words).expect(0).says("0.1.0 is installed");
    assert!(!world.prefix().exists());
    assert!(prefix.join("bin/offgrid").is_file());
    // The installed program knows where it belongs.
    let installed = prefix.join("bin/offgrid");
    let ask = |words: &[&str]| {
        let mut command = world.command(&installed);
        command.env("OFFGRID_SETUP_SOURCE", world.depot()).args(words);
        e2e::world::finish(command)
    };
    let status = ask(&["self", "status", "--json"]).expect(0).json();
    assert_eq!(status["prefix"], prefix.to_str().unwrap());
    ask(&["version"]).expect(0).says("0.2.11");
    ask(&["uninstall", "--yes"]).expect(0);
    before.assert_same(&world.snapshot());
}

#[test]
fn a_model_comes_with_the_install_and_later_without_a_second_download() {
    let world = World::new();
    let first = world.run(&["install", "--yes", "--json", "--model", "tiny"]).expect(0);
    let model = world.models().join("tiny.gguf");
    let size = fs::metadata(&model).unwrap().len();
    assert!(first.ended().unwrap()["download_bytes"].as_u64().unwrap() > size);
    let before = world.snapshot();
    world.run(&["install", "--yes", "--model", "tiny"]).expect(0);
    before.assert_same(&world.snapshot());
    // Another installation of the same release only gets what it lacks.
    let second = World::new();
    second.install();
    let more = second.run(&["install", "--yes", "--json", "--model", "tiny"]).expect(0);
    let ended = more.ended().unwrap();
    assert_eq!((&ended["outcome"], &ended["download_bytes"]), (&"updated".into(), &size.into()));
    assert_eq!(fs::read(second.models().join("tiny.gguf")).unwrap(), fs::read(model).unwrap());
}

#[test]
fn a_model_that_nobody_knows_is_refused_before_anything_is_made() {
    let world = World::new();
    let before = world.snapshot();
    let words = ["install", "--yes", "--json", "--model", "giant"];
    world.run(&words).expect_error(2, "E_USAGE").says("there is tiny");
    before.assert_same(&world.snapshot());
}

#[test]
fn a_variant_by_name_wins_over_its_needs_and_the_plan_says_although() {
    let world = World::new();
    let future = format!("{}-future", target());
    let words = ["--variant", future.as_str()];
    let plan = world.run(&[&["plan", "--explain"], &words[..]].concat()).expect(0);
    plan.says("asked for with --variant; although it needs >=900000GiB of memory");
    let install = world.run(&[&["install", "--yes", "--json"], &words[..]].concat()).expect(0);
    assert_eq!(install.ended().unwrap()["variant"], future.as_str());
    let status = world.offgrid_run(&["self", "status", "--json"]).json();
    assert_eq!(status["variant"], future.as_str());
}

#[test]
fn an_unknown_variant_is_refused_with_those_that_there_are() {
    let world = World::new();
    let before = world.snapshot();
    let words = ["install", "--yes", "--json", "--variant", "toaster"];
    let known = format!("{}-cpu", target());
    world.run(&words).expect_error(2, "E_USAGE").says(&known);
    before.assert_same(&world.snapshot());
}

#[test]
fn a_release_by_number_is_installed_only_when_the_channel_lists_it() {
    let world = World::newer();
    let before = world.snapshot();
    let unlisted = ["install", "--yes", "--json", "--version", "9.9.9"];
    world.run(&unlisted).expect_error(5, "E_NOT_LISTED");
    before.assert_same(&world.snapshot());
    world.run(&["install", "--yes", "--version", "v0.1.0"]).expect(0).says("0.1.0 is installed");
    world.offgrid_run(&["version"]).expect(0).says("0.2.11");
}

#[test]
fn an_older_release_needs_consent_in_so_many_words() {
    let world = World::newer();
    world.install();
    world.offgrid_run(&["version"]).expect(0).says("0.2.12");
    let before = world.snapshot();
    let words = ["install", "--yes", "--json", "--version", "0.1.0"];
    world.run(&words).expect_error(2, "E_NEEDS_CONSENT").says("--allow-downgrade");
    before.assert_same(&world.snapshot());
    let words = ["install", "--yes", "--version", "0.1.0", "--allow-downgrade"];
    world.run(&words).expect(0).says("0.1.0 is live; 0.2.0 is kept");
    world.offgrid_run(&["version"]).expect(0).says("0.2.11");
    world.offgrid_run(&["self", "verify"]).expect(0);
}

#[test]
fn something_else_at_the_links_place_is_left_alone_and_told_of() {
    let world = World::new();
    fs::create_dir_all(world.offgrid().parent().unwrap()).unwrap();
    fs::write(world.offgrid(), "#!/bin/sh\necho mine\n").unwrap();
    let before = world.snapshot();
    world.run(&["install", "--yes"]).expect(0).says("is there already and was left alone");
    assert!(fs::read_to_string(world.offgrid()).unwrap().contains("echo mine"));
    world.run(&["uninstall", "--yes"]).expect(0);
    before.assert_same(&world.snapshot());
}

#[test]
fn more_bytes_than_allowed_are_refused_before_the_first_one() {
    let world = World::new();
    let before = world.snapshot();
    let words = ["install", "--yes", "--json", "--max-download", "1M"];
    world.run(&words).expect_error(2, "E_NEEDS_CONSENT").says("--max-download");
    before.assert_same(&world.snapshot());
}
