//! Attacks (reference/trust.md 1.1 and 1.3): a function for each row, named after
//! it; `mapping.rs` counts them. Each ends with its exit code and its E_ name, on a
//! fresh home and on an installed 0.1.0, and not a byte in either home is another
//! one afterwards.

mod archives;
mod captive;
mod chain;
mod clocks;
mod endless;
mod first;
mod forged;
mod freeze;
mod keys;
mod mirrors;
mod rollout;
mod state;
mod values;
mod versions;
mod wire;
