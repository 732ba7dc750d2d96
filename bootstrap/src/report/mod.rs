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
#[cfg(test)]
mod samples;
mod style;
#[cfg(test)]
mod tests;
mod text;
pub mod units;

pub use plan::{plan_json, plan_text};
pub use style::Style;

use crate::error::Error;
use crate::event::{Ending, Event, Outcome, Sink};
use failure::Failure;
use human::Human;
use indicatif::ProgressDrawTarget;
use json::Json;
use serde_json::{Map, Value, json};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// `update --check` found a newer release.
const EXIT_AVAILABLE: u8 = 10;
/// The service's app does not start: a status that service managers do not start anew.
const EXIT_GAVE_UP: u8 = 70;
/// More than anybody types to answer yes or no.
const ANSWER_MAX: u64 = 1024;
const ANSWER_SIZE: usize = 1024;
/// Between two looks whether to wait on for an answer.
const LOOK: Duration = Duration::from_millis(50);

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

    /// Asks a person; only where one can be asked. Nothing typed means yes, and
    /// no answer at all means no, as when `stop` says that nobody should wait for it.
    pub fn ask(&self, question: &str, stop: &dyn Fn() -> bool) -> bool {
        self.ask_from(question, &mut BufReader::new(Typed { stop }))
    }

    fn ask_from(&self, question: &str, input: &mut dyn BufRead) -> bool {
        self.lock().human.prompt(&format!("{} [Y/n] ", text::lines(question, "  ")));
        let mut answer = String::new();
        match input.take(ANSWER_MAX).read_line(&mut answer) {
            Ok(0) | Err(_) => {
                // The cursor still stands behind the question.
                self.lock().human.say("");
                false
            }
            Ok(_) => matches!(answer.trim().to_ascii_lowercase().as_str(), "" | "y" | "yes"),
        }
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

/// What is typed. A read of a terminal goes on after a signal that is heard, so
/// another thread waits for it, and we for the signal too.
struct Typed<'a> {
    stop: &'a dyn Fn() -> bool,
}

impl Read for Typed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (sender, typed) = mpsc::channel();
        let size = buffer.len().min(ANSWER_SIZE);
        // It ends with an answer, or with the program.
        thread::spawn(move || {
            let mut bytes = vec![0; size];
            let read = io::stdin().read(&mut bytes);
            // Nobody waits for it any more: no news.
            let _ = sender.send(read.map(|count| bytes[..count].to_vec()));
        });
        loop {
            match typed.recv_timeout(LOOK) {
                Ok(read) => {
                    let bytes = read?;
                    buffer[..bytes.len()].copy_from_slice(&bytes);
                    return Ok(bytes.len());
                }
                Err(RecvTimeoutError::Timeout) if !(self.stop)() => {}
                Err(_) => return Ok(0),
            }
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
            | Outcome::Repaired
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
