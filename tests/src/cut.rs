//! Where a command can be killed, and killing it there: every call that changes
//! a file system is a point, enumerated by strace from a run that is not killed.

use crate::Outcome;
use crate::world::finish;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What changes a file system, or makes a change durable. A process that is
/// killed by strace ends before the call, so the one after it is cut off too.
const CALLS: &str = "rename,renameat,renameat2,mkdir,mkdirat,unlink,unlinkat,rmdir,symlink,\
                     symlinkat,link,linkat,fsync,fdatasync,syncfs,ftruncate,fchmod,openat";

/// The `nth` time that one thread makes this call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    pub call: String,
    pub nth: usize,
    /// Its first argument, for people.
    pub what: String,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.call, self.nth, self.what)
    }
}

/// Why nothing can be cut here; `None` when it can.
pub fn why_not() -> Option<String> {
    let tried = Command::new("strace").args(["-qq", "-f", "-b", "execve", "true"]).output();
    match tried {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(format!("strace: {error}")),
    }
}

/// Runs the command to its end and lists its points. Threads count alone, so one
/// point can stand for several of them.
pub fn points(command: &Command, log: &Path) -> (Outcome, Vec<Point>) {
    let log_text = log.to_str().unwrap();
    let trace = format!("trace={CALLS}");
    let outcome = finish(under_strace(command, &["-o", log_text, "-e", &trace]));
    let text = fs::read_to_string(log).unwrap();
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let (mut seen, mut points) = (BTreeSet::new(), Vec::new());
    for line in text.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((call, arguments)) = rest.trim_start().split_once('(') else { continue };
        if call.contains(|c: char| !c.is_ascii_alphanumeric()) {
            continue; // the rest of a call that was begun above, or a signal
        }
        let count = counts.entry((thread, call)).or_default();
        *count += 1;
        let changes = call != "openat" || arguments.contains("O_CREAT");
        if changes && seen.insert((call, *count)) {
            let what = arguments.chars().take(120).collect();
            points.push(Point { call: call.to_owned(), nth: *count, what });
        }
    }
    (outcome, points)
}

/// Runs the command and kills it at this point. Its exit code is then 137; a
/// command that does not come there ends by itself.
pub fn cut(command: &Command, point: &Point) -> Outcome {
    let trace = format!("trace={}", point.call);
    let inject = format!("inject={}:signal=KILL:when={}", point.call, point.nth);
    finish(under_strace(command, &["-o", "/dev/null", "-e", &trace, "-e", &inject]))
}

/// Runs the command while every call of this kind fails with this error.
pub fn failing(command: &Command, call: &str, error: &str) -> Outcome {
    let (trace, inject) = (format!("trace={call}"), format!("inject={call}:error={error}"));
    finish(under_strace(command, &["-o", "/dev/null", "-e", &trace, "-e", &inject]))
}

/// With its threads, without the programs that it starts.
pub(crate) fn under_strace(command: &Command, words: &[&str]) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-b", "execve", "-qq", "-s", "300"]).args(words);
    strace.arg(command.get_program()).args(command.get_args()).env_clear();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            strace.env(name, value);
        }
    }
    if let Some(folder) = command.get_current_dir() {
        strace.current_dir(folder);
    }
    strace.stdin(std::process::Stdio::null());
    strace
}
