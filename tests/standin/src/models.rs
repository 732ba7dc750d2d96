//! The models folder. Owns which files are models and which one a request
//! means; never opens a model.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Model {
    /// The file's stem: what a request names.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
}

/// The models of a folder by name; none if it cannot be read.
pub(crate) fn list(folder: &Path) -> Vec<Model> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries.filter_map(|entry| model(entry.path())).collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

fn model(path: PathBuf) -> Option<Model> {
    if path.extension()? != "gguf" {
        return None;
    }
    let name = path.file_stem()?.to_str()?.to_owned();
    let facts = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
    Some(Model { name, path, size: facts.len() })
}

/// The wanted model, else the default one, else the first.
pub(crate) fn choose<'m>(
    models: &'m [Model],
    wanted: Option<&str>,
    default: Option<&str>,
) -> Option<&'m Model> {
    let named = |name: &str| {
        models.iter().find(|model| model.name == name.strip_suffix(".gguf").unwrap_or(name))
    };
    wanted.and_then(named).or_else(|| default.and_then(named)).or_else(|| models.first())
}

/// The list as the API and `list --json` show it.
pub(crate) fn to_json(models: &[Model]) -> Value {
    let entries: Vec<_> = models
        .iter()
        .map(|model| {
            json!({
                "id": model.name,
                "object": "model",
                "owned_by": "offgrid stand-in",
                "size": model.size,
            })
        })
        .collect();
    json!({ "object": "list", "data": entries })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Model, choose};

    #[test]
    fn a_request_gets_the_named_model_or_the_default_or_the_first() {
        let models = ["a", "b", "c"].map(|name| Model {
            name: name.to_owned(),
            path: PathBuf::new(),
            size: 0,
        });
        let chosen = |wanted, default| choose(&models, wanted, default).unwrap().name.clone();
        assert_eq!(chosen(Some("b"), None), "b");
        assert_eq!(chosen(Some("b.gguf"), None), "b");
        assert_eq!(chosen(Some("x"), Some("c")), "c");
        assert_eq!(chosen(None, None), "a");
        assert_eq!(choose(&[], Some("a"), None), None);
    }
}
