//! The scheduled run of the whole system: what comes over a network is fetched, parsed
//! and unpacked by a child that is not root, in a folder of its own; root then does an
//! ordinary update whose only source is that folder, where every document is verified
//! again and every file hashed again (reference/trust.md L9).
//!
//! [`Staging`] is root's side, [`work`] the child's; an [`Order`] is what the one asks
//! of the other. Root opens no connection, and decodes nothing. It decides everything:
//! the child is only told what to bring, and a child that lies is found out.

mod ask;
mod work;

pub use ask::Staging;
pub use work::work;

use crate::fill::SlotPlan;
use offgrid_manifest::{Code, Id, Pin, Version};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// How much an order may be, in bytes: the plan of a slot is in it.
pub const ORDER_MAX: u64 = 64 * 1024 * 1024;

/// Why nothing could be staged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nobody to lower the rights to.
    #[error("there is no user without rights to fetch as: neither `offgrid` nor `nobody`")]
    Nobody,
    /// The child could not be started.
    #[error("what fetches without root's rights could not be started")]
    Start(#[source] std::io::Error),
    /// The child says that it did not work.
    #[error("{message}")]
    Refused {
        /// The name of its error.
        code: Code,
        /// In its words.
        message: String,
    },
    /// The child says nothing that can be understood.
    #[error("what fetches without root's rights {ended}")]
    Mute {
        /// How it ended.
        ended: crate::child::Ended,
        /// What it said last.
        source: Option<crate::child::Said>,
    },
    /// An order that is none.
    #[error("this is only started by a scheduled update, and never as root")]
    Order(#[source] Option<serde_json::Error>),
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Nobody => Code::Unsupported,
            Error::Start(_) | Error::Mute { .. } => Code::State,
            Error::Refused { code, .. } => *code,
            Error::Order(_) => Code::Usage,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Nobody => {
                Some("set up the service first: `offgrid self service install`".into())
            }
            Error::Refused { code, .. } => crate::error::hint_of(*code),
            Error::Start(_) | Error::Mute { .. } | Error::Order(_) => None,
        }
    }
}

/// What the child is to bring. Plain data, on its standard input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Addresses and folders.
    pub sources: Vec<String>,
    /// Certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Bytes a second.
    pub limit_rate: Option<u64>,
    /// No network.
    pub offline: bool,
    /// Whether signed mirrors may be asked too.
    pub mirrors: bool,
    /// Which channel.
    pub channel: Id,
    /// What is remembered, to begin from.
    pub memory: Option<String>,
    /// What.
    pub what: What,
}

/// One thing to bring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// The newest root, head and channel.
    Refresh,
    /// A release, and the parts of this variant of it, if there is one.
    Release {
        /// Which.
        version: Version,
        /// Of which variant.
        variant: Id,
    },
    /// The files of a slot, as plain files.
    Slot {
        /// Without what root has already.
        slot: Box<SlotPlan>,
    },
    /// One blob as it is.
    Blob {
        /// Which.
        pin: Pin,
    },
}

/// The depot in a cache folder.
fn depot(cache: &Path) -> PathBuf {
    cache.join("depot")
}

/// The plain files in it.
fn plain(cache: &Path) -> PathBuf {
    cache.join("plain")
}
