//! L14: names that shells, units or profiles would read as something else.

use super::all;
use e2e::World;
use e2e::world::finish;
use std::fs;
use std::process::Command;

#[test]
fn l14_a_prefix_that_would_end_its_word_is_refused_before_anything_is_made() {
    let world = World::new();
    let before = all(&world);
    let home = world.home();
    for name in [
        "a\"; rm -rf ~",
        "a'b",
        "a$HOME",
        "a`id`",
        "a\\b",
        "a\nb",
        "a\rb",
        "a\tb",
        "a\u{1b}[2Jb",
        "a\u{7f}b",
        "a\u{85}b",
        "$(id)",
    ] {
        let prefix = home.join(name);
        for word in ["install", "update", "uninstall", "status"] {
            let words = [word, "--yes", "--json", "--prefix", prefix.to_str().unwrap()];
            let outcome = world.run(&words);
            assert_eq!(outcome.code, 2, "{name:?} {outcome:?}");
            let said = format!("{}{}", outcome.stdout, outcome.stderr);
            assert!(said.contains("E_USAGE"), "{name:?}: {said}");
            before.assert_same(&all(&world));
        }
        let mut command = world.command(world.setup());
        command.env("OFFGRID_SETUP_SOURCE", world.depot()).env("OFFGRID_SETUP_PREFIX", &prefix);
        finish(command_with(command)).expect_error(2, "E_USAGE");
        before.assert_same(&all(&world));
    }
}

fn command_with(mut command: Command) -> Command {
    command.args(["install", "--yes", "--json"]);
    command
}

#[test]
fn l14_spaces_and_letters_of_all_languages_are_fine() {
    let world = World::new();
    let before = all(&world);
    for name in ["with space", "größe/日本語", "a%b", "a=b", "a;b", "a&b", "a*b", "-a", "a#b"]
    {
        let prefix = world.home().join(name).join("offgrid");
        let at = format!("--prefix={}", prefix.to_str().unwrap());
        world.run(&["install", "--yes", &at]).expect(0);
        world.run(&["verify", &at]).expect(0);
        world.run(&["uninstall", "--yes", &at]).expect(0);
        before.assert_same(&all(&world));
    }
}

#[test]
fn l14_the_line_for_a_profile_means_that_folder_to_a_real_shell() {
    for name in ["plain", "a b", "o'brien", "$HOME", "`touch owned`", "a\"; touch owned; \"", "é\\"]
    {
        let world = World::new();
        let home = world.path(name);
        fs::rename(world.home(), &home).unwrap();
        let mut command = world.command(world.setup());
        command.env("OFFGRID_SETUP_SOURCE", world.depot()).env("HOME", &home);
        command.args(["install", "--yes", "--no-modify-path"]);
        let outcome = finish(command).expect(0);
        let said = format!("{}\n{}", outcome.stdout, outcome.stderr);
        let line = said.split_once("export PATH=").map(|(_, rest)| rest.lines().next().unwrap());
        let line = line.unwrap_or_else(|| panic!("no line for a profile in {said}"));
        let script = format!("export PATH={line}\nprintf %s \"$PATH\"");
        let mut shell = world.command("/bin/sh");
        shell.env("PATH", "/usr/bin:/bin").args(["-c", &script]);
        let said = finish(shell).expect(0).stdout;
        let bin = home.join(".local/bin");
        assert_eq!(said, format!("{}:/usr/bin:/bin", bin.to_str().unwrap()), "{line}");
        assert!(!world.path("owned").exists());
    }
}
