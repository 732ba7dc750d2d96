//! Whether the components of each variant can lie in one slot: a path that two
//! of them have must be the same file, and nothing may be file and folder.

use offgrid_manifest::{Id, Parts, Release, Target};
use std::collections::BTreeMap;

/// What lies at a path.
#[derive(PartialEq, Eq)]
enum Kind<'a> {
    File(String),
    Link(&'a str),
    Folder,
}

/// One thing in a slot.
struct Found<'a> {
    path: String,
    kind: Kind<'a>,
    of: &'a Id,
}

/// Checks every variant. The text of the error is for people.
pub(crate) fn check(
    release: &Release,
    parts: &BTreeMap<(Id, Target), Parts>,
) -> Result<(), String> {
    for variant in &release.variants {
        let mut slot: BTreeMap<String, Found<'_>> = BTreeMap::new();
        for (name, component) in release.components_of(variant) {
            let Some(parts) = parts.get(&(name.clone(), variant.target)) else { continue };
            let into = component.into.path().to_string();
            for found in entries(parts, &into, name) {
                // Systems that ignore case cannot hold both either.
                let folded = found.path.to_lowercase();
                let Some(other) = slot.get(&folded) else {
                    slot.insert(folded, found);
                    continue;
                };
                if other.path != found.path || other.kind != found.kind {
                    return Err(format!(
                        "the variant `{}` cannot have both `{}` of `{}` and `{}` of `{}`",
                        variant.id, other.path, other.of, found.path, found.of
                    ));
                }
            }
        }
    }
    Ok(())
}

/// Everything that a component puts into a slot, with the folders above.
fn entries<'a>(parts: &'a Parts, into: &str, of: &'a Id) -> Vec<Found<'a>> {
    let mut all = Vec::new();
    let mut add = |path: String, kind: Kind<'a>| {
        for (at, _) in path.match_indices('/') {
            all.push(Found { path: path[..at].to_owned(), kind: Kind::Folder, of });
        }
        all.push(Found { path, kind, of });
    };
    for file in &parts.files {
        let what = format!("{} {} {}", file.mode, file.sha256, file.size);
        add(format!("{into}/{}", file.path), Kind::File(what));
    }
    for link in &parts.links {
        add(format!("{into}/{}", link.path), Kind::Link(&link.target));
    }
    all
}
