//! What a client takes and what it refuses, each document signed here by keys
//! that live as long as the test: whatever is refused is refused although the
//! signatures are genuine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests that cannot go on have failed, and their tables are long"
)]

mod laws;
mod maker;
mod places;
mod refused;
mod thresholds;
mod trees;
