//! OpenRC. Owns the text of our init script (in `units/openrc`) and what the statuses
//! of `rc-service` mean. supervise-daemon of OpenRC 0.45 or newer watches the service.

use super::backend::{Answer, Backend, Commands, Definition, State, Unfit, UnitFile, Wanted};
use super::backend::{MAY_FAIL, text_of, words};
use super::template::fill;
use crate::quote::sh;
use crate::settings::ServiceKind;
use std::path::Path;

const SERVICE: &str = "offgrid-llm";
/// What the runlevel is called in which services are.
const RUNLEVEL: &str = "default";
const LOG: &str = "/var/log/offgrid-llm.log";

/// OpenRC.
#[derive(Debug)]
pub(super) struct Openrc;

impl Backend for Openrc {
    fn kind(&self) -> ServiceKind {
        ServiceKind::Openrc
    }

    fn definition(&self, wanted: &Wanted<'_>) -> Result<Definition, Unfit> {
        let file = UnitFile {
            path: Path::new("/etc/init.d").join(SERVICE),
            text: script(wanted)?,
            mode: 0o755,
        };
        Ok(Definition { files: vec![file], commands: commands(), log: Some(LOG.into()) })
    }

    fn state(&self, answers: &[Answer]) -> State {
        let status = answers.first().and_then(|answer| answer.status);
        let levels = answers.get(1).map_or("", |answer| &answer.text);
        let in_level = |line: &str| line.split('|').next().map(str::trim) == Some(SERVICE);
        State {
            // 1: there is no such script.
            known: status.is_some_and(|status| status != 1),
            // Started, stopping, starting.
            running: status.is_some_and(|status| [0, 4, 8].contains(&status)),
            // Of the guard, which is not the supervisor.
            pid: None,
            // Crashed, or nobody watches it.
            failed: status.is_some_and(|status| [32, 64].contains(&status)),
            autostart: levels.lines().any(in_level),
        }
    }
}

fn script(wanted: &Wanted<'_>) -> Result<String, Unfit> {
    let account = wanted.account.ok_or(Unfit::Account)?;
    let (prefix, user) = (text_of(wanted.prefix)?, account.user()?);
    let env_file = wanted.config.join("offgrid.env");
    let twice = |text: &str| sh(&sh(text));
    let values = [
        ("PROGRAM_TWICE", twice(text_of(wanted.program)?)),
        ("PREFIX_TWICE", twice(prefix)),
        ("ENV_FILE_TEXT", text_of(&env_file)?.to_owned()),
        ("HOME", sh(text_of(&account.home)?)),
        ("OWNER", format!("{user}:{user}")),
        ("PORT", wanted.port.to_string()),
        ("LISTEN", wanted.listen.name().to_owned()),
        ("DRAIN", wanted.drain.to_string()),
    ];
    Ok(fill(include_str!("units/openrc"), &values))
}

fn commands() -> Commands {
    let service = |verb| vec![words(["rc-service", SERVICE, verb])];
    Commands {
        // It reads the script each time.
        reload: Vec::new(),
        forget: Vec::new(),
        enable: vec![words(["rc-update", "add", SERVICE, RUNLEVEL])],
        // One that is in no runlevel is refused.
        disable: vec![words([MAY_FAIL, "rc-update", "del", SERVICE, RUNLEVEL])],
        start: service("start"),
        stop: service("stop"),
        restart: service("restart"),
        query: vec![
            words(["rc-service", SERVICE, "status"]),
            words(["rc-update", "show", RUNLEVEL]),
        ],
        logs: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
