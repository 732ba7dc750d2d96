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
mod corpus;
mod crash;
mod drill;
mod gate;
mod interrupt;
mod journey;
mod json;
mod kept;
mod local;
mod lock;
mod mapping;
mod minisign;
mod network;
mod newer;
mod renew;
mod rights;
mod service;
mod space;
mod stamp;
mod torn;
mod words;
