//! The plan: what a run will do, step by step. A pure function of what is
//! wanted, what is installed and what the host is; `plan` prints it, `run` does
//! it, and both are the same value.

use crate::receipt::Receipt;
use crate::step::Step;
use crate::store::SlotName;
use serde::{Deserialize, Serialize};

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// The first release on this prefix.
    Install,
    /// Another release, or more of the same.
    Update,
    /// Back to the slot before.
    Rollback,
    /// Models alone.
    Model,
    /// Everything is given back.
    Uninstall,
}

/// What a run will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The run's name, random.
    pub id: String,
    /// What it is for.
    pub verb: Verb,
    /// The live slot before.
    pub from: Option<SlotName>,
    /// The live slot after.
    pub to: Option<SlotName>,
    /// What is done, in this order.
    pub steps: Vec<Step>,
    /// The receipt to write at the end, without what the steps make; `None`
    /// when nothing is left installed.
    pub receipt: Option<Box<Receipt>>,
    /// Bytes to fetch.
    pub download_bytes: u64,
    /// Bytes that are taken from slots on disk instead.
    pub reused_bytes: u64,
    /// Bytes that will be written.
    pub disk_bytes: u64,
}
