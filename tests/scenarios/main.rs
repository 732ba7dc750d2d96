//! Every scenario, in one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod app;
mod attacks;
mod commands;
mod journey;
mod json;
mod minisign;
mod network;
mod service;
mod words;
