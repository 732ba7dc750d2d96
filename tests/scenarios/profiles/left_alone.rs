//! Profiles that are left alone: because they are not plainly the user's own text,
//! because somebody asked for it, because nothing is needed.

use super::{BEGIN, END, blocks, read, run_as};
use e2e::world::finish;
use e2e::{Outcome, World, base};
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::Command;

#[test]
fn a_damaged_block_is_left_alone_and_said_at_the_install_and_at_the_uninstall() {
    let world = World::new();
    let profile = world.home().join(".profile");
    let damaged = format!("a\n{BEGIN}\nb\n");
    fs::write(&profile, &damaged).unwrap();
    let said = world.run(&["install", "--yes"]).expect(0);
    let said = said.says("has the first marker line without the last one").says("by hand");
    said.says("add this line to it yourself: export PATH=").says("to type just `offgrid`, add");
    assert_eq!(read(&profile), damaged);
    world.run(&["uninstall", "--yes"]).expect(0);
    assert_eq!(read(&profile), damaged);
    // Damaged after the install.
    fs::write(&profile, "a\n").unwrap();
    world.install();
    let text = read(&profile).replace(END, "# gone");
    fs::write(&profile, &text).unwrap();
    world.run(&["uninstall", "--yes"]).expect(0).says("without the last one");
    assert_eq!(read(&profile), text);
    assert!(!world.prefix().exists());
}

/// Puts something in the place of a profile.
type Put = fn(&Path);

#[test]
fn what_is_no_plain_file_of_the_user_is_left_alone_and_said() {
    let cases: [(&str, &str, Put); 7] = [
        (".profile", "is no file with one name alone", |at| symlink("/dev/null", at).unwrap()),
        (".bashrc", "is read-only", |at| {
            fs::write(at, "a\n").unwrap();
            base::set_mode(at, 0o444);
        }),
        (".bash_login", "is no file with one name alone", |at| {
            assert!(Command::new("mkfifo").arg(at).status().unwrap().success());
        }),
        (".zshenv", "is no file with one name alone", |at| {
            fs::write(at, "a\n").unwrap();
            fs::hard_link(at, at.with_file_name("the same")).unwrap();
        }),
        (".config/nushell/config.nu", "is no file with one name alone", |at| {
            fs::create_dir_all(at).unwrap();
        }),
        (".config/powershell/profile.ps1", "is a link that leads nowhere", |at| {
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            symlink("nowhere", at).unwrap();
        }),
        (".config/fish/conf.d/offgrid.fish", "is a link that leads nowhere", |at| {
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            symlink("offgrid.fish", at).unwrap();
        }),
    ];
    let world = World::new();
    for (name, _, put) in &cases {
        put(&world.home().join(name));
    }
    let first = special(&world.home());
    let mut said = world.run(&["install", "--yes"]).expect(0);
    for (name, why, _) in &cases {
        let path = world.home().join(name);
        said = said.says(&format!("{} {why}", path.display()));
    }
    assert_eq!(said.stderr.matches("add this line to it yourself: ").count(), cases.len());
    said.says("yourself: export PATH=").says("yourself: set -gx PATH").says("yourself: $env:PATH");
    world.run(&["uninstall", "--yes"]).expect(0);
    assert_eq!(special(&world.home()), first);
}

/// Everything in a folder, without reading what may be a pipe.
fn special(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let meta = path.symlink_metadata().unwrap();
        let (mode, size, names) = (meta.mode(), meta.len(), meta.nlink());
        found.push(format!("{} {mode:o} {size} {names}", path.display()));
        if meta.is_dir() {
            found.extend(special(&path));
        }
    }
    found.sort();
    found
}

#[test]
fn a_profile_of_somebody_else_is_left_alone_and_one_of_another_group_keeps_it() {
    let world = World::new();
    let (profile, bashrc) = (world.home().join(".profile"), world.home().join(".bashrc"));
    for path in [&profile, &bashrc] {
        fs::write(path, "a\n").unwrap();
    }
    let chown = |owner, path: &Path| {
        Command::new("chown").arg(owner).arg(path).output().unwrap().status.success()
    };
    if !chown("1234", &bashrc) || !chown(":1234", &profile) {
        eprintln!("skipped: only root can give a file to somebody else");
        return;
    }
    let first = world.snapshot();
    world.run(&["install", "--yes"]).expect(0).says("belongs to user 1234");
    assert_eq!(fs::metadata(&profile).unwrap().gid(), 1234);
    assert_eq!((blocks(&profile), blocks(&bashrc)), (1, 0));
    world.run(&["uninstall", "--yes"]).expect(0);
    first.assert_same(&world.snapshot());
}

#[test]
fn profiles_stay_as_they_are_when_asked_or_when_nothing_is_needed() {
    let world = World::new();
    let config = world.home().join(".config/offgrid");
    fs::create_dir_all(&config).unwrap();
    fs::write(world.home().join(".bashrc"), "a\n").unwrap();
    let first = world.snapshot();
    let check = |outcome: Outcome| {
        let outcome = outcome.expect(0);
        assert_eq!(read(&world.home().join(".bashrc")), "a\n", "{outcome:?}");
        assert!(!world.home().join(".profile").exists(), "{outcome:?}");
        let setup = config.join("setup.toml");
        if setup.exists() {
            fs::remove_file(setup).unwrap();
        }
        world.run(&["uninstall", "--yes"]).expect(0);
        first.assert_same(&world.snapshot());
        outcome
    };
    let by_hand = "to type just `offgrid`, add this to your shell's profile: export PATH=";
    check(world.run(&["install", "--yes", "--no-modify-path"])).says(by_hand);
    fs::write(config.join("setup.toml"), "modify_path = false\n").unwrap();
    check(world.run(&["install", "--yes"])).says(by_hand);
    let mut command = world.command(world.setup());
    command.env("OFFGRID_SETUP_SOURCE", world.depot()).env("OFFGRID_SETUP_MODIFY_PATH", "no");
    command.args(["install", "--yes"]);
    check(finish(command)).says(by_hand);
    let mut command = world.command(world.setup());
    let bin = world.home().join(".local/bin");
    command.env("PATH", format!("/usr/bin:/bin:{}/", bin.display()));
    command.env("OFFGRID_SETUP_SOURCE", world.depot()).args(["install", "--yes"]);
    let said = check(finish(command)).says("start it:  offgrid serve");
    assert!(!said.stderr.contains("terminal"), "{}", said.stderr);
    // Something of others where our link would be: nothing to be found by it.
    fs::create_dir_all(&bin).unwrap();
    fs::write(world.offgrid(), "theirs").unwrap();
    world.run(&["install", "--yes"]).expect(0).says("is there already and was left alone");
    assert_eq!(read(&world.home().join(".bashrc")), "a\n");
}

#[test]
fn a_plan_names_every_profile_and_changes_none() {
    let world = World::new();
    fs::write(world.home().join(".bashrc"), "a\n").unwrap();
    let before = world.snapshot();
    let plan = run_as(&world, "/bin/zsh", &["plan", "--json"]).expect(0).events();
    let steps = plan.last().unwrap()["steps"].as_array().unwrap().iter();
    let what: Vec<&str> = steps
        .filter(|step| step["step"] == "edit-block")
        .map(|step| step["what"].as_str().unwrap())
        .collect();
    let expected = [".bashrc", ".zshenv"].map(|name| world.home().join(name));
    assert_eq!(what.len(), expected.len(), "{what:?}");
    for (what, path) in what.iter().zip(&expected) {
        assert!(what.ends_with(path.to_str().unwrap()), "{what}");
    }
    before.assert_same(&world.snapshot());
}
