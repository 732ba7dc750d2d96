//! `model list|install|remove`.

use e2e::World;
use std::fs;

#[test]
fn the_catalogue_is_there_before_an_install_and_marks_what_is_installed() {
    let world = World::new();
    let before = world.snapshot();
    let list = world.run(&["model", "list", "--json"]).expect(0).events().pop().unwrap();
    let model = &list["models"][0];
    assert_eq!((&model["name"], &model["installed"]), (&"tiny".into(), &false.into()));
    for member in ["size", "title", "license"] {
        assert!(!model[member].is_null(), "{member}");
    }
    world.run(&["model"]).expect(0).says("A tiny random model");
    before.assert_same(&world.snapshot());
    world.run(&["install", "--yes", "--model", "tiny"]).expect(0);
    let list = world.offgrid_run(&["self", "model", "--json"]).expect(0).events().pop().unwrap();
    assert_eq!(list["models"][0]["installed"], true);
}

#[test]
fn a_model_before_an_install_is_refused_and_makes_nothing() {
    let world = World::new();
    let before = world.snapshot();
    for verb in ["install", "remove"] {
        let words = ["model", verb, "tiny", "--yes", "--json"];
        world.run(&words).expect_error(3, "E_UNSUPPORTED").says("offgrid-setup install");
    }
    before.assert_same(&world.snapshot());
}

#[test]
fn a_model_comes_and_goes_and_leaves_no_trace() {
    let world = World::new();
    world.install();
    let but_receipt = || world.snapshot_but(&["state/receipt.json", "state/made.json"]);
    let before = but_receipt();
    world.offgrid_run(&["self", "model", "install", "tiny", "--yes"]).expect(0);
    let model = world.models().join("tiny.gguf");
    assert!(fs::read(&model).unwrap().starts_with(b"GGUF"));
    let again = world.offgrid_run(&["self", "model", "install", "tiny", "--json"]).expect(0);
    assert_eq!(again.ended().unwrap()["outcome"], "unchanged");
    world.offgrid_run(&["list"]).expect(0).says("tiny");
    world.offgrid_run(&["self", "verify"]).expect(0);
    world.offgrid_run(&["self", "model", "remove", "tiny", "--yes"]).expect(0);
    before.assert_same(&but_receipt());
    let words = ["self", "model", "remove", "tiny", "--yes", "--json"];
    world.offgrid_run(&words).expect_error(2, "E_USAGE").says("there is none");
    before.assert_same(&but_receipt());
}

#[test]
fn names_that_nobody_knows_and_missing_names_are_told_what_there_is() {
    let world = World::new();
    world.install();
    let before = world.snapshot();
    let words = ["self", "model", "install", "giant", "--yes", "--json"];
    world.offgrid_run(&words).expect_error(2, "E_USAGE").says("there is tiny");
    for words in [["self", "model", "install"], ["self", "model", "remove"]] {
        world.offgrid_run(&words).expect_error(2, "E_USAGE").says("needs the name of a model");
    }
    let words = ["self", "model", "install", "tiny", "--json"];
    world.offgrid_run(&words).expect_error(2, "E_NEEDS_CONSENT");
    before.assert_same(&world.snapshot());
}

#[test]
fn another_file_of_the_models_name_is_never_overwritten() {
    let world = World::new();
    world.install();
    fs::write(world.models().join("tiny.gguf"), "somebody's own").unwrap();
    let before = world.snapshot();
    let words = ["self", "model", "install", "tiny", "--yes", "--json"];
    world.offgrid_run(&words).expect_error(1, "E_STATE").says("tiny.gguf");
    before.assert_same(&world.snapshot());
}

#[test]
fn a_model_that_was_there_already_is_used_and_never_removed() {
    let world = World::new();
    let other = World::new();
    other.run(&["install", "--yes", "--model", "tiny"]).expect(0);
    fs::create_dir_all(world.models()).unwrap();
    fs::copy(other.models().join("tiny.gguf"), world.models().join("tiny.gguf")).unwrap();
    let before = world.snapshot();
    world.run(&["install", "--yes", "--model", "tiny"]).expect(0);
    world.offgrid_run(&["uninstall", "--yes", "--purge"]).expect(0);
    before.assert_same(&world.snapshot());
}
