use super::*;
use crate::service::backend::Listen;
use std::fs;
use std::process::Command;

/// What the sandbox of a system update may be worth to systemd, in tenths; lower is
/// tighter. It has to give up rights itself and to prove releases on GPUs.
const EXPOSURE: &str = "33";

fn wanted<'a>(prefix: &'a Path, program: &'a Path, home: Option<&'a Path>) -> Wanted<'a> {
    Wanted {
        prefix,
        program,
        config: Path::new("/etc/offgrid"),
        models: Path::new("/var/lib/offgrid/models"),
        account: None,
        home,
        uid: Some(501),
        port: 11611,
        listen: Listen::Loopback,
        drain: 60,
    }
}

/// Units of a program that is there, in a folder of their own.
fn units(kind: ServiceKind) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let prefix = dir.path().join("a 100% odd prefix");
    fs::create_dir_all(prefix.join("bin")).unwrap();
    let program = prefix.join("bin/offgrid");
    fs::copy("/bin/true", &program).unwrap();
    let wanted = wanted(&prefix, &program, Some(dir.path()));
    for file in definition(kind, &wanted, "a").unwrap().files {
        fs::write(dir.path().join(file.path.file_name().unwrap()), file.text).unwrap();
    }
    dir
}

fn analyze(words: &[&str], dir: &Path, name: &str) -> Option<(bool, String)> {
    let mut command = Command::new("systemd-analyze");
    // The user's manager wants a place for its own things, which is not looked at.
    let said = match command.env("XDG_RUNTIME_DIR", dir).args(words).arg(dir.join(name)).output() {
        Ok(said) => said,
        Err(error) => {
            eprintln!("skipped: no systemd-analyze here: {error}");
            return None;
        }
    };
    let text = [said.stdout, said.stderr.clone()].map(|b| String::from_utf8_lossy(&b).into_owned());
    Some((said.status.success() && (words[0] != "verify" || said.stderr.is_empty()), text.concat()))
}

#[test]
fn systemd_has_nothing_to_say_about_the_units() {
    for (kind, words) in
        [(ServiceKind::Systemd, &["verify"][..]), (ServiceKind::SystemdUser, &["verify", "--user"])]
    {
        let dir = units(kind);
        for name in ["offgrid-update.service", "offgrid-update.timer"] {
            let Some((good, text)) = analyze(words, dir.path(), name) else { return };
            assert!(good, "{name}: {text}");
        }
    }
}

#[test]
fn the_units_of_a_user_lie_beside_those_of_its_service() {
    let (prefix, home) = (Path::new("/home/ann/p"), Path::new("/home/ann"));
    let mut wanted = wanted(prefix, Path::new("/home/ann/p/bin/offgrid"), Some(home));
    for config in ["/home/ann/.config/offgrid", "/elsewhere/offgrid"] {
        wanted.config = Path::new(config);
        let folder = wanted.config.with_file_name("systemd/user");
        for file in definition(ServiceKind::SystemdUser, &wanted, "a").unwrap().files {
            assert_eq!(file.path.parent(), Some(&*folder));
        }
    }
}

#[test]
fn the_update_of_the_system_is_locked_in() {
    let dir = units(ServiceKind::Systemd);
    let threshold = format!("--threshold={EXPOSURE}");
    let words = ["security", "--offline=yes", "--no-pager", &threshold];
    let Some((good, text)) = analyze(&words, dir.path(), "offgrid-update.service") else { return };
    assert!(good, "{text}");
}

#[test]
fn only_the_prefix_the_units_and_the_cache_can_be_written() {
    let wanted = wanted(Path::new("/opt/offgrid"), Path::new("/opt/offgrid/bin/offgrid"), None);
    let all = definition(ServiceKind::Systemd, &wanted, "a").unwrap();
    let text = &all.files[0].text;
    for line in [
        "ExecStart=\"/opt/offgrid/bin/offgrid\" update --scheduled",
        "ReadWritePaths=\"/opt/offgrid\" /etc/systemd/system -/run/offgrid-llm",
        "CacheDirectory=offgrid",
        "ProtectSystem=strict",
        "NoNewPrivileges=yes",
    ] {
        assert!(text.lines().any(|has| has == line), "{line}\n{text}");
    }
    assert_eq!(all.commands.enable, [["systemctl", "enable", "--now", "offgrid-update.timer"]]);
    assert_eq!(cache_name(Path::new("/opt/offgrid")), "offgrid");
    assert_ne!(cache_name(Path::new("/srv/a")), cache_name(Path::new("/srv/b")));
}

#[test]
fn launchd_is_told_four_times_an_hour() {
    let (prefix, program) = (Path::new("/A & B"), Path::new("/A & B/bin/offgrid"));
    let wanted = wanted(prefix, program, Some(Path::new("/Users/ada")));
    let all = definition(ServiceKind::LaunchdAgent, &wanted, "a").unwrap();
    assert_eq!(
        all.files[0].path,
        Path::new("/Users/ada/Library/LaunchAgents/com.offgrid.update.plist")
    );
    let text = &all.files[0].text;
    assert!(text.contains("<string>/A &amp; B/bin/offgrid</string>"), "{text}");
    assert_eq!(text.matches("<key>Minute</key>").count(), 4);
    assert_eq!(all.commands.disable, [["launchctl", "bootout", "gui/501/com.offgrid.update"]]);
    match Command::new("xmllint").args(["--noout", "--nonet", "-"]).output() {
        Err(error) => eprintln!("skipped: no xmllint here: {error}"),
        Ok(_) => {
            let file = tempfile::NamedTempFile::new().unwrap();
            fs::write(file.path(), text).unwrap();
            let good =
                Command::new("xmllint").args(["--noout", "--nonet"]).arg(file.path()).status();
            assert!(good.unwrap().success());
        }
    }
}

/// With a `crontab` that keeps its table in a file.
#[test]
fn a_crontab_gets_one_line_and_loses_no_other() {
    if std::env::consts::FAMILY != "unix" {
        eprintln!("skipped: no cron here");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("table");
    let crontab = dir.path().join("crontab");
    let text = format!(
        "#!/bin/sh\ntable='{}'\ncase $1 in\n-l) [ -e $table ] && cat $table ;;\n-r) rm $table ;;\n\
         -) cat > $table.new; mv $table.new $table ;;\nesac\n",
        table.display()
    );
    crate::disk::write(&crontab, text.as_bytes(), 0o755).unwrap();
    let path = format!("{}:/usr/bin:/bin", dir.path().display());
    let run = |all: &[Words]| {
        let mut last = true;
        for words in all {
            let status = Command::new(&words[0]).args(&words[1..]).env("PATH", &path).status();
            last = status.unwrap().success();
        }
        last
    };
    let program = Path::new("/opt/it's 5%/bin/offgrid");
    let wanted = wanted(Path::new("/opt/it's 5%"), program, None);
    let commands = definition(ServiceKind::Openrc, &wanted, "a").unwrap().commands;
    assert!(!run(&commands.query));
    // Alone, then beside a line of somebody else's; twice is once.
    for before in ["", "0 1 * * * backup\n"] {
        if !before.is_empty() {
            fs::write(&table, before).unwrap();
        }
        run(&commands.enable);
        run(&commands.enable);
        assert!(run(&commands.query));
        let has = fs::read_to_string(&table).unwrap();
        assert_eq!(has.matches("--scheduled # offgrid-update\n").count(), 1, "{has}");
        assert!(has.starts_with(before) && has.contains("5\\%"), "{has}");
        run(&commands.disable);
        assert!(!run(&commands.query));
        assert_eq!(fs::read_to_string(&table).unwrap_or_default(), before);
    }
}

#[test]
fn what_a_manager_answers_is_understood() {
    let answer = |status, text: &str| [Answer { status: Some(status), text: text.to_owned() }];
    let on = answer(0, "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n");
    let on = state(ServiceKind::Systemd, &on);
    assert_eq!((on.known, on.running, on.autostart), (true, true, true));
    let off = state(ServiceKind::SystemdUser, &answer(0, "LoadState=not-found\nUnitFileState=\n"));
    assert_eq!((off.known, off.autostart), (false, false));
    assert!(state(ServiceKind::Openrc, &answer(0, "")).autostart);
    assert!(!state(ServiceKind::Openrc, &answer(1, "")).known);
}
