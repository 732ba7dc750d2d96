//! What has changed between two versions of a text of ours that a service manager
//! reads, and what of that a person has set otherwise. Pure.
//!
//! Reads `KEY=value` lines, below `[Section]` lines where there are some: units, init
//! scripts, `offgrid.env`. A variable that is set counts as a key of its own.

use super::envfile;
use std::collections::BTreeSet;
use std::fmt;

/// A key with other values than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `Service`; empty where there are none.
    pub section: String,
    /// `MemoryMax`, or `Environment OFFGRID_PORT`.
    pub key: String,
    /// Its values before, in their order; none when it was not there.
    pub old: Vec<String>,
    /// Its values now.
    pub new: Vec<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (old, new) = (self.old.join(", "), self.new.join(", "));
        match (self.old.is_empty(), self.new.is_empty()) {
            (true, _) => write!(f, "{}: {new} (new)", self.key),
            (_, true) => write!(f, "{}: {old} (no longer set)", self.key),
            _ => write!(f, "{}: {old} -> {new}", self.key),
        }
    }
}

/// What people set themselves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Own<'a> {
    /// The texts of `offgrid-llm.service.d/*.conf`.
    pub drop_ins: &'a [String],
    /// The text of `offgrid.env`.
    pub env: &'a str,
}

/// One line for each setting that has changed, in the order of the file.
pub fn difference(old: &str, new: &str) -> Vec<String> {
    changes(old, new).iter().map(Change::to_string).collect()
}

/// The settings that have changed. Comments and the order of different keys are no
/// settings; the order of the values of one key is.
pub fn changes(old: &str, new: &str) -> Vec<Change> {
    let (old, new) = (settings(old), settings(new));
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (section, key, _) in new.iter().chain(&old) {
        if !seen.insert((section, key)) {
            continue;
        }
        let of = |all: &[Setting]| -> Vec<String> {
            let same = all.iter().filter(|(s, k, _)| s == section && k == key);
            same.map(|(_, _, value)| value.clone()).collect()
        };
        let (before, now) = (of(&old), of(&new));
        if before != now {
            let (section, key) = (section.clone(), key.clone());
            found.push(Change { section, key, old: before, new: now });
        }
    }
    found
}

/// Those of the changes that do not reach this service, because its people have set
/// the same key themselves.
pub fn overridden<'a>(changes: &'a [Change], own: Own<'_>) -> Vec<&'a Change> {
    let dropped: Vec<Setting> = own.drop_ins.iter().flat_map(|text| settings(text)).collect();
    let (vars, _) = envfile::parse(own.env);
    let is_own = |change: &&Change| {
        let variable = change.key.strip_prefix(VARIABLE);
        dropped.iter().any(|(s, k, _)| *s == change.section && *k == change.key)
            || variable.is_some_and(|name| vars.iter().any(|(key, _)| key == name))
    };
    changes.iter().filter(is_own).collect()
}

/// Section, key, value.
type Setting = (String, String, String);

/// Before the name of a variable.
const VARIABLE: &str = "Environment ";

fn settings(text: &str) -> Vec<Setting> {
    let mut section = String::new();
    let mut found = Vec::new();
    for line in joined(text) {
        let line = line.trim();
        if line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if let Some(rest) = line.strip_prefix("export ") {
            found.extend(variables(&section, rest));
        } else if let Some((key, value)) = line.split_once('=').filter(|(key, _)| is_key(key)) {
            match key.trim() {
                "Environment" => found.extend(variables(&section, value)),
                key => found.push((section.clone(), key.to_owned(), value.trim().to_owned())),
            }
        }
    }
    found
}

/// Lines, those that end with a backslash with the next one.
fn joined(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        let (part, more) = match line.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (line, false),
        };
        match lines.last_mut().filter(|_| goes_on) {
            Some(last) => {
                last.push(' ');
                last.push_str(part);
            }
            None => lines.push(part.to_owned()),
        }
        goes_on = more;
    }
    lines
}

fn is_key(key: &str) -> bool {
    let key = key.trim_end();
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
}

/// `A=1 "B=two words"`, each its own.
fn variables(section: &str, text: &str) -> Vec<Setting> {
    let of = |word: String| {
        let (name, value) = word.split_once('=')?;
        Some((section.to_owned(), format!("{VARIABLE}{name}"), value.to_owned()))
    };
    split(text).into_iter().filter_map(of).collect()
}

/// Words, quotes taken off.
fn split(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in text.chars() {
        match quote {
            Some(end) if c == end => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c.is_whitespace() => words.push(std::mem::take(&mut word)),
            _ => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "# ours\n[Unit]\nStartLimitBurst=5\n[Service]\nMemoryMax=90%\nTasksMax=4096\n\
                       Environment=A=1 \"B=two words\"\nSystemCallFilter=@a\nSystemCallFilter=~@b\n";
    const NEW: &str = "# ours, with another comment\n[Service]\nTasksMax=4096\nMemoryMax=80%\n\
                       LimitCORE=0\nEnvironment=A=2\nEnvironment='B=two words'\n\
                       SystemCallFilter=~@b\nSystemCallFilter=@a\n\n[Unit]\n";

    #[test]
    fn settings_that_changed_are_named_and_others_are_not() {
        let expected = [
            "MemoryMax: 90% -> 80%",
            "LimitCORE: 0 (new)",
            "Environment A: 1 -> 2",
            "SystemCallFilter: @a, ~@b -> ~@b, @a",
            "StartLimitBurst: 5 (no longer set)",
        ];
        assert_eq!(difference(OLD, NEW), expected);
        assert_eq!(difference(OLD, OLD), Vec::<String>::new());
        let moved = "[Service]\nStartLimitBurst=5\n";
        assert_eq!(difference("[Unit]\nStartLimitBurst=5\n", moved).len(), 2);
    }

    #[test]
    fn what_people_set_themselves_is_told_apart() {
        let changes = changes(OLD, NEW);
        let keys = |drop_ins: &[&str], env: &str| -> Vec<String> {
            let drop_ins: Vec<String> = drop_ins.iter().map(|text| (*text).to_owned()).collect();
            let own = Own { drop_ins: &drop_ins, env };
            overridden(&changes, own).iter().map(|change| change.key.clone()).collect()
        };
        assert_eq!(keys(&[], ""), Vec::<String>::new());
        assert_eq!(keys(&["[Service]\nMemoryMax=\\\n 8G\n"], ""), ["MemoryMax"]);
        // Another section, a comment, another key.
        assert!(keys(&["[Unit]\nMemoryMax=8G\n", "[Service]\n#LimitCORE=1\n"], "B=3\n").is_empty());
        assert_eq!(keys(&[], "A = '3'\n"), ["Environment A"]);
        assert_eq!(keys(&["[Service]\nEnvironment=X=1 \"A=3\"\n"], ""), ["Environment A"]);
        assert_eq!(keys(&["[Unit]\nStartLimitBurst=9\n"], ""), ["StartLimitBurst"]);
    }

    #[test]
    fn an_init_script_has_settings_too() {
        let old = "respawn_max=5\nexport A=1 B=2\ndepend() {\n\tneed net\n}\n";
        let new = "respawn_max=9\nexport A=1 B=3\n# x=1\n[ \"$a\" = b ]\n";
        assert_eq!(difference(old, new), ["respawn_max: 5 -> 9", "Environment B: 2 -> 3"]);
    }
}
