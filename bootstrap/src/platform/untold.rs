//! What of other processes only Linux tells in files.

/// Not told in a file here.
pub(crate) fn cpu_time(_pid: u32) -> Option<std::time::Duration> {
    None
}

/// Not told in a file here.
pub(crate) fn user_of(_pid: u32) -> Option<u32> {
    None
}

/// Not told in a file here.
pub(crate) fn is_halted(_pid: u32) -> bool {
    false
}

/// Not told in a file here.
pub(crate) fn companions(_pid: u32, _unit: &str) -> Vec<u32> {
    Vec::new()
}

/// Nobody has done it here yet.
#[expect(clippy::unnecessary_wraps, reason = "as on Linux")]
pub(crate) fn shield() -> std::io::Result<()> {
    Ok(())
}

/// Not told in a file here.
pub(crate) fn processes_of(_uid: u32) -> Vec<u32> {
    Vec::new()
}
