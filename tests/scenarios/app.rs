//! The name `offgrid`: four verbs and `self` are ours, every other word is the
//! app's, byte for byte.

use e2e::base::set_mode;
use e2e::world::finish;
use e2e::{Outcome, World};
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

fn app(world: &World) -> PathBuf {
    world.prefix().join("current/app/offgrid")
}

fn offgrid(world: &World, words: &[&str]) -> Command {
    let mut command = world.command(world.offgrid());
    command.args(words);
    command
}

#[test]
fn words_stdin_and_exit_code_reach_the_app_untouched() {
    let world = World::new();
    world.install();
    let typed = world.path("typed");
    fs::write(&typed, b"a line\n\xff\x00no text\n").unwrap();
    let words = ["echo-args", "a", "b c", "", "--flag", "--", "--yes", "--json", "self", "-h"];
    let mut command = offgrid(&world, &words);
    command.arg(std::ffi::OsStr::from_bytes(b"\xfe"));
    command.env("STANDIN_EXIT", "7").stdin(File::open(&typed).unwrap());
    let output = command.output().unwrap();
    let mut expected = words[1..].join("\n").into_bytes();
    expected.extend(b"\n\xfe\na line\n\xff\x00no text\n");
    assert_eq!(output.stdout, expected);
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(output.stderr, b"");
}

#[test]
fn a_signal_that_ends_the_app_ends_the_command() {
    let world = World::new();
    world.install();
    let mut command = offgrid(&world, &["echo-args"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    // It became the app: the process that was started is the one that is ended.
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
}

fn variables(outcome: Outcome) -> Vec<(String, String)> {
    let lines = outcome.expect(0).stdout;
    let split = lines.lines().filter_map(|line| line.split_once('='));
    split.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn the_app_gets_its_four_variables_unless_they_are_set() {
    let world = World::new();
    world.install();
    let variables_of = |more: &[(&str, &str)]| {
        let mut command = offgrid(&world, &["env"]);
        command.envs(more.iter().copied());
        variables(finish(command))
    };
    let found = variables_of(&[]);
    let value = |name: &str| &found.iter().find(|(have, _)| have == name).unwrap().1;
    // The slot itself, not `current`, which may lead elsewhere meanwhile.
    let slot = world.prefix().join("current").canonicalize().unwrap();
    let engine = slot.join("llama/llama-server");
    assert_eq!(value("OFFGRID_LLAMA_SERVER_PATH"), engine.to_str().unwrap());
    assert_eq!(value("OFFGRID_MODELS_DIR"), world.models().to_str().unwrap());
    assert_eq!(
        (value("OFFGRID_GPU_LAYERS").as_str(), value("OFFGRID_PORT").as_str()),
        ("0", "11611")
    );
    let own = [
        ("OFFGRID_GPU_LAYERS", "12"),
        ("OFFGRID_LLAMA_SERVER_PATH", "/my/engine"),
        ("OFFGRID_MODELS_DIR", "/my/models"),
        ("OFFGRID_PORT", "8080"),
    ];
    let found = variables_of(&own);
    for (name, set) in own {
        let pair = (name.to_owned(), set.to_owned());
        assert!(found.contains(&pair), "{name} was changed: {found:?}");
    }
}

#[test]
fn the_apps_own_help_and_version_are_the_apps() {
    let world = World::new();
    world.install();
    finish(offgrid(&world, &["--version"])).expect(0).says("stand-in 0.2.11");
    finish(offgrid(&world, &["help"])).expect(0).says("stand-in");
    finish(offgrid(&world, &["status"])).expect(0).says("engine:");
    let unknown = finish(offgrid(&world, &["installl"])).expect(1);
    unknown.says("offgrid stand-in: unknown command: installl");
    // Ours are behind `self`, and `self` alone is how things are.
    let all = finish(offgrid(&world, &["self", "version"])).expect(0);
    all.says("offgrid-setup 0.1.0").says("release       0.1.0").says("app           0.2.11");
    finish(offgrid(&world, &["self"])).expect(0).says("OffGrid LLM 0.1.0");
    finish(offgrid(&world, &["self", "help"])).expect(0).says("offgrid self install");
    finish(offgrid(&world, &["self", "instal"])).expect(2).says("did you mean `install`?");
}

#[test]
fn the_name_decides_not_the_file_it_leads_to() {
    let world = World::new();
    world.install();
    // Through another link of the same name, from another folder.
    let link = world.path("offgrid");
    std::os::unix::fs::symlink(world.offgrid(), &link).unwrap();
    let mut command = world.command(&link);
    command.args(["version"]);
    finish(command).expect(0).says("stand-in 0.2.11");
    // The same file by the other name has our words.
    let link = world.path("offgrid-setup-link");
    std::os::unix::fs::symlink(world.offgrid(), &link).unwrap();
    let mut command = world.command(&link);
    command.args(["version"]);
    finish(command).expect(0).says("offgrid-setup 0.1.0");
}

#[test]
fn a_broken_app_is_named_and_never_stops_an_update() {
    type Break = fn(&std::path::Path);
    let breaks: [(&str, Break); 3] = [
        ("deleted", |app| fs::remove_file(app).unwrap()),
        ("garbage", |app| fs::write(app, "\x7fELF garbage").unwrap()),
        ("not executable", |app| set_mode(app, 0o644)),
    ];
    for (how, damage) in breaks {
        let world = World::new();
        world.install();
        damage(&app(&world));
        let before = world.snapshot();
        let broken = finish(offgrid(&world, &["version"]));
        // C libraries differ: some let a shell try what the system does not know.
        if how == "garbage" {
            assert_ne!(broken.code, 0);
        } else {
            broken.expect_error(1, "E_STATE").says("could not be started").says("offgrid update");
        }
        before.assert_same(&world.snapshot());
        world.publish_newer();
        let update = world.offgrid_run(&["update", "--yes"]).expect(0).says("0.2.0 is live");
        // Other permissions do no harm to what is copied; other bytes do.
        let told = update.stderr.contains("app/offgrid is not what was installed");
        assert_eq!(told, how != "not executable", "{}", update.stderr);
        world.offgrid_run(&["self", "status"]).expect(0);
        let version = finish(offgrid(&world, &["version"])).expect(0);
        assert!(version.stdout.contains("0.2.12"), "{how}");
    }
}

#[test]
fn an_app_without_a_release_says_what_to_type() {
    let world = World::new();
    world.install();
    fs::remove_file(world.prefix().join("current")).unwrap();
    let nothing = finish(offgrid(&world, &["version"])).expect_error(1, "E_STATE");
    nothing.says("no release is installed").says("offgrid update");
}
