//! `offgrid.env`: people's own settings of the app, lines of KEY=VALUE. Owns
//! that format; decides nothing about the variables.
//!
//! A line that cannot be read is left out and told of, as systemd does it: a
//! slip in this file must not keep the service down.

use crate::disk;
use std::path::Path;

/// The app's port, where a file says one; a file that cannot be read says nothing.
pub(super) fn port(file: Option<&Path>) -> Option<u16> {
    let bytes = disk::read(file?, 1024 * 1024).ok()??;
    let (vars, _) = parse(&String::from_utf8_lossy(&bytes));
    let (_, value) = vars.iter().rev().find(|(name, _)| name == "OFFGRID_PORT")?;
    value.trim().parse().ok()
}

/// The variables of a file's text, and what is wrong with its other lines.
pub(super) fn parse(text: &str) -> (Vec<(String, String)>, Vec<String>) {
    let (mut vars, mut wrong) = (Vec::new(), Vec::new());
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        match assignment(line) {
            Some(var) => vars.push(var),
            None => wrong.push(format!("line {} is not KEY=VALUE", number + 1)),
        }
    }
    (vars, wrong)
}

fn assignment(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim_end();
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let named = begins && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    // No system can pass on a NUL.
    (named && !value.contains('\0')).then_some(())?;
    Some((name.to_owned(), unquoted(value.trim())?))
}

/// Without its quotes. In double quotes a backslash takes what follows as it is;
/// in single quotes nothing is special; without quotes everything is the value.
fn unquoted(value: &str) -> Option<String> {
    if let Some(rest) = value.strip_prefix('\'') {
        let inner = rest.strip_suffix('\'')?;
        return (!inner.contains('\'')).then(|| inner.to_owned());
    }
    let Some(rest) = value.strip_prefix('"') else { return Some(value.to_owned()) };
    let mut inner = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            '"' => break,
            '\\' => inner.push(chars.next()?),
            c => inner.push(c),
        }
    }
    chars.as_str().is_empty().then_some(inner)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn lines_quotes_and_comments_read_as_people_write_them() {
        let text = "\u{feff}# a comment\r\n\r\n A=1\r\nB = two words # kept\n; no\nC=\n\
                    D=\"a \\\"b\\\" \\\\ c\"\nE='$x \\n'\n_F=a=b\n";
        let (vars, wrong) = parse(text);
        let vars: Vec<_> = vars.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let expected = [
            ("A", "1"),
            ("B", "two words # kept"),
            ("C", ""),
            ("D", "a \"b\" \\ c"),
            ("E", "$x \\n"),
            ("_F", "a=b"),
        ];
        assert_eq!(vars, expected);
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    #[test]
    fn a_slip_is_named_and_does_not_hide_the_rest() {
        for bad in ["word", "1A=x", "A B=x", "=x", "A='x", "A=\"x", "A=\"x\"y", "A=\"x\\", "A=\0"] {
            let (vars, wrong) = parse(&format!("{bad}\nGOOD=1\n"));
            assert_eq!(vars, [("GOOD".to_owned(), "1".to_owned())], "{bad}");
            assert_eq!(wrong, ["line 1 is not KEY=VALUE"], "{bad}");
        }
    }
}
