//! What differs between operating systems: file modes, flushing a folder, the
//! signals that end a server. One sibling file is picked; nothing else in this
//! crate asks which system it is.
//!
//! Each sibling has: `is_executable`, `is_private`, `mode_of`, `set_mode`, `create_secret`,
//! `make_private_folder`, `sync_folder`, `stop_signal`.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::*;
