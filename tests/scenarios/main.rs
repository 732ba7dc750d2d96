//! Every scenario, in one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests, which say so when they are skipped"
)]

mod adopt;
mod app;
mod attacks;
mod commands;
mod conformance;
mod corpus;
mod crash;
mod drill;
mod engine;
mod faults;
mod front;
mod gate;
mod guided;
mod import;
mod interrupt;
mod journey;
mod json;
mod kept;
mod local;
mod lock;
mod machines;
mod many;
mod mapping;
mod mending;
mod minisign;
mod mutated;
mod network;
mod newer;
mod odd;
mod power;
mod preflight;
mod profiles;
mod rematch;
mod renew;
mod rights;
mod scheduled;
mod service;
mod signals;
mod slots;
mod space;
mod stamp;
mod terminal;
mod torn;
mod windows;
mod words;
