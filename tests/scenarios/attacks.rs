//! Attacks (reference/trust.md 1.1): every row ends with its exit code and its
//! E_ name, on a fresh home and on an installed 0.1.0, and not a byte in either
//! home is another one afterwards.

mod archives;
mod forged;
mod state;
mod wire;
