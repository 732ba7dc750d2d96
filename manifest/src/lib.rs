//! The signed documents of OffGrid Setup: their formats, their verification,
//! and the matching of a variant's needs against the facts of a machine.
//!
//! This crate owns every byte format that the depot writes and the bootstrapper
//! reads. It never does I/O, never asks for the time (it is an argument) and
//! never signs. Reading order:
//!
//! - [`code`]: the stable error names and their exit codes
//! - [`digest`], [`version`], [`time`], [`name`], [`target`]: values that cannot be wrong
//! - [`json`]: strict parsing, after verification
//! - [`key`], [`signature`]: minisign, framed and counted by distinct keys
//! - [`root`], [`head`], [`channel`], [`release`], [`parts`]: the documents
//! - [`rollout`]: which machines a release has reached
//! - [`tree`]: what a component looks like on disk, as one digest
//! - [`verify`]: from bytes to [`Verified`], the only way there is
//! - [`needs`]: whether a variant fits a machine, and why not
//! - [`stamp`]: root and sources inside an executable
//! - [`layout`]: where each document lies in a depot

pub mod channel;
pub mod code;
pub mod digest;
mod error;
pub mod head;
pub mod json;
pub mod key;
pub mod layout;
pub mod name;
pub mod needs;
pub mod parts;
pub mod release;
pub mod rollout;
pub mod root;
pub mod signature;
pub mod stamp;
pub mod target;
pub mod time;
pub mod tree;
pub mod verify;
pub mod version;

pub use channel::Channel;
pub use code::Code;
pub use digest::{Digest, Hasher};
pub use error::Error;
pub use head::Head;
pub use key::PublicKey;
pub use name::{Id, TreePath};
pub use parts::Parts;
pub use release::Release;
pub use root::{Role, Root};
pub use stamp::Stamp;
pub use target::Target;
pub use time::Time;
pub use verify::Verified;
pub use version::Version;

use serde::{Deserialize, Serialize};

/// What a parent document says of a child: the digest and the exact size of its
/// stored bytes. A child is fetched by this and by nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// SHA-256 of the stored bytes.
    pub sha256: Digest,
    /// Size of the stored bytes.
    pub size: u64,
}
