//! `offgrid-depot`: reads the command line, runs one command, says how it went.

use clap::Parser;
use offgrid_depot::{args::Args, commands, report};
use std::process::ExitCode;

fn main() -> ExitCode {
    match commands::run(Args::parse()) {
        Ok(code) => code,
        Err(error) => report::failure(&error),
    }
}
