//! Release numbers. `v0.3.0` and `0.3.0` mean the same where a person types
//! them (DESIGN 5); documents hold the form without `v`.

use crate::error::{Error, parse};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};

/// A semantic version (semver.org 2.0.0) without build metadata: `+` separates
/// the variant in a slot's name, so it may not be in a version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(semver::Version);

impl FromStr for Version {
    type Err = Error;

    fn from_str(text: &str) -> Result<Version, Error> {
        let bare = text.strip_prefix('v').unwrap_or(text);
        let wrong = |why: String| {
            parse(format!("`{}` is not a version like 0.3.0 ({why})", text.escape_default()))
        };
        if bare.len() > 64 {
            return Err(wrong("longer than 64 characters".into()));
        }
        let version = semver::Version::parse(bare).map_err(|e| wrong(e.to_string()))?;
        if !version.build.is_empty() {
            return Err(wrong("no `+` here".into()));
        }
        Ok(Version(version))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Version, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        if text.starts_with('v') {
            return Err(serde::de::Error::custom("a version in a document has no `v`"));
        }
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v_is_optional_for_people_and_order_is_semver() {
        let parse = |text: &str| text.parse::<Version>().unwrap();
        assert_eq!(parse("v0.3.0"), parse("0.3.0"));
        assert!(parse("0.10.0") > parse("0.9.9"));
        assert!(parse("1.0.0-rc.1") < parse("1.0.0"));
        for bad in ["", "v", "1.2", "1.2.3+cpu", "../1.2.3", "1.2.3/..", "vv1.2.3"] {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
    }
}
