//! What a repair mends outside the slots: the program, the link, what is live,
//! models.

use super::{RECEIPT, damage, mended, name, pairs, problems, slot, two, wrong};
use e2e::{World, base};
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

#[test]
fn the_program_the_link_and_what_is_live_come_back_too() {
    let world = two();
    let before = world.snapshot_but(&RECEIPT);
    let program = world.prefix().join("bin/offgrid");
    // Moved away, not written over: another test may be starting it.
    fs::remove_file(&program).unwrap();
    fs::write(&program, "not a program").unwrap();
    fs::remove_file(world.offgrid()).unwrap();
    let current = world.prefix().join("current");
    fs::remove_file(&current).unwrap();
    symlink(format!("versions/{}", name("0.1.0")), &current).unwrap();
    let found = [("bin/offgrid", "copy"), ("current", "make"), (".local/bin/offgrid", "make")];
    assert_eq!(wrong(&world), pairs(&found));
    mended(&world, world.depot().to_str().unwrap());
    before.assert_same(&world.snapshot_but(&RECEIPT));

    // By the installed program itself, which is not what it was: from the depot.
    let mut bytes = fs::read(&program).unwrap();
    bytes.extend(b"something");
    fs::remove_file(&program).unwrap();
    fs::write(world.path("bytes"), bytes).unwrap();
    base::copy_tree(&world.path("bytes"), &program);
    base::set_mode(&program, 0o755);
    let events = world.offgrid_run(&["self", "verify", "--json"]).expect_error(1, "E_STATE");
    assert_eq!(problems(&world, &events), pairs(&[("bin/offgrid", "fetch")]));
    world.offgrid_run(&["repair", "--yes"]).expect(0);
    before.assert_same(&world.snapshot_but(&RECEIPT));

    base::set_mode(&program, 0o777);
    fs::remove_file(&current).unwrap();
    fs::create_dir(&current).unwrap();
    fs::write(current.join("theirs"), "theirs").unwrap();
    mended(&world, world.depot().to_str().unwrap());
    let kept = world.prefix().join("aside/current/theirs");
    assert_eq!(fs::read_to_string(kept).unwrap(), "theirs");
    assert_eq!(program.metadata().unwrap().mode() & 0o7777, 0o755);
}

#[test]
fn a_link_that_is_somebody_else_s_now_is_told_and_left() {
    let world = two();
    fs::remove_file(world.offgrid()).unwrap();
    fs::write(world.offgrid(), "mine").unwrap();
    let before = world.snapshot();
    let verify = world.run(&["verify", "--json"]).expect(0);
    assert_eq!(problems(&world, &verify), pairs(&[(".local/bin/offgrid", "leave")]));
    world.run(&["repair", "--yes"]).expect(0).says("not ours").says("nothing to mend");
    before.assert_same(&world.snapshot());
    damage(&slot(&world, "0.1.0").join("app/VERSION"));
    let repaired = world.run(&["repair", "--yes"]).expect(0).says("mended");
    repaired.says("left alone, because it is not ours");
    assert_eq!(fs::read_to_string(world.offgrid()).unwrap(), "mine");
}

#[test]
fn a_model_of_ours_is_fetched_again_and_one_of_theirs_is_not() {
    let world = World::new();
    world.run(&["install", "--yes", "--model", "tiny"]).expect(0);
    let model = world.models().join("tiny.gguf");
    let before = world.snapshot_but(&RECEIPT);
    for damaged in [true, false] {
        if damaged {
            damage(&model);
        } else {
            fs::remove_file(&model).unwrap();
        }
        assert_eq!(wrong(&world), pairs(&[(".offgrid-llm/models/tiny.gguf", "fetch")]));
        mended(&world, world.depot().to_str().unwrap());
        before.assert_same(&world.snapshot_but(&RECEIPT));
    }
    world.run(&["uninstall", "--yes", "--purge"]).expect(0);
    assert!(!model.exists());

    // The same file, but it was there before.
    fs::create_dir_all(world.models()).unwrap();
    fs::copy(base::folder().join("probe.gguf"), &model).unwrap();
    world.run(&["install", "--yes", "--model", "tiny"]).expect(0);
    damage(&model);
    let verify = world.run(&["verify", "--json"]).expect(0);
    assert_eq!(problems(&world, &verify), pairs(&[(".offgrid-llm/models/tiny.gguf", "leave")]));
}
