//! launchd of macOS: a daemon of the system, and an agent of a user. Owns the text of
//! our property list (in `units/launchd.plist`) and what `launchctl print` says.
//!
//! launchd starts nothing that is disabled: to start the service is to enable it.

use super::backend::{
    Answer, Backend, Commands, Definition, MAY_FAIL, State, Unfit, UnitFile, Wanted, text_of, words,
};
use super::template::fill;
use super::xml::escaped;
use crate::settings::ServiceKind;
use std::path::{Path, PathBuf};

const LABEL: &str = "com.offgrid.llm";

/// One of its two domains.
#[derive(Debug)]
pub(super) struct Launchd {
    agent: bool,
}

/// Of the system.
pub(super) static DAEMON: Launchd = Launchd { agent: false };
/// Of a user who is logged in.
pub(super) static AGENT: Launchd = Launchd { agent: true };

impl Backend for Launchd {
    fn kind(&self) -> ServiceKind {
        if self.agent { ServiceKind::LaunchdAgent } else { ServiceKind::Launchd }
    }

    fn definition(&self, wanted: &Wanted<'_>) -> Result<Definition, Unfit> {
        let (path, log) = self.places(wanted)?;
        let text = self.text(wanted, &log)?;
        let domain = match (self.agent, wanted.uid) {
            (false, _) => "system".to_owned(),
            (true, Some(uid)) => format!("gui/{uid}"),
            (true, None) => return Err(Unfit::Home),
        };
        let commands = commands(&domain, text_of(&path)?);
        let file = UnitFile { path, text, mode: 0o644 };
        Ok(Definition { files: vec![file], commands, log: Some(log) })
    }

    fn state(&self, answers: &[Answer]) -> State {
        let known = answers.first().is_some_and(|answer| answer.status == Some(0));
        let printed = answers.first().map_or("", |answer| &answer.text);
        let value = |key: &str| {
            let mut pairs = printed.lines().filter_map(|line| line.trim().split_once(" = "));
            pairs.find(|(name, _)| *name == key).map(|(_, value)| value.trim())
        };
        let running = known && value("state") == Some("running");
        let code = value("last exit code").and_then(|code| code.parse::<i32>().ok());
        State {
            known,
            running,
            pid: None,
            failed: known && !running && code.is_some_and(|code| code != 0),
            autostart: known && !is_disabled(answers.get(1).map_or("", |answer| &answer.text)),
        }
    }
}

impl Launchd {
    /// Of the list, and of what the service says.
    fn places(&self, wanted: &Wanted<'_>) -> Result<(PathBuf, PathBuf), Unfit> {
        let name = format!("{LABEL}.plist");
        if !self.agent {
            let list = Path::new("/Library/LaunchDaemons").join(name);
            return Ok((list, PathBuf::from("/var/log/offgrid-llm.log")));
        }
        let library = wanted.home.ok_or(Unfit::Home)?.join("Library");
        Ok((library.join("LaunchAgents").join(name), library.join("Logs/offgrid-llm.log")))
    }

    fn text(&self, wanted: &Wanted<'_>, log: &Path) -> Result<String, Unfit> {
        let owner = match (self.agent, wanted.account) {
            (true, _) => String::new(),
            (false, None) => return Err(Unfit::Account),
            (false, Some(account)) => {
                let user = account.user()?;
                let key = |key| format!("\t<key>{key}</key>\n\t<string>{user}</string>");
                format!("{}\n{}", key("UserName"), key("GroupName"))
            }
        };
        let scope = if self.agent { "--user" } else { "--system" };
        let values = [
            ("PROGRAM", escaped(text_of(wanted.program)?)),
            ("PREFIX", escaped(text_of(wanted.prefix)?)),
            ("SCOPE", scope.to_owned()),
            ("OWNER", owner),
            ("LOG", escaped(text_of(log)?)),
            ("PORT", wanted.port.to_string()),
            ("LISTEN", wanted.listen.name().to_owned()),
            ("DRAIN", wanted.drain.to_string()),
        ];
        Ok(fill(include_str!("units/launchd.plist"), &values))
    }
}

/// `"com.offgrid.llm" => disabled`; older systems say `true`.
fn is_disabled(printed: &str) -> bool {
    let name = format!("\"{LABEL}\"");
    let mut pairs = printed.lines().filter_map(|line| line.trim().split_once(" => "));
    let found = pairs.find(|(key, _)| *key == name).map(|(_, value)| value.trim());
    found.is_some_and(|value| ["disabled", "true"].contains(&value))
}

fn commands(domain: &str, list: &str) -> Commands {
    let target = format!("{domain}/{LABEL}");
    let tool = |verb| words(["launchctl", verb, &target]);
    let enable = tool("enable");
    // Who is loaded already is not loaded again, and says so with a status.
    let load = words([MAY_FAIL, "launchctl", "bootstrap", domain, list]);
    let unload = words([MAY_FAIL, "launchctl", "bootout", &target]);
    Commands {
        // It reads the list when it is loaded.
        reload: Vec::new(),
        forget: vec![unload.clone()],
        enable: vec![enable.clone()],
        disable: vec![tool("disable")],
        start: vec![enable, load.clone(), tool("kickstart")],
        stop: vec![unload.clone()],
        // Loaded anew: the list may have changed.
        restart: vec![unload, load, words(["launchctl", "kickstart", "-k", &target])],
        query: vec![tool("print"), words(["launchctl", "print-disabled", domain])],
        logs: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
