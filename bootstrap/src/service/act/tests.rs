use super::*;
use crate::service::backend::words;
use std::cell::Cell;

fn env(vars: &[(&str, &str)]) -> Env {
    let vars = vars.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    Env { vars: vars.collect(), ..Env::default() }
}

/// Whether there are the programs of a Unix.
fn is_unix() -> bool {
    let there = Path::new("/usr/bin/env").exists() && Path::new("/bin/sh").exists();
    if !there {
        println!("skipped: no /usr/bin/env or no /bin/sh");
    }
    there
}

const ON: &dyn Fn() -> bool = &|| false;

#[test]
fn a_command_gets_a_clean_environment_and_for_a_user_the_way_to_its_manager() {
    if !is_unix() {
        return;
    }
    let given = [
        ("XDG_RUNTIME_DIR", "/run/user/7"),
        ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/x"),
        ("HOME", "/h"),
        ("SYSTEMD_PAGER", "evil"),
    ];
    let seen = |line: Words| {
        let text = ask(&[line], &env(&given), ON).unwrap().remove(0).text;
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let always = ["LC_ALL=C", "PATH=/usr/bin:/bin:/usr/sbin:/sbin"];
    assert_eq!(seen(words(["env"])), always);
    // `env -u --user` unsets a variable that there is not.
    let users = ["DBUS_SESSION_BUS_ADDRESS=unix:path=/x", always[0], always[1]];
    let found = seen(words(["env", "-u", "--user"]));
    assert_eq!(found, [&users[..], &["XDG_RUNTIME_DIR=/run/user/7"]].concat());
}

#[test]
fn the_first_failure_ends_it_and_is_told_with_what_was_said() {
    if !is_unix() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mark = |name: &str| {
        let path = dir.path().join(name);
        words(["touch", path.to_str().unwrap()])
    };
    let fails = words(["sh", "-c", "echo first; echo 'no such unit' >&2; exit 5"]);
    let mut may = fails.clone();
    may.insert(0, MAY_FAIL.to_owned());
    let commands = [may, mark("before"), fails, mark("after")];
    let error = all(&commands, &Env::default(), ON).unwrap_err();
    assert_eq!(error.code(), Code::State);
    assert!(error.to_string().ends_with("ended with status 5"), "{error}");
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(source, "it said: no such unit");
    assert!(error.hint().unwrap().contains("sh -c 'echo first;"), "{error:?}");
    assert!(dir.path().join("before").exists() && !dir.path().join("after").exists());
}

#[test]
fn a_question_may_end_with_any_status() {
    if !is_unix() {
        return;
    }
    let commands = [words(["sh", "-c", "echo stopped; exit 3"]), words(["sh", "-c", "kill -9 $$"])];
    let answers = ask(&commands, &Env::default(), ON).unwrap();
    assert_eq!(answers[0], Answer { status: Some(3), text: "stopped\n".to_owned() });
    assert_eq!(answers[1].status, None);
}

#[test]
fn programs_are_sought_in_the_systems_folders_alone() {
    let dir = tempfile::tempdir().unwrap();
    let evil = dir.path().join("evil");
    std::fs::write(&evil, "#!/bin/sh\n").unwrap();
    crate::platform::set_mode(&evil, 0o755).unwrap();
    let env = env(&[("PATH", dir.path().to_str().unwrap())]);
    for name in ["evil", "", ".", "..", "../bin/sh", "a\\b", evil.to_str().unwrap()] {
        let error = all(&[words([name])], &env, ON).unwrap_err();
        assert!(matches!(error, Error::Missing { .. }), "{name}: {error:?}");
        assert_eq!(error.code(), Code::Unsupported);
    }
    assert_eq!(find("evil", &[dir.path().to_owned()]).unwrap(), evil);
}

#[test]
fn who_asks_us_to_end_is_heard() {
    if !is_unix() {
        return;
    }
    let looks = Cell::new(0);
    let stop = || {
        looks.set(looks.get() + 1);
        looks.get() > 2
    };
    let error = all(&[words(["sleep", "60"])], &Env::default(), &stop).unwrap_err();
    assert_eq!(error.code(), Code::Interrupted);
    assert_eq!(error.to_string(), "`sleep 60` was interrupted");
}
