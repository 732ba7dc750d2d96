//! What happens, as data. Work says it to a [`Sink`]; who listens is none of
//! its business.

use crate::mend::Problem;
use crate::plan::Plan;
use serde_json::Value;

/// One thing that happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// A command looks at something before it changes anything.
    Looking {
        /// "reading the signed manifest from ..."
        what: &'a str,
    },
    /// A run began.
    RunBegan {
        /// What it will do.
        plan: &'a Plan,
    },
    /// A step began.
    StepBegan {
        /// From 0.
        index: usize,
        /// How many there are.
        of: usize,
        /// [`crate::step::Step::describe`].
        what: &'a str,
        /// Bookkeeping that only somebody who looks closely wants to read.
        minor: bool,
    },
    /// A step ended well.
    StepEnded {
        /// From 0.
        index: usize,
    },
    /// Bytes that came in.
    Progress {
        /// So far, those found on disk included.
        done: u64,
        /// In all.
        total: u64,
    },
    /// Something a person should know.
    Noted {
        /// What is so.
        what: &'a str,
        /// What to type about it.
        hint: Option<&'a str>,
        /// A stable name, `W_...`, where scripts may want to know.
        code: Option<&'a str>,
    },
    /// Something that is not as it was installed.
    Problem {
        /// What and where.
        problem: &'a Problem,
    },
    /// A run is being taken back.
    TakingBack {
        /// Why.
        why: &'a str,
    },
}

/// How a command ended, for people and for `ended` events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A release is installed that was not.
    Installed,
    /// Another release is live, or what is installed was changed or mended.
    Updated,
    /// Nothing had to be done.
    Unchanged,
    /// The release before is live again.
    RolledBack,
    /// Nothing is installed any more.
    Uninstalled,
    /// `update --check` found a newer release.
    Available,
    /// It did not work.
    Failed,
    /// The service's app does not start, whatever is tried: exit 70, for service managers.
    GaveUp,
}

impl Outcome {
    /// The word in `ended` events.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Installed => "installed",
            Outcome::Updated => "updated",
            // What is there is another member.
            Outcome::Unchanged | Outcome::Available => "unchanged",
            Outcome::RolledBack => "rolled-back",
            Outcome::Uninstalled => "uninstalled",
            Outcome::Failed | Outcome::GaveUp => "failed",
        }
    }
}

/// What a command has to say at its end.
#[derive(Debug)]
pub struct Ending {
    /// How it ended.
    pub outcome: Outcome,
    /// More members of the `ended` event.
    pub facts: Value,
    /// Lines for people.
    pub lines: Vec<String>,
}

impl Ending {
    /// Of one line for people.
    pub fn new(outcome: Outcome, line: impl Into<String>) -> Ending {
        Ending { outcome, facts: Value::Null, lines: vec![line.into()] }
    }

    /// With one more line.
    pub fn and(mut self, line: impl Into<String>) -> Ending {
        self.lines.push(line.into());
        self
    }
}

/// Whoever listens.
pub trait Sink: Sync {
    /// Takes one event. Never fails: a closed terminal does not stop a run.
    fn event(&self, event: &Event<'_>);
}
