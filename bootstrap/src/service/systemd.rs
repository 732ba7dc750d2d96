//! systemd, of the system and of a user. Owns the texts of our units (in `units/`),
//! how a name is written into one, and what `systemctl show` says.
//!
//! The texts say in each place that could be stricter why it is not.

use super::backend::{
    Account, Answer, Backend, Commands, Definition, Listen, MAY_FAIL, State, Unfit, UnitFile,
    Wanted, text_of, words,
};
use super::template::fill;
use crate::settings::ServiceKind;
use std::path::{Path, PathBuf};

/// The service of both scopes.
pub(crate) const SERVICE: &str = "offgrid-llm.service";
/// The front door of the system's.
pub(crate) const SOCKET: &str = "offgrid-llm.socket";
/// What goes back when the system's has failed.
pub(crate) const BACK: &str = "offgrid-llm-back.service";
/// Where units of the system are put by administrators.
const SYSTEM_UNITS: &str = "/etc/systemd/system";
/// Folders that `ProtectHome=yes` hides.
const HOMES: [&str; 3] = ["/home", "/root", "/run/user"];

/// One of its two managers.
#[derive(Debug)]
pub(super) struct Systemd {
    user: bool,
}

/// The manager of the system.
pub(super) static SYSTEM: Systemd = Systemd { user: false };
/// The manager of a user.
pub(super) static USER: Systemd = Systemd { user: true };

impl Backend for Systemd {
    fn kind(&self) -> ServiceKind {
        if self.user { ServiceKind::SystemdUser } else { ServiceKind::Systemd }
    }

    fn definition(&self, wanted: &Wanted<'_>) -> Result<Definition, Unfit> {
        let files = if self.user { of_user(wanted)? } else { of_system(wanted)? };
        Ok(Definition { files, commands: self.commands(), log: None })
    }

    fn state(&self, answers: &[Answer]) -> State {
        state(answers.first().map_or("", |answer| &answer.text))
    }
}

impl Systemd {
    fn commands(&self) -> Commands {
        let units: &[&str] = if self.user { &[SERVICE] } else { &[SOCKET, SERVICE] };
        let tool = |verb: &[&str], units: &[&str]| {
            let scope: &[&str] = if self.user { &["--user"] } else { &[] };
            let line = [&["systemctl"], scope, verb, units].concat();
            line.into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        // A unit that was given up is not started before this; one that is not known is
        // refused.
        let mut forget = tool(&["reset-failed"], units);
        forget.insert(0, MAY_FAIL.to_owned());
        let unit = if self.user { "--user-unit" } else { "--unit" };
        Commands {
            reload: vec![tool(&["daemon-reload"], &[])],
            enable: vec![tool(&["enable"], &[SERVICE])],
            disable: vec![tool(&["disable"], &[SERVICE])],
            start: vec![forget.clone(), tool(&["start"], &[SERVICE])],
            stop: vec![tool(&["stop"], units)],
            restart: vec![forget.clone(), tool(&["restart"], &[SERVICE])],
            query: vec![tool(
                &[
                    "show",
                    "--no-pager",
                    "--property=LoadState,ActiveState,SubState,UnitFileState,MainPID",
                ],
                &[SERVICE],
            )],
            logs: vec![words([
                "journalctl",
                unit,
                SERVICE,
                "--quiet",
                "--no-pager",
                "--lines",
                "100",
            ])],
            forget: vec![forget],
        }
    }
}

/// Of `Key=value` lines. A unit between two starts is not running.
fn state(text: &str) -> State {
    let value = |key: &str| {
        let of = |line: &str| Some(line.strip_prefix(key)?.strip_prefix('=')?.trim().to_owned());
        text.lines().find_map(of).unwrap_or_default()
    };
    let (load, active) = (value("LoadState"), value("ActiveState"));
    let waits = value("SubState").starts_with("auto-restart");
    let runs = ["active", "reloading", "activating", "deactivating"].contains(&active.as_str());
    State {
        known: !load.is_empty() && load != "not-found",
        running: runs && !waits,
        pid: value("MainPID").parse().ok().filter(|pid| *pid != 0),
        failed: active == "failed",
        autostart: ["enabled", "enabled-runtime"].contains(&value("UnitFileState").as_str()),
    }
}

fn of_system(wanted: &Wanted<'_>) -> Result<Vec<UnitFile>, Unfit> {
    let account = wanted.account.ok_or(Unfit::Account)?;
    let values = system_values(wanted, account)?;
    let unit = |name, template| UnitFile {
        path: Path::new(SYSTEM_UNITS).join(name),
        text: fill(template, &values),
        mode: 0o644,
    };
    Ok(vec![
        unit(BACK, include_str!("units/back.service")),
        unit(SOCKET, include_str!("units/system.socket")),
        unit(SERVICE, include_str!("units/system.service")),
    ])
}

fn of_user(wanted: &Wanted<'_>) -> Result<Vec<UnitFile>, Unfit> {
    let folder = user_units(wanted)?;
    let text = fill(include_str!("units/user.service"), &common(wanted)?);
    Ok(vec![UnitFile { path: folder.join(SERVICE), text, mode: 0o644 }])
}

/// Beside our own settings, wherever `XDG_CONFIG_HOME` has put them.
pub(crate) fn user_units(wanted: &Wanted<'_>) -> Result<PathBuf, Unfit> {
    let beside = wanted.config.parent().filter(|_| wanted.config.ends_with("offgrid"));
    let config = match (beside, wanted.home) {
        (Some(folder), _) => folder.to_owned(),
        (None, Some(home)) => home.join(".config"),
        (None, None) => return Err(Unfit::Home),
    };
    Ok(config.join("systemd/user"))
}

type Values = Vec<(&'static str, String)>;

/// What the unit of both scopes says.
fn common(wanted: &Wanted<'_>) -> Result<Values, Unfit> {
    let env_file = wanted.config.join("offgrid.env");
    Ok(vec![
        ("PROGRAM", program(wanted.program)?),
        ("APP", percent(text_of(&wanted.prefix.join("current/app"))?)),
        ("ENV_FILE", text_of(&env_file)?.to_owned()),
        ("ENV_FILE_GLOB", unglobbed(&percent(text_of(&env_file)?))),
        ("PORT", wanted.port.to_string()),
        ("LISTEN", wanted.listen.name().to_owned()),
        ("DRAIN", wanted.drain.to_string()),
    ])
}

fn system_values(wanted: &Wanted<'_>, account: &Account) -> Result<Values, Unfit> {
    let mut values = common(wanted)?;
    let shown = [wanted.prefix, wanted.models, &account.home];
    let in_home = |path: &&Path| HOMES.iter().any(|home| path.starts_with(home));
    let homes = if shown.iter().any(in_home) { "read-only" } else { "yes" };
    let (state, writable) = writable(wanted, account)?;
    values.extend([
        ("USER", account.user()?.to_owned()),
        ("GROUPS", groups(account)?),
        ("PREFIX", quoted(text_of(wanted.prefix)?)),
        ("HOME", quoted(&format!("-{}", text_of(&account.home)?))),
        ("HOMES", homes.to_owned()),
        ("STATE", state),
        ("WRITABLE", writable),
        ("ADDRESSES", addresses(wanted.listen)),
        ("DOORS", doors(wanted.listen, wanted.port)),
    ]);
    Ok(values)
}

fn groups(account: &Account) -> Result<String, Unfit> {
    let groups = account.groups()?;
    if groups.is_empty() {
        return Ok(String::new());
    }
    Ok(format!("SupplementaryGroups={}", groups.join(" ")))
}

/// The folders that the service may change: its home, the models, and what the app puts
/// beside those (reference/app.md 4).
fn writable(wanted: &Wanted<'_>, account: &Account) -> Result<(String, String), Unfit> {
    let home = text_of(&account.home)?;
    let mut folders = Vec::new();
    let state = match account.home.strip_prefix("/var/lib") {
        Ok(name) if plain(text_of(name)?) => {
            format!("StateDirectory={}\nStateDirectoryMode=0750", text_of(name)?)
        }
        _ => {
            folders.push(quoted(&format!("-{home}")));
            String::new()
        }
    };
    if !wanted.models.starts_with(&account.home) {
        let beside = wanted.models.parent().unwrap_or(wanted.models);
        for folder in [wanted.models.to_owned(), beside.join("data"), beside.join("sessions")] {
            folders.push(quoted(&format!("-{}", text_of(&folder)?)));
        }
    }
    let written = folders.iter().map(|folder| format!("ReadWritePaths={folder}"));
    Ok((state, written.collect::<Vec<_>>().join("\n")))
}

/// A second rule that says the same as the socket's address.
fn addresses(listen: Listen) -> String {
    match listen {
        Listen::Loopback => "IPAddressDeny=any\nIPAddressAllow=localhost",
        Listen::Lan => "# No IPAddressDeny=: `listen` is \"lan\".",
    }
    .to_owned()
}

fn doors(listen: Listen, port: u16) -> String {
    let (v4, v6) = match listen {
        Listen::Loopback => ("127.0.0.1", "[::1]"),
        Listen::Lan => ("0.0.0.0", "[::]"),
    };
    format!("ListenStream={v4}:{port}\nListenStream={v6}:{port}")
}

/// Nothing in it means anything to systemd, in any place.
fn plain(text: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+:@,=~".contains(c);
    !text.is_empty() && text.chars().all(is_plain)
}

/// A specifier's sign stands for itself when it is written twice.
fn percent(text: &str) -> String {
    text.replace('%', "%%")
}

/// One word of a setting that takes several.
fn quoted(text: &str) -> String {
    if plain(text) {
        return text.to_owned();
    }
    format!("\"{}\"", percent(&text.replace('\\', r"\\").replace('"', "\\\"")))
}

/// The program of a command line. Behind a colon `$` means nothing. Quotes and
/// backslashes systemd takes in a word, but not in the name of a program.
fn program(path: &Path) -> Result<String, Unfit> {
    let text = text_of(path)?;
    if text.contains(['"', '\'', '\\']) {
        return Ok(format!(":/bin/sh -c 'exec \"$0\" \"$@\"' {}", quoted(text)));
    }
    let colon = if text.contains('$') { ":" } else { "" };
    Ok(quoted(&format!("{colon}{text}")))
}

/// A name that is taken as a pattern.
fn unglobbed(text: &str) -> String {
    let mut name = String::new();
    for c in text.chars() {
        if "\\*?[".contains(c) {
            name.push('\\');
        }
        name.push(c);
    }
    name
}

#[cfg(test)]
mod tests;
