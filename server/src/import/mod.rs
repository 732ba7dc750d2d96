//! `import`: from a template and the assets of upstream's releases to a complete
//! release.toml, as `build` reads it.
//!
//! Lists assets and holds them against the template's patterns; never makes a name
//! up. Pins what it finds by digest and size, leaves out what is missing, and says
//! so. Fetches nothing, needs no depot and no key.

mod assets;
mod beside;
mod error;
mod github;
mod inside;
mod pattern;
mod template;

pub use error::Error;
pub use pattern::Word;

use crate::build::{self, Selection};
use crate::disk;
use assets::{Asset, Assets};
use inside::Needed;
use offgrid_manifest::needs::Rule;
use offgrid_manifest::{Digest, Version};
use pattern::{Bound, Pattern};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use template::{Found, Slot, Template, Values};

/// The template that comes with this program: official llama.cpp archives.
pub const SHIPPED: &str = include_str!("../../templates/release.toml");

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The template; otherwise [`SHIPPED`].
    pub template: Option<PathBuf>,
    /// Folders of assets, and saved answers of GitHub's releases API.
    pub assets: Vec<PathBuf>,
    /// Of a list of releases, this one.
    pub tag: Option<String>,
    /// Of assets of several builds, those of this one.
    pub engine: Option<String>,
    /// Of assets of several versions of the app, those of this one.
    pub app: Option<Version>,
    /// The number of the release.
    pub release: Version,
    /// A variant that is missing is an error.
    pub complete: bool,
    /// The release.toml to write.
    pub out: PathBuf,
}

/// What came out.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// The build of llama.cpp, and the version of the app.
    pub words: Vec<(Word, String)>,
    /// Variants that are complete.
    pub variants: Vec<String>,
    /// Those that are not, each with the reason.
    pub missing: Vec<(String, String)>,
    /// Assets that no pattern fits.
    pub unmatched: Vec<String>,
    /// Assets that are pinned and not here: digest, size, address.
    pub to_fetch: Vec<(Digest, u64, String)>,
    /// Remarks.
    pub notes: Vec<String>,
}

/// Writes the release.toml.
///
/// # Errors
/// `E_USAGE` for patterns and sources that are not clear, `E_HASH`, `E_SIZE` and
/// `E_ENTRY` for files that are not what was published. Then nothing was written.
pub fn run(options: &Options) -> Result<Imported, Error> {
    if options.out.exists() {
        return Err(Error::Exists(options.out.clone()));
    }
    let template = Template::read(options.template.as_deref())?;
    let (assets, settled) = assets::list(options)?;
    let bound = settle(&template, &assets, &settled)?;
    let base = options.out.parent().unwrap_or(Path::new(""));
    let mut imported = Imported::default();
    let mut slots = Vec::new();
    for slot in &template.components {
        slots.push(found(slot, &assets, &bound, base, &mut imported)?);
    }
    let told = imported.words.iter().any(|(word, _)| *word == Word::Engine);
    if let Some(build) = settled.engine.filter(|_| !told) {
        return Err(Error::NotTheBuild { build });
    }
    imported.words.sort();
    let values = Values { bound: &bound, release: &options.release, base };
    let text = template.filled(&slots, &values, &mut imported)?;
    imported.unmatched = unmatched(&template, &assets, &bound);
    let missing = || imported.missing.iter().map(|(id, why)| format!("{id}: {why}")).collect();
    if imported.variants.is_empty() {
        return Err(Error::Nothing(missing()));
    }
    if options.complete && !imported.missing.is_empty() {
        return Err(Error::Incomplete(missing()));
    }
    // Read as `build` will, before anything is written.
    let spec = build::parse(&options.out, &text, true)?;
    floors(&spec, &template, &slots)?;
    write(&options.out, &text)?;
    Ok(imported)
}

/// The one build and the one version that the names have.
fn settle(template: &Template, assets: &Assets, settled: &Bound) -> Result<Bound, Error> {
    let mut bound = settled.clone();
    let patterns: Vec<&Pattern> =
        template.components.iter().filter_map(|slot| slot.pattern.as_ref()).collect();
    for word in Word::ALL {
        let values: BTreeSet<String> = assets
            .all
            .keys()
            .flat_map(|name| patterns.iter().filter_map(|pattern| pattern.fits(name, settled)))
            .filter_map(|found| found.get(word).map(str::to_owned))
            .collect();
        match &values.iter().collect::<Vec<_>>()[..] {
            [] => {}
            [value] => bound.set(word, (*value).clone()),
            _ => return Err(Error::Mixed { word, values: values.into_iter().collect() }),
        }
    }
    Ok(bound)
}

/// What a component of the template gets.
fn found(
    slot: &Slot,
    assets: &Assets,
    bound: &Bound,
    base: &Path,
    imported: &mut Imported,
) -> Result<Found, Error> {
    let Some(pattern) = &slot.pattern else {
        let there = slot.from.as_ref().is_none_or(|from| base.join(from).exists());
        let from = || slot.from.as_deref().unwrap_or(Path::new("")).display().to_string();
        return Ok(if there { Found::Local } else { Found::Missing(format!("no `{}`", from())) });
    };
    let fitting: Vec<(&String, &Asset)> =
        assets.all.iter().filter(|(name, _)| pattern.fits(name, bound).is_some()).collect();
    match fitting[..] {
        [] => Ok(Found::Missing(format!("no asset is like {pattern}"))),
        [(name, asset)] => {
            for word in Word::ALL {
                let used = pattern.fits(name, &Bound::default());
                let value = used.and_then(|used| used.get(word).map(str::to_owned));
                let known = imported.words.iter().any(|(old, _)| *old == word);
                imported.words.extend(value.filter(|_| !known).map(|value| (word, value)));
            }
            let (sha256, size) = asset.pin(name)?;
            let mut needed = None;
            if asset.is_here {
                let mut selection = slot.selection()?;
                needed = inside::look(&asset.path, &mut selection)?;
                if asset.sha256.is_none() {
                    note_unpublished(imported);
                }
            } else {
                let address = asset.url.clone().unwrap_or_else(|| name.clone());
                let fetch = (sha256, size, address);
                if !imported.to_fetch.contains(&fetch) {
                    imported.to_fetch.push(fetch);
                }
            }
            Ok(Found::Asset { name: name.clone(), path: asset.path.clone(), sha256, size, needed })
        }
        _ => Err(Error::Ambiguous {
            pattern: pattern.to_string(),
            names: fitting.iter().map(|(name, _)| (*name).clone()).collect(),
        }),
    }
}

fn note_unpublished(imported: &mut Imported) {
    let note = "digests are those of the files as they lie here: a saved answer of GitHub's \
                releases API says which they should have";
    if !imported.notes.iter().any(|old| old == note) {
        imported.notes.push(note.to_owned());
    }
}

fn unmatched(template: &Template, assets: &Assets, bound: &Bound) -> Vec<String> {
    let patterns = template.components.iter().filter_map(|slot| slot.pattern.as_ref());
    let patterns: Vec<&Pattern> = patterns.chain(&template.ignore).collect();
    let fits = |name: &&String| patterns.iter().any(|pattern| pattern.fits(name, bound).is_some());
    assets.all.keys().filter(|name| !fits(name)).cloned().collect()
}

/// A variant may not promise to run on a glibc that its own programs refuse.
fn floors(spec: &build::Spec, template: &Template, slots: &[Found]) -> Result<(), Error> {
    for variant in &spec.variants {
        let asked = match variant.needs.get("glibc") {
            Some(Rule::Text(text)) => text.as_str(),
            _ => "",
        };
        let least = least(asked);
        for (slot, found) in template.components.iter().zip(slots) {
            let Found::Asset { name, needed: Some(Needed { file, glibc }), .. } = found else {
                continue;
            };
            let mine = slot.target == Some(variant.target.0)
                && variant.components.iter().any(|component| component.as_str() == slot.name);
            if mine && least.is_none_or(|least| least < *glibc) {
                return Err(Error::Floor {
                    variant: variant.id.to_string(),
                    asked: if asked.is_empty() { "nothing".to_owned() } else { asked.to_owned() },
                    asset: name.clone(),
                    file: file.clone(),
                    needed: format!("{}.{}", glibc.0, glibc.1),
                });
            }
        }
    }
    Ok(())
}

/// Of `>=2.35`, the numbers.
fn least(rule: &str) -> Option<(u32, u32)> {
    let text = rule.split_whitespace().find_map(|one| one.strip_prefix(">="))?;
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}

fn write(out: &Path, text: &str) -> Result<(), disk::Error> {
    let folder = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let failed = disk::failed("write", out);
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(&failed)?;
    file.write_all(text.as_bytes()).map_err(&failed)?;
    disk::place(file, out, 0o644)
}

impl Slot {
    fn selection(&self) -> Result<Selection, Error> {
        Selection::new(self.strip, &self.keep, &self.drop)
            .map_err(|error| template::wrong(&self.template, error.to_string()))
    }
}
