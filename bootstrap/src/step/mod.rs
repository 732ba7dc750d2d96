//! Steps: a small closed set, plain data, each with an absolute Undo.
//!
//! After a crash while a run is taken back every Undo of it is applied again. So no
//! two steps of a run are about one thing: the Undo of the second would remove what
//! that of the first has put back. What replaces something is one step.
//!
//! `prepare` looks, `apply` does and may be called twice, `describe` is the line
//! that `plan`, progress and the journal show. A new step is a new variant, and
//! the compiler lists the places.

mod apply;
mod aside;
mod back;
#[cfg(test)]
mod format;
mod managed;
mod needs;
mod retire;
mod undo;
mod words;

pub(crate) use apply::switch;
pub(crate) use aside::remove_left;
pub use retire::{Mark, Ours, Reinstate, Retire};
pub use undo::Undo;

use crate::fill::SlotPlan;
use crate::models;
use crate::service::Managed;
use crate::setup::NewSetup;
use crate::store::SlotName;
use offgrid_manifest::Digest;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One thing that a run does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Make a folder, and those above it that are missing.
    MakeDir {
        /// The folder.
        path: PathBuf,
    },
    /// Fetch, verify and put in place a whole slot.
    FillSlot {
        /// What it consists of.
        slot: Box<SlotPlan>,
    },
    /// Make a damaged slot anew beside it and put it in its place.
    Rebuild {
        /// What it consists of.
        slot: Box<SlotPlan>,
        /// Where the damaged one waits until the run is over, or where what is not ours
        /// is kept.
        trash: PathBuf,
    },
    /// Move what is not ours out of the way; it is kept.
    SetAside {
        /// Where it is.
        from: PathBuf,
        /// Where it goes: nothing is there.
        to: PathBuf,
    },
    /// Fetch a model into the models folder.
    FetchModel {
        /// Which, and where to.
        model: Box<models::Wanted>,
        /// Where a damaged one of ours waits until the run is over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trash: Option<PathBuf>,
    },
    /// Fetch a newer bootstrapper into staging.
    FetchSetup {
        /// Which.
        setup: Box<NewSetup>,
    },
    /// Prove that it may take over and works on this machine. Changes nothing.
    ProveSetup {
        /// Which.
        setup: Box<NewSetup>,
    },
    /// Write a small file whole.
    PutText {
        /// The file.
        path: PathBuf,
        /// All of it.
        text: String,
        /// Rollback marks only rise: they stay when the run is taken back.
        keep: bool,
    },
    /// Copy a program into place.
    PutFile {
        /// The file.
        path: PathBuf,
        /// The file to copy.
        from: PathBuf,
        /// Of its bytes.
        sha256: Digest,
    },
    /// Make a symbolic link.
    Link {
        /// The link.
        path: PathBuf,
        /// What it points to.
        target: PathBuf,
    },
    /// Put one marked block into a shell profile, or replace the one there.
    EditBlock {
        /// The profile.
        path: PathBuf,
        /// The whole block, with its markers.
        text: String,
    },
    /// Prove that a slot works on this machine. Changes nothing.
    Prove {
        /// The slot.
        slot: SlotName,
        /// The file of the service, as whose user and in whose sandbox it is to work.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        within: Option<PathBuf>,
    },
    /// Make another slot the live one: the commit point of an update.
    Switch {
        /// Where the live slot is named.
        current: PathBuf,
        /// The slot.
        slot: SlotName,
    },
    /// Make the user that the service runs as.
    MakeUser {
        /// Its name, and that of its group.
        user: String,
        /// Its folder, which this does not make.
        home: PathBuf,
    },
    /// Give a folder to that user.
    Own {
        /// The folder.
        path: PathBuf,
        /// The user.
        user: String,
    },
    /// Write a file that the service's manager reads.
    PutUnit {
        /// The file.
        path: PathBuf,
        /// All of it.
        text: String,
        /// Permission bits.
        mode: u32,
    },
    /// Have the manager read its files again; taken back last, it does so again.
    TellManager {
        /// The service.
        service: Managed,
    },
    /// Have the service start with the system or the session, or no longer.
    Enable {
        /// The service.
        service: Managed,
        /// Whether.
        on: bool,
    },
    /// Let a user's services go on while that user is not logged in.
    Linger {
        /// The user.
        user: String,
    },
    /// Start the service, from the live slot.
    Start {
        /// The service.
        service: Managed,
        /// Also when it runs: its files have changed.
        again: bool,
    },
    /// Wait until a running service answers from the live slot. Changes nothing.
    Health {
        /// The live slot.
        slot: SlotName,
        /// Whether it also has to generate, where there is a model.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        asks: bool,
    },
    /// Put out of service what somebody else installed.
    Retire {
        /// What of it.
        what: Retire,
    },
    /// Give back what an earlier run made.
    GiveBack {
        /// How.
        undo: Undo,
        /// Where files wait until the run is over.
        trash: PathBuf,
        /// What others put into a tree of ours: it stays where it is.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        keep: Vec<String>,
    },
}
