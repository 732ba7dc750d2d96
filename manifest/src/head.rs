//! `head.json`: the one mutable file of a depot. It pins every channel.

use crate::error::{Error, parse};
use crate::time::lifetime;
use crate::{Digest, Id, Pin, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The newest state of a depot (reference/trust.md 2.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// 1.
    pub schema: u64,
    /// `offgrid/head`.
    #[serde(rename = "type")]
    pub kind: String,
    /// One more with every head.
    pub version: u64,
    /// When it was made.
    pub issued: Time,
    /// After this a client says that it is being kept from the news.
    pub expires: Time,
    /// The newest root that a client must have.
    pub root_version: u64,
    /// Every channel by name.
    pub channels: BTreeMap<Id, ChannelPin>,
    /// Features that a reader has to know.
    #[serde(default)]
    pub must_understand: Vec<String>,
}

/// Which document is a channel's newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelPin {
    /// n of `channel/<name>/<n>.json`.
    pub version: u64,
    /// Of its bytes.
    pub sha256: Digest,
    /// Of its bytes.
    pub size: u64,
}

impl ChannelPin {
    /// Digest and size.
    pub fn pin(&self) -> Pin {
        Pin { sha256: self.sha256, size: self.size }
    }
}

impl Head {
    /// The rules that a single field cannot state.
    ///
    /// # Errors
    /// `E_PARSE`.
    pub fn check(&self) -> Result<(), Error> {
        let mut versions = self.channels.values().map(|pin| pin.version);
        if self.version == 0 || self.root_version == 0 || versions.any(|version| version == 0) {
            return Err(parse("versions begin at 1"));
        }
        lifetime(self.issued, self.expires)
    }
}
