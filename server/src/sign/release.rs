//! Signatures of releases and of the programs in them. They stand beside
//! documents that never change, and are made anew when the keys have changed;
//! those of the keys before stay beside them, so that everything verifies before
//! and after the new root is there.

use super::Error;
use crate::depot::Depot;
use crate::keys::Keyring;
use offgrid_manifest::{Channel, Digest, Pin, PublicKey, Release, Role, Root, Verified, Version};
use offgrid_manifest::{layout, signature, verify};

/// The one document of a release that was built, with its bytes.
///
/// # Errors
/// `E_USAGE` when there is none, or more than one.
pub(crate) fn built(depot: &Depot, version: &Version) -> Result<(Release, Vec<u8>), Error> {
    let folder = format!("release/{version}");
    let names = depot.list(&folder)?;
    let mut documents = names.iter().filter(|name| name.ends_with(".json"));
    let name = documents.next().ok_or_else(|| Error::NotBuilt(version.clone()))?;
    if documents.next().is_some() {
        return Err(Error::Wrong(format!("there are two documents in {folder}")));
    }
    let bytes = depot.read(&format!("{folder}/{name}"), verify::LARGE_MAX)?.unwrap_or_default();
    let release = verify::unsigned_release(&bytes)?;
    if release.version != *version
        || layout::release(version, &Digest::of(&bytes)) != format!("{folder}/{name}")
    {
        return Err(Error::Wrong(format!("`{folder}/{name}` is not what its name says")));
    }
    Ok((release, bytes))
}

/// The release that a channel pins, with its bytes.
///
/// # Errors
/// `E_USAGE` when it is not there, `E_HASH` when it is another one.
pub(crate) fn pinned(
    depot: &Depot,
    version: &Version,
    pin: Pin,
) -> Result<(Release, Vec<u8>), Error> {
    let place = layout::release(version, &pin.sha256);
    let bytes = depot.read(&place, verify::LARGE_MAX)?;
    let bytes = bytes.ok_or_else(|| Error::NotBuilt(version.clone()))?;
    if Digest::of(&bytes) != pin.sha256 || bytes.len() as u64 != pin.size {
        return Err(Error::Blob(pin.sha256));
    }
    Ok((verify::unsigned_release(&bytes)?, bytes))
}

/// Signs every release that the channel lists by the newest of the roots, where
/// that is still to do, and returns the current one.
///
/// # Errors
/// A document or program that is not there, or too few keys.
pub(crate) fn sign_all(
    depot: &Depot,
    ring: &mut Keyring,
    roots: &[Verified<Root>],
    channel: &Channel,
) -> Result<Release, Error> {
    let mut current = None;
    for (version, pin) in &channel.releases {
        let (release, bytes) = pinned(depot, version, *pin)?;
        let is_current = *version == channel.current;
        // The document is signed last: where it is, the programs are.
        if is_current || !is_signed(depot, roots, &layout::release(version, &pin.sha256), &bytes)? {
            sign(depot, ring, roots, &release, &bytes)?;
        }
        if is_current {
            current = Some(release);
        }
    }
    current.ok_or_else(|| Error::NotBuilt(channel.current.clone()))
}

/// The role that signs releases now, with its root and its keys.
fn signers(roots: &[Verified<Root>]) -> Result<(&Root, &Role, Vec<PublicKey>), Error> {
    let root = roots.last().ok_or_else(|| Error::Wrong("there is no root".into()))?;
    let role = &root.roles.release;
    Ok((root, role, root.keys_of(role)))
}

fn is_signed(
    depot: &Depot,
    roots: &[Verified<Root>],
    place: &str,
    bytes: &[u8],
) -> Result<bool, Error> {
    let (_, role, keys) = signers(roots)?;
    let file = depot.read(&layout::signature(place), signature::SIZE_MAX as u64)?;
    Ok(file.is_some_and(|file| signature::check(bytes, &file, &keys, role.threshold).is_ok()))
}

/// Signs the programs of a release and then its document.
fn sign(
    depot: &Depot,
    ring: &mut Keyring,
    roots: &[Verified<Root>],
    release: &Release,
    bytes: &[u8],
) -> Result<(), Error> {
    for (target, pin) in &release.setup.targets {
        let place = layout::blob(&pin.sha256);
        let bytes = depot.read(&place, pin.size)?.ok_or(Error::Blob(pin.sha256))?;
        let (target, version) = (target.to_string(), &release.setup.version);
        let comment = signature::comment("offgrid/setup", &target, version, &pin.sha256);
        beside(depot, ring, roots, &place, &bytes, &comment)?;
    }
    let digest = Digest::of(bytes);
    let place = layout::release(&release.version, &digest);
    let comment =
        signature::comment("offgrid/release", &release.product, &release.version, &digest);
    beside(depot, ring, roots, &place, bytes, &comment)
}

/// Writes a signature of the release keys beside `place`. A good one stays; one
/// that says something else of the same bytes is never replaced.
///
/// # Errors
/// `E_NAME` for that, or too few keys.
pub(crate) fn beside(
    depot: &Depot,
    ring: &mut Keyring,
    roots: &[Verified<Root>],
    place: &str,
    bytes: &[u8],
    comment: &str,
) -> Result<(), Error> {
    let (root, role, keys) = signers(roots)?;
    let beside = layout::signature(place);
    let old = depot.read(&beside, signature::SIZE_MAX as u64)?.unwrap_or_default();
    match signature::check(bytes, &old, &keys, role.threshold) {
        Ok(comments) if comments.iter().all(|found| found == comment) => return Ok(()),
        Ok(_) => return Err(Error::SignedOtherwise(place.to_owned())),
        // By keys of an earlier root, or damaged: signed again.
        Err(_) => {}
    }
    let new = ring.sign(root, role, bytes, comment)?;
    let file = with_old(new, &old, bytes, roots, |root| &root.roles.release);
    Ok(depot.put(&beside, file.as_bytes())?)
}

/// The new blocks, and after them those by keys of the root before: whoever does
/// not have the new root yet still finds a signature.
pub(crate) fn with_old(
    new: String,
    old: &[u8],
    bytes: &[u8],
    roots: &[Verified<Root>],
    role: fn(&Root) -> &Role,
) -> String {
    let [.., before, now] = roots else { return new };
    let gone: Vec<PublicKey> = {
        let now = now.keys_of(role(now));
        before.keys_of(role(before)).into_iter().filter(|key| !now.contains(key)).collect()
    };
    let mut blocks: Vec<String> = signature::split(new.as_bytes()).unwrap_or_default();
    for block in signature::split(old).unwrap_or_default() {
        let fits = signature::check(bytes, block.as_bytes(), &gone, 1).is_ok();
        if fits && blocks.len() < signature::BLOCKS_MAX {
            blocks.push(block);
        }
    }
    blocks.iter().map(|block| format!("{block}\n")).collect()
}
