use super::*;
use crate::service::tests::{Installed, helper};
use std::fs;
use std::process::Command;

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

#[test]
fn four_verbs_and_self_are_ours_and_the_rest_is_the_apps() {
    for verb in OURS {
        assert_eq!(is_ours(&words(&[verb, "--json"])), Some(words(&[verb, "--json"])));
    }
    assert_eq!(is_ours(&words(&["self"])), Some(words(&["status"])));
    let stop = words(&["self", "service", "stop"]);
    assert_eq!(is_ours(&stop), Some(words(&["service", "stop"])));
    for apps in [&[][..], &["serve"], &["status"], &["Update"], &["run", "update"], &["--json"]] {
        assert_eq!(is_ours(&words(apps)), None, "{apps:?}");
    }
}

#[test]
fn the_app_is_called_by_its_name_alone() {
    let called = |name: &str| called_as_app(&Env { name: name.into(), ..Env::default() });
    for yes in ["offgrid", "/usr/local/bin/offgrid", "./offgrid", "offgrid.exe", "OffGrid.EXE"] {
        assert!(called(yes), "{yes}");
    }
    for no in ["", "offgrid-setup", "OffGridSetup.exe", "offgrid/", "exe", ".exe", "offgrid.sh"] {
        assert!(!called(no) || no == "offgrid/", "{no}");
    }
}

#[test]
fn a_prefix_is_known_by_its_bin_and_its_state() {
    let dir = tempfile::tempdir().unwrap();
    let exe = dir.path().join("bin").join(platform::exe_name("offgrid"));
    assert_eq!(prefix_of(&exe), None);
    fs::create_dir(dir.path().join("state")).unwrap();
    assert_eq!(prefix_of(&exe), Some(dir.path().to_owned()));
    assert_eq!(prefix_of(&exe.with_file_name("other")), None);
    assert_eq!(prefix_of(&dir.path().join("offgrid")), None);
    assert_eq!(prefix_of(Path::new("offgrid")), None);
}

#[test]
fn no_words_and_two_verbs_serve() {
    for yes in [&[][..], &["serve"], &["server", "--port", "1"], &["--json"], &["--json", "serve"]]
    {
        assert!(serves(&words(yes)), "{yes:?}");
    }
    for no in [&["list"][..], &["--version"], &["run", "serve"], &["-v"]] {
        assert!(!serves(&words(no)), "{no:?}");
    }
}

#[test]
fn without_an_app_the_error_says_what_to_type() {
    let installed = Installed::new(&[]);
    let env = Env { args: words(&["list"]), ..Env::default() };
    let error = app(&env, &installed.store, Path::new("/m"), &|_| {}).unwrap_err();
    assert_eq!(error.code().name(), "E_STATE");
    assert!(error.hint().unwrap().contains("`offgrid update`"));
    let installed = Installed::new(&["0.1.0"]);
    let error = app(&env, &installed.store, Path::new("/m"), &|_| {}).unwrap_err();
    assert_eq!(error.code().name(), "E_STATE");
    assert!(error.hint().unwrap().contains("`offgrid rollback`"), "{error}");
}

/// Becomes the app; started by the tests below.
#[test]
fn process() {
    let Some(prefix) = std::env::var_os("OFFGRID_TEST_PREFIX") else { return };
    let mut env = Env::capture();
    env.args = std::env::var_os("OFFGRID_TEST_ARG").into_iter().collect();
    env.args.extend(words(&["a  b", ""]));
    let error = app(&env, &Store::new(prefix.into()), Path::new("/m m"), &|_| {}).unwrap_err();
    panic!("{error}");
}

#[test]
fn the_app_gets_its_words_its_folder_and_what_is_not_set_yet() {
    let installed = Installed::new(&["0.1.0"]);
    let folder = installed.slot("0.1.0").join("app");
    let script = "#!/bin/sh\nprintf '%s|' \"$@\"; pwd; cat\necho $OFFGRID_PORT $MARK $OFFGRID_MODELS_DIR\n\
                  echo $OFFGRID_LLAMA_SERVER_PATH $OFFGRID_GPU_LAYERS; exit 42\n";
    if !installed.script("0.1.0", "app/offgrid", script) {
        return;
    }
    for (word, cwd) in [("li\u{fc}st", Path::new("/")), ("serve", folder.as_path())] {
        let mut command: Command = helper("dispatch::tests::process");
        command.env("OFFGRID_TEST_PREFIX", installed.store.prefix()).env("OFFGRID_TEST_ARG", word);
        command.env("OFFGRID_PORT", "7").env("MARK", "kept").current_dir("/");
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(42), "{text}");
        let engine = installed.slot("0.1.0").join("llama").join(platform::exe_name("llama-server"));
        let cwd = cwd.canonicalize().unwrap();
        let end = format!("{word}|a  b||{}\n7 kept /m m\n{} 0\n", cwd.display(), engine.display());
        assert!(text.ends_with(&end), "{text}\nis not\n{end}");
    }
}
