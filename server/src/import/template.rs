//! A template: a release.toml whose components may have `asset`, a pattern, in the
//! place of `from`, `sha256` and `size`. Edited as text, so that what its writer
//! remarked stands in what comes out.

use super::inside::Needed;
use super::pattern::{Bound, Pattern, Word};
use super::{Error, Imported, SHIPPED, beside};
use crate::build::SpecError;
use crate::disk;
use offgrid_manifest::{Digest, Target, Version};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

/// The largest template.
const SIZE_MAX: u64 = 1 << 20;
/// In the place of what stands above the first key of the template.
const HEAD: &str = "# Written by `offgrid-depot import`; remarks are those of its template.\n\n";
/// Stands for the number of the release.
const RELEASE: &str = "{release}";

/// A template, read.
#[derive(Debug)]
pub(super) struct Template {
    document: DocumentMut,
    /// In the order of the file.
    pub(super) components: Vec<Slot>,
    /// Names that are left alone on purpose.
    pub(super) ignore: Vec<Pattern>,
}

/// A component that waits for its source.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) template: PathBuf,
    pub(super) name: String,
    pub(super) target: Option<Target>,
    /// Of the asset; without one it has a `from`.
    pub(super) pattern: Option<Pattern>,
    pub(super) from: Option<PathBuf>,
    pub(super) strip: usize,
    pub(super) keep: Vec<String>,
    pub(super) drop: Vec<String>,
}

/// What was found for it.
#[derive(Debug, Clone)]
pub(super) enum Found {
    /// As the template says.
    Local,
    /// Nothing, and why.
    Missing(String),
    /// An asset.
    Asset { name: String, path: PathBuf, sha256: Digest, size: u64, needed: Option<Needed> },
}

/// What goes into the places of the template.
pub(super) struct Values<'a> {
    pub(super) bound: &'a Bound,
    pub(super) release: &'a Version,
    /// Paths are relative to it.
    pub(super) base: &'a Path,
}

pub(super) fn wrong(path: &Path, message: impl Into<String>) -> Error {
    SpecError::Wrong { path: path.to_owned(), message: message.into() }.into()
}

impl Template {
    /// Reads a file, or the template of this program.
    pub(super) fn read(path: Option<&Path>) -> Result<Template, Error> {
        let Some(path) = path else {
            return Template::parse(Path::new("the template of this program"), SHIPPED);
        };
        let missing = || SpecError::Missing(path.to_owned());
        let bytes = disk::read_bounded(path, SIZE_MAX)?.ok_or_else(missing)?;
        if bytes.len() as u64 > SIZE_MAX {
            return Err(wrong(path, "larger than 1 MiB"));
        }
        let text = String::from_utf8(bytes).map_err(|_| wrong(path, "not UTF-8"))?;
        Template::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Template, Error> {
        let document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
            let at = error.span().map_or(0, |span| span.start);
            SpecError::line(path, text, at, error.message())
        })?;
        let mut components = Vec::new();
        for table in tables(&document, "component") {
            components.push(Slot::of(path, table)?);
        }
        let ignore = document.get("import").and_then(|import| import.get("ignore"));
        let ignore = ignore.map(texts).unwrap_or_default();
        let ignore = ignore.iter().map(|text| Pattern::new(text));
        let ignore = ignore.collect::<Result<_, _>>().map_err(|why| wrong(path, why))?;
        Ok(Template { document, components, ignore })
    }

    /// The text of the release.toml; `slots` are in the order of the components.
    pub(super) fn filled(
        &self,
        slots: &[Found],
        values: &Values<'_>,
        imported: &mut Imported,
    ) -> Result<String, Error> {
        let mut document = self.document.clone();
        document.remove("import");
        let first = document.iter().next().map(|(key, _)| key.to_owned());
        if let Some(mut key) = first.and_then(|first| document.key_mut(&first)) {
            key.leaf_decor_mut().set_prefix(HEAD);
        }
        fill_words(&mut document, values, &self.components)?;
        let why = self.why_missing(slots);
        let mut in_use = Vec::new();
        let mut once_in_use = Vec::new();
        if let Some(variants) = array(&mut document, "variant") {
            variants.retain(|variant| {
                let id = text(variant, "id").unwrap_or_default();
                let names = variant.get("components").map(texts).unwrap_or_default();
                let target = target(variant);
                let keys = names.into_iter().map(|name| (name, target));
                let keys: Vec<(String, Option<Target>)> = keys.collect();
                once_in_use.extend(keys.clone());
                if let Some(why) = keys.iter().find_map(|key| why.get(key)) {
                    imported.missing.push((id, why.clone()));
                    return false;
                }
                in_use.extend(keys);
                imported.variants.push(id);
                true
            });
        }
        let mut index = 0;
        if let Some(components) = array(&mut document, "component") {
            components.retain(|_| {
                let (slot, found) = (&self.components[index], &slots[index]);
                index += 1;
                let key = (slot.name.clone(), slot.target);
                let left = once_in_use.contains(&key) && !in_use.contains(&key);
                !matches!(found, Found::Missing(_)) && !left
            });
            let kept = |(slot, found): &(&Slot, &Found)| {
                let key = (slot.name.clone(), slot.target);
                let left = once_in_use.contains(&key) && !in_use.contains(&key);
                !matches!(found, Found::Missing(_)) && !left
            };
            let kept = self.components.iter().zip(slots).filter(kept);
            for (table, (_, found)) in components.iter_mut().zip(kept) {
                pin(table, found, values.base);
            }
        }
        beside::setup_files(&mut document, values.base, imported);
        beside::licences(&document, values.base, imported);
        Ok(document.to_string())
    }

    /// Components that are not there, with the reason.
    fn why_missing(&self, slots: &[Found]) -> BTreeMap<(String, Option<Target>), String> {
        let missing = self.components.iter().zip(slots).filter_map(|(slot, found)| match found {
            Found::Missing(why) => {
                Some(((slot.name.clone(), slot.target), format!("{} is missing, {why}", slot.name)))
            }
            _ => None,
        });
        missing.collect()
    }
}

impl Slot {
    fn of(path: &Path, table: &Table) -> Result<Slot, Error> {
        let name = text(table, "name").unwrap_or_default();
        let asset = text(table, "asset");
        let from = text(table, "from").map(PathBuf::from);
        if asset.is_some() == from.is_some() {
            let message = format!("the component `{name}` has to have either `asset` or `from`");
            return Err(wrong(path, message));
        }
        let pattern = asset.map(|asset| Pattern::new(&asset)).transpose();
        let strip = table.get("strip").and_then(Item::as_integer).unwrap_or(0);
        let list = |key| table.get(key).map(texts).unwrap_or_default();
        Ok(Slot {
            template: path.to_owned(),
            pattern: pattern.map_err(|why| wrong(path, why))?,
            target: target(table),
            from,
            strip: usize::try_from(strip).unwrap_or(0),
            keep: list("keep"),
            drop: list("drop"),
            name,
        })
    }
}

pub(super) fn text(table: &Table, key: &str) -> Option<String> {
    table.get(key)?.as_str().map(str::to_owned)
}

fn texts(item: &Item) -> Vec<String> {
    let array = item.as_array().into_iter().flatten();
    array.filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

fn target(table: &Table) -> Option<Target> {
    text(table, "target")?.parse().ok()
}

pub(super) fn tables<'a>(document: &'a DocumentMut, key: &str) -> impl Iterator<Item = &'a Table> {
    document.get(key).and_then(Item::as_array_of_tables).into_iter().flatten()
}

fn array<'a>(document: &'a mut DocumentMut, key: &str) -> Option<&'a mut ArrayOfTables> {
    document.get_mut(key)?.as_array_of_tables_mut()
}

/// `version`, `engine` and `app`. A word that no asset has told must not be asked.
fn fill_words(
    document: &mut DocumentMut,
    values: &Values<'_>,
    components: &[Slot],
) -> Result<(), Error> {
    let path = components.first().map_or(Path::new(""), |slot| &slot.template);
    let mut put = |key: &str, was: &str, with: &str| {
        let item = document.get_mut(key).filter(|item| item.as_str() == Some(was));
        if let Some(old) = item.and_then(Item::as_value_mut) {
            let decor = old.decor().clone();
            *old = with.into();
            *old.decor_mut() = decor;
        }
    };
    put("version", RELEASE, &values.release.to_string());
    for word in Word::ALL {
        let asked = format!("{{{}}}", word.name());
        if let Some(told) = values.bound.get(word) {
            put(word.name(), &asked, told);
        }
    }
    for word in Word::ALL {
        let asked = format!("{{{}}}", word.name());
        if document.get(word.name()).and_then(Item::as_str) == Some(asked.as_str()) {
            let message = format!(
                "no asset tells which {} this is: write `{}` in the template",
                if word == Word::App { "version of the app" } else { "build of llama.cpp" },
                word.name()
            );
            return Err(wrong(path, message));
        }
    }
    Ok(())
}

/// `from`, `sha256` and `size` in the place of `asset`.
fn pin(table: &mut Table, found: &Found, base: &Path) {
    let Found::Asset { path, sha256, size, .. } = found else { return };
    let size = i64::try_from(*size).unwrap_or(i64::MAX);
    let old = std::mem::take(table);
    *table.decor_mut() = old.decor().clone();
    table.set_position(old.position());
    for (key, item) in old.iter() {
        if key == "asset" {
            table.insert("from", value(relative(path, base)));
            table.insert("sha256", value(sha256.to_string()));
            table.insert("size", value(size));
        } else if let Some((key, _)) = old.get_key_value(key) {
            table.insert_formatted(key, item.clone());
        }
    }
}

/// A path as it is written into the file, from the file's own folder.
fn relative(path: &Path, base: &Path) -> String {
    let folder = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    let whole = |path: &Path| {
        let (parent, name) = (path.parent()?, path.file_name()?);
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        Some(parent.canonicalize().ok()?.join(name))
    };
    let Some((whole, folder)) = whole(path).zip(folder.canonicalize().ok()) else {
        return path.to_string_lossy().into_owned();
    };
    let inside = whole.strip_prefix(&folder).unwrap_or(&whole);
    inside.to_string_lossy().replace('\\', "/")
}
