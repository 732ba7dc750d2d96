//! What can be wrong with words, variables and settings files.
//!
//! Owns the texts that a person reads after a slip. Every one of them is
//! E_USAGE, and nothing was touched.

use super::layer::Origin;
use offgrid_manifest::Code;
use std::path::PathBuf;

/// Any of it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    #[error("`{word}` is not a command")]
    UnknownCommand { word: String, near: Option<&'static str> },
    #[error("`{flag}` is not an option")]
    UnknownFlag { flag: String, near: Option<&'static str> },
    #[error("`{flag}` does not belong to `{command}`, only to {belongs}")]
    WrongCommand { flag: &'static str, command: &'static str, belongs: String },
    #[error("`{flag}` needs a command in front of it: {belongs}")]
    NeedsCommand { flag: &'static str, belongs: String },
    #[error("`{flag}` needs a value: {flag} {arg}")]
    MissingValue { flag: &'static str, arg: &'static str },
    #[error("`{flag}` takes no value, but `{value}` was given")]
    NoValue { flag: String, value: String },
    #[error("`{command}` does not know what to do with `{word}`")]
    ExtraWord { command: &'static str, word: String, instead: Option<String> },
    #[error("`{command} {verb}` needs the name of a model")]
    NeedsName { command: &'static str, verb: &'static str },
    #[error("{0} and {1} exclude each other")]
    Conflict(Origin, Origin),
    #[error("{origin}: `{value}` is not {wants}")]
    BadValue { origin: Origin, value: String, wants: String },
    #[error("{origin}: `{path}` cannot be used: {why}")]
    BadPath { origin: Origin, path: String, why: &'static str },
    #[error("`{}`, line {line}: `{key}` is not a setting", path.display())]
    UnknownKey { path: PathBuf, line: usize, key: String, near: Option<&'static str> },
    #[error("`{}`, line {line}: {why}", path.display())]
    BadFile { path: PathBuf, line: usize, why: String },
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        Code::Usage
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        const HELP: &str = "type `offgrid-setup --help`";
        let meant = |near: &Option<&str>, else_: &str| match near {
            Some(near) => format!("did you mean `{near}`? Otherwise {else_}"),
            None => else_.to_owned(),
        };
        match self {
            Error::UnknownCommand { word, .. } if word == "self" => {
                Some("leave `self` out: it stands only behind `offgrid`".to_owned())
            }
            Error::UnknownCommand { near, .. } | Error::UnknownFlag { near, .. } => {
                Some(meant(near, HELP))
            }
            Error::UnknownKey { near, .. } => Some(meant(
                near,
                "take the line out: a key is an option without its dashes, like `accept_stale`",
            )),
            Error::WrongCommand { command, .. } | Error::NeedsName { command, .. } => {
                Some(format!("type `offgrid-setup help {command}`"))
            }
            Error::ExtraWord { instead: Some(instead), .. } => Some(instead.clone()),
            Error::ExtraWord { command, .. } => {
                Some(format!("type `offgrid-setup help {command}`"))
            }
            Error::MissingValue { .. } | Error::NoValue { .. } | Error::NeedsCommand { .. } => {
                Some(HELP.to_owned())
            }
            Error::Conflict(..) => Some("keep one of the two".to_owned()),
            Error::BadFile { path, .. } => Some(format!("open `{}` and mend it", path.display())),
            Error::BadValue { origin, .. } | Error::BadPath { origin, .. } => Some(match origin {
                Origin::Flag(flag) => format!("give {flag} another value; {HELP} to see which"),
                Origin::Var(name) => format!("change the variable or take it away: unset {name}"),
                Origin::Key { path, .. } => format!("open `{}` and mend it", path.display()),
            }),
        }
    }
}
