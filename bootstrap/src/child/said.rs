//! A program's last words in an error: bounded, and harmless on a terminal.

use std::fmt;

/// The last lines of a program's output, safe to show on a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said(String);

impl Said {
    const LINES: usize = 6;
    const CHARS: usize = 200;

    /// Of this output; `None` when it says nothing.
    pub fn last(output: &str) -> Option<Said> {
        let all: Vec<&str> = output.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = &all[all.len().saturating_sub(Said::LINES)..];
        let lines: Vec<String> = last.iter().map(|line| Said::line(line)).collect();
        (!lines.is_empty()).then(|| Said(lines.join(" | ")))
    }

    fn line(line: &str) -> String {
        let line = line.trim();
        let mut shown: String = line.chars().take(Said::CHARS).flat_map(escaped).collect();
        if line.chars().nth(Said::CHARS).is_some() {
            shown.push_str("...");
        }
        shown
    }
}

/// Letters of all languages stay; what moves the cursor or turns text around
/// does not.
fn escaped(c: char) -> Vec<char> {
    if c == '\'' || c == '"' || c == '\\' { vec![c] } else { c.escape_debug().collect() }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it said: {}", self.0)
    }
}

impl std::error::Error for Said {}
