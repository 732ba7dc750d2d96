//! The one binary: installed as `offgrid`, downloaded as `offgrid-setup`.

use std::process::ExitCode;

fn main() -> ExitCode {
    offgrid_setup::platform::harden();
    offgrid_setup::cli::main(offgrid_setup::env::Env::capture())
}
