//! Targets: an operating system and a processor, `linux-x86_64`.

use crate::error::{Error, parse};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};

/// One of the targets that releases are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    os: &'static str,
    arch: &'static str,
}

const SYSTEMS: [(&str, &str); 6] = [
    ("linux", "linux"),
    ("macos", "macos"),
    ("darwin", "macos"),
    ("windows", "windows"),
    ("win", "windows"),
    ("win32", "windows"),
];
const PROCESSORS: [(&str, &str); 5] = [
    ("x86_64", "x86_64"),
    ("amd64", "x86_64"),
    ("x64", "x86_64"),
    ("aarch64", "aarch64"),
    ("arm64", "aarch64"),
];

impl Target {
    /// Of the two words; the usual other names are understood (DESIGN 5).
    pub fn new(os: &str, arch: &str) -> Option<Target> {
        let find = |table: &'static [(&str, &'static str)], word: &str| {
            table.iter().find(|(name, _)| *name == word).map(|(_, ours)| *ours)
        };
        Some(Target { os: find(&SYSTEMS, os)?, arch: find(&PROCESSORS, arch)? })
    }

    /// `linux`, `macos` or `windows`.
    pub fn os(&self) -> &'static str {
        self.os
    }

    /// `x86_64` or `aarch64`.
    pub fn arch(&self) -> &'static str {
        self.arch
    }
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Target, Error> {
        let wrong =
            || parse(format!("`{}` is not a target like linux-x86_64", text.escape_default()));
        let (os, arch) = text.split_once('-').ok_or_else(wrong)?;
        Target::new(os, arch).ok_or_else(wrong)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.os, self.arch)
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Target, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let target: Target = text.parse().map_err(serde::de::Error::custom)?;
        if target.to_string() != text {
            return Err(serde::de::Error::custom(format!("write `{target}` in a document")));
        }
        Ok(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_names_are_understood_and_one_is_written() {
        for (typed, written) in [
            ("linux-amd64", "linux-x86_64"),
            ("darwin-arm64", "macos-aarch64"),
            ("windows-x64", "windows-x86_64"),
            ("linux-aarch64", "linux-aarch64"),
        ] {
            assert_eq!(typed.parse::<Target>().unwrap().to_string(), written);
        }
        assert!("linux".parse::<Target>().is_err());
        assert!("plan9-x86_64".parse::<Target>().is_err());
        assert!(serde_json::from_str::<Target>("\"linux-amd64\"").is_err());
    }
}
