//! The program on the user's machine.

pub mod host;
pub(crate) mod platform;
