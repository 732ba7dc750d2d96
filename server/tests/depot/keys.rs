//! Keys as people keep them: in folders apart, with passwords, closed to others.
//! Through the program itself, because its words and its umask are what counts.

use crate::world::World;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const NOW: &str = crate::world::NOW;

struct Said {
    code: i32,
    text: String,
}

fn said(output: Output) -> Said {
    let text = [output.stdout, output.stderr].concat();
    Said { code: output.status.code().unwrap(), text: String::from_utf8(text).unwrap() }
}

impl World {
    /// The program with these words, in the world's folder.
    fn cli(&self, words: &str) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_offgrid-depot"));
        command.args(words.split_whitespace()).current_dir(&self.root);
        if !words.starts_with("key ") {
            command.args(["--now", NOW]);
        }
        said(command.env_remove("OFFGRID_DEPOT_KEYS").output().unwrap())
    }

    #[track_caller]
    fn ok(&self, words: &str) -> String {
        let said = self.cli(words);
        assert_eq!(said.code, 0, "{words}\n{}", said.text);
        said.text
    }

    #[track_caller]
    fn refuses(&self, words: &str, code: i32, text: &str) {
        let said = self.cli(words);
        assert_eq!(said.code, code, "{words}\n{}", said.text);
        assert!(said.text.contains(text), "{words}\n{}", said.text);
    }

    /// Moves the keys of each role to a folder of its own.
    fn apart(&self, inside: &str) {
        for role in ["root", "release", "head"] {
            let folder = self.root.join(inside).join(role);
            fs::create_dir_all(&folder).unwrap();
            #[cfg(unix)]
            fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))
                .unwrap();
            for entry in fs::read_dir(&self.keys).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                if name.starts_with(&format!("{role}-")) {
                    fs::rename(&path, folder.join(name)).unwrap();
                }
            }
        }
    }
}

#[test]
fn each_command_needs_the_keys_of_its_roles_and_no_others() {
    let world = World::published("0.3.0");
    world.apart("");
    for words in [
        "head depot --keys head",
        "rotate depot --keys root",
        "head depot --keys head",
        "floor depot --keys root --head 3",
        "rollout depot --keys release --channel stable --no-head",
        "head depot --keys head --take stable=2",
        "halt depot --channel stable --keys head --keys release",
        "publish depot --channel stable --release 0.3.0 --keys release --keys head",
        "promote depot --from stable --to beta --keys release --keys head",
        "yank depot --channel beta --release 0.3.0 --reason why --keys release --keys head",
    ] {
        world.ok(words);
    }
    // The key that was named is the only one that is opened.
    fs::write(world.root.join("root/root-1.key"), "broken").unwrap();
    world.ok("head depot --keys root --keys head");
    world.refuses("head depot --keys root", 2, "name the folders that have 1 of head-1");
    world.refuses("halt depot --channel stable --keys head", 2, "1 of release-1, release-2");
    let exposed = "halt depot --channel stable --keys release";
    world.refuses(exposed, 2, "offgrid-depot head depot --take stable=");
    world.refuses("rotate depot --keys release", 2, "2 of root-1, root-2, root-3");
    world.refuses("head depot", 2, "0 of 1 needed keys are in `");
}

#[test]
fn a_folder_may_have_folders_for_roles_and_new_keys_go_there() {
    let world = World::published("0.3.0");
    world.apart("all");
    let said = world.ok("rotate depot --keys all --new release --new head --no-password");
    assert!(said.contains("release: 1 of release-1, release-2, release-3"), "{said}");
    for name in ["release/release-3.key", "head/head-2.pub"] {
        assert!(world.root.join("all").join(name).exists(), "{name}");
    }
    assert_eq!(world.check().problems, []);
}

#[test]
fn words_that_mean_nothing_are_refused_before_anything_is_read() {
    let world = World::published("0.3.0");
    let before = world.files();
    for words in [
        "head",
        "head depot --channel stable",
        "head depot --take stable",
        "rollout depot 1%@0h",
        "rollout depot --channel stable 1%",
        "halt depot",
        "promote depot --from beta",
        "yank depot --channel stable --release 0.3.0",
        "yank depot --channel stable --release x --reason y",
        "rotate depot --new tail",
        "rotate depot --add release-2.pub",
        "rotate depot --threshold release",
        "rotate depot --floor-channel stable",
        "floor depot --head -1",
        "floor depot --new head",
    ] {
        world.refuses(words, 2, "error:");
    }
    for words in ["head nothing", "rotate nothing", "halt nothing --channel stable"] {
        world.refuses(words, 2, "is not a depot");
    }
    assert_eq!(world.files(), before);
}

#[test]
fn a_wrong_password_changes_nothing_and_makes_no_key() {
    let world = World::new();
    world.write("password", b"correct horse\n");
    world.write("wrong", b"wrong\n");
    let few = "--root-keys 1 --root-threshold 1 --password-file password";
    world.ok(&format!("init safe --keys safe-keys {few}"));
    let files = || fs::read_dir(world.root.join("safe-keys")).unwrap().count();
    let before = files();
    let words = "rotate safe --new head --remove head-1 --password-file";
    world.refuses(&format!("{words} wrong"), 2, "is it the right password?");
    world.refuses(&format!("{words} none"), 2, "could not read `none`");
    assert_eq!(files(), before);
    assert!(!world.root.join("safe/root/2.json").exists());
    world.ok(&format!("{words} password"));
    // The new key has the password too.
    let text = fs::read_to_string(world.root.join("safe-keys/head-2.key")).unwrap();
    let boxed = minisign::SecretKeyBox::from_string(&text).unwrap();
    assert!(boxed.into_secret_key(Some("correct horse".into())).is_ok());
}

#[test]
fn one_key_alone_is_made_and_taken_in() {
    let world = World::published("0.3.0");
    world.ok("key head-2 --keys head --no-password");
    world.refuses("key head-2 --keys head --no-password", 2, "there are keys already");
    world.refuses("key ../x --keys head --no-password", 2, "is not a name");
    let add = "rotate depot --add head:head-2=head/head-2.pub --remove head-1 --no-password";
    let said = world.ok(&format!("{add} --keys keys --keys head"));
    assert!(said.contains("head: 1 of head-2"), "{said}");
    // A new one goes to the folder that has the role's name.
    world.ok("rotate depot --new head --remove head-2 --no-password --keys keys --keys head");
    assert!(world.root.join("head/head-3.key").exists());
    assert_eq!(world.check().problems, []);
}

#[test]
fn a_depot_is_made_of_keys_that_were_made_apart() {
    let world = World::new();
    world.apart("");
    let keys = "--keys root --keys release --keys head";
    world.ok(&format!("init second --existing --release-keys 2 {keys}"));
    let (one, two) = (world.read("root/1.json"), fs::read(world.root.join("second/root/1.json")));
    let keys = |bytes: &[u8]| {
        let root: offgrid_manifest::Root = offgrid_manifest::json::read(bytes).unwrap();
        root.keys
    };
    assert_eq!(keys(&one), keys(&two.unwrap()));
    // The public halves are enough where the role does not sign the first root.
    fs::remove_file(world.root.join("release/release-1.key")).unwrap();
    let keys = "--keys root --keys release --keys head";
    world.ok(&format!("init third --existing {keys}"));
    let words = "init fourth --existing --keys release --keys head";
    world.refuses(words, 2, "there is no `root-1.pub` in `release`, `head`");
    fs::remove_file(world.root.join("root/root-1.key")).unwrap();
    fs::remove_file(world.root.join("root/root-2.key")).unwrap();
    world.refuses(&format!("init fifth --existing {keys}"), 2, "1 of 2 needed keys");
}

#[cfg(unix)]
mod closed {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    /// The program under this umask.
    fn under(world: &World, umask: &str, words: &str) -> Said {
        let program = env!("CARGO_BIN_EXE_offgrid-depot");
        let mut command = Command::new("sh");
        command.args(["-c", &format!("umask {umask}; exec '{program}' {words} --now {NOW}")]);
        said(command.current_dir(&world.root).output().unwrap())
    }

    #[test]
    fn no_key_can_be_read_by_others_whatever_the_umask() {
        let world = World::new();
        for umask in ["000", "022", "077"] {
            let words = format!("init depot-{umask} --keys a/{umask}/keys --no-password");
            assert_eq!(under(&world, umask, &words).code, 0);
            let words = format!("rotate depot-{umask} --new head --new root --no-password");
            let said = under(&world, umask, &words);
            assert_eq!(said.code, 0, "{}", said.text);
            let keys = world.root.join("a").join(umask).join("keys");
            assert_eq!(mode(&keys), 0o700, "{umask}");
            let mut count = 0;
            for entry in fs::read_dir(&keys).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|end| end == "key") {
                    assert_eq!(mode(&path), 0o600, "{umask} {}", path.display());
                    count += 1;
                }
            }
            assert_eq!(count, 7);
        }
    }

    #[test]
    fn keys_are_not_made_in_a_folder_that_others_may_enter() {
        let world = World::new();
        for bits in [0o755, 0o710, 0o777] {
            let open = world.root.join("open");
            fs::create_dir_all(&open).unwrap();
            fs::set_permissions(&open, fs::Permissions::from_mode(bits)).unwrap();
            let words = format!("init depot-{bits} --keys open --no-password");
            world.refuses(&words, 8, "chmod 700 open");
            assert_eq!(fs::read_dir(&open).unwrap().count(), 0, "{bits:o}");
        }
        let before = fs::read_dir(&world.keys).unwrap().count();
        fs::set_permissions(&world.keys, fs::Permissions::from_mode(0o755)).unwrap();
        world.refuses("rotate depot --new head --no-password", 8, "chmod 700");
        assert_eq!(fs::read_dir(&world.keys).unwrap().count(), before);
    }

    #[test]
    fn a_key_that_others_may_read_signs_nothing() {
        let world = World::published("0.3.0");
        for (key, words) in [
            ("head-1", "head depot"),
            ("root-1", "rotate depot"),
            ("root-1", "floor depot --head current"),
            ("release-1", "halt depot --channel stable"),
            ("release-1", "yank depot --channel stable --release 0.3.0 --reason x"),
        ] {
            let path = world.keys.join(format!("{key}.key"));
            let before = world.files();
            for bits in [0o640, 0o604] {
                fs::set_permissions(&path, fs::Permissions::from_mode(bits)).unwrap();
                world.refuses(words, 8, "chmod 600");
            }
            assert_eq!(world.files(), before, "{words}");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            world.ok(words);
        }
    }
}
