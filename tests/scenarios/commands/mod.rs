//! Every command, its ending and what it leaves behind.

mod doctor;
mod install;
mod look;
mod looking;
mod models;
mod remove;
mod update;

/// `linux-x86_64` where these tests run.
fn target() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}
