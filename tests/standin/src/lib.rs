//! The probe model: what the installer's acceptance probe gives to a real
//! llama-server. This library owns the bytes of the GGUF file and never
//! touches a disk or a network; `make-probe-model` writes the bytes it gets.
//!
//! The stand-in for the upstream app is the binary `offgrid-standin` of this
//! package (`main.rs`); nothing of it is here.

pub mod gguf;
pub mod half;
pub mod probe;
