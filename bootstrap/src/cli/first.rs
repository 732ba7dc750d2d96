//! `service run` as process 1 of a container. Owns what such a process owes the others:
//! to ask about those that end, and to pass on signals. The supervisor is its child.

use super::args::Parsed;
use crate::env::Env;
use crate::error::Error as Any;
use crate::platform;
use crate::service;
use crate::settings::Command;

/// By which this program has all its words.
const NAME: &str = "offgrid-setup";

/// The supervisor's status, where this process stands above it and not for it.
pub(super) fn above(env: &Env, parsed: &Parsed) -> Option<Result<u8, Any>> {
    let runs = parsed.command == Some(Command::Service) && parsed.rest == ["run"];
    (runs && !parsed.help && platform::is_first()).then(|| {
        let mut command = std::process::Command::new(&env.exe);
        command.args(&env.args);
        let what = "run the supervisor".to_owned();
        let ran = platform::run_as_first(&mut command, NAME);
        ran.map_err(|source| service::Error::System { what, source }.into())
    })
}
