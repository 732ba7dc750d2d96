//! Windows: a service of the system, and a task at logon of a user. Only data: what
//! is told to `sc.exe` and `schtasks.exe`, and what they say.
//!
//! The service runs as a virtual account of its own, which Windows makes and which
//! has no password.

use super::backend::{
    Answer, Backend, Commands, Definition, MAY_FAIL, State, Unfit, UnitFile, Wanted, text_of, words,
};
use super::template::fill;
use super::xml::escaped;
use crate::settings::ServiceKind;

/// The service's name, and the task's.
const NAME: &str = "OffGridLLM";
const TITLE: &str = "OffGrid LLM";
const ABOUT: &str = "Runs language models on this computer.";
/// One second, ten and a minute until it is started again; a day without a failure
/// and it begins with the first again.
const AGAIN: &str = "restart/1000/restart/10000/restart/60000";

/// Windows.
#[derive(Debug)]
pub(super) struct Windows;

impl Backend for Windows {
    fn kind(&self) -> ServiceKind {
        ServiceKind::Windows
    }

    fn definition(&self, wanted: &Wanted<'_>) -> Result<Definition, Unfit> {
        if wanted.account.is_some() { service(wanted) } else { task(wanted) }
    }

    /// Of `sc query` and `sc qc`, or of the one answer of `schtasks`. Numbers only: the
    /// words are in the language of the system.
    fn state(&self, answers: &[Answer]) -> State {
        let known = answers.first().is_some_and(|answer| answer.status == Some(0));
        if !known {
            return State::default();
        }
        match answers {
            [query, config, ..] => of_service(&query.text, &config.text),
            [task] => of_task(&task.text),
            [] => State::default(),
        }
    }
}

fn of_service(query: &str, config: &str) -> State {
    let number = |text: &str, key: &str| -> Option<u32> {
        let of =
            |line: &str| line.trim().strip_prefix(key)?.split_once(':').map(|(_, v)| v.to_owned());
        let value = text.lines().find_map(of)?;
        value.split_whitespace().next()?.parse().ok()
    };
    let (state, exit) = (number(query, "STATE"), number(query, "WIN32_EXIT_CODE"));
    let running = state.is_some_and(|state| (2..=7).contains(&state));
    State {
        known: true,
        running,
        pid: None,
        // 1077: it was never started.
        failed: !running && exit.is_some_and(|exit| ![0, 1077].contains(&exit)),
        autostart: number(config, "START_TYPE") == Some(2),
    }
}

/// The XML of `schtasks /query /xml` says whether it is on, and no more.
fn of_task(xml: &str) -> State {
    let off = xml.split_once("<Settings>").is_some_and(|(_, settings)| {
        settings
            .split("</Settings>")
            .next()
            .unwrap_or_default()
            .contains("<Enabled>false</Enabled>")
    });
    State { known: true, autostart: !off, ..State::default() }
}

fn service(wanted: &Wanted<'_>) -> Result<Definition, Unfit> {
    // A name on Windows has no quotes in it; in another's they would end the word.
    let program = text_of(wanted.program)?;
    if program.contains('"') {
        return Err(Unfit::Path(wanted.program.to_owned()));
    }
    let run = format!("\"{program}\" self service run --system");
    let account = format!("NT SERVICE\\{NAME}");
    let sc = |verb: &str, rest: &[&str]| {
        let line = [&["sc.exe", verb, NAME], rest].concat();
        line.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let start = |how: &str| vec![sc("config", &["start=", how])];
    let options = ["binPath=", &run, "obj=", &account, "DisplayName=", TITLE];
    let mut create = sc("create", &[&options[..], &["start=", "demand"]].concat());
    create.insert(0, MAY_FAIL.to_owned());
    // Unlike `sc stop`, this waits until it has ended; one that does not run is refused.
    let stop = words([MAY_FAIL, "net.exe", "stop", NAME, "/y"]);
    let commands = Commands {
        // There may be one already; then it is changed.
        reload: vec![
            create,
            sc("config", &options),
            sc("description", &[ABOUT]),
            // So that a folder can be given to it alone.
            sc("sidtype", &["unrestricted"]),
            sc("failure", &["reset=", "86400", "actions=", AGAIN]),
            sc("failureflag", &["1"]),
        ],
        forget: vec![sc("delete", &[])],
        enable: start("delayed-auto"),
        disable: start("demand"),
        start: vec![sc("start", &[])],
        stop: vec![stop.clone()],
        restart: vec![stop, sc("start", &[])],
        query: vec![sc("query", &[]), sc("qc", &[])],
        logs: Vec::new(),
    };
    let log = wanted.config.join("offgrid-llm.log");
    Ok(Definition { files: Vec::new(), commands, log: Some(log) })
}

fn task(wanted: &Wanted<'_>) -> Result<Definition, Unfit> {
    let home = wanted.home.and_then(|home| home.file_name()).ok_or(Unfit::Home)?;
    let values = [
        ("PROGRAM", escaped(text_of(wanted.program)?)),
        ("PREFIX", escaped(text_of(wanted.prefix)?)),
        ("USER", escaped(&home.to_string_lossy())),
    ];
    let path = wanted.prefix.join("state").join("task.xml");
    let written = text_of(&path)?.to_owned();
    let text = fill(include_str!("units/task.xml"), &values);
    let change = |how| vec![words(["schtasks.exe", "/Change", "/TN", NAME, how])];
    let (run, end) = (words(["schtasks.exe", "/Run", "/TN", NAME]), "/End");
    let commands = Commands {
        reload: vec![words(["schtasks.exe", "/Create", "/TN", NAME, "/XML", &written, "/F"])],
        forget: vec![words(["schtasks.exe", "/Delete", "/TN", NAME, "/F"])],
        enable: change("/ENABLE"),
        disable: change("/DISABLE"),
        start: vec![run.clone()],
        stop: vec![words(["schtasks.exe", end, "/TN", NAME])],
        restart: vec![words([MAY_FAIL, "schtasks.exe", end, "/TN", NAME]), run],
        query: vec![words(["schtasks.exe", "/Query", "/TN", NAME, "/XML"])],
        logs: Vec::new(),
    };
    let log = wanted.config.join("offgrid-llm.log");
    Ok(Definition { files: vec![UnitFile { path, text, mode: 0o600 }], commands, log: Some(log) })
}

#[cfg(test)]
mod tests;
