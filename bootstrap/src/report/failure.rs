//! An error told once: its name, what it says, its causes and what to do, for
//! people and as the `error` member of `ended`. Prints nothing itself.

use super::style::{Paint, Style};
use super::text;
use serde_json::{Value, json};

/// What of an error is told.
#[derive(Debug)]
pub(super) struct Failure {
    code: &'static str,
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
}

impl From<&crate::Error> for Failure {
    fn from(error: &crate::Error) -> Failure {
        let message = error.to_string();
        let causes = causes(error, &message);
        Failure { code: error.code().name(), message, causes, hint: error.hint() }
    }
}

impl Failure {
    /// For people; more than one line.
    pub(super) fn human(&self, style: Style) -> String {
        let mut told = style.paint(Paint::Bad, &format!("error[{}]", self.code));
        told.push_str(": ");
        told.push_str(&text::lines(&self.message, "  "));
        for cause in &self.causes {
            told.push_str("\n  caused by: ");
            told.push_str(&text::lines(cause, "    "));
        }
        if let Some(hint) = &self.hint {
            told.push_str("\n\n");
            told.push_str(&style.paint(Paint::Good, "hint"));
            told.push_str(": ");
            told.push_str(&text::lines(hint, "  "));
        }
        told
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        json!({
            "code": self.code,
            "message": self.message,
            "causes": self.causes,
            "hint": self.hint,
        })
    }
}

/// The texts of the source chain. A level that only passes its source on
/// (`#[error(transparent)]`), or that has it in its own text, is not repeated.
fn causes(error: &dyn std::error::Error, message: &str) -> Vec<String> {
    let mut told: Vec<String> = vec![message.to_owned()];
    let mut next = error.source();
    while let Some(source) = next {
        let cause = source.to_string();
        if !told.iter().any(|text| text.ends_with(&cause)) {
            told.push(cause);
        }
        next = source.source();
    }
    told.split_off(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, disk, run, store};
    use offgrid_manifest::Code;
    use std::io;

    fn denied() -> disk::Error {
        let source = io::Error::new(io::ErrorKind::PermissionDenied, "no such luck");
        disk::Error { op: "write", path: "/opt/\u{1b}[2J/x".into(), source }
    }

    #[test]
    fn the_chain_is_told_once_through_transparent_levels() {
        let error = Error::from(store::Error::from(denied()));
        let failure = Failure::from(&error);
        assert_eq!(failure.code, error.code().name());
        assert_eq!(failure.causes, ["no such luck"]);
        let told = failure.human(Style::default());
        assert!(told.starts_with(&format!("error[{}]: ", failure.code)), "{told}");
        assert_eq!(told.matches("no such luck").count(), 1, "{told}");
        assert!(told.contains("\n  caused by: no such luck"), "{told}");
        assert!(told.contains("\\u{1b}[2J") && !told.contains('\u{1b}'), "{told}");
    }

    #[test]
    fn a_nested_error_is_a_cause_with_its_own_causes() {
        let error = Error::from(run::Error::Unfinished { source: Box::new(denied().into()) });
        let failure = Failure::from(&error);
        assert_eq!(failure.message, "the run could not be taken back");
        assert_eq!(failure.causes.len(), 2, "{:?}", failure.causes);
        let told = failure.human(Style::default());
        assert!(told.ends_with("\n\nhint: the journal is kept; type `offgrid repair --yes`"));
    }

    #[test]
    fn the_json_has_every_member() {
        let error = offgrid_manifest::Error::new(Code::Parse, "head.json: no\nhint: trust me");
        let error = Error::from(error);
        let failure = Failure::from(&error);
        let value = failure.json();
        assert_eq!(value["code"], "E_PARSE");
        assert_eq!(value["message"], "head.json: no\nhint: trust me");
        assert_eq!(value["causes"], json!([]));
        assert!(value["hint"].is_string());
        // No text from outside begins a line.
        assert!(failure.human(Style::default()).contains("no\n  hint: trust me\n\nhint: "));
    }
}
