//! `offgrid-standin`: an honest stand-in for the upstream app `offgrid`, for
//! the installer's tests and the demo. It owns the part of the app's contract
//! that an installer can see: verbs, ports, health answers with their traps,
//! and a llama-server started on the first request. Wherever it shows itself
//! it says that it is a stand-in.
//!
//! What it never does, although upstream does:
//! - `pkill -9 llama-server` or `fuser -k` when it starts: that would kill the
//!   engines of others on the same host. It ends only children it started.
//! - Download an engine it did not find: it answers 503.
//! - Run commands or show files on request (`/v1/terminal/exec`,
//!   `/v1/filesystem/browse`).
//! - Keep a database, sessions or peers beside the models: a read-only models
//!   folder breaks upstream and does not break this.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the verbs of an app print")]

mod engine;
mod http;
mod models;
mod platform;
mod proxy;
mod routes;
mod serve;
mod settings;
mod ui;
mod verbs;
mod version;

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    verbs::run(&words)
}
