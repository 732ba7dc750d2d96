//! What one place says: the command line, the variables, one file. Everything
//! in it is optional and still as it was given.
//!
//! Owns the way from a place to values of the right shape. Never says which
//! place wins, nor what a value means: `settle` does.

use super::error::Error;
use super::near::nearest;
use super::table::{self, Kind, Spec, TABLE};
use crate::env::Env;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value as it was given. Paths may be no UTF-8, so it stays what the system
/// gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// On or off.
    Switch(bool),
    /// One.
    Text(OsString),
    /// Several.
    List(Vec<OsString>),
}

/// Where a value stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// On the command line.
    Flag(&'static str),
    /// In the environment.
    Var(&'static str),
    /// In a file.
    Key {
        /// `channel`
        key: &'static str,
        /// Which.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(name) | Origin::Var(name) => write!(f, "`{name}`"),
            Origin::Key { key, path, line } => {
                write!(f, "`{key}` in `{}`, line {line}", path.display())
            }
        }
    }
}

/// A value and where it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// As given.
    pub value: Value,
    /// Where.
    pub origin: Origin,
}

/// What one place says, by [`Spec::flag`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layer(BTreeMap<&'static str, Given>);

/// The two layers of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct FileLayers {
    /// What it asks for.
    pub settings: Layer,
    /// Its `[enforce]` table: what it insists on, and in which line it starts.
    pub enforce: Option<(usize, Layer)>,
}

impl Layer {
    /// What it says about an option.
    pub fn get(&self, spec: &Spec) -> Option<&Given> {
        self.0.get(spec.flag)
    }

    /// Takes a value; a list grows, anything else is replaced.
    pub fn put(&mut self, spec: &'static Spec, value: Value, origin: Origin) {
        match (self.0.get_mut(spec.flag), value) {
            (Some(Given { value: Value::List(all), .. }), Value::List(more)) => all.extend(more),
            (_, value) => drop(self.0.insert(spec.flag, Given { value, origin })),
        }
    }

    /// What the variables say; empty ones say nothing.
    ///
    /// # Errors
    /// A switch that is neither on nor off.
    pub fn from_vars(env: &Env) -> Result<Layer, Error> {
        let mut layer = Layer::default();
        for spec in TABLE {
            let Some((name, word)) = spec.var.and_then(|name| Some((name, env.var(name)?))) else {
                continue;
            };
            let origin = Origin::Var(name);
            let value = match spec.kind {
                Kind::Switch | Kind::NoSwitch => {
                    Value::Switch(on_or_off(&word.to_string_lossy(), &origin)?)
                }
                Kind::Text { .. } | Kind::OneOr { .. } | Kind::Flags(_) => {
                    Value::Text(word.clone())
                }
                Kind::List { .. } => Value::List(at_commas(word)),
            };
            layer.put(spec, value, origin);
        }
        // https://no-color.org: any value but the empty one.
        if let (Some(spec), Some(_)) = (table::by_key("color"), env.var("NO_COLOR"))
            && layer.get(spec).is_none()
        {
            layer.put(spec, Value::Switch(false), Origin::Var("NO_COLOR"));
        }
        Ok(layer)
    }

    /// What a file says. Opens nothing: `path` is for messages.
    ///
    /// # Errors
    /// Text that is no TOML, a key that is no setting, a value of another type.
    pub fn from_toml(path: &Path, text: &str) -> Result<FileLayers, Error> {
        let file = File { path, text: text.strip_prefix('\u{feff}').unwrap_or(text) };
        let mut layers = FileLayers::default();
        for (key, value) in file.parse()?.get_ref() {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("enforce", DeValue::Table(inner)) => {
                    let mut layer = Layer::default();
                    for (key, value) in inner {
                        file.take(&mut layer, key, value)?;
                    }
                    layers.enforce = Some((file.line(key.span().start), layer));
                }
                _ => file.take(&mut layers.settings, key, value)?,
            }
        }
        Ok(layers)
    }
}

/// Reads a switch.
pub(crate) fn on_or_off(word: &str, origin: &Origin) -> Result<bool, Error> {
    match word.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(Error::BadValue {
            origin: origin.clone(),
            value: word.escape_debug().to_string(),
            wants: "`true` or `false`".to_owned(),
        }),
    }
}

/// The parts of a list in a variable. Text that is no UTF-8 is one part.
fn at_commas(word: &OsString) -> Vec<OsString> {
    match word.to_str() {
        Some(text) => text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(OsString::from)
            .collect(),
        None => vec![word.clone()],
    }
}

struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

impl<'a> File<'a> {
    fn parse(&self) -> Result<Spanned<DeTable<'a>>, Error> {
        DeTable::parse(self.text).map_err(|error| Error::BadFile {
            path: self.path.to_owned(),
            line: self.line(error.span().map_or(0, |span| span.start)),
            why: format!("not TOML: {}", error.message()),
        })
    }

    fn line(&self, at: usize) -> usize {
        self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
    }

    fn take(
        &self,
        layer: &mut Layer,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<(), Error> {
        let (word, line) = (key.get_ref().as_ref(), self.line(key.span().start));
        let Some((spec, key)) = table::by_key(word).and_then(|spec| Some((spec, spec.key?))) else {
            let known = TABLE.iter().filter_map(|spec| spec.key).chain(["enforce"]);
            return Err(Error::UnknownKey {
                path: self.path.to_owned(),
                line,
                key: word.escape_debug().to_string(),
                near: nearest(word, known),
            });
        };
        let origin = Origin::Key { key, path: self.path.to_owned(), line };
        let value = value.get_ref();
        let given = match spec.kind {
            Kind::Switch | Kind::NoSwitch => value.as_bool().map(Value::Switch),
            Kind::Text { .. } | Kind::OneOr { .. } | Kind::Flags(_) => {
                plain(value).map(Value::Text)
            }
            Kind::List { .. } => match value {
                DeValue::Array(all) => {
                    all.iter().map(|one| plain(one.get_ref())).collect::<Option<_>>()
                }
                one => plain(one).map(|one| vec![one]),
            }
            .map(Value::List),
        };
        let Some(given) = given else {
            return Err(Error::BadValue {
                origin,
                value: value.type_str().to_owned(),
                wants: match spec.kind {
                    Kind::Switch | Kind::NoSwitch => "true or false, without quotes",
                    Kind::List { .. } => "a text in quotes, or several in [ ]",
                    Kind::Text { .. } | Kind::OneOr { .. } | Kind::Flags(_) => "a text in quotes",
                }
                .to_owned(),
            });
        };
        layer.put(spec, given, origin);
        Ok(())
    }
}

/// A text or a plain number.
fn plain(value: &DeValue<'_>) -> Option<OsString> {
    match value {
        DeValue::String(text) => Some(OsString::from(text.as_ref())),
        DeValue::Integer(number) if number.radix() == 10 => Some(OsString::from(number.as_str())),
        _ => None,
    }
}
