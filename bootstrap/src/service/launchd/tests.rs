use super::*;
use crate::service::snapshot::{self, Usual};

#[test]
fn the_lists_are_as_they_were_looked_at() {
    let usual = Usual::new("/Library/Application Support/OffGrid");
    let daemon = snapshot::of(&DAEMON, &usual.system());
    snapshot::check("launchd/commands", &snapshot::shown(&daemon));
    snapshot::check("launchd/com.offgrid.llm.plist", &daemon.files[0].text);
    let agent = snapshot::of(&AGENT, &usual.user());
    snapshot::check("launchd-agent/commands", &snapshot::shown(&agent));
    snapshot::check("launchd-agent/com.offgrid.llm.plist", &agent.files[0].text);
    assert!(!agent.files[0].text.contains("UserName"));
    assert_eq!(DAEMON.definition(&usual.user()), Err(Unfit::Account));
    assert_eq!(AGENT.definition(&usual.system()), Err(Unfit::Home));
    let nobody = Wanted { uid: None, ..usual.user() };
    assert_eq!(AGENT.definition(&nobody), Err(Unfit::Home));
}

#[test]
fn no_name_is_markup() {
    let text = snapshot::of(&AGENT, &Usual::new("/a</string>&\"'").user()).files[0].text.clone();
    let escaped = "<string>/a&lt;/string&gt;&amp;&quot;&apos;/bin/offgrid</string>";
    assert!(text.contains(escaped), "{text}");
    assert!(AGENT.definition(&Usual::new("/a\u{1}").user()).is_err());
}

/// What `launchctl print` shows is indented and has other groups with `state`.
#[test]
fn what_launchd_says_is_read() {
    let of = |status: i32, printed: &str, disabled: &str| {
        let answers = [(status, printed), (0, disabled)]
            .map(|(status, text)| Answer { status: Some(status), text: text.to_owned() });
        let seen = DAEMON.state(&answers);
        [seen.known, seen.running, seen.failed, seen.autostart]
    };
    let runs = "system/com.offgrid.llm = {\n\tactive count = 1\n\tstate = running\n\n\tpid = 71\n\
                \tlast exit code = 70\n\tspawn type = x\n\tendpoints = {\n\t\tstate = no\n\t}\n}\n";
    let failed = "x = {\n\tstate = not running\n\truns = 4\n\tlast exit code = 70\n}\n";
    let rests = "x = {\n\tstate = not running\n\tlast exit code = (never exited)\n}\n";
    let other = "disabled services = {\n\t\"com.other\" => disabled\n}\n";
    let off = "disabled services = {\n\t\"com.offgrid.llm\" => disabled\n}\n";
    let old = "disabled services = {\n\t\"com.offgrid.llm\" => true\n}\n";
    assert_eq!(of(0, runs, other), [true, true, false, true]);
    assert_eq!(of(0, failed, off), [true, false, true, false]);
    assert_eq!(of(0, rests, old), [true, false, false, false]);
    assert_eq!(of(0, rests, "\t\"com.offgrid.llm\" => enabled\n"), [true, false, false, true]);
    assert_eq!(of(113, "", other), [false; 4]);
    assert_eq!(AGENT.state(&[]), State::default());
}
