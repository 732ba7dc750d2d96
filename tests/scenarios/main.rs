//! Every scenario, in one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod app;
mod commands;
mod journey;
mod json;
mod service;
mod words;
