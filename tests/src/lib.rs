//! The world in which scenarios happen: a home of its own, a real depot, the
//! real executables. Scenarios are in `scenarios/`, one file for each theme;
//! their names are sentences.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot be set up must stop and say why"
)]

pub mod apart;
pub mod base;
pub mod chance;
pub mod cut;
pub mod fault;
pub mod forge;
pub mod http;
pub mod light;
pub mod machine;
pub mod origin;
pub mod outcome;
pub mod power;
pub mod process;
pub mod programs;
pub mod room;
pub mod service;
pub mod shipped;
pub mod simulator;
pub mod snapshot;
pub mod stamped;
pub mod standins;
pub mod terminal;
pub mod victims;
pub mod watch;
pub mod wine;
pub mod world;

pub use forge::Forge;
pub use origin::{Lie, Origin};
pub use outcome::Outcome;
pub use simulator::Simulator;
pub use snapshot::Snapshot;
pub use terminal::Terminal;
pub use victims::Victims;
pub use world::World;
