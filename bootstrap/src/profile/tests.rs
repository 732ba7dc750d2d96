//! Blocks in real files, and programs on a made PATH.

use super::*;
use std::fs;

fn edits_in(home: &Path, shell: &str) -> Edits {
    let mut env = Env::default();
    env.vars.insert("HOME".into(), home.into());
    env.vars.insert("SHELL".into(), shell.into());
    edits(&env, &home.join(".local/bin"))
}

/// As a run does it; how to take it back.
fn put_in(path: &Path, text: &str) -> Option<Before> {
    let before = prepare(path, text).unwrap();
    put(path, text).unwrap();
    put(path, text).unwrap();
    assert!(holds(path));
    assert_eq!(prepare(path, text).unwrap(), None, "done already");
    before
}

#[test]
fn a_profile_is_made_with_its_folders_and_goes_with_them() {
    let home = tempfile::tempdir().unwrap();
    let found = edits_in(home.path(), "/usr/bin/fish");
    assert!(found.notes.is_empty() && found.standing.is_empty());
    let [edit] = &found.edits[..] else { panic!("{found:?}") };
    let before = put_in(&edit.path, &edit.text).unwrap();
    assert_eq!(before.top, Some(home.path().join(".config")));
    assert_eq!(edits_in(home.path(), "/usr/bin/fish").standing, std::slice::from_ref(&edit.path));
    restore(&edit.path, &before).unwrap();
    restore(&edit.path, &before).unwrap();
    assert!(!edit.path.exists());
    // With a line of the user's it stays, without ours.
    let before = put_in(&edit.path, &edit.text).unwrap();
    let mut text = fs::read_to_string(&edit.path).unwrap();
    text.push_str("set -x MINE 1\n");
    fs::write(&edit.path, text).unwrap();
    restore(&edit.path, &before).unwrap();
    assert_eq!(fs::read_to_string(&edit.path).unwrap(), "set -x MINE 1\n");
}

#[test]
fn another_block_is_replaced_and_comes_back_and_one_taken_out_stays_out() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(".profile");
    let (old, new) = (block::of("old"), block::of("new"));
    fs::write(&path, format!("a\n{old}b\n")).unwrap();
    let before = put_in(&path, &new).unwrap();
    assert_eq!(before.was.as_deref(), Some(&*old));
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("a\n{new}b\n"));
    restore(&path, &before).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("a\n{old}b\n"));
    fs::write(&path, "a\nb\n").unwrap();
    restore(&path, &before).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "a\nb\n");
}

#[test]
fn an_empty_file_that_was_there_stays_empty() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(".profile");
    fs::write(&path, "").unwrap();
    let before = put_in(&path, &block::of("x")).unwrap();
    restore(&path, &before).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"");
}

#[test]
fn what_is_no_plain_text_of_ours_is_left_alone_and_said() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(".profile");
    let (begin, text) = (block::BEGIN, block::of("x"));
    let many = vec![b'\n'; 5 * 1024 * 1024];
    for (bytes, why) in [
        (format!("{begin}\nmine\n").into_bytes(), "without the last one; take out all from"),
        (text.replace('x', "\u{0}").into_bytes(), "is not text in UTF-8"),
        ([b"\xff\xfe".as_slice(), b"a"].concat(), "is not text in UTF-8"),
        (many, "has more than"),
    ] {
        fs::write(&path, &bytes).unwrap();
        let said = prepare(&path, &text).unwrap_err().to_string();
        assert!(said.contains(why), "{said}");
        assert!(matches!(put(&path, &text), Err(Error::LeftAlone { .. })));
        assert!(matches!(restore(&path, &Before::default()), Err(Error::LeftAlone { .. })));
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
    let (head, tail) = text.as_bytes().split_at(begin.len() + 1);
    fs::write(&path, [head, b"\xff", tail].concat()).unwrap();
    assert!(prepare(&path, &text).unwrap_err().to_string().contains("that are not ours"));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(matches!(prepare(&path, &text), Err(Error::LeftAlone { .. })));
    // Below a file nothing can be made.
    fs::write(home.path().join(".config"), "").unwrap();
    let below = home.path().join(".config/fish/conf.d/offgrid.fish");
    let said = prepare(&below, &text).unwrap_err().to_string();
    assert!(said.contains("is no folder"), "{said}");
}

#[test]
fn a_folder_that_cannot_be_named_is_said_once() {
    let home = tempfile::tempdir().unwrap();
    let mut env = Env::default();
    env.vars.insert("HOME".into(), home.path().into());
    let found = edits(&env, Path::new("/a:b/bin"));
    assert!(found.edits.is_empty() && found.notes.len() == 1, "{found:?}");
}

#[test]
fn what_is_typed_now_is_about_the_shell_that_is_used() {
    let home = tempfile::tempdir().unwrap();
    for (shell, there, typed) in [
        ("/bin/dash", "", "type: . ~/.profile"),
        ("/bin/bash", "", "type: . ~/.bashrc"),
        ("/bin/zsh", "", "type: . ~/.zshenv"),
        ("/bin/fish", "", "type: source ~/.config/fish/conf.d/offgrid.fish"),
        ("/bin/tcsh", ".profile", "open a new terminal to type just `offgrid`"),
    ] {
        let mut env = Env::default();
        env.vars.insert("HOME".into(), home.path().into());
        env.vars.insert("SHELL".into(), shell.into());
        if !there.is_empty() {
            fs::write(home.path().join(there), "").unwrap();
        }
        let found = edits(&env, &home.path().join("bin"));
        let paths: Vec<_> = found.edits.into_iter().map(|edit| edit.path).collect();
        assert!(!paths.is_empty(), "{shell}");
        let said = now(&env, &paths);
        assert!(said.ends_with(typed), "{shell}: {said}");
        assert_eq!(now(&env, &[]), "open a new terminal to type just `offgrid`");
    }
}

#[test]
fn a_folder_is_on_the_path_under_any_of_its_names() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("bin");
    fs::create_dir(&folder).unwrap();
    let name = folder.display().to_string();
    for (path, is_on) in [
        (String::new(), false),
        (name.clone(), true),
        (format!("{name}/"), true),
        (format!("{name}/../bin"), true),
        (format!("{name}s"), false),
        ("bin".to_owned(), false),
    ] {
        let all = std::env::join_paths(["/usr/bin".into(), PathBuf::from(&path)]).unwrap();
        let mut env = Env::default();
        env.vars.insert("PATH".into(), all);
        assert_eq!(on_path(&env, &folder), is_on, "{path}");
    }
    assert!(!on_path(&Env::default(), &folder));
}

/// A file that is or is not a program.
fn program(path: &Path, mode: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "").unwrap();
    crate::platform::set_mode(path, mode).unwrap();
}

#[test]
fn other_programs_of_our_names_are_named_in_the_order_of_the_path() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let (app, engine) =
        (crate::platform::exe_name("offgrid"), crate::platform::exe_name("llama-server"));
    program(&at("prefix/bin").join(&app), 0o755);
    program(&at("prefix/llama").join(&engine), 0o755);
    program(&at("b").join(&app), 0o755);
    program(&at("c").join(&app), 0o755);
    program(&at("c").join(&engine), 0o755);
    fs::create_dir_all(at("d").join(&app)).unwrap();
    let prefix = at("prefix");
    let said = |folders: &[&str], first: Option<&str>| {
        let path = std::env::join_paths(folders.iter().map(|name| at(name))).unwrap();
        let first = first.map(at);
        let own = Own { prefix: &prefix, typed: "/full/offgrid", first: first.as_deref() };
        let what = |other: Other| {
            assert!(!other.hint.is_empty());
            other.what.replace(&format!("{}/", root.path().display()), "")
        };
        others(Some(&path), &own).into_iter().map(what).collect::<Vec<_>>()
    };
    let starts =
        |name: &str| format!("typing `offgrid` starts {name}/{app}, not this installation");
    let another = |name: &str| format!("{name}/{app} is another `offgrid`");
    let llama = format!("c/{engine} is another llama.cpp");
    assert_eq!(said(&["prefix/bin", "prefix/llama", "d", "none"], None), [""; 0]);
    assert_eq!(said(&["prefix/bin", "b", "b"], None), [another("b")]);
    assert_eq!(said(&["b", "prefix/bin", "c"], None), [starts("b"), another("c"), llama.clone()]);
    assert_eq!(said(&["b", "c"], None), [starts("b"), another("c"), llama.clone()]);
    assert_eq!(said(&["b", "c"], Some("prefix/bin")), [another("b"), another("c"), llama]);
    assert!(others(None, &Own { prefix: &prefix, typed: "", first: None }).is_empty());
}
