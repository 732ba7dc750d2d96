//! Names that came from outside and become part of a path: identifiers and
//! paths inside a component's tree. Nothing else from a document ever names a
//! file (reference/trust.md A20, L1, L5).

use crate::{Code, Error};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};

/// An identifier: `[a-z0-9][a-z0-9._-]{0,63}`, and no name that Windows keeps
/// for devices.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(String);

impl Id {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Id {
    type Err = Error;

    fn from_str(text: &str) -> Result<Id, Error> {
        let word = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9');
        let rest = |c: u8| word(c) || matches!(c, b'.' | b'_' | b'-');
        let bytes = text.as_bytes();
        let shape = (1..=64).contains(&bytes.len())
            && word(bytes[0])
            && bytes.iter().all(|&c| rest(c))
            && !text.ends_with('.');
        if !shape || is_device(text) {
            let shown = text.escape_default();
            let message = format!("`{shown}` is not a name of a-z, 0-9, `.`, `_` and `-`");
            return Err(Error::new(Code::Parse, message));
        }
        Ok(Id(text.to_owned()))
    }
}

/// A path inside a component's tree: relative, `/` between parts, of plain ASCII,
/// and safe on every operating system alike. What could lead elsewhere is
/// `E_PATH`; letters beyond ASCII, which have twins, are `E_ENTRY`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreePath(String);

/// The longest path inside a tree, in bytes.
pub const PATH_MAX: usize = 512;

impl TreePath {
    /// The text, with `/` between parts.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its parts, first to last.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// Every folder above it inside the tree, outermost first.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').map(|(at, _)| &self.0[..at])
    }

    /// What two paths have in common that one folder cannot hold on a file
    /// system that ignores case.
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

impl FromStr for TreePath {
    type Err = Error;

    fn from_str(text: &str) -> Result<TreePath, Error> {
        let refuse = |why: &str| {
            let shown = text.escape_default();
            Err(Error::new(Code::Path, format!("`{shown}` is not a path in a tree: {why}")))
        };
        if text.is_empty() || text.len() > PATH_MAX {
            return refuse("it is empty or too long");
        }
        for part in text.split('/') {
            if let Some(why) = why_not(part) {
                return refuse(why);
            }
        }
        // It leads nowhere else, but two systems may spell it in two ways (L5).
        if !text.is_ascii() {
            let shown = text.escape_default();
            let message = format!("`{shown}` is not a path in a tree: a letter beyond plain ASCII");
            return Err(Error::new(Code::Entry, message));
        }
        Ok(TreePath(text.to_owned()))
    }
}

/// Why one part of a path is refused; `None` when it is fine. The rules of all
/// systems hold on each, so that a tree means the same everywhere.
fn why_not(part: &str) -> Option<&'static str> {
    if part.is_empty() || part == "." || part == ".." {
        return Some("an empty part, `.` or `..`");
    }
    if part.len() > 255 {
        return Some("a part of more than 255 bytes");
    }
    if part.chars().any(char::is_control) {
        return Some("a control character");
    }
    if part.bytes().any(|c| br#"\:*?"<>|"#.contains(&c)) {
        return Some("a character that Windows forbids");
    }
    if part.ends_with('.') || part.ends_with(' ') || part.starts_with(' ') {
        return Some("a space or dot at the end, or a space at the start");
    }
    if is_device(part) {
        return Some("a name that Windows keeps for a device");
    }
    None
}

/// Whether Windows takes this name, with any extension, for a device.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_lowercase();
    let numbered = |prefix: &str| {
        let mut rest = stem.strip_prefix(prefix).unwrap_or_default().chars();
        // Windows takes the small raised ones, too (CVE-2024-51756).
        let digit = rest.next().is_some_and(|c| matches!(c, '0'..='9' | '¹' | '²' | '³'));
        digit && rest.next().is_none()
    };
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul" | "conin$" | "conout$")
        || numbered("com")
        || numbered("lpt")
}

macro_rules! textual {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
textual!(Id TreePath);

/// The end of a link inside a tree, worked out as text: `None` when it would be
/// absolute or leave the tree.
pub fn link_end(link: &TreePath, target: &str) -> Option<TreePath> {
    let mut parts: Vec<&str> = link.folders().last().map_or(Vec::new(), |f| f.split('/').collect());
    let mut named = false;
    for part in target.split('/') {
        match part {
            // Only at the start: a name may be another link, and `..` after it would
            // lead on from wherever that one ends.
            ".." if !named => drop(parts.pop()?),
            "" | "." | ".." => return None,
            part => {
                named = true;
                parts.push(part);
            }
        }
    }
    parts.join("/").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_their_folder_or_mean_two_things_are_refused() {
        for good in ["a", "a/b.so.1", "web/ui/index.html", "with space/x", "libggml-cuda.so"] {
            assert_eq!(good.parse::<TreePath>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "a/../b",
            "a//b",
            "a/",
            "./a",
            "C:",
            "C:/x",
            r"a\b",
            r"\\?\x",
            "a:b",
            "con",
            "CON.txt",
            "x/aux",
            "nul",
            "com1",
            "LPT9.log",
            "a.",
            "a ",
            "com¹",
            "lpt².txt",
            "é/..",
            "a\u{85}b",
            "a\0b",
            "a\nb",
            "conin$",
        ] {
            let error = bad.parse::<TreePath>().expect_err(bad);
            assert_eq!(error.code(), Code::Path, "{bad}");
        }
        assert!("a/".repeat(300).parse::<TreePath>().is_err());
        for twin in ["\u{e9}", "e\u{301}", "a\u{202e}b", "web/\u{ff0e}\u{ff0e}/x"] {
            assert_eq!(twin.parse::<TreePath>().unwrap_err().code(), Code::Entry, "{twin:?}");
        }
    }

    #[test]
    fn identifiers_are_plain() {
        for good in ["app", "llama-cpu", "cudart-12", "stable", "a", "0.x"] {
            assert!(good.parse::<Id>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "-a", "A", "a/b", "con", "nul.x", "a.", "é", &"a".repeat(65)] {
            assert!(bad.parse::<Id>().is_err(), "{bad}");
        }
    }

    #[test]
    fn links_stay_inside() {
        let link: TreePath = "lib/a.so".parse().unwrap();
        let end = |target| link_end(&link, target).map(|p| p.to_string());
        assert_eq!(end("a.so.1"), Some("lib/a.so.1".into()));
        assert_eq!(end("../bin/x"), Some("bin/x".into()));
        assert_eq!(end("../../x"), None);
        assert_eq!(end("/etc/passwd"), None);
        assert_eq!(end(""), None);
    }
}
