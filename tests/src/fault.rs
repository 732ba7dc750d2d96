//! Which calls of a command touch the file system, and letting one of them fail:
//! every call with a path is listed by strace from a run in which nothing fails,
//! and found again by its name, its path and its number.

use crate::Outcome;
use crate::cut::under_strace;
use crate::world::finish;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Calls that have to do with files, and what makes new descriptors. Not `fcntl`
/// and `dup2`, which only concern descriptors; `close` can only be killed at (see
/// [`can_fail`]).
const TRACED: &str = "%file,%desc,socketpair,socket";
const LEFT_OUT: [&str; 9] =
    ["fcntl", "dup2", "lseek", "mmap", "poll", "ioctl", "access", "getcwd", "execve"];
/// The first thing that this program itself does. What comes before is the work of
/// the loader and of the runtime, for which nobody can answer.
const BEGIN: &str = "readlink(\"/proc/self/exe\"";

/// One call: the `nth` with this name and path that one thread makes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// `openat` and so on.
    pub name: String,
    /// A file that it is about; `None` for a new pipe or socket.
    pub path: Option<PathBuf>,
    /// From 1.
    pub nth: usize,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.as_deref().unwrap_or(Path::new("nothing with a name"));
        write!(f, "{} {} of {}", self.name, self.nth, path.display())
    }
}

/// Whether the kernel can end this call with an error and with what is asked for
/// not done. `close` always closes, so a fault there would not be one.
pub fn can_fail(call: &Call) -> bool {
    call.name != "close"
}

/// Runs the command to its end and lists its calls in order. Of several threads
/// that make the same call each is the first, so one entry can stand for more.
pub fn calls(command: &Command, log: &Path) -> (Outcome, Vec<Call>) {
    let trace = format!("trace={TRACED}");
    let words = ["-y", "-o", log.to_str().unwrap(), "-e", &trace];
    let outcome = finish(under_strace(command, &words));
    let text = String::from_utf8_lossy(&fs::read(log).unwrap()).into_owned();
    let mut counts: BTreeMap<(String, String, Option<PathBuf>), usize> = BTreeMap::new();
    let (mut seen, mut calls, mut begun) = (BTreeSet::new(), Vec::new(), false);
    for line in text.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        begun |= rest.starts_with(BEGIN);
        let Some((name, arguments)) = rest.split_once('(') else { continue };
        if name.contains(|c: char| !c.is_ascii_alphanumeric()) || LEFT_OUT.contains(&name) {
            continue; // the rest of a call that was begun above, or a signal
        }
        let paths = paths_in(arguments);
        if paths.is_empty() && !["pipe2", "socketpair", "socket"].contains(&name) {
            continue;
        }
        // Counted for every path in it, as strace does: it may be asked for by any.
        let keys: Vec<Option<PathBuf>> = match paths.is_empty() {
            true => vec![None],
            false => paths.iter().cloned().map(Some).collect(),
        };
        for (at, path) in keys.into_iter().enumerate() {
            let key = (thread.to_owned(), name.to_owned(), path.clone());
            let nth = counts.entry(key).or_default();
            *nth += 1;
            let call = Call { name: name.to_owned(), path, nth: *nth };
            if at == 0 && begun && seen.insert(call.clone()) {
                calls.push(call);
            }
        }
    }
    (outcome, calls)
}

/// Every path of a call: of its descriptors and of its words, the first one first.
fn paths_in(arguments: &str) -> Vec<PathBuf> {
    // Without the result, which is a descriptor too.
    let arguments = arguments.rsplit_once(") ").map_or(arguments, |(arguments, _)| arguments);
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut add = |text: &str| {
        if text.starts_with('/') && !paths.iter().any(|path| path == Path::new(text)) {
            paths.push(text.into());
        }
    };
    for (at, _) in arguments.match_indices(['<', '"']) {
        let (before, rest) = arguments.split_at(at);
        let close = if rest.starts_with('<') { '>' } else { '"' };
        // `AT_FDCWD<...>` is where the command was started, whatever the path.
        let is_cwd = before.ends_with("AT_FDCWD");
        if let (false, Some(end)) = (is_cwd, rest[1..].find(close)) {
            add(&rest[1..=end]);
        }
    }
    paths
}

/// Runs the command while this call of it goes wrong: `KILL`, or an error such as
/// `EIO`. The second value says whether it came to the call.
pub fn inject(command: &Command, call: &Call, what: &str, log: &Path) -> (Outcome, bool) {
    let how = match what {
        "KILL" => "signal=KILL".to_owned(),
        error => format!("error={error}"),
    };
    let trace = format!("trace={}", call.name);
    let inject = format!("inject={}:{how}:when={}", call.name, call.nth);
    let mut words = vec!["-qqq", "-o", log.to_str().unwrap(), "-e", &trace, "-e", &inject];
    if let Some(path) = &call.path {
        words.extend(["-P", path.to_str().unwrap()]);
    }
    let outcome = finish(under_strace(command, &words));
    let text = String::from_utf8_lossy(&fs::read(log).unwrap()).into_owned();
    let hit = text.contains("(INJECTED)") || text.contains("killed by SIGKILL");
    (outcome, hit)
}

/// Runs the command while each of these calls fails with this error, as far as it
/// is about one of these paths.
pub fn failing(command: &Command, calls: &str, error: &str, paths: &[&Path]) -> Outcome {
    let (trace, inject) = (format!("trace={calls}"), format!("inject={calls}:error={error}"));
    let mut words = vec!["-qqq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
    for path in paths {
        words.extend(["-P", path.to_str().unwrap()]);
    }
    finish(under_strace(command, &words))
}
