//! The stand-in keeps the contract of the upstream app, as a caller sees it:
//! the binary is started, asked over HTTP, and stopped. What needs a real
//! llama-server (`engine`) says why when there is none.
#![expect(clippy::unwrap_used, reason = "in a test, the helpers too fail by panic")]

mod engine;
mod host;
mod serving;
mod verbs;
