//! The trust client in this process, against depots of a simulator.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]
#![allow(clippy::disallowed_methods, reason = "a test makes the files that it needs")]

mod attacker;
mod choose;
mod client;
mod judged;
mod mirrors;
mod property;
mod recover;
mod refresh;
mod several;
mod shown;
mod state;
mod time;

/// What the scenarios use too.
#[path = "../../../tests/src"]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "shared with the scenarios, which use more of it"
)]
mod e2e {
    pub mod chance;
    pub mod origin;
    pub mod simulator;
}
