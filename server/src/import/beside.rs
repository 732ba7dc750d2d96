//! What a release wants beside the assets: bootstrappers and licences. Says which of
//! them are not there.

use super::Imported;
use super::template::{tables, text};
use std::path::Path;
use toml_edit::{DocumentMut, Item};

/// Bootstrappers that are not there are left out.
pub(super) fn setup_files(document: &mut DocumentMut, base: &Path, imported: &mut Imported) {
    let files = document.get_mut("setup").and_then(|setup| setup.get_mut("files"));
    let Some(files) = files.and_then(Item::as_table_mut) else { return };
    let mut gone = Vec::new();
    for (target, file) in files.iter() {
        let file = file.as_str().unwrap_or_default();
        if !base.join(file).is_file() {
            gone.push(target.to_owned());
            imported.notes.push(format!("there is no `{file}`: no setup file for {target}"));
        }
    }
    gone.iter().for_each(|target| drop(files.remove(target)));
}

/// What `build` will ask for beside the assets.
pub(super) fn licences(document: &DocumentMut, base: &Path, imported: &mut Imported) {
    let mut missing: Vec<String> = tables(document, "component")
        .filter_map(|component| text(component, "license"))
        .filter(|license| !base.join(license).exists())
        .collect();
    missing.sort();
    missing.dedup();
    let note = |license| format!("there is no `{license}`: `build` needs it");
    imported.notes.extend(missing.into_iter().map(note));
}
