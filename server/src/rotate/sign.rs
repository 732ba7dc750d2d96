//! Who signs what in a rotation: the root by both sets of root keys, and, when
//! their keys change, channels, releases and the head a second time.

use super::{Error, Floor, Options, RoleName, change, document};
use crate::depot::Depot;
use crate::keys::Keyring;
use crate::sign::{follows, ready, release, successor, write_channel};
use crate::trust::{self, State};
use offgrid_manifest::{Channel, Digest, Id, PublicKey, Release, Role, Root, Verified};
use offgrid_manifest::{layout, signature};
use std::collections::BTreeMap;

/// Opens the root keys that are here, so that a wrong password comes before
/// anything is written; `new` are still to be made.
///
/// # Errors
/// `E_USAGE` when there will be fewer than both roots need.
pub(super) fn unlock<'a>(
    ring: &mut Keyring,
    old: &Root,
    next: &Role,
    new: impl Iterator<Item = &'a Id>,
) -> Result<(), Error> {
    let mut have: Vec<Id> = new.cloned().collect();
    for (name, key) in &old.keys {
        let signs = old.roles.root.keys.contains(name) || next.keys.contains(name);
        if signs && ring.unlock(name, key)? {
            have.push(name.clone());
        }
    }
    for role in [&old.roles.root, next] {
        let count = role.keys.iter().filter(|name| have.contains(name)).count();
        if count < role.threshold {
            return Err(ring.too_few(count, role).into());
        }
    }
    Ok(())
}

/// Bytes of the next root and its signature file: blocks for the thresholds of
/// both roots, those that count for both first.
///
/// # Errors
/// Too few keys, or more than 8 blocks needed.
pub(super) fn root(
    ring: &mut Keyring,
    old: &Root,
    next: &Root,
) -> Result<(Vec<u8>, String), Error> {
    let (bytes, comment) = document(next);
    let (before, now) = (&old.roles.root, &next.roles.root);
    let key = |name: &Id| next.keys.get(name).or_else(|| old.keys.get(name));
    let both = now.keys.iter().filter(|name| before.keys.contains(name));
    let only_new = now.keys.iter().filter(|name| !before.keys.contains(name));
    let only_old = before.keys.iter().filter(|name| !now.keys.contains(name));
    let by: Vec<(&Id, &PublicKey)> =
        both.chain(only_new).chain(only_old).filter_map(|name| Some((name, key(name)?))).collect();
    // One after the other, because not all of them may fit.
    let mut all = Vec::new();
    for (name, key) in by {
        let signed = ring.sign_by(std::iter::once((name, key)), &bytes, &comment)?;
        if !signed.by.is_empty() {
            all.push((name, signed.file));
        }
    }
    for role in [before, now] {
        let have = all.iter().filter(|(name, _)| role.keys.contains(name)).count();
        if have < role.threshold {
            return Err(ring.too_few(have, role).into());
        }
    }
    let file = fit(all, before, now).ok_or(Error::Blocks(next.version))?;
    Ok((bytes, file))
}

/// At most 8 of the blocks, so that both thresholds are met.
fn fit(mut all: Vec<(&Id, String)>, before: &Role, now: &Role) -> Option<String> {
    while all.len() > signature::BLOCKS_MAX {
        // The last one that neither threshold needs is left out.
        let spare = |(name, _): &(&Id, String)| {
            [before, now].iter().all(|role| {
                let count = all.iter().filter(|(name, _)| role.keys.contains(name)).count();
                !role.keys.contains(name) || count > role.threshold
            })
        };
        let at = all.iter().rposition(spare)?;
        all.remove(at);
    }
    Some(all.into_iter().map(|(_, block)| block).collect())
}

/// What is signed again.
#[derive(Default)]
pub(super) struct Resigned {
    /// The new channel documents.
    pub(super) channels: Vec<Verified<Channel>>,
    /// The release that the install scripts have to pin anew.
    pub(super) scripts: Option<Release>,
}

/// The rotation so far.
pub(super) struct Work<'a> {
    pub(super) depot: &'a Depot,
    pub(super) old: &'a State,
    pub(super) options: &'a Options,
}

impl Work<'_> {
    /// Every channel again when the release keys have changed, with all that it
    /// lists; what cannot be done here goes to `left`.
    ///
    /// # Errors
    /// Too few keys, or a document that is not there.
    pub(super) fn channels(
        &self,
        ring: &mut Keyring,
        after: &State,
        left: &mut Vec<String>,
    ) -> Result<Resigned, Error> {
        let (old, new) = (&self.old.root, &after.root);
        let same = old.roles.release.threshold == new.roles.release.threshold
            && !change::differ(old, new, RoleName::Release);
        let mut resigned = Resigned::default();
        if same {
            return Ok(resigned);
        }
        let bases = self.bases(after)?;
        if !ring.can_sign(&new.roles.release) {
            self.elsewhere(&bases, left);
            return Ok(resigned);
        }
        for (name, base) in &bases {
            let current = release::sign_all(self.depot, ring, &after.roots, base)?;
            self.beside(ring, after, base)?;
            let next = successor(self.depot, new, base, self.options.now())?;
            let pin = write_channel(self.depot, ring, new, &next)?;
            ready::channel(self.depot, new, name, &pin)?;
            let next = trust::channel(self.depot, &after.roots, name, pin.version)?;
            if follows(bases.keys(), name) {
                resigned.scripts = Some(current);
            }
            resigned.channels.push(next);
        }
        Ok(resigned)
    }

    /// The documents to go on from: those that are pinned, or the last of ours
    /// where a lower floor says that what came after it was a thief's.
    fn bases(&self, after: &State) -> Result<BTreeMap<Id, Verified<Channel>>, Error> {
        let mut bases = BTreeMap::new();
        for (name, pinned) in &self.old.channels {
            let base = match self.options.floor_channels.get(name) {
                Some(Floor::At(n)) if *n < pinned.version => {
                    trust::channel(self.depot, &after.roots, name, *n)?
                }
                _ => pinned.clone(),
            };
            bases.insert(name.clone(), base);
        }
        Ok(bases)
    }

    /// A second signature for the document that is pinned until the new head.
    fn beside(
        &self,
        ring: &mut Keyring,
        after: &State,
        base: &Verified<Channel>,
    ) -> Result<(), Error> {
        let (name, version) = (base.name.as_str(), base.version);
        let comment = signature::comment("offgrid/channel", name, &version, &base.digest());
        let place = layout::channel(&base.name, version);
        release::beside(self.depot, ring, &after.roots, &place, base.bytes(), &comment)?;
        Ok(())
    }

    fn elsewhere(&self, bases: &BTreeMap<Id, Verified<Channel>>, left: &mut Vec<String>) {
        if bases.is_empty() {
            return;
        }
        let dir = self.depot.dir().display();
        left.push("keep serving the depot as it was until all of this is done:".to_owned());
        for name in bases.keys() {
            left.push(format!(
                "where the release keys are: `offgrid-depot rollout {dir} --channel {name} \
                 --no-head`"
            ));
        }
    }

    /// A second signature for the head of before, so that it counts until the new
    /// one is there. Never for one that may be a thief's.
    ///
    /// # Errors
    /// A key that cannot be used, or a file operation.
    pub(super) fn old_head(&self, ring: &mut Keyring, after: &State) -> Result<(), Error> {
        let Some(head) = &self.old.head else {
            return Ok(());
        };
        let (old, new) = (&self.old.root, &after.root);
        let role = &new.roles.head;
        let stays = head.version <= new.floors.head;
        if !stays || !change::differ(old, new, RoleName::Head) || !ring.can_sign(role) {
            return Ok(());
        }
        let (bytes, digest) = (head.bytes(), Digest::of(head.bytes()));
        let comment = signature::comment("offgrid/head", "head", &head.version, &digest);
        let file = ring.sign(new, role, bytes, &comment)?;
        let old = head.signature();
        let file = release::with_old(file, old, bytes, &after.roots, |root| &root.roles.head);
        self.depot.put(&layout::head_signature(&digest), file.as_bytes())?;
        Ok(self.depot.put(layout::HEAD_COPY, file.as_bytes())?)
    }
}
