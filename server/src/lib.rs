//! The depot of OffGrid Setup: makes keys, builds releases into blobs, signs
//! and publishes documents, checks a published tree as a client would, serves
//! it, and stamps the bootstrapper.
//!
//! The formats are `offgrid_manifest`'s; nothing here defines a byte that a
//! client reads. Keys are read only by the commands that sign. Reading order:
//!
//! - [`args`]: the command line
//! - [`depot`]: the folder, and how every file in it is written
//! - [`keys`], [`init`]: keys and the first root
//! - [`import`]: a template and upstream's assets to release.toml
//! - [`build`]: release.toml to blobs and a release document
//! - [`trust`]: the newest state of a depot, verified
//! - [`sign`]: signatures, channel, install scripts, head, in their order
//! - [`publish`], [`channel`], [`head`], [`rotate`]: what the next documents say
//! - [`check`], [`serve`], [`stamp`]
//! - [`report`]: the one place that prints

pub mod address;
pub mod args;
pub mod build;
pub mod channel;
pub mod check;
pub mod commands;
pub mod depot;
pub mod disk;
pub mod error;
pub mod head;
pub mod import;
pub mod init;
pub mod keys;
mod platform;
pub mod publish;
pub mod report;
pub mod rotate;
pub mod serve;
pub mod sign;
pub mod stamp;
pub mod trust;

pub use error::Error;
