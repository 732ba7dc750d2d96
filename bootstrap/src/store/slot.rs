//! The name of a slot, and of its folder.

use offgrid_manifest::{Id, Version};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The name of a slot: `<version>+<variant>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SlotName {
    /// The release.
    pub version: Version,
    /// The variant.
    pub variant: Id,
}

impl fmt::Display for SlotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.version, self.variant)
    }
}

impl FromStr for SlotName {
    type Err = offgrid_manifest::Error;

    fn from_str(text: &str) -> Result<SlotName, Self::Err> {
        let (version, variant) = text.split_once('+').unwrap_or((text, ""));
        Ok(SlotName { version: version.parse()?, variant: variant.parse()? })
    }
}

impl TryFrom<String> for SlotName {
    type Error = offgrid_manifest::Error;

    fn try_from(text: String) -> Result<SlotName, Self::Error> {
        text.parse()
    }
}

impl From<SlotName> for String {
    fn from(name: SlotName) -> String {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slot_names_read_back() {
        let name: SlotName = "0.3.0+linux-x86_64-cpu".parse().unwrap();
        assert_eq!(name.to_string(), "0.3.0+linux-x86_64-cpu");
        for bad in ["0.3.0", "+x", "0.3.0+", "0.3.0+../x", "x+y"] {
            assert!(bad.parse::<SlotName>().is_err(), "{bad}");
        }
    }
}
