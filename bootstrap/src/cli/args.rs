//! From words to what was typed. The only file that knows the parser crate.
//!
//! Owns the grammar: which word may stand where. Never looks anything up and
//! never decides what a value means: `settings` does.

use crate::settings::table::{self, Kind, Spec, TABLE};
use crate::settings::{Command, Error, Layer, Origin, Value, nearest, on_or_off};
use lexopt::{Arg, Parser};
use offgrid_manifest::Version;
use std::ffi::{OsStr, OsString};

/// What was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    /// What to do; none: the guided install, or help.
    pub command: Option<Command>,
    /// What the flags say.
    pub layer: Layer,
    /// Help was asked for, about the command if there is one.
    pub help: bool,
    /// This program's own version was asked for, by `--version` or `-V`.
    pub version: bool,
    /// The words after the command, checked: after `service` one of its words,
    /// after `model` `list`, or `install` or `remove` and names. What is meant
    /// when nothing is typed is filled in.
    pub rest: Vec<String>,
}

/// Parses the words after the program's name.
///
/// # Errors
/// Anything this program does not know, with what may have been meant.
pub fn parse(words: &[OsString]) -> Result<Parsed, Error> {
    let mut parser = Parser::from_args(words.iter().cloned());
    let mut parsed = Parsed::default();
    let mut used = Vec::new();
    while let Some(arg) = parser.next().map_err(leftover)? {
        let (spec, flag, value) = match arg {
            Arg::Short('h') | Arg::Long("help") => {
                parsed.help = true;
                continue;
            }
            Arg::Short('V') => {
                parsed.version = true;
                continue;
            }
            Arg::Value(word) => {
                positional(&mut parsed, word)?;
                continue;
            }
            // Only switches have a letter: what stands behind it are others.
            Arg::Short(short) => {
                let spec = table::by_short(short);
                let spec = spec.ok_or_else(|| unknown_flag(&format!("-{short}")))?;
                (spec, spec.flag, Value::Switch(true))
            }
            Arg::Long(name) => {
                let typed = format!("--{name}");
                if typed == "--version" && asks_own_version(&mut parser, &parsed) {
                    parsed.version = true;
                    continue;
                }
                let (spec, flag) = known(&typed).ok_or_else(|| unknown_flag(&typed))?;
                (spec, flag, value(&mut parser, &parsed.layer, spec, flag)?)
            }
        };
        parsed.layer.put(spec, value, Origin::Flag(flag));
        used.push((spec, flag));
    }
    if !parsed.help && !parsed.version {
        finish(&mut parsed, &used)?;
    }
    Ok(parsed)
}

fn known(flag: &str) -> Option<(&'static Spec, &'static str)> {
    let spec = table::by_flag(flag)?;
    Some((spec, spec.flags().into_iter().find(|own| *own == flag)?))
}

fn unknown_flag(typed: &str) -> Error {
    let known = TABLE.iter().flat_map(Spec::flags).chain(["--help"]);
    Error::UnknownFlag { flag: typed.escape_debug().to_string(), near: nearest(typed, known) }
}

/// `--version` before any command asks for our own, unless a release follows.
fn asks_own_version(parser: &mut Parser, parsed: &Parsed) -> bool {
    if parsed.command.is_some() {
        return false;
    }
    // No raw words: there is a value behind `=`.
    let Some(words) = parser.try_raw_args() else { return false };
    words.peek().and_then(OsStr::to_str).is_none_or(|word| word.parse::<Version>().is_err())
}

/// The value of a flag, of the shape that its option has.
fn value(
    parser: &mut Parser,
    layer: &Layer,
    spec: &'static Spec,
    flag: &'static str,
) -> Result<Value, Error> {
    let origin = Origin::Flag(flag);
    Ok(match spec.kind {
        Kind::Switch | Kind::NoSwitch => {
            let on = match parser.optional_value() {
                Some(word) => on_or_off(&word.to_string_lossy(), &origin)?,
                None => true,
            };
            Value::Switch(on == (spec.kind == Kind::Switch))
        }
        Kind::Flags(all) => {
            let word = all.iter().find(|(own, _)| *own == flag).map_or("", |(_, word)| word);
            alone(layer, spec, Value::Text(word.into()), origin)?
        }
        Kind::OneOr { switch, on_off: [on, off], .. } if flag == switch => {
            let word = parser.optional_value();
            let is_on = word.map(|word| on_or_off(&word.to_string_lossy(), &origin)).transpose()?;
            let value = Value::Text(if is_on.unwrap_or(true) { on } else { off }.into());
            alone(layer, spec, value, origin)?
        }
        Kind::OneOr { arg, .. } => {
            alone(layer, spec, Value::Text(word(parser, flag, arg)?), origin)?
        }
        Kind::Text { arg } => Value::Text(word(parser, flag, arg)?),
        Kind::List { arg } => Value::List(vec![word(parser, flag, arg)?]),
    })
}

/// Of an option with several flags only one thing may be said.
fn alone(layer: &Layer, spec: &Spec, value: Value, origin: Origin) -> Result<Value, Error> {
    match layer.get(spec).filter(|other| other.value != value) {
        Some(other) => Err(Error::Conflict(other.origin.clone(), origin)),
        None => Ok(value),
    }
}

/// The word that a flag needs. What looks like another flag is none, unless it
/// stands behind `=`.
fn word(parser: &mut Parser, flag: &'static str, arg: &'static str) -> Result<OsString, Error> {
    let missing = Error::MissingValue { flag, arg };
    if let Some(mut words) = parser.try_raw_args() {
        let value = words.next_if(|word| !word.as_encoded_bytes().starts_with(b"--"));
        return value.ok_or(missing);
    }
    parser.value().map_err(|_| missing)
}

/// What the parser itself refuses: a value behind a flag that has none.
fn leftover(error: lexopt::Error) -> Error {
    match error {
        lexopt::Error::UnexpectedValue { option, value } => {
            let value = value.to_string_lossy().escape_debug().to_string();
            Error::NoValue { flag: option, value }
        }
        other => unknown_flag(&other.to_string()),
    }
}

/// A word that is no option: the command, or one after it.
fn positional(parsed: &mut Parsed, word: OsString) -> Result<(), Error> {
    let text = word.to_string_lossy().into_owned();
    let Some(command) = parsed.command else {
        // The other word for it on Windows.
        if text == "help" || text == "/?" {
            parsed.help = true;
            return Ok(());
        }
        parsed.command = Some(Command::of_word(&text).ok_or_else(|| {
            let known = Command::ALL.iter().map(|command| command.word()).chain(["help"]);
            let near = nearest(&text, known);
            Error::UnknownCommand { word: text.escape_debug().to_string(), near }
        })?);
        return Ok(());
    };
    let extra = |instead| Error::ExtraWord {
        command: command.word(),
        word: text.escape_debug().to_string(),
        instead,
    };
    let fits = match parsed.rest.first() {
        None => command.verbs().contains(&text.as_str()),
        Some(verb) => {
            command.verb_takes_names(verb) && text.parse::<offgrid_manifest::Id>().is_ok()
        }
    };
    // After help, what follows the command does not matter.
    if !fits && !parsed.help {
        return Err(extra(instead(parsed, command, &text)));
    }
    parsed.rest.push(text);
    Ok(())
}

/// What to type instead of a word that has no place.
fn instead(parsed: &Parsed, command: Command, text: &str) -> Option<String> {
    let choosing = table::by_flag("--version").is_some_and(|spec| spec.fits(Some(command)));
    let shown = |verb: &&&str| command.verb_is_shown(verb);
    let verbs: Vec<&str> = command.verbs().iter().filter(shown).copied().collect();
    match parsed.rest.first() {
        None if command == Command::Rollback && text.parse::<Version>().is_ok() => {
            Some(format!("to choose a release: `rollback --to {text}`"))
        }
        None if choosing && text.parse::<Version>().is_ok() => {
            Some(format!("to choose a release: `{} --version {text}`", command.word()))
        }
        None if !verbs.is_empty() => Some(match nearest(text, verbs.iter().copied()) {
            Some(near) => format!("did you mean `{} {near}`?", command.word()),
            None => format!("it knows {}", verbs.join(", ")),
        }),
        Some(verb) if command.verb_takes_names(verb) => {
            Some("names are of a-z, 0-9, `.`, `_` and `-`; `model list` shows them".to_owned())
        }
        _ => None,
    }
}

/// What can only be said once all words are read.
fn finish(parsed: &mut Parsed, used: &[(&'static Spec, &'static str)]) -> Result<(), Error> {
    if let Some((spec, flag)) = used.iter().find(|(spec, _)| !spec.fits(parsed.command)) {
        let names: Vec<_> = spec.commands.iter().map(|c| format!("`{}`", c.word())).collect();
        let belongs = names.join(", ");
        return Err(match parsed.command.map(Command::word) {
            Some(command) => Error::WrongCommand { flag, command, belongs },
            None => Error::NeedsCommand { flag, belongs },
        });
    }
    let Some(command) = parsed.command else { return Ok(()) };
    if parsed.rest.is_empty() {
        parsed.rest.extend(command.verbs().first().map(|verb| (*verb).to_owned()));
    }
    if let [verb] = parsed.rest.as_slice()
        && command.verb_takes_names(verb)
        && let Some(verb) = command.verbs().iter().find(|own| *own == verb)
    {
        return Err(Error::NeedsName { command: command.word(), verb });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &str) -> Result<Parsed, Error> {
        parse(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn flags_stand_before_and_after_the_command() {
        let both = [
            "-y --source a --source=b install --version 1.0.0",
            "--version 1.0.0 install --source a -y --source b --",
        ];
        assert_eq!(typed(both[0]), typed(both[1]));
        let parsed = typed(both[0]).unwrap();
        assert_eq!(parsed.command, Some(Command::Install));
        let source = parsed.layer.get(table::by_flag("--source").unwrap()).unwrap();
        assert_eq!(source.value, Value::List(vec!["a".into(), "b".into()]));
        assert_eq!(typed("-yq").unwrap(), typed("--yes --quiet").unwrap());
        assert_ne!(typed("--yes=false").unwrap(), typed("--yes").unwrap());
    }

    #[test]
    fn every_flag_is_taken_by_every_command_it_belongs_to_and_no_other() {
        for spec in TABLE {
            for command in Command::ALL {
                let names = if *command == Command::Model { "list" } else { "" };
                for flag in spec.flags() {
                    let takes = spec.arg().is_some() && flag != "--reuse-llama";
                    let value = if takes { "=1.0.0" } else { "" };
                    let line = format!("{} {names} {flag}{value}", command.word());
                    match typed(&line) {
                        Ok(_) => assert!(spec.fits(Some(*command)), "{line}"),
                        Err(Error::WrongCommand { .. }) => assert!(!spec.fits(Some(*command))),
                        Err(error) => panic!("{line}: {error}"),
                    }
                }
            }
        }
    }

    #[test]
    fn help_and_version_are_asked_for_in_many_ways() {
        for line in ["help update", "update --help", "-h update", "--help help update"] {
            let parsed = typed(line).unwrap();
            assert!(parsed.help, "{line}");
            assert_eq!(parsed.command, Some(Command::Update), "{line}");
        }
        for line in ["--version", "-V", "--version install", "install -V"] {
            assert!(typed(line).unwrap().version, "{line}");
        }
        assert!(typed("help").unwrap().help && !typed("").unwrap().help);
        assert!(!typed("plan --version 0.3.0").unwrap().version);
    }
}
