use super::*;
use std::path::PathBuf;

/// A command of `/bin/sh`; none where there is no such shell.
fn shell(script: &str) -> Option<Command> {
    let shell = PathBuf::from("/bin/sh");
    if !shell.exists() {
        println!("skipped: no /bin/sh");
        return None;
    }
    let mut command = command(&shell, Path::new("/"));
    command.args(["-c", script]);
    Some(command)
}

fn ran(script: &str, limit: Duration) -> Option<Outcome> {
    Some(run(shell(script)?, limit, &|| false).unwrap())
}

const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_child_gets_nothing_but_what_it_is_given() {
    let Some(mut command) = shell("export -p; pwd; cat; exit 3") else { return };
    let given = [("GIVEN", "1"), ("LD_PRELOAD", "/x.so"), ("DYLD_INSERT_LIBRARIES", "/x")];
    give(&mut command, given.map(|(name, value)| (name, value.into())));
    let outcome = run(command, LONG, &|| false).unwrap();
    assert_eq!(outcome.ended, Ended::Exited(3));
    assert!(outcome.stdout.contains("GIVEN") && outcome.stdout.ends_with("\n/\n"), "{outcome:?}");
    for absent in ["HOME", "CARGO", "LD_PRELOAD", "DYLD_"] {
        assert!(!outcome.stdout.contains(absent), "{absent} in {outcome:?}");
    }
}

#[test]
fn of_much_output_the_end_is_kept() {
    let Some(outcome) = ran("head -c 300000 /dev/zero | tr '\\0' a; echo the end", LONG) else {
        return;
    };
    assert_eq!(outcome.stdout.len(), KEPT);
    assert!(outcome.stdout.ends_with("a\na\nthe end\n") || outcome.stdout.ends_with("the end\n"));
}

#[test]
fn one_that_takes_too_long_goes_with_everything_it_started() {
    let Some(outcome) = ran("sleep 60 & echo $!; wait", Duration::from_millis(300)) else {
        return;
    };
    assert!(matches!(outcome.ended, Ended::TimedOut(_)), "{outcome:?}");
    let grandchild: u32 = outcome.stdout.trim().parse().unwrap();
    let until = Instant::now() + LONG;
    while platform::process_id_alive(grandchild) && !is_zombie(grandchild) {
        assert!(Instant::now() < until, "process {grandchild} lives on");
        thread::sleep(LOOK);
    }
}

/// An orphan that nobody has asked about yet, in a container without an init.
fn is_zombie(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z'))
}

#[test]
fn whoever_holds_the_streams_open_is_not_waited_for() {
    let Some(command) = shell("sleep 30 & echo done; exit 0") else { return };
    let began = Instant::now();
    let outcome = run(command, LONG, &|| false).unwrap();
    assert_eq!((outcome.ended, outcome.stdout.as_str()), (Ended::Exited(0), "done\n"));
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_request_to_stop_is_heard_and_a_signal_is_named() {
    let Some(command) = shell("sleep 60") else { return };
    assert_eq!(run(command, LONG, &|| true).unwrap().ended, Ended::Stopped);
    let ended = ran("kill -9 $$", LONG).unwrap().ended;
    assert!(matches!(&ended, Ended::Signal(words) if words.contains('9')), "{ended}");
    assert!(ended.to_string().starts_with("was ended by "));
}

#[test]
fn what_is_dropped_ends() {
    let Some(command) = shell("sleep 60") else { return };
    let child = Background::start(command).unwrap();
    let pid = child.child.id();
    assert!(platform::process_id_alive(pid));
    drop(child);
    assert!(!platform::process_id_alive(pid));
}

#[test]
fn a_relative_path_is_never_sought() {
    let error = run(command(Path::new("sh"), Path::new("/")), LONG, &|| false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn last_words_are_bounded_and_cannot_steer_a_terminal() {
    assert_eq!(Said::last(" \n\n"), None);
    let said = Said::last("1\n2\n3\n4\n5\n6\n\x1b[31mrote's \u{202e}\"Datei\" ü\r\n").unwrap();
    assert_eq!(
        said.to_string(),
        "it said: 2 | 3 | 4 | 5 | 6 | \\u{1b}[31mrote's \\u{202e}\"Datei\" ü"
    );
    let long = Said::last(&"x".repeat(5000)).unwrap().to_string();
    assert!(long.len() < 250 && long.ends_with("..."), "{long}");
}

#[test]
fn one_that_says_too_much_is_ended_and_what_it_started_with_it() {
    let Some(command) = shell("yes & yes >&2") else { return };
    let outcome = run_within(command, LONG, 1_000_000, &|| false).unwrap();
    assert_eq!(outcome.ended, Ended::Babbled(1_000_000));
    assert!(outcome.stdout.len() <= KEPT && outcome.stderr.len() <= KEPT);
    assert_eq!(outcome.ended.to_string(), "said more than 1000000 bytes");
}
