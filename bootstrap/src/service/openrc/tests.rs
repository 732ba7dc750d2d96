use super::*;
use crate::service::snapshot::{self, Usual};
use std::process::Command;

#[test]
fn the_script_is_as_it_was_looked_at() {
    let all = snapshot::of(&Openrc, &Usual::new("/opt/offgrid").system());
    snapshot::check("openrc/commands", &snapshot::shown(&all));
    snapshot::check("openrc/offgrid-llm", &all.files[0].text);
    assert_eq!(all.files[0].mode, 0o755);
    let usual = Usual::new("/opt/offgrid");
    assert_eq!(Openrc.definition(&usual.user()), Err(Unfit::Account));
    assert!(Openrc.definition(&Usual::new("/a\nb").system()).is_err());
}

/// As supervise-daemon.sh of OpenRC evaluates them: once as an assignment, once as a
/// word of a command line.
#[test]
fn a_shell_reads_the_names_back_as_they_were() {
    let shell = Path::new("/bin/sh");
    if !shell.exists() {
        return println!("skipped: no {}", shell.display());
    }
    for prefix in ["/opt/offgrid", "/opt/a b", "/o'p\"t/$(id)`id`;#\\", "/opt/*"] {
        let mut usual = Usual::new(prefix);
        usual.account.home = "/var/lib/$(id) it's".into();
        let text = script(&usual.system()).unwrap();
        let all = format!(
            "checkpath() {{ shift 5; printf '%s\\n' \"$*\"; }}\n{text}\n\
             start_pre; eval printf \"'%s\\\\n'\" $command $directory; \
             printf '%s\\n' \"$OFFGRID_PORT\" \"$command_args\""
        );
        let ended = Command::new(shell).args(["-euc", &all]).output().unwrap();
        let said = String::from_utf8(ended.stdout).unwrap();
        let expected = [
            "/run/offgrid-llm",
            "/var/lib/$(id) it's",
            "/var/log/offgrid-llm.log",
            &format!("{prefix}/bin/offgrid"),
            prefix,
            "11611",
            "self service guard --system",
        ];
        let wrong = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(said.lines().collect::<Vec<_>>(), expected, "{wrong}\n{text}");
    }
}

#[test]
fn what_openrc_says_is_read() {
    let of = |status: i32, levels: &str| {
        let answers = [
            Answer { status: Some(status), text: String::new() },
            Answer { status: Some(0), text: levels.to_owned() },
        ];
        let seen = Openrc.state(&answers);
        [seen.known, seen.running, seen.failed, seen.autostart]
    };
    let on = "             sshd | default\n      offgrid-llm | default\n";
    let off = "             sshd | default\n  offgrid-llm-other | default\n";
    assert_eq!(of(0, on), [true, true, false, true]);
    assert_eq!(of(3, on), [true, false, false, true]);
    assert_eq!(of(32, off), [true, false, true, false]);
    assert_eq!(of(8, off), [true, true, false, false]);
    assert_eq!(of(1, off), [false; 4]);
    assert_eq!(Openrc.state(&[]), State::default());
}
