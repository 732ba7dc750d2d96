//! Events for programs: one JSON object on one line of stdout each, with `"v":1`.
//! Readers ignore kinds and members that they do not know. Prints nothing else,
//! and never the inside of a step: a slot has thousands of files.

use super::plan;
use super::text;
use crate::event::Event;
use crate::plan::Plan;
use serde_json::{Value, json};
use std::io::Write;
use std::time::{Duration, Instant};

/// At most ten lines of progress a second.
const PACE: Duration = Duration::from_millis(100);

/// Tells events to programs.
pub(super) struct Json {
    /// When progress was last told, and how far it was.
    told: Option<(Instant, u64)>,
}

impl Json {
    pub(super) fn new() -> Json {
        Json { told: None }
    }

    pub(super) fn event(&mut self, out: &mut dyn Write, event: &Event<'_>, now: Instant) {
        if let Event::Progress { done, total } = event {
            // The last one is always told, once.
            let skip = self.told.is_some_and(|(told, was)| {
                now.saturating_duration_since(told) < PACE && (done < total || *done == was)
            });
            if skip {
                return;
            }
            self.told = Some((now, *done));
        } else {
            self.told = None;
        }
        line(out, &object(event));
    }
}

/// Writes one object as one line. A reader that went away is not a failure.
pub(super) fn line(out: &mut dyn Write, value: &Value) {
    let _ = writeln!(out, "{}", text::json(value));
    let _ = out.flush();
}

fn object(event: &Event<'_>) -> Value {
    match event {
        Event::Looking { what } => json!({"v": 1, "event": "looking", "what": what}),
        Event::RunBegan { plan } => began(plan),
        Event::StepBegan { index, of, what, .. } => {
            json!({"v": 1, "event": "step", "index": index, "of": of, "what": what})
        }
        Event::StepEnded { index } => json!({"v": 1, "event": "step-ended", "index": index}),
        Event::Progress { done, total } => {
            json!({"v": 1, "event": "progress", "done": done, "total": total})
        }
        Event::Noted { what, hint, code } => {
            json!({"v": 1, "event": "note", "code": code, "what": what, "hint": hint})
        }
        Event::Problem { problem } => json!({
            "v": 1,
            "event": "problem",
            "thing": problem.thing.name(),
            "slot": problem.thing.slot(),
            "path": problem.path,
            "what": problem.what,
            "repair": problem.cure.name(),
            "message": problem.to_string(),
        }),
        Event::TakingBack { why } => json!({"v": 1, "event": "taking-back", "why": why}),
    }
}

fn began(plan: &Plan) -> Value {
    json!({
        "v": 1,
        "event": "began",
        "run": plan.id,
        "verb": plan.verb,
        "from": plan.from,
        "to": plan.to,
        "download_bytes": plan.download_bytes,
        "reused_bytes": plan.reused_bytes,
        "disk_bytes": plan.disk_bytes,
        "steps": plan.steps.iter().map(plan::describe).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn told(events: &[(u64, Event<'_>)]) -> Vec<String> {
        let start = Instant::now();
        let mut out = Vec::new();
        let mut json = Json::new();
        for (millis, event) in events {
            json.event(&mut out, event, start + Duration::from_millis(*millis));
        }
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn every_event_is_one_line() {
        let plan = samples::plan();
        let lines = told(&[
            (0, Event::Looking { what: "reading\nhead.json" }),
            (0, Event::RunBegan { plan: &plan }),
            (
                0,
                Event::StepBegan {
                    index: 0,
                    of: 3,
                    what: "make the folder /opt/offgrid",
                    minor: false,
                },
            ),
            (0, Event::StepEnded { index: 0 }),
            (0, Event::Noted { what: "careful", hint: None, code: None }),
            (0, Event::TakingBack { why: "no space" }),
        ]);
        assert_eq!(lines[0], r#"{"event":"looking","v":1,"what":"reading\nhead.json"}"#);
        let began: Value = serde_json::from_str(&lines[1]).unwrap();
        assert_eq!(
            began,
            json!({
                "v": 1, "event": "began", "run": "0123", "verb": "install", "from": null,
                "to": "0.3.0+linux-x86_64-cpu", "download_bytes": 45_200_000,
                "reused_bytes": 0, "disk_bytes": 120_000_000,
                "steps": [
                    "make the folder /opt/offgrid",
                    "write /opt/offgrid/state/id",
                    "switch to 0.3.0+linux-x86_64-cpu"
                ]
            })
        );
        assert_eq!(
            lines[2..],
            [
                r#"{"event":"step","index":0,"of":3,"v":1,"what":"make the folder /opt/offgrid"}"#,
                r#"{"event":"step-ended","index":0,"v":1}"#,
                r#"{"code":null,"event":"note","hint":null,"v":1,"what":"careful"}"#,
                r#"{"event":"taking-back","v":1,"why":"no space"}"#,
            ]
        );
    }

    #[test]
    fn progress_is_told_ten_times_a_second_and_at_its_end() {
        let progress = |millis, done| (millis, Event::Progress { done, total: 9 });
        let lines = told(&[
            progress(0, 1),
            progress(99, 2),
            progress(100, 3),
            progress(150, 4),
            progress(160, 9),
            progress(165, 9),
            (170, Event::StepBegan { index: 1, of: 2, what: "next", minor: false }),
            progress(180, 1),
        ]);
        let done: Vec<Option<u64>> = lines
            .iter()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["done"].as_u64())
            .collect();
        assert_eq!(done, [Some(1), Some(3), Some(9), None, Some(1)]);
    }
}
