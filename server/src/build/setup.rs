//! The bootstrappers of a release: each is a program for its target, stamped with
//! a root of this depot. What a client would not let take over is not published.

use super::{Error, spec};
use crate::address;
use crate::depot::Depot;
use crate::stamp::Executable;
use offgrid_manifest::release::Setup;
use offgrid_manifest::verify::{self, Verified};
use offgrid_manifest::{Root, Stamp, Target};
use std::collections::BTreeMap;
use std::path::Path;

/// Makes a blob of each, and remarks on those of yesterday.
///
/// # Errors
/// `E_UNSTAMPED`, `E_UNTRUSTED_BINARY` for the root of another depot, `E_USAGE`
/// for a file that is no bootstrapper or is for another target; `E_PARSE`,
/// `E_SCHEMA`, `E_SIG_THRESHOLD` for a stamp that the program itself would refuse.
pub(super) fn files(
    depot: &Depot,
    roots: &[Verified<Root>],
    spec: &spec::Spec,
    base: &Path,
) -> Result<(Setup, Vec<String>), Error> {
    let (mut targets, mut notes) = (BTreeMap::new(), Vec::new());
    for (target, path) in &spec.setup.files {
        let path = base.join(path);
        // Read once: what was looked at is what is published.
        let file = Executable::open(&path)?;
        let stamp = file.stamp()?.ok_or_else(|| Error::Unstamped(path.clone()))?;
        let root = check(&path, &file, &stamp, &target.0, roots)?;
        if let Some(newest) = roots.last().filter(|newest| newest.version > root.version) {
            notes.push(format!(
                "`{}` is stamped with root {}, and root {} is the newest; who has a program with \
                 a later root will not take this one",
                path.display(),
                root.version,
                newest.version
            ));
        }
        targets.insert(target.0, depot.put_blob(file.bytes())?);
    }
    Ok((Setup { version: spec.setup.version.0.clone(), targets }, notes))
}

/// The root of this depot that the file is stamped with.
fn check<'a>(
    path: &Path,
    file: &Executable,
    stamp: &Stamp,
    target: &Target,
    roots: &'a [Verified<Root>],
) -> Result<&'a Verified<Root>, Error> {
    let at = |error: offgrid_manifest::Error| error.at(&path.display().to_string());
    let bytes = stamp.root.bytes().map_err(at)?;
    let root = roots.iter().find(|root| root.bytes() == bytes);
    let root = root.ok_or_else(|| Error::ForeignRoot(path.to_owned()))?;
    verify::first_root(&bytes, stamp.root.signature.as_bytes()).map_err(at)?;
    if stamp.sources.is_empty() {
        return Err(Error::Wrong(format!("`{}` is stamped without a source", path.display())));
    }
    for source in &stamp.sources {
        address::base(source)?;
    }
    if !file.is_for(target) {
        return Err(Error::Wrong(format!("`{}` is not for {target}", path.display())));
    }
    Ok(root)
}
