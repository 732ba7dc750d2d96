//! OffGrid Setup: the program on the user's machine.
//!
//! ```text
//! Env -> Settings --+
//! Host (probed) ----+-> Selection -> Plan(Vec<Step>) -> run -> Receipt
//! Verified<Release>-+      pure          pure      Journal . Events
//! ```
//!
//! Everything left of `run` decides and changes nothing; `run` does and decides
//! nothing. The modules, in reading order:
//!
//! - [`env`], [`settings`]: what was typed and what it means here
//! - [`host`]: facts about the target computer
//! - [`source`], [`trust`]: bytes from anywhere, and which of them are believed
//! - [`doctor`]: what those facts mean, and what to type
//! - [`select`], [`plan`]: what fits, and what is to be done
//! - [`step`], [`run`], [`journal`], [`receipt`]: doing it so that it can be taken back
//! - [`schema`]: state files that only a newer program understands
//! - [`store`], [`lock`], [`disk`]: the prefix, and every way to touch a file
//! - [`fill`], [`fetch`], [`decode`], [`unpack`]: a slot from blobs
//! - [`inspect`], [`mend`]: whether files are still right, and what would mend them
//! - [`artifact`]: one thing of a release, by its name
//! - [`gate`], [`child`]: whether a slot works on this machine
//! - [`engine`]: a llama.cpp that is on this machine already
//! - [`adopt`]: the app as its makers install it, taken over
//! - [`setup`]: this program as a part of a release
//! - [`service`], [`dispatch`]: the app while it runs, and as a command
//! - [`schedule`], [`history`]: updates that nobody asks for, and what was done
//! - [`stage`]: what is fetched for root by somebody else
//! - [`quote`]: names in lines that a shell reads
//! - [`event`], [`report`], [`error`]: what is said, and the only place that says it
//! - [`cli`]: one file for each command
//! - [`platform`]: the only place with an operating system's name in it

#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "tests make and break the files that they need")
)]

pub mod adopt;
pub mod artifact;
pub mod child;
pub mod cli;
pub mod decode;
pub mod disk;
pub mod dispatch;
pub mod doctor;
pub mod engine;
pub mod env;
pub mod error;
pub mod event;
pub mod fetch;
pub mod fill;
pub mod gate;
pub mod history;
pub mod host;
pub mod inspect;
pub mod journal;
#[expect(clippy::disallowed_methods, reason = "a lock is held, and nothing in it is lost")]
pub mod lock;
pub mod mend;
pub mod models;
pub mod plan;
pub mod platform;
pub mod preflight;
pub mod profile;
pub mod quote;
pub mod receipt;
pub mod report;
pub mod run;
pub mod schedule;
pub mod schema;
pub mod select;
pub mod service;
pub mod settings;
pub mod setup;
pub mod source;
pub mod stage;
pub mod stamp;
pub mod step;
pub mod store;
pub mod trust;
pub mod unpack;

pub use error::Error;
