//! Whether a user's services go on without a session (loginctl(1)). Owns that one
//! switch of logind; never decides whether it is wanted.

use super::act;
use std::path::Path;

/// Where logind keeps it: a file of the user's name.
const FOLDER: &str = "/var/lib/systemd/linger";

/// Whether it is on.
pub fn is_on(user: &str) -> bool {
    Path::new(FOLDER).join(user).exists()
}

/// Turns it on or off. Users may do so for themselves, where their system allows it.
///
/// # Errors
/// What `loginctl` said.
pub fn set(user: &str, on: bool) -> Result<(), crate::Error> {
    if is_on(user) == on {
        return Ok(());
    }
    let verb = if on { "enable-linger" } else { "disable-linger" };
    act::run_all(&[["loginctl", "--no-ask-password", verb, user].map(str::to_owned).to_vec()])?;
    Ok(())
}
