//! What differs between systems: waiting to be told to stop, starting an
//! engine that dies with us, and asking it to end. Owns the `cfg` of this
//! program; the siblings have the same names inside.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::*;

/// The hidden verb with which the stand-in starts itself to become an engine.
pub(crate) const GUARD_VERB: &str = "guarded-exec";
