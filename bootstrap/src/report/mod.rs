//! What is said, and the only place that says it: events and errors for people
//! on stderr or for programs on stdout, results on stdout.
//!
//! Owns both streams of the process. Never decides anything and never fails: a
//! closed pipe or terminal does not stop a run, so nothing here uses `println!`.

mod failure;
mod human;
mod json;
mod meter;
mod plan;
mod question;
#[cfg(test)]
mod samples;
mod style;
#[cfg(test)]
mod tests;
mod text;
pub mod units;

pub use plan::{plan_json, plan_text};
pub use question::Pick;
pub use style::Style;

use crate::error::Error;
use crate::event::{Ending, Event, Outcome, Sink};
use failure::Failure;
use human::Human;
use indicatif::ProgressDrawTarget;
use json::Json;
use serde_json::{Map, Value, json};
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// `update --check` found a newer release.
const EXIT_AVAILABLE: u8 = 10;
/// The service's app does not start: a status that service managers do not start anew.
const EXIT_GAVE_UP: u8 = 70;

/// Says things.
pub struct Reporter {
    style: Style,
    state: Mutex<State>,
}

struct State {
    out: Box<dyn Write + Send>,
    human: Human,
    json: Json,
}

impl Reporter {
    /// Of this process's stdout and stderr.
    pub fn new(style: Style) -> Reporter {
        Reporter::with(
            style,
            Box::new(io::stdout()),
            Box::new(io::stderr()),
            ProgressDrawTarget::stderr,
        )
    }

    /// With other streams, and bars nowhere.
    pub fn to(style: Style, out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Reporter {
        Reporter::with(style, out, err, ProgressDrawTarget::hidden)
    }

    fn with(
        style: Style,
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
        target: fn() -> ProgressDrawTarget,
    ) -> Reporter {
        let human = Human::new(style, err, target);
        Reporter { style, state: Mutex::new(State { out, human, json: Json::new() }) }
    }

    /// Says a result that another program may want, on stdout.
    pub fn result(&self, json: &Value, human: &str) {
        let State { out, human: err, .. } = &mut *self.lock();
        if self.style.json {
            return json::line(out, json);
        }
        err.clear();
        let text = text::lines(human, "");
        if !text.is_empty() {
            let _ = writeln!(out, "{text}");
        }
        let _ = out.flush();
    }

    /// Shows people what they are about to be asked about, on stderr.
    pub fn show(&self, text: &str) {
        if !self.style.json {
            self.lock().human.say(&text::lines(text, ""));
        }
    }

    /// Says how the command `name` ended; the exit code.
    pub fn ended(&self, name: &str, result: &Result<Ending, Error>) -> u8 {
        let State { out, human, .. } = &mut *self.lock();
        human.clear();
        let exit = exit(result);
        match result {
            _ if self.style.json => json::line(out, &ended(name, result, exit)),
            Ok(ending) if !self.style.quiet => {
                ending.lines.iter().for_each(|line| human.say(&text::lines(line, "  ")));
            }
            Ok(_) => {}
            Err(error) => human.say(&Failure::from(error).human(self.style)),
        }
        exit
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked while it wrote a line left nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Reporter {
    fn event(&self, event: &Event<'_>) {
        let State { out, human, json } = &mut *self.lock();
        let now = Instant::now();
        if self.style.json {
            json.event(out, event, now);
        } else {
            human.event(event, now);
        }
    }
}

fn exit(result: &Result<Ending, Error>) -> u8 {
    match result {
        Err(error) => error.code().exit(),
        Ok(ending) => match ending.outcome {
            Outcome::Available => EXIT_AVAILABLE,
            Outcome::Failed => 1,
            Outcome::GaveUp => EXIT_GAVE_UP,
            Outcome::Installed
            | Outcome::Updated
            | Outcome::Unchanged
            | Outcome::RolledBack
            | Outcome::Uninstalled => 0,
        },
    }
}

/// The last object. Facts of the command are members of it, but never in the
/// place of those that every command has.
fn ended(name: &str, result: &Result<Ending, Error>, exit: u8) -> Value {
    let (outcome, error, facts) = match result {
        Ok(ending) => (ending.outcome, Value::Null, ending.facts.as_object()),
        Err(error) => (Outcome::Failed, Failure::from(error).json(), None),
    };
    let mut object: Map<String, Value> = facts.cloned().unwrap_or_default();
    object.extend([
        ("v".to_owned(), json!(1)),
        ("event".to_owned(), json!("ended")),
        ("command".to_owned(), json!(name)),
        ("outcome".to_owned(), json!(outcome.name())),
        ("exit".to_owned(), json!(exit)),
        ("error".to_owned(), error),
    ]);
    Value::Object(object)
}
