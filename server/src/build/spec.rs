//! `release.toml` as it is typed. Reads and refuses; looks at no other file.

use crate::disk;
use offgrid_manifest::release::Folder;
use offgrid_manifest::{Code, Digest, Id, Target, TreePath, Version, needs};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The largest release.toml.
const SIZE_MAX: u64 = 1 << 20;
/// The keys of `needs` that the bootstrapper of this version can judge or name.
const NEEDS: [&str; 12] = [
    "os", "glibc", "musl", "cpu", "memory", "disk", "nvidia", "amd", "intel", "vulkan", "metal",
    "libs",
];

/// What is wrong with the file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such file.
    #[error("there is no `{}`", .0.display())]
    Missing(PathBuf),
    /// It cannot be read, with the line.
    #[error("`{}`, line {line}: {message}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// Something that does not fit together.
    #[error("`{}`: {message}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What.
        message: String,
    },
    /// A file operation.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

impl Error {
    /// What is wrong at this byte of the text.
    pub(crate) fn line(path: &Path, text: &str, at: usize, message: &str) -> Error {
        let before = &text.as_bytes()[..at.min(text.len())];
        let line = before.iter().filter(|&&c| c == b'\n').count() + 1;
        Error::Line { path: path.to_owned(), line, message: message.to_owned() }
    }

    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Missing(_) | Error::Line { .. } | Error::Wrong { .. } => Code::Usage,
            Error::Disk(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Disk(error) => error.hint(),
            _ => None,
        }
    }
}

/// A value that is written as text, in any of the spellings people use.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Typed<T>(pub(crate) T);

impl<'de, T: FromStr<Err = offgrid_manifest::Error>> Deserialize<'de> for Typed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Typed<T>, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Typed).map_err(serde::de::Error::custom)
    }
}

/// A release.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Spec {
    pub(crate) version: Typed<Version>,
    pub(crate) app: String,
    pub(crate) engine: String,
    #[serde(default)]
    pub(crate) notes: String,
    #[serde(default)]
    pub(crate) source: Source,
    pub(crate) setup: Setup,
    #[serde(default, rename = "component")]
    pub(crate) components: Vec<Component>,
    #[serde(default, rename = "variant")]
    pub(crate) variants: Vec<Variant>,
    #[serde(default, rename = "model")]
    pub(crate) models: Vec<Model>,
}

/// Where the sources are.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    #[serde(default)]
    pub(crate) repo: String,
    #[serde(default)]
    pub(crate) commit: String,
    #[serde(default)]
    pub(crate) epoch: u64,
}

/// The bootstrapper.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setup {
    pub(crate) version: Typed<Version>,
    #[serde(default)]
    pub(crate) files: BTreeMap<Typed<Target>, PathBuf>,
}

/// A component for one target.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Component {
    pub(crate) name: Id,
    pub(crate) target: Typed<Target>,
    pub(crate) from: PathBuf,
    pub(crate) sha256: Option<Digest>,
    pub(crate) size: Option<u64>,
    #[serde(default)]
    pub(crate) strip: usize,
    #[serde(default)]
    pub(crate) keep: Vec<String>,
    #[serde(default)]
    pub(crate) drop: Vec<String>,
    pub(crate) into: Folder,
    pub(crate) license: PathBuf,
}

/// A set of components.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variant {
    pub(crate) id: Id,
    pub(crate) target: Typed<Target>,
    pub(crate) rank: i64,
    pub(crate) components: Vec<Id>,
    #[serde(default)]
    pub(crate) needs: needs::Needs,
    pub(crate) device: Option<String>,
}

/// A model.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Model {
    pub(crate) name: Id,
    pub(crate) from: Option<PathBuf>,
    #[serde(default)]
    pub(crate) urls: Vec<String>,
    pub(crate) sha256: Option<Digest>,
    pub(crate) size: Option<u64>,
    pub(crate) file: Option<TreePath>,
    pub(crate) license: String,
    pub(crate) title: String,
    pub(crate) memory_bytes: Option<u64>,
    #[serde(default)]
    pub(crate) default: bool,
}

/// Reads the file. `unknown_needs`: also rules that this version does not know.
pub(crate) fn read(path: &Path, unknown_needs: bool) -> Result<Spec, Error> {
    let missing = || Error::Missing(path.to_owned());
    let bytes = disk::read_bounded(path, SIZE_MAX)?.ok_or_else(missing)?;
    let wrong = |message: String| Error::Wrong { path: path.to_owned(), message };
    if bytes.len() as u64 > SIZE_MAX {
        return Err(wrong("larger than 1 MiB".into()));
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong("not UTF-8".into()))?;
    parse(path, &text, unknown_needs)
}

/// The text of the file at this path.
pub(crate) fn parse(path: &Path, text: &str, unknown_needs: bool) -> Result<Spec, Error> {
    let spec: Spec = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        Error::line(path, text, at, error.message())
    })?;
    let wrong = |message: String| Error::Wrong { path: path.to_owned(), message };
    check(&spec, unknown_needs).map_err(wrong)?;
    Ok(spec)
}

fn check(spec: &Spec, unknown_needs: bool) -> Result<(), String> {
    if spec.variants.is_empty() {
        return Err("there is no [[variant]]".into());
    }
    for (i, component) in spec.components.iter().enumerate() {
        let same = |other: &Component| {
            (&other.name, &other.target) == (&component.name, &component.target)
        };
        if spec.components[..i].iter().any(same) {
            let Component { name, target, .. } = component;
            return Err(format!("the component `{name}` for {} stands twice", target.0));
        }
    }
    check_variants(spec, unknown_needs)?;
    for model in &spec.models {
        let name = &model.name;
        let pinned = model.sha256.is_some() && model.size.is_some() && !model.urls.is_empty();
        if model.from.is_none() && !pinned {
            return Err(format!("the model `{name}` needs `from`, or `urls`, `sha256` and `size`"));
        }
        let web = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        if let Some(url) = model.urls.iter().find(|url| !web(url)) {
            return Err(format!("the model `{name}`: `{}` is no web address", url.escape_debug()));
        }
    }
    Ok(())
}

/// Before anything is collected: a name that is wrong shows at once.
fn check_variants(spec: &Spec, unknown_needs: bool) -> Result<(), String> {
    for (i, variant) in spec.variants.iter().enumerate() {
        let id = &variant.id;
        if spec.variants[..i].iter().any(|other| other.id == *id) {
            return Err(format!("the variant `{id}` stands twice"));
        }
        let there = |name: &&Id| {
            let same = |c: &Component| c.name == **name && c.target == variant.target;
            spec.components.iter().any(same)
        };
        if let Some(name) = variant.components.iter().find(|name| !there(name)) {
            let target = variant.target.0;
            return Err(format!(
                "the variant `{id}` has `{name}`, which is not there for {target}"
            ));
        }
        let mut keys = variant.needs.keys();
        let known = |key: &&String| NEEDS.contains(&key.as_str());
        if let Some(key) = keys.find(|key| !known(key)).filter(|_| !unknown_needs) {
            return Err(format!(
                "the variant `{id}` needs `{key}`, which no machine of today can have \
                 (--allow-unknown-needs says that it is meant)"
            ));
        }
    }
    Ok(())
}
