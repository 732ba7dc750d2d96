//! The words that say what to do, and the words each may be followed by.
//!
//! Owns the list of commands. Never parses and never runs one.

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    /// Puts a release on this computer.
    Install,
    /// Goes to the newest release.
    Update,
    /// Shows what `install` would do.
    Plan,
    /// Shows the facts of this computer.
    Detect,
    /// Judges the facts of this computer.
    Doctor,
    /// Shows what is installed.
    Status,
    /// Goes back to the release before, or another that is kept.
    Rollback,
    /// Ends an unfinished run, mends damaged files.
    Repair,
    /// Compares the disk with the receipt.
    Verify,
    /// Takes everything away again.
    Uninstall,
    /// The app in the background.
    Service,
    /// The models of the signed catalogue.
    Model,
    /// The trust client alone.
    Trust,
    /// Checks this program.
    Selftest,
    /// Shows version numbers.
    Version,
    /// Fetches and decodes for root, without its rights. Nobody types it.
    Stage,
}

use Command::*;

/// The word after `service` where none is given.
const SERVICE_WORDS: &[&str] = &[
    "status",
    "run",
    "start",
    "stop",
    "restart",
    "logs",
    "install",
    "uninstall",
    "back",
    "prove",
    "guard",
];

/// `list` is meant where none is given; the others take names.
const MODEL_WORDS: &[&str] = &["list", "install", "remove"];

/// `show` is meant where none is given.
const TRUST_WORDS: &[&str] = &["show", "init", "refresh", "download"];

impl Command {
    /// All, in the order of the help page.
    pub const ALL: &'static [Command] = &[
        Install, Update, Plan, Detect, Doctor, Status, Rollback, Repair, Verify, Uninstall,
        Service, Model, Trust, Selftest, Version, Stage,
    ];

    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Install => "install",
            Update => "update",
            Plan => "plan",
            Detect => "detect",
            Doctor => "doctor",
            Status => "status",
            Rollback => "rollback",
            Repair => "repair",
            Verify => "verify",
            Uninstall => "uninstall",
            Service => "service",
            Model => "model",
            Trust => "trust",
            Selftest => "selftest",
            Version => "version",
            Stage => "stage",
        }
    }

    /// What it does, in one line.
    pub const fn about(self) -> &'static str {
        match self {
            Install => "put OffGrid LLM on this computer",
            Update => "get the newest release, if there is one",
            Plan => "show what install would do; change nothing",
            Detect => "show what this computer has: system, CPU, GPUs",
            Doctor => "say what this computer lacks, and what to type",
            Status => "show what is installed and how it is doing",
            Rollback => "go back to the release before this one",
            Repair => "end a run that was cut off, mend what is damaged",
            Verify => "check every installed file; change nothing",
            Uninstall => "take OffGrid LLM off this computer",
            Service => "run, stop or look at the app",
            Model => "list, fetch or remove models",
            Trust => "show or fetch what is trusted; install nothing",
            Selftest => "check that this program works here",
            Version => "show version numbers",
            Stage => "fetch and decode for a scheduled update; nobody types it",
        }
    }

    /// Whether people never type it.
    pub fn is_hidden(self) -> bool {
        self == Stage
    }

    /// The words it may be followed by; the first is meant where none is given.
    pub const fn verbs(self) -> &'static [&'static str] {
        match self {
            Service => SERVICE_WORDS,
            Model => MODEL_WORDS,
            Trust => TRUST_WORDS,
            _ => &[],
        }
    }

    /// Whether a person types this verb, and not one of our own programs.
    pub fn verb_is_shown(self, verb: &str) -> bool {
        !(self == Service && ["back", "prove", "guard"].contains(&verb))
    }

    /// Whether names follow this verb.
    pub fn verb_takes_names(self, verb: &str) -> bool {
        self == Model && verb != "list"
    }

    /// The command of a word.
    pub fn of_word(word: &str) -> Option<Command> {
        Command::ALL.iter().copied().find(|command| command.word() == word)
    }
}
