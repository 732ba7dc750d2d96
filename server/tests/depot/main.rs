//! The depot as a library: whole trees, made, published, checked and served.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod archives;
mod build;
mod check;
mod forge;
mod keys;
mod next;
mod policy;
mod publish;
mod rotate;
mod serve;
mod setup;
mod signed;
mod stamp;
mod theft;
mod world;
