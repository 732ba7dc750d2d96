//! Undos: what to make so again. Absolute, so that it does not matter how far
//! the step got or how often the Undo is applied.

use super::Reinstate;
use crate::profile::Before;
use crate::service::Managed;
use crate::store::SlotName;
use offgrid_manifest::Digest;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How to bring back what was there before a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undo {
    /// It was already so: not ours.
    Nothing,
    /// There was no such folder; it goes when it is empty, with those above it up
    /// to `top`.
    RemoveDirs {
        /// The innermost folder.
        path: PathBuf,
        /// The outermost folder that was not there.
        top: PathBuf,
    },
    /// There was no such file.
    RemoveFile {
        /// The file.
        path: PathBuf,
    },
    /// There was no such tree.
    RemoveTree {
        /// Its folder.
        path: PathBuf,
    },
    /// The file had these bytes, kept among the blobs.
    SetFile {
        /// The file.
        path: PathBuf,
        /// Of the bytes.
        was: Digest,
        /// Permission bits.
        mode: u32,
    },
    /// The link pointed here, or was not there.
    SetLink {
        /// The link.
        path: PathBuf,
        /// What it pointed to.
        target: Option<PathBuf>,
    },
    /// The block of a profile was this, or was not there. What others wrote around
    /// it stays.
    SetBlock {
        /// The profile.
        path: PathBuf,
        /// What was there.
        before: Before,
    },
    /// This slot was live, or none.
    SwitchTo {
        /// Where the live slot is named.
        current: PathBuf,
        /// The slot.
        slot: Option<SlotName>,
    },
    /// The file or tree waits there.
    MoveBack {
        /// Where it waits.
        from: PathBuf,
        /// Where it was.
        to: PathBuf,
    },
    /// This file or tree was there, and waits elsewhere while another one is in its place.
    PutBack {
        /// Its place.
        path: PathBuf,
        /// Where it waits.
        from: PathBuf,
    },
    /// There was no such user, nor such a group.
    RemoveUser {
        /// Its name.
        user: String,
    },
    /// There was such a user.
    MakeUser {
        /// Its name.
        user: String,
        /// Its numbers.
        uid: u32,
        /// Its group's.
        gid: u32,
        /// Its folder.
        home: PathBuf,
    },
    /// The folder belonged to them.
    SetOwner {
        /// The folder.
        path: PathBuf,
        /// The user.
        uid: u32,
        /// The group.
        gid: u32,
        /// Permission bits, which a service manager sets too.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<u32>,
    },
    /// The manager is to read its files again when those are as they were.
    TellManager {
        /// The service.
        service: Managed,
    },
    /// The service started by itself, or not.
    Enabled {
        /// The service.
        service: Managed,
        /// Whether.
        was: bool,
    },
    /// The service ran, or not.
    Started {
        /// The service.
        service: Managed,
        /// Whether.
        was: bool,
    },
    /// The user's services went on without a session, or not.
    Linger {
        /// The user.
        user: String,
        /// Whether.
        was: bool,
    },
    /// What somebody else installed was in service.
    Reinstate {
        /// What of it.
        what: Reinstate,
    },
    /// There was such a folder.
    MakeDirs {
        /// The folder.
        path: PathBuf,
    },
}
