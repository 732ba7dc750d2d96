//! Which models of the catalogue run in this memory, and which one to begin with. Pure.

use super::{Finding, Word};
use crate::report::units::bytes;
use offgrid_manifest::release::Model;
use serde_json::{Value, json};

/// What the system and other programs keep for themselves.
const KEPT: u64 = 1 << 30;

/// The catalogue, held against a machine. A model that does not say what it needs, and
/// every model where memory is not known, is in neither list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Models {
    /// Names, the largest first.
    pub fit: Vec<String>,
    /// Names.
    pub too_large: Vec<String>,
    /// The one to begin with: its makers' choice when it fits, else the largest that
    /// does; and its title and size.
    pub suggested: Option<(String, String, u64)>,
}

impl Models {
    /// Of these models, with so many bytes of memory.
    pub fn of(models: &[Model], memory: Option<u64>) -> Models {
        let fits = |model: &&Model| {
            let (needed, memory) = (model.memory_bytes?, memory?);
            Some(needed.saturating_add(KEPT) <= memory)
        };
        let mut fit: Vec<&Model> = models.iter().filter(|m| fits(m) == Some(true)).collect();
        fit.sort_by_key(|model| std::cmp::Reverse(model.memory_bytes));
        let first = fit.iter().find(|model| model.default).or_else(|| fit.first());
        Models {
            suggested: first.map(|model| (model.name.to_string(), model.title.clone(), model.size)),
            fit: fit.iter().map(|model| model.name.to_string()).collect(),
            too_large: models
                .iter()
                .filter(|model| fits(model) == Some(false))
                .map(|model| model.name.to_string())
                .collect(),
        }
    }

    /// As `plan --json` shows it.
    pub fn json(&self) -> Value {
        let name = self.suggested.as_ref().map(|(name, ..)| name);
        json!({"fit": self.fit, "too_large": self.too_large, "suggested": name})
    }

    /// As people read it, where there is one to suggest.
    pub fn line(&self) -> Option<String> {
        let (name, title, size) = self.suggested.as_ref()?;
        Some(format!("a model for this computer: {title}, {} (--model {name})", bytes(*size)))
    }

    /// What is to be said of the models that were named, or of all when none fits.
    pub fn judge(&self, wanted: &[String]) -> Vec<Finding> {
        let warn = |what: String| {
            let hint = match &self.suggested {
                Some((name, ..)) => format!("`{name}` fits this computer"),
                None => "a smaller model can be fetched by its name later".to_owned(),
            };
            Finding::new(Word::Warn("W_MODEL_MEMORY"), what, hint)
        };
        if self.fit.is_empty() && !self.too_large.is_empty() && wanted.is_empty() {
            return vec![warn("this computer has too little memory for every model".to_owned())];
        }
        let large = wanted.iter().filter(|name| self.too_large.contains(name));
        large
            .map(|name| warn(format!("the model `{name}` needs more memory than there is")))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models() -> Vec<Model> {
        let one = |name: &str, gib: Option<u64>, default: bool| {
            serde_json::from_value(json!({
                "name": name, "file": format!("{name}.gguf"), "sha256": "0".repeat(64), "size": 5,
                "urls": [], "license": "MIT", "title": format!("The {name}"), "default": default,
                "memory_bytes": gib.map(|gib| gib << 30),
            }))
            .unwrap()
        };
        vec![
            one("small", Some(2), false),
            one("middle", Some(6), true),
            one("large", Some(20), false),
            one("odd", None, false),
        ]
    }

    fn suggested(gib: u64) -> Option<String> {
        Models::of(&models(), Some(gib << 30)).suggested.map(|(name, ..)| name)
    }

    #[test]
    fn the_makers_choice_is_suggested_where_it_fits_else_the_largest_that_does() {
        assert_eq!(suggested(64).as_deref(), Some("middle"));
        assert_eq!(suggested(7).as_deref(), Some("middle"));
        assert_eq!(suggested(6).as_deref(), Some("small"), "the system needs some, too");
        assert_eq!(suggested(2), None);
        let all = Models::of(&models(), Some(64 << 30));
        assert_eq!(all.fit, ["large", "middle", "small"]);
        let some = Models::of(&models(), Some(8 << 30));
        assert_eq!((some.fit.len(), some.too_large), (2, vec!["large".to_owned()]));
        assert_eq!(Models::of(&models(), None), Models::default(), "nothing is guessed");
    }

    #[test]
    fn a_model_that_was_named_is_warned_of_and_the_others_are_not() {
        let found = |gib: u64, wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
            Models::of(&models(), Some(gib << 30)).judge(&wanted)
        };
        assert_eq!(found(8, &["small", "odd"]), []);
        let large = found(8, &["large"]);
        assert!(large.len() == 1 && large[0].line().contains("`large`"), "{large:?}");
        assert!(large[0].hint.as_ref().unwrap().contains("`middle` fits"), "{large:?}");
        assert_eq!(found(8, &[]), []);
        assert!(found(2, &[])[0].what.contains("every model"));
    }
}
