use super::*;
use crate::service::snapshot::{self, Usual};
use std::process::Command;

#[test]
fn the_units_are_as_they_were_looked_at() {
    let mut usual = Usual::new("/opt/offgrid");
    let all = snapshot::of(&SYSTEM, &usual.system());
    snapshot::check("systemd/commands", &snapshot::shown(&all));
    for file in &all.files {
        let name = file.path.file_name().unwrap().to_str().unwrap();
        snapshot::check(&format!("systemd/{name}"), &file.text);
    }
    usual.listen = Listen::Lan;
    let lan = snapshot::of(&SYSTEM, &usual.system());
    snapshot::check("systemd-lan/offgrid-llm.socket", &lan.files[1].text);
    assert!(!lan.files[2].text.contains("\nIPAddress"), "{}", lan.files[2].text);
    let mut ann = Usual::new("/home/ann/.local/share/offgrid");
    ann.config = "/home/ann/.config/offgrid".into();
    let user = snapshot::of(&USER, &ann.user());
    snapshot::check("systemd-user/commands", &snapshot::shown(&user));
    snapshot::check("systemd-user/offgrid-llm.service", &user.files[0].text);
}

#[test]
fn units_of_a_user_lie_beside_its_settings() {
    let mut usual = Usual::new("/p");
    let folder = |usual: &Usual| snapshot::of(&USER, &usual.user()).files[0].path.clone();
    usual.config = "/elsewhere/offgrid".into();
    assert_eq!(folder(&usual), Path::new("/elsewhere/systemd/user/offgrid-llm.service"));
    usual.config = "/odd/place".into();
    assert_eq!(folder(&usual), Path::new("/home/ann/.config/systemd/user/offgrid-llm.service"));
    let nobody = Wanted { home: None, ..usual.user() };
    assert_eq!(USER.definition(&nobody), Err(Unfit::Home));
}

#[test]
fn no_name_can_end_its_line_or_word() {
    let mut usual = Usual::new("/opt/a b%n$HOME\"c\\d");
    usual.config = "/etc/o*[g]?\\%".into();
    usual.models = "/srv/two models".into();
    let files = snapshot::of(&SYSTEM, &usual.system()).files;
    let text = &files[2].text;
    for line in [
        r#"ExecStart=:/bin/sh -c 'exec "$0" "$@"' "/opt/a b%%n$HOME\"c\\d/bin/offgrid" self service run --system"#,
        r#"WorkingDirectory=-/opt/a b%%n$HOME"c\d/current/app"#,
        r"EnvironmentFile=-/etc/o\*\[g]\?\\%%/offgrid.env",
        r#"ReadWritePaths="-/srv/two models""#,
        "ReadWritePaths=-/srv/sessions",
    ] {
        assert!(text.lines().any(|is| is == line), "no `{line}` in\n{text}");
    }
    assert!(files[0].text.contains(r#"ReadWritePaths="/opt/a b%%n$HOME\"c\\d" -/run"#));
    let money = snapshot::of(&SYSTEM, &Usual::new("/opt/a $b").system()).files[2].text.clone();
    let line = "\nExecStart=\":/opt/a $b/bin/offgrid\" self service run --system\n";
    assert!(money.contains(line), "{money}");
    for bad in ["/opt/a\nUser=root", "/opt/\r", "/opt/\u{7}"] {
        let usual = Usual::new(bad);
        let said = SYSTEM.definition(&usual.system()).unwrap_err();
        assert!(matches!(said, Unfit::Path(_)), "{said:?}");
        assert!(USER.definition(&usual.user()).is_err());
    }
    let mut usual = Usual::new("/opt/offgrid");
    usual.account.user = "a b".to_owned();
    assert_eq!(SYSTEM.definition(&usual.system()), Err(Unfit::Account));
    usual.account.user = "offgrid".to_owned();
    usual.account.groups = vec!["x\nUser=root".to_owned()];
    assert_eq!(SYSTEM.definition(&usual.system()), Err(Unfit::Account));
    assert_eq!(SYSTEM.definition(&usual.user()), Err(Unfit::Account));
}

#[test]
fn the_folders_that_may_be_changed_are_the_homes_and_the_models() {
    let mut usual = Usual::new("/opt/offgrid");
    usual.account.groups.clear();
    let text = snapshot::of(&SYSTEM, &usual.system()).files[2].text.clone();
    assert!(!text.contains("ReadWritePaths=") && !text.contains("SupplementaryGroups="));
    assert!(text.contains("\nStateDirectory=offgrid\n") && text.contains("\nProtectHome=yes\n"));
    usual.account.home = "/home/og".into();
    let text = snapshot::of(&SYSTEM, &usual.system()).files[2].text.clone();
    assert!(text.contains("\nReadWritePaths=-/home/og\n") && !text.contains("StateDirectory="));
    assert!(text.contains("\nProtectHome=read-only\n"), "{text}");
}

#[test]
fn what_systemd_says_is_read() {
    let of = |load: &str, active: &str, sub: &str, file: &str| {
        let text = format!(
            "LoadState={load}\nActiveState={active}\nSubState={sub}\nUnitFileState={file}\n"
        );
        let seen = SYSTEM.state(&[Answer { status: Some(0), text }]);
        [seen.known, seen.running, seen.failed, seen.autostart]
    };
    assert_eq!(of("loaded", "active", "running", "enabled"), [true, true, false, true]);
    assert_eq!(of("loaded", "inactive", "dead", "disabled"), [true, false, false, false]);
    assert_eq!(of("loaded", "failed", "failed", "enabled"), [true, false, true, true]);
    assert_eq!(of("loaded", "activating", "auto-restart", "enabled"), [true, false, false, true]);
    assert_eq!(of("loaded", "activating", "start", "static"), [true, true, false, false]);
    assert_eq!(of("loaded", "reloading", "reload", ""), [true, true, false, false]);
    assert_eq!(of("not-found", "inactive", "dead", ""), [false; 4]);
    // After the files are gone it may still run.
    assert_eq!(of("not-found", "active", "running", ""), [false, true, false, false]);
    assert_eq!(USER.state(&[]), State::default());
}

/// The real `systemd-analyze`; the reason is printed where there is none.
fn analyze() -> Option<Command> {
    let program = Path::new("/usr/bin/systemd-analyze");
    if !program.exists() {
        println!("skipped: no {}", program.display());
        return None;
    }
    Some(Command::new(program))
}

/// Writes the units of a prefix with a program in it.
fn written(usual: &Usual, back_end: &Systemd, into: &Path) -> Vec<PathBuf> {
    std::fs::create_dir_all(usual.prefix.join("bin")).unwrap();
    let program = usual.prefix.join("bin/offgrid");
    std::fs::write(&program, "#!/bin/sh\n").unwrap();
    crate::platform::set_mode(&program, 0o755).unwrap();
    std::fs::create_dir_all(into).unwrap();
    let wanted = if back_end.user { usual.user() } else { usual.system() };
    let files = snapshot::of(back_end, &wanted).files;
    let write = |file: UnitFile| {
        let path = into.join(file.path.file_name().unwrap());
        std::fs::write(&path, file.text).unwrap();
        path
    };
    files.into_iter().map(write).collect()
}

#[test]
fn systemd_itself_finds_no_fault_with_the_units() {
    let dir = tempfile::tempdir().unwrap();
    for (number, name) in ["plain", "a b%n $HOME", "q\"c\\d'e"].into_iter().enumerate() {
        for listen in [Listen::Loopback, Listen::Lan] {
            let mut usual = Usual::new(dir.path().join(name).to_str().unwrap());
            (usual.listen, usual.models) = (listen, "/srv/two models".into());
            usual.config = "/etc/o*[g]?".into();
            for (back_end, scope) in [(&SYSTEM, "--system"), (&USER, "--user")] {
                let Some(mut analyze) = analyze() else { return };
                let into = dir.path().join(format!("{number}{listen:?}{scope}"));
                let units = written(&usual, back_end, &into);
                analyze.args(["verify", "--man=no", "--recursive-errors=yes", scope]).args(units);
                let ended = analyze.env("XDG_RUNTIME_DIR", dir.path()).output().unwrap();
                // It ends well also where it does not know a key.
                let said = String::from_utf8_lossy(&ended.stderr).into_owned();
                assert!(ended.status.success() && said.is_empty(), "{scope} {name}: {said}");
            }
        }
    }
}

#[test]
fn the_units_of_the_system_are_as_closed_as_was_promised() {
    for listen in [Listen::Loopback, Listen::Lan] {
        let dir = tempfile::tempdir().unwrap();
        let mut usual = Usual::new(dir.path().join("p").to_str().unwrap());
        (usual.listen, usual.models) = (listen, "/srv/models".into());
        let units = written(&usual, &SYSTEM, &dir.path().join("units"));
        for unit in units.iter().filter(|unit| unit.extension().unwrap() == "service") {
            let Some(mut analyze) = analyze() else { return };
            // In tenths: 3.5 was promised.
            let least = ["security", "--offline=true", "--no-pager", "--threshold=25"];
            let ended = analyze.args(least).arg(unit).output().unwrap();
            let said = String::from_utf8_lossy(&ended.stdout).into_owned();
            assert!(ended.status.success(), "{}\n{said}", unit.display());
            let level = said.lines().find(|line| line.contains("Overall exposure level"));
            println!("{listen:?}: {}", level.unwrap().trim());
        }
    }
}
