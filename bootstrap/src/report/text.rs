//! Makes text safe to print. Paths, messages of servers and names of devices
//! come from outside; on a terminal a control character in them is a command,
//! and a direction mark makes a line read as another. Both are written out.
//!
//! Owns what counts as harmful; every line that `report` prints goes through it.

use std::borrow::Cow;

/// On one line: line breaks are written out too.
pub(super) fn line(text: &str) -> Cow<'_, str> {
    if !text.chars().any(harmful) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    text.chars().for_each(|c| push(&mut safe, c));
    Cow::Owned(safe)
}

/// On as many lines as it has; tabs stay. Lines after the first begin with
/// `indent`, so that no text can pose as a line of ours.
pub(super) fn lines(text: &str, indent: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for (index, part) in text.trim_end_matches(['\r', '\n']).lines().enumerate() {
        if index > 0 {
            safe.push('\n');
            if !part.is_empty() {
                safe.push_str(indent);
            }
        }
        for c in part.chars() {
            if c == '\t' { safe.push(c) } else { push(&mut safe, c) }
        }
    }
    safe
}

/// A JSON text on one line. JSON leaves DEL, C1 controls and direction marks as
/// they are; they stand only in strings, where `\u....` means the same.
pub(super) fn json(value: &serde_json::Value) -> String {
    let text = value.to_string();
    if !text.chars().any(harmful) {
        return text;
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if harmful(c) {
            safe.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            safe.push(c);
        }
    }
    safe
}

fn push(safe: &mut String, c: char) {
    if harmful(c) { safe.extend(c.escape_default()) } else { safe.push(c) }
}

fn harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ATTACK: &str = "a\u{1b}[2Kb\r\nc\u{9b}31m\u{202e}d\u{7f}\té";

    #[test]
    fn a_line_stays_one_line_without_controls() {
        assert_eq!(line(ATTACK), "a\\u{1b}[2Kb\\r\\nc\\u{9b}31m\\u{202e}d\\u{7f}\\té");
        assert!(matches!(line("plain é ✓"), Cow::Borrowed(_)));
    }

    #[test]
    fn lines_keep_breaks_and_tabs_and_are_indented() {
        let safe = lines(ATTACK, "  ");
        assert_eq!(safe, "a\\u{1b}[2Kb\n  c\\u{9b}31m\\u{202e}d\\u{7f}\té");
        assert_eq!(lines("a\n\nb\r\n\n", "  "), "a\n\n  b");
        assert_eq!(lines("50 %\rerror", ""), "50 %\\rerror");
    }

    #[test]
    fn json_means_the_same_and_is_ascii_where_it_matters() {
        let value = serde_json::Value::from(ATTACK);
        let text = json(&value);
        assert!(!text.chars().any(harmful), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
