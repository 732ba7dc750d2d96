//! Both renderers as a whole, each against its two streams.

use super::samples::{self, Closed, Tape};
use super::*;
use crate::disk;
use std::time::Duration;

fn reporter(style: Style) -> (Reporter, Tape, Tape) {
    let (out, err) = (Tape::default(), Tape::default());
    (Reporter::to(style, Box::new(out.clone()), Box::new(err.clone())), out, err)
}

fn failed() -> Result<Ending, Error> {
    let source = io::Error::other("it is on fire");
    Err(disk::Error { op: "write", path: "/opt/x".into(), source }.into())
}

/// A run of two steps, the second of which fails.
fn run(reporter: &Reporter) {
    let plan = samples::plan();
    for event in [
        Event::Looking { what: "reading head.json" },
        Event::RunBegan { plan: &plan },
        Event::StepBegan { index: 0, of: 2, what: "make /opt/\u{1b}[2J\n/x", minor: false },
        Event::StepEnded { index: 0 },
        Event::StepBegan { index: 1, of: 2, what: "download", minor: false },
        Event::Progress { done: 0, total: 1000 },
        Event::Progress { done: 150, total: 1000 },
        Event::Progress { done: 160, total: 1000 },
        Event::Noted { what: "one mirror\u{7} is bad", hint: Some("tell it"), code: None },
        Event::TakingBack { why: "it is on fire" },
    ] {
        reporter.event(&event);
    }
}

const BEGAN: &str = "reading head.json\n\
    Installing 0.3.0+linux-x86_64-cpu in /opt/offgrid: download 45.2 MB, write 120.0 MB\n";

#[test]
fn people_without_a_terminal_get_plain_lines() {
    let (reporter, out, err) = reporter(Style { color: true, utf8: true, ..Style::default() });
    run(&reporter);
    let told = format!(
        "{BEGAN}make /opt/\\u{{1b}}[2J\\n/x\n\
         download\n\
         \x20  15 %  150 B of 1.0 kB\n\
         note: one mirror\\u{{7}} is bad\n\
         \x20 tell it\n\
         taking back what was done\n"
    );
    assert_eq!(err.text(), told);
    assert_eq!(out.text(), "");
}

#[test]
fn people_at_a_terminal_see_how_each_step_ended() {
    let (reporter, out, err) = reporter(Style { tty: true, utf8: true, ..Style::default() });
    run(&reporter);
    let told = format!(
        "{BEGAN}✓ make /opt/\\u{{1b}}[2J\\n/x\n\
         note: one mirror\\u{{7}} is bad\n\
         \x20 tell it\n\
         ✗ download\n\
         taking back what was done\n"
    );
    assert_eq!(err.text(), told);
    assert_eq!(out.text(), "");
}

#[test]
fn verbose_numbers_the_steps_and_says_why_it_goes_back() {
    let (reporter, _, err) = reporter(Style { verbose: true, ..Style::default() });
    run(&reporter);
    let told = err.text();
    assert!(told.contains("\n[1/2] make /opt/"), "{told}");
    assert!(told.contains("\n  done (0.0 s)\n[2/2] download\n"), "{told}");
    assert!(told.ends_with("taking back what was done: it is on fire\n"), "{told}");
}

#[test]
fn quiet_keeps_notes_errors_and_results() {
    let (reporter, out, err) = reporter(Style { quiet: true, tty: true, ..Style::default() });
    run(&reporter);
    assert_eq!(err.text(), "note: one mirror\\u{7} is bad\n  tell it\n");
    assert_eq!(reporter.ended("install", &Ok(Ending::new(Outcome::Installed, "done"))), 0);
    reporter.result(&json!({}), "0.3.0");
    assert_eq!(reporter.ended("install", &failed()), 1);
    assert!(
        err.text()
            .ends_with("error[E_STATE]: could not write `/opt/x`\n  caused by: it is on fire\n")
    );
    assert!(!err.text().contains("done"));
    assert_eq!(out.text(), "0.3.0\n");
}

#[test]
fn a_dumb_terminal_gets_no_control_characters() {
    let style = Style { tty: true, term_dumb: true, color: true, ..Style::default() };
    let (reporter, _, err) = reporter(style);
    run(&reporter);
    reporter.ended("install", &failed());
    assert!(err.text().chars().all(|c| c == '\n' || !c.is_control()), "{}", err.text());
}

#[test]
fn programs_get_objects_on_stdout_alone() {
    let (reporter, out, err) = reporter(Style { json: true, quiet: true, ..Style::default() });
    run(&reporter);
    reporter.result(&json!({"v": 1, "a": "\u{9b}"}), "for people");
    assert_eq!(reporter.ended("install", &failed()), 1);
    assert_eq!(err.text(), "");
    let text = out.text();
    let objects: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(objects.iter().all(|object| object["v"] == 1));
    assert!(text.contains("{\"a\":\"\\u009b\",\"v\":1}\n"), "{text}");
    let last = json!({
        "v": 1, "event": "ended", "command": "install", "outcome": "failed", "exit": 1,
        "error": {
            "code": "E_STATE", "message": "could not write `/opt/x`",
            "causes": ["it is on fire"], "hint": null
        }
    });
    assert_eq!(objects.last(), Some(&last));
}

#[test]
fn facts_are_members_of_the_end_but_replace_none() {
    let (reporter, out, _) = reporter(Style { json: true, ..Style::default() });
    let mut ending = Ending::new(Outcome::Available, "0.3.0 is there");
    ending.facts = json!({"version": "0.3.0", "exit": 0, "v": 7});
    assert_eq!(reporter.ended("update", &Ok(ending)), 10);
    assert_eq!(
        serde_json::from_str::<Value>(&out.text()).unwrap(),
        json!({
            "v": 1, "event": "ended", "command": "update", "outcome": "unchanged",
            "exit": 10, "error": null, "version": "0.3.0"
        })
    );
}

#[test]
fn people_get_the_ending_on_stderr_and_results_on_stdout() {
    let (reporter, out, err) = reporter(Style::default());
    reporter.result(&json!({}), "GPU: \u{1b}]0;x\nMemory: 1 GiB\n");
    let ending = Ending::new(Outcome::Updated, "OffGrid 0.3.0 is live.").and("Type `offgrid`.");
    assert_eq!(reporter.ended("update", &Ok(ending)), 0);
    assert_eq!(out.text(), "GPU: \\u{1b}]0;x\nMemory: 1 GiB\n");
    assert_eq!(err.text(), "OffGrid 0.3.0 is live.\nType `offgrid`.\n");
}

#[test]
fn a_closed_pipe_is_not_a_failure() {
    for json in [false, true] {
        let style = Style { json, ..Style::default() };
        let reporter = Reporter::to(style, Box::new(Closed), Box::new(Closed));
        run(&reporter);
        reporter.result(&json!({}), "x");
        assert_eq!(reporter.ended("install", &Ok(Ending::new(Outcome::Installed, "x"))), 0);
    }
}

#[test]
fn a_log_of_a_slow_download_has_a_line_every_ten_seconds() {
    let err = Tape::default();
    let target = ProgressDrawTarget::hidden;
    let mut human = Human::new(Style::default(), Box::new(err.clone()), target);
    let start = Instant::now();
    for second in 0..=25 {
        let event = Event::Progress { done: second * 1000, total: 1_000_000 };
        human.event(&event, start + Duration::from_secs(second));
    }
    assert_eq!(
        err.text(),
        "    1 %  10.0 kB of 1.0 MB, 1.0 kB/s, 16 min 30 s left\n\
         \x20   2 %  20.0 kB of 1.0 MB, 1.0 kB/s, 16 min 20 s left\n"
    );
}
