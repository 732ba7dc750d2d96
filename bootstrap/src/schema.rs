//! Who wrote a state file, and whether this program understands it (DESIGN 7, 12):
//! one refusal, in the same words, for everything in `state/` that only a newer
//! offgrid-setup can read.
//!
//! Owns those words. Never reads a file and never guesses at what it does not know.

use offgrid_manifest::{Code, Version};
use serde::{Deserialize, Deserializer};
use std::path::PathBuf;

/// A state file that this program does not understand. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.text())]
pub struct Error {
    /// The file.
    pub path: PathBuf,
    /// Who wrote it, as far as it says.
    pub by: Option<Version>,
    /// What of it is not understood.
    pub what: What,
}

/// What of a file is not understood.
#[derive(Debug)]
pub enum What {
    /// All of it: it has a later schema.
    Schema {
        /// The one it has.
        found: u64,
        /// The newest one that this program knows.
        known: u64,
    },
    /// One word of a known schema: the kind of a step, of an Undo or of a line.
    Word(serde_json::Error),
}

impl Error {
    fn text(&self) -> String {
        let own = own();
        let path = self.path.display();
        let writer = match &self.by {
            Some(by) if *by != own => format!("offgrid-setup {by}"),
            Some(_) => format!("another offgrid-setup {own}"),
            None => "a newer offgrid-setup".to_owned(),
        };
        match &self.what {
            What::Schema { found, known } => format!(
                "`{path}` was written by {writer} with schema {found}; this is {own}, which \
                 knows schema {known}"
            ),
            What::Word(error) => format!(
                "`{path}` was written by {writer}; this is {own}, which does not understand \
                 it: {}",
                word(error).unwrap_or_default()
            ),
        }
    }

    /// The stable name.
    pub fn code(&self) -> Code {
        Code::Schema
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let needed = match &self.by {
            Some(by) if *by > own() => format!("offgrid-setup {by} or newer"),
            _ => "a newer offgrid-setup".to_owned(),
        };
        let absolute = Some(&self.path).filter(|path| path.is_absolute());
        let prefix = absolute.and_then(|path| path.parent()?.parent());
        let installed = prefix.map(|prefix| {
            let program = prefix.join("bin").join(crate::platform::exe_name("offgrid"));
            format!("`{} self version` may be that; if not, ", program.display())
        });
        Some(format!(
            "nothing was changed; it takes {needed}: {}type the command that you installed \
             with, which fetches the newest",
            installed.unwrap_or_default()
        ))
    }
}

/// The version of this program, which it writes into every state file.
pub fn own() -> Version {
    // Cargo takes no version that is none.
    env!("CARGO_PKG_VERSION").parse().unwrap_or_else(|_| unreachable!("cargo checked it"))
}

/// What every state file says first, whatever else is in it.
#[derive(Debug, Deserialize)]
pub struct Opening {
    /// Its schema.
    pub schema: u64,
    /// Who wrote it; files of the first programs do not say.
    #[serde(default, deserialize_with = "version_or_none")]
    pub by: Option<Version>,
}

impl Opening {
    /// Refuses a schema above `known`.
    ///
    /// # Errors
    /// `E_SCHEMA`.
    pub fn check(&self, known: u64, path: &std::path::Path) -> Result<(), Error> {
        if self.schema <= known {
            return Ok(());
        }
        let what = What::Schema { found: self.schema, known };
        Err(Error { path: path.to_owned(), by: self.by.clone(), what })
    }
}

/// Whether a value could not be read because it has a kind that this program does
/// not know, and not because it is damaged.
pub fn is_unknown_kind(error: &serde_json::Error) -> bool {
    word(error).is_some()
}

/// What serde says of an enum's name that it does not know; the list of all that
/// it does know is left out.
fn word(error: &serde_json::Error) -> Option<String> {
    let text = error.to_string();
    let rest = text.strip_prefix("unknown variant `")?;
    let (name, _) = rest.split_once("`, expected")?;
    Some(format!("what is `{name}`?"))
}

/// For words alone, so that a version of a later form does no harm.
pub(crate) fn version_or_none<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Version>, D::Error> {
    let text = serde_json::Value::deserialize(from)?;
    Ok(text.as_str().and_then(|text| text.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::{Step, Undo};

    fn error(by: Option<&str>, what: What) -> Error {
        let by = by.map(|by| by.parse().unwrap());
        Error { path: "/p/state/receipt.json".into(), by, what }
    }

    #[test]
    fn the_version_that_is_needed_is_named() {
        let schema = || What::Schema { found: 2, known: 1 };
        let own = env!("CARGO_PKG_VERSION");
        let known = error(Some("9.4.0"), schema());
        assert_eq!(
            known.to_string(),
            format!(
                "`/p/state/receipt.json` was written by offgrid-setup 9.4.0 with schema 2; this \
                 is {own}, which knows schema 1"
            )
        );
        let hint = known.hint().unwrap();
        assert!(hint.contains("it takes offgrid-setup 9.4.0 or newer"), "{hint}");
        assert!(hint.contains("/p/bin/offgrid"), "{hint}");
        assert!(error(None, schema()).to_string().contains("by a newer offgrid-setup"));
        assert!(error(Some(own), schema()).to_string().contains("by another offgrid-setup"));
    }

    #[test]
    fn an_unknown_kind_is_told_from_damage() {
        let unknown = serde_json::from_str::<Step>(r#"{"frobnicate":{"path":"/p"}}"#);
        let unknown = unknown.unwrap_err();
        assert!(is_unknown_kind(&unknown));
        let text = error(Some("9.4.0"), What::Word(unknown)).to_string();
        assert!(text.ends_with("does not understand it: what is `frobnicate`?"), "{text}");
        let undo = serde_json::from_str::<Undo>(r#""everything""#).unwrap_err();
        assert!(is_unknown_kind(&undo));
        for damaged in [r#"{"make-dir":{"pth":"/p"}}"#, r#"{"make-dir":"#, "7", ""] {
            let error = serde_json::from_str::<Step>(damaged).unwrap_err();
            assert!(!is_unknown_kind(&error), "{damaged}: {error}");
        }
    }

    #[test]
    fn an_opening_needs_no_writer_and_no_version_that_we_know() {
        for (text, by) in [
            (r#"{"schema":1}"#, None),
            (r#"{"schema":1,"by":"0.4.0"}"#, Some("0.4.0")),
            (r#"{"schema":1,"by":"the fourth","more":[]}"#, None),
            (r#"{"schema":1,"by":{"major":4}}"#, None),
        ] {
            let opening: Opening = serde_json::from_str(text).unwrap();
            assert_eq!(opening.by.as_ref().map(|by| by.to_string()).as_deref(), by, "{text}");
            assert!(
                opening.check(1, "x".as_ref()).is_ok() && opening.check(0, "x".as_ref()).is_err()
            );
        }
    }
}
