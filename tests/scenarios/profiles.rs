//! Shell profiles: after an install a new shell finds `offgrid`, for real; what
//! else stands in a profile stays byte for byte, whatever happens to it.

mod left_alone;
mod others;

use e2e::world::finish;
use e2e::{Outcome, Snapshot, World, base};
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

const BEGIN: &str = "# >>> offgrid >>>";
const END: &str = "# <<< offgrid <<<";

/// The bootstrapper with these words, for somebody with this shell.
fn run_as(world: &World, shell: &str, words: &[&str]) -> Outcome {
    run_in(world, &world.home(), shell, words)
}

/// The same in another home.
fn run_in(world: &World, home: &Path, shell: &str, words: &[&str]) -> Outcome {
    let mut command = world.command(world.setup());
    command.env("OFFGRID_SETUP_SOURCE", world.depot()).args(words);
    finish({
        command.env("HOME", home).env("SHELL", shell);
        command
    })
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
}

fn blocks(path: &Path) -> usize {
    read(path).lines().filter(|line| *line == BEGIN).count()
}

/// A shell of this computer; says so when there is none.
fn shell(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|path| path.is_file());
    if found.is_none() {
        eprintln!("skipped: there is no {name} on this computer");
    }
    found
}

/// A home as it is left by years of use, in a folder with an odd name.
fn lived_in(world: &World) -> PathBuf {
    let home = world.path("o'brien's \"$home\" `id` é\\");
    for folder in [".config/fish", ".config/nushell", ".config/powershell", "dotfiles"] {
        fs::create_dir_all(home.join(folder)).unwrap();
    }
    fs::write(home.join(".profile"), "# of the user\r\nexport A=1\r\n").unwrap();
    fs::write(home.join(".bash_profile"), b"# caf\xe9\n. ~/.bashrc").unwrap();
    fs::write(home.join("dotfiles/bashrc"), "# kept in a repository\n\n\n").unwrap();
    symlink("dotfiles/bashrc", home.join(".bashrc")).unwrap();
    fs::write(home.join(".zshrc"), "\u{feff}# zsh").unwrap();
    fs::write(home.join(".config/nushell/config.nu"), "# nushell\n").unwrap();
    base::set_mode(&home.join(".profile"), 0o640);
    home
}

/// A shell with `-c` and what comes before it, and a line for it to run.
fn said_by(world: &World, home: &Path, shell: &Path, flags: &[&str], line: &str) -> String {
    let mut command = world.command(shell);
    command.env("HOME", home).args(flags).arg(line);
    finish(command).expect(0).stdout
}

#[test]
fn every_new_shell_finds_offgrid_once_and_an_uninstall_gives_back_every_byte() {
    let world = World::new();
    let home = lived_in(&world);
    let first = Snapshot::of(&home, &[]);
    run_in(&world, &home, "/bin/bash", &["install", "--yes"]).expect(0).says("type: . ~/.bashrc");
    assert!(fs::read_link(home.join(".bashrc")).is_ok(), "the link stays a link");
    assert_eq!(blocks(&home.join("dotfiles/bashrc")), 1);
    let meta = fs::metadata(home.join(".profile")).unwrap();
    assert_eq!(meta.mode() & 0o7777, 0o640);
    assert!(
        fs::read(home.join(".profile")).unwrap().starts_with(b"# of the user\r\nexport A=1\r\n")
    );
    // Shells write into the home.
    let saved = world.path("saved");
    base::copy_tree(&home, &saved);
    let sh = "command -v offgrid";
    for (name, flags, line) in [
        ("bash", &["-lc"][..], sh),
        ("bash", &["-ic"], sh),
        ("dash", &["-lc"], sh),
        ("zsh", &["-c"], sh),
        ("zsh", &["-ic"], sh),
        ("fish", &["-c"], sh),
        ("nu", &["-l", "-c"], "print (which offgrid | get path.0)"),
        ("pwsh", &["-Command"], "(Get-Command offgrid).Source"),
    ] {
        let Some(shell) = shell(name) else { continue };
        let again = shell.to_str().unwrap();
        let nested = format!("{line}; {again} {} '{line}; printenv PATH'", flags.join(" "));
        let said = said_by(&world, &home, &shell, flags, &nested);
        let lines: Vec<&str> = said.lines().collect();
        let [here, inside, path] = lines[..] else { panic!("{name} {flags:?}: {said}") };
        let folder = home.join(".local/bin");
        let offgrid = folder.join("offgrid");
        assert_eq!([here, inside], [offgrid.to_str().unwrap(); 2], "{name} {flags:?}");
        let times = std::env::split_paths(path).filter(|entry| *entry == folder).count();
        assert_eq!(times, 1, "{name} {flags:?}: {said}");
    }
    fs::remove_dir_all(&home).unwrap();
    base::copy_tree(&saved, &home);
    run_in(&world, &home, "/bin/bash", &["uninstall", "--yes"]).expect(0);
    first.assert_same(&Snapshot::of(&home, &[]));
}

#[test]
fn who_has_no_profile_gets_one_and_what_is_typed_now_works_in_this_shell() {
    for name in ["sh", "bash", "zsh", "fish"] {
        let Some(program) = shell(name) else { continue };
        let world = World::new();
        let first = world.snapshot();
        let installed = run_as(&world, program.to_str().unwrap(), &["install", "--yes"]).expect(0);
        let typed = installed.stderr.lines().find_map(|line| line.split_once("type: "));
        let (_, typed) = typed.unwrap_or_else(|| panic!("{installed:?}"));
        let line = format!("{typed} && {typed} && command -v offgrid && printenv PATH");
        let said = said_by(&world, &world.home(), &program, &["-c"], &line);
        let (found, path) = said.split_once('\n').unwrap();
        assert_eq!(Path::new(found), world.offgrid(), "{name}");
        assert_eq!(path.matches("/.local/bin").count(), 1, "{name}: {path}");
        if name == "fish" {
            // What it wrote for itself.
            for path in [".config/fish/fish_variables", ".local/share/fish", ".cache/fish"] {
                let path = world.home().join(path);
                let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
            }
            for folder in [".cache", ".config/fish/completions", ".config/fish/functions"] {
                let _ = fs::remove_dir(world.home().join(folder));
            }
        }
        run_as(&world, "", &["uninstall", "--yes"]).expect(0);
        first.assert_same(&world.snapshot());
    }
}

#[test]
fn an_update_and_a_rollback_keep_the_block() {
    let world = World::new();
    let profile = world.home().join(".profile");
    fs::write(&profile, "export A=1").unwrap();
    let first = world.snapshot();
    world.install();
    let with = read(&profile);
    assert_eq!(blocks(&profile), 1);
    world.publish_newer();
    for words in [&["update", "--yes"][..], &["rollback", "--yes"], &["update", "--yes"]] {
        world.run(words).expect(0);
        assert_eq!(read(&profile), with, "{words:?}");
    }
    world.run(&["uninstall", "--yes"]).expect(0);
    first.assert_same(&world.snapshot());
}

#[test]
fn lines_that_were_added_around_the_block_stay_when_it_goes() {
    let world = World::new();
    let [profile, login, bashrc] =
        [".profile", ".bash_login", ".bashrc"].map(|name| world.home().join(name));
    for path in [&profile, &login] {
        fs::write(path, "a").unwrap();
    }
    run_as(&world, "/bin/bash", &["install", "--yes"]).expect(0);
    // The last one was made by the install; now it is the user's too.
    for (path, before, after) in
        [(&profile, "", "after\n"), (&login, "before\n", ""), (&bashrc, "", "alias l=ls\n")]
    {
        assert_eq!(blocks(path), 1);
        fs::write(path, format!("{before}{}{after}", read(path))).unwrap();
    }
    run_as(&world, "/bin/bash", &["uninstall", "--yes"]).expect(0);
    assert_eq!(read(&profile), "a\nafter\n");
    assert_eq!(read(&login), "before\na\n");
    assert_eq!(read(&bashrc), "alias l=ls\n");
}

#[test]
fn a_block_that_somebody_took_out_stays_out() {
    let world = World::new();
    let profile = world.home().join(".profile");
    fs::write(&profile, "a\n").unwrap();
    world.install();
    fs::write(&profile, "a\n").unwrap();
    world.publish_newer();
    world.run(&["update", "--yes"]).expect(0);
    world.run(&["uninstall", "--yes"]).expect(0);
    assert_eq!(read(&profile), "a\n");
}
