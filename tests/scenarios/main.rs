//! Every scenario, in one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod attacks;
mod journey;
mod minisign;
mod network;
