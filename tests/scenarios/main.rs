//! Every scenario, in one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod commands;
mod journey;
mod json;
mod words;
