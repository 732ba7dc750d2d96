//! `rotate` and `floor`: the next root, signed by the root keys of now and of
//! then. What other keys have to sign again is signed before the new root is
//! there, beside the signatures of before, so that at no moment anything is
//! unsigned for anybody; the head comes last.

mod change;
mod error;
mod options;
mod say;
mod sign;

pub use error::Error;
pub use options::{Added, Floor, Options, RoleName};

use crate::depot::{self, Depot};
use crate::keys::{self, Keyring, Password};
use crate::sign::{SignedHead, next_head, scripts, write_head};
use crate::trust::{self, State};
use offgrid_manifest::{Digest, Head, Id, PublicKey, Root, Time, Verified};
use offgrid_manifest::{layout, signature, verify};
use std::collections::BTreeMap;

/// How long a root is valid.
const ROOT_DAYS: u64 = 3 * 365;

/// What came out.
#[derive(Debug)]
pub struct Rotated {
    /// The new root's version.
    pub version: u64,
    /// Its digest.
    pub digest: Digest,
    /// What is another than before, in words.
    pub changes: Vec<String>,
    /// The new channel documents.
    pub channels: BTreeMap<Id, u64>,
    /// The new head; `None` when its key is elsewhere or nothing is published.
    pub head: Option<SignedHead>,
    /// Remarks, and what is left to do.
    pub notes: Vec<String>,
}

/// Makes the next root and everything that follows from it.
///
/// # Errors
/// Then the old head stands, under the old root.
pub fn run(depot: &Depot, ring: &mut Keyring, options: &Options) -> Result<Rotated, Error> {
    let _lock = depot.lock()?;
    let state = read(depot, options)?;
    let next = prepare(depot, ring, &state, options)?;
    let (bytes, file) = sign::root(ring, &state.root, &next)?;
    let root = verify::next_root(&state.root, &bytes, file.as_bytes())?;
    let mut after = state.clone();
    after.roots.push(root.clone());
    after.root = root.clone();

    let mut left = Vec::new();
    let work = sign::Work { depot, old: &state, options };
    let resigned = work.channels(ring, &after, &mut left)?;
    work.old_head(ring, &after)?;
    let place = layout::root(root.version);
    depot.put(&layout::signature(&place), file.as_bytes())?;
    depot.put(&place, &bytes)?;
    if let Some(release) = &resigned.scripts {
        scripts::write(depot, &root, release)?;
    }
    for channel in resigned.channels {
        after.take(channel);
    }
    let channels = say::changed(&state, &after);
    let head = head(depot, ring, &after, options.now(), &mut left)?;
    let changes = say::words(&state.root, &root);
    let mut notes = crate::sign::void(&state);
    notes.extend(left);
    Ok(Rotated { version: root.version, digest: root.digest(), changes, channels, head, notes })
}

/// The state to go on from; without a head that a thief may have signed.
fn read(depot: &Depot, options: &Options) -> Result<State, Error> {
    let roots = trust::roots(depot)?;
    let head = trust::head(depot, &roots)?;
    match head.filter(|head| is_void(&roots, head, options)) {
        Some(head) => Ok(State::without(depot, &head)?),
        None => Ok(State::read(depot)?),
    }
}

/// Whether the head that is there shall count for nothing: its keys change, and
/// heads begin again below it.
fn is_void(roots: &[Verified<Root>], head: &Head, options: &Options) -> bool {
    let is_old = |name: &Id| roots.iter().any(|root| root.roles.head.keys.contains(name));
    let others = options.new.contains(&RoleName::Head)
        || options.add.iter().any(|added| added.role == RoleName::Head)
        || options.remove.iter().any(is_old);
    let lower = matches!(options.floor_head, Some(Floor::At(n)) if n < head.version);
    others && (options.restart_head || lower)
}

/// The next root. New keys are made here, after everything else was looked at.
fn prepare(
    depot: &Depot,
    ring: &mut Keyring,
    state: &State,
    options: &Options,
) -> Result<Root, Error> {
    let old = &state.root;
    let named = names(ring, &state.roots, options)?;
    let mut more: Vec<(RoleName, Id)> =
        options.add.iter().map(|added| (added.role, added.name.clone())).collect();
    more.extend(named.iter().cloned());
    let roles = change::roles(old, options, &more)?;
    let mut added = BTreeMap::new();
    for Added { name, file, .. } in &options.add {
        added.insert(name.clone(), keys::public(file)?);
    }
    change::keys(&state.roots, &roles, &added)?;
    let new_root_keys = more.iter().filter(|(role, _)| *role == RoleName::Root);
    sign::unlock(ring, old, &roles.root, new_root_keys.map(|(_, name)| name))?;
    let mut next = Root {
        version: old.version + 1,
        issued: options.now(),
        expires: expires(old, options)?,
        roles,
        min_bootstrap: options.min_bootstrap.clone().unwrap_or(old.min_bootstrap.clone()),
        ..(**old).clone()
    };
    let new_keys = |role: RoleName| {
        let now = role.of(&next.roles).keys.iter().collect::<std::collections::BTreeSet<_>>();
        now != role.of(&old.roles).keys.iter().collect()
    };
    let new = (new_keys(RoleName::Head), new_keys(RoleName::Release));
    if options.restart_head && !new.0 {
        return Err(Error::SameKeys);
    }
    next.floors = change::floors(&old.floors, state, options, new)?;
    if options.only_floors && next.floors == old.floors {
        return Err(Error::Nothing);
    }
    for (role, name) in &named {
        added.insert(name.clone(), make(depot, ring, *role, name, options)?);
    }
    next.keys = change::keys(&state.roots, &next.roles, &added)?;
    next.check()?;
    Ok(next)
}

/// `head-2` and so on: numbers that no root and no file here has had.
fn names(
    ring: &Keyring,
    roots: &[Verified<Root>],
    options: &Options,
) -> Result<Vec<(RoleName, Id)>, Error> {
    let mut names: Vec<(RoleName, Id)> = Vec::new();
    for role in &options.new {
        for n in 1.. {
            let name: Id = format!("{}-{n}", role.name()).parse()?;
            let known = roots.iter().any(|root| root.keys.contains_key(&name))
                || options.add.iter().any(|added| added.name == name)
                || names.iter().any(|(_, taken)| *taken == name)
                || ring.is_taken(name.as_str());
            if !known {
                names.push((*role, name));
                break;
            }
        }
    }
    Ok(names)
}

fn make(
    depot: &Depot,
    ring: &Keyring,
    role: RoleName,
    name: &Id,
    options: &Options,
) -> Result<PublicKey, Error> {
    let folder = ring.home_of(role.name()).ok_or(keys::Error::NoFolder)?;
    if crate::init::is_inside(&folder, depot.dir()) {
        return Err(Error::Used(format!("`{}` would be served", folder.display())));
    }
    let password = if options.no_password { &Password::None } else { ring.password() };
    let made = keys::make(&folder, &[name.to_string()], password)?;
    made.into_values().next().ok_or_else(|| keys::Error::NoFolder.into())
}

fn expires(old: &Root, options: &Options) -> Result<Time, Error> {
    let renewed = options.now().plus(ROOT_DAYS * 86_400);
    let usual = if options.only_floors { old.expires } else { renewed };
    let expires = options.expires.unwrap_or(usual);
    if expires <= options.now() { Err(Error::Expires(expires)) } else { Ok(expires) }
}

/// A head that names the new root, where its key is and there is one to follow.
fn head(
    depot: &Depot,
    ring: &mut Keyring,
    after: &State,
    now: Time,
    left: &mut Vec<String>,
) -> Result<Option<SignedHead>, Error> {
    if after.channels.is_empty() || (after.head.is_none() && after.void.is_none()) {
        return Ok(None);
    }
    if !ring.can_sign(&after.root.roles.head) || !left.is_empty() {
        let dir = depot.dir().display();
        left.push(if left.is_empty() {
            format!("where the head key is: `offgrid-depot head {dir}`")
        } else {
            format!(
                "then, where the head key is: `offgrid-depot head {dir} --take NAME=N`, with the \
                 numbers that were printed"
            )
        });
        return Ok(None);
    }
    let version = next_head(depot, after)?;
    let head = write_head(depot, ring, &after.root, version, after.pins.clone(), now);
    Ok(Some(head?))
}

/// Bytes and trusted comment of a root.
fn document(root: &Root) -> (Vec<u8>, String) {
    let bytes = depot::document(root);
    let comment = signature::comment("offgrid/root", "root", &root.version, &Digest::of(&bytes));
    (bytes, comment)
}
