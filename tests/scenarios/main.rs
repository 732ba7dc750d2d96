//! Every scenario, in one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests, which say so when they are skipped"
)]

mod app;
mod attacks;
mod commands;
mod conformance;
mod crash;
mod gate;
mod interrupt;
mod journey;
mod json;
mod lock;
mod minisign;
mod network;
mod rights;
mod service;
mod space;
mod torn;
mod words;
