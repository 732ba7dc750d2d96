//! Commands: what was typed becomes a run and one exit code. One file for each
//! command; this one parses, settles, dispatches and ends.

pub mod args;
pub mod help;

mod adopt;
mod aim;
mod back;
mod believe;
mod change;
mod changed;
mod consent;
mod converge;
mod doctor;
mod engine;
mod first;
mod guide;
mod history;
mod install;
mod known;
mod look;
mod manage;
mod model;
mod newer;
mod own;
mod packaged;
mod path;
mod place;
mod ready;
mod refuse;
mod repair;
mod rollback;
mod room;
mod scheduled;
mod serve;
mod session;
mod stage;
mod tidy;
mod told;
mod trust;
mod turn;
mod uninstall;
mod update;
mod verify;

pub use refuse::Error;

use crate::dispatch;
use crate::env::Env;
use crate::error::Error as Any;
use crate::event::{Ending, Event, Sink};
use crate::report::{Reporter, Style};
use crate::service::supervise;
use crate::settings::{Command, Settings};
use crate::{platform, source};
use args::Parsed;
use session::Session;
use std::path::PathBuf;
use std::process::ExitCode;

/// Runs the program.
pub fn main(env: Env) -> ExitCode {
    ExitCode::from(run(env))
}

fn run(mut env: Env) -> u8 {
    if dispatch::called_as_app(&env) {
        match dispatch::is_ours(&env.args) {
            Some(words) => env.args = words,
            None => return as_app(&env),
        }
    }
    if let Some(words) = supervise::inside(&env.args) {
        let ran = supervise::run_inside(words);
        return ran.unwrap_or_else(|error| fail(&env, error));
    }
    let parsed = match args::parse(&env.args) {
        Ok(parsed) => parsed,
        Err(error) => return fail(&env, error.into()),
    };
    let name = name_of(&env);
    if parsed.help {
        let text = match &parsed.command {
            Some(command) => help::command(&name, *command),
            None => help::overview(&name),
        };
        plain_reporter(&env).result(&serde_json::json!({"v": 1, "help": text}), &text);
        return 0;
    }
    if let Some(ended) = first::above(&env, &parsed) {
        return ended.unwrap_or_else(|error| fail(&env, error));
    }
    let settings = match settle(&parsed, &env) {
        Ok(settings) => settings,
        Err(error) => return fail(&env, error),
    };
    let reporter = reporter(&env, &settings);
    let result = command(&env, &parsed, &settings, &reporter);
    let word = parsed.command.map_or("install", Command::word);
    match result {
        // Results were printed; only commands that change things have an ending.
        Ok(None) => 0,
        Ok(Some(ending)) => reporter.ended(word, &Ok(ending)),
        Err(error) => reporter.ended(word, &Err(error)),
    }
}

/// The installed program under the app's name: every word but ours goes there.
fn as_app(env: &Env) -> u8 {
    let place = place::place_of(env, None, None);
    let say = |what: &str| {
        plain_reporter(env).event(&Event::Noted { what, hint: None, code: Some("W_ENGINE") });
    };
    let result = place.and_then(|place| dispatch::app(env, &place.store, &place.models, &say));
    match result {
        Ok(never) => match never {},
        Err(error) => fail(env, error),
    }
}

fn command(
    env: &Env,
    parsed: &Parsed,
    settings: &Settings,
    reporter: &Reporter,
) -> Result<Option<Ending>, Any> {
    let word = parsed.command.map_or("install", Command::word);
    let session = Session::new(env, settings, reporter, word)?;
    if parsed.version {
        return look::version(&session).map(|()| None);
    }
    let Some(command) = &parsed.command else { return guided(&session) };
    let result = one(&session, *command, parsed);
    if !command.is_hidden() && !matches!(command, Command::Selftest | Command::Service) {
        told::tell(&session);
    }
    result
}

fn one(session: &Session<'_>, command: Command, parsed: &Parsed) -> Result<Option<Ending>, Any> {
    let ending = match command {
        Command::Detect => return look::detect(session).map(|()| None),
        Command::Doctor => return doctor::run(session).map(|()| None),
        Command::Status if session.settings.history => {
            return history::show(session).map(|()| None);
        }
        Command::Status => return look::status(session).map(|()| None),
        Command::Version => return look::version(session).map(|()| None),
        Command::Plan => return look::plan(session).map(|()| None),
        Command::Verify => verify::run(session)?,
        Command::Install => install::run(session)?,
        Command::Update => update::run(session)?,
        Command::Rollback => rollback::run(session)?,
        Command::Repair => repair::run(session)?,
        Command::Uninstall => uninstall::run(session)?,
        Command::Model => return model::run(session, &parsed.rest),
        Command::Selftest => own::selftest(session)?,
        Command::Trust => return trust::run(session, &parsed.rest),
        Command::Service => return serve::run(session, &parsed.rest),
        Command::Stage => stage::run(session)?,
    };
    Ok(Some(ending))
}

/// No words: a person at a terminal is guided; a script gets the help and exit 2.
fn guided(session: &Session<'_>) -> Result<Option<Ending>, Any> {
    if !session.env.can_ask {
        return Err(Error::NoCommand { help: help::overview(&name_of(session.env)) }.into());
    }
    if !matches!(newer::receipt(session)?, newer::Read::Known(None)) {
        return look::status(session).map(|()| None);
    }
    install::run(session).map(Some)
}

/// Reads the settings files and puts everything in order.
fn settle(parsed: &Parsed, env: &Env) -> Result<Settings, Any> {
    let mut files: Vec<(PathBuf, String, bool)> = Vec::new();
    // A child that fetches for root is told everything, and may read none of them.
    let told = parsed.command.is_some_and(Command::is_hidden);
    for (folder, is_system) in place::config_dirs(env).into_iter().filter(|_| !told) {
        let path = folder.join("setup.toml");
        if is_system {
            administrators_alone(&[&folder, &path])?;
        }
        if let Some(bytes) = crate::disk::read(&path, 1024 * 1024)? {
            files.push((path, String::from_utf8_lossy(&bytes).into_owned(), is_system));
        }
    }
    Ok(Settings::settle(parsed, env, &files)?)
}

/// The system's settings may enforce some on everybody, so nobody but an
/// administrator may write them (reference/trust.md L12).
fn administrators_alone(paths: &[&PathBuf]) -> Result<(), Any> {
    for path in paths {
        let writable = platform::writable_by_any_other(path);
        if let Some(why) = crate::disk::at("look at", path, writable)? {
            return Err(Error::LoosePolicy { path: (*path).clone(), why }.into());
        }
    }
    Ok(())
}

fn name_of(env: &Env) -> String {
    if dispatch::called_as_app(env) {
        "offgrid self".to_owned()
    } else {
        "offgrid-setup".to_owned()
    }
}

/// Ends with an error before the settings are known.
fn fail(env: &Env, error: Any) -> u8 {
    plain_reporter(env).ended("", &Err(error))
}

/// By what was typed alone.
fn plain_reporter(env: &Env) -> Reporter {
    let typed = |flag: &str| env.args.iter().any(|word| word == flag);
    let style = Style::of(env);
    let color = style.color && !typed("--no-color");
    Reporter::new(Style { json: typed("--json"), color, ..style })
}

fn reporter(env: &Env, settings: &Settings) -> Reporter {
    let style = Style::of(env);
    let Settings { json, quiet, verbose, .. } = *settings;
    let color = style.color && settings.color;
    Reporter::new(Style { json, quiet, verbose, color, ..style })
}

/// Lets ctrl-c, a closed terminal and a stop request end the command in order. One
/// that was ignored when we began stays ignored, as everywhere.
fn heed_signals(stop: &source::Stop) -> Result<(), Any> {
    use platform::Caught::{HangUp, Interrupt, Terminate};
    let stop = stop.clone();
    let kinds = [Interrupt, Terminate, HangUp];
    let kinds: Vec<_> = kinds.into_iter().filter(|kind| !platform::is_ignored(*kind)).collect();
    let watching = platform::on_signal(&kinds, move |_| stop.set());
    Ok(crate::disk::at("listen for signals at", &PathBuf::from("this process"), watching)?)
}
