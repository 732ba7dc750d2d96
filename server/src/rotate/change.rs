//! What the next root says: its keys, thresholds and floors. Pure: no file is
//! read or written, and nothing is signed.

use super::{Error, Floor, Options, RoleName};
use crate::trust::State;
use offgrid_manifest::root::{Floors, Roles};
use offgrid_manifest::{Id, PublicKey, Role, Root, Verified, signature};
use std::collections::BTreeMap;

/// Nobody publishes so often: a higher number was signed to do harm.
pub(super) const CREDIBLE: u64 = 1 << 52;

/// The roles of the next root, by the names of their keys.
///
/// # Errors
/// `E_USAGE` for names that are not there and thresholds that cannot be met.
pub(super) fn roles(
    old: &Root,
    options: &Options,
    more: &[(RoleName, Id)],
) -> Result<Roles, Error> {
    let mut roles = old.roles.clone();
    for name in &options.remove {
        let all = [&mut roles.root, &mut roles.release, &mut roles.head];
        let mut found = false;
        for role in all {
            let before = role.keys.len();
            role.keys.retain(|key| key != name);
            found |= role.keys.len() < before;
        }
        if !found {
            let known: Vec<&str> = old.keys.keys().map(Id::as_str).collect();
            let known = known.join(", ");
            return Err(Error::NoKey { name: name.clone(), root: old.version, known });
        }
    }
    for (role, name) in more {
        role.of_mut(&mut roles).keys.push(name.clone());
    }
    for (role, threshold) in &options.thresholds {
        role.of_mut(&mut roles).threshold = *threshold;
    }
    for role in RoleName::ALL {
        let Role { keys, threshold } = role.of(&roles);
        let (keys, threshold) = (keys.len(), *threshold);
        if threshold == 0 || threshold > keys || keys > signature::BLOCKS_MAX {
            return Err(Error::Threshold { role: role.name(), keys, threshold });
        }
    }
    Ok(roles)
}

/// The keys that these roles name: those of before, and the added ones.
///
/// # Errors
/// `E_USAGE` when a name or a key stood for something else in any root.
pub(super) fn keys(
    roots: &[Verified<Root>],
    roles: &Roles,
    added: &BTreeMap<Id, PublicKey>,
) -> Result<BTreeMap<Id, PublicKey>, Error> {
    for (name, key) in added {
        for root in roots {
            if root.keys.contains_key(name) {
                let version = root.version;
                return Err(Error::Used(format!("root {version} has a key `{name}` already")));
            }
            if let Some((other, _)) = root.keys.iter().find(|(_, known)| *known == key) {
                let version = root.version;
                return Err(Error::Used(format!(
                    "`{name}` is the key `{other}` of root {version}"
                )));
            }
        }
    }
    let old = roots.iter().flat_map(|root| &root.keys);
    let named = RoleName::ALL.into_iter().flat_map(|role| &role.of(roles).keys);
    let named: Vec<&Id> = named.collect();
    let all = old.chain(added).filter(|(name, _)| named.contains(name));
    Ok(all.map(|(name, key)| (name.clone(), key.clone())).collect())
}

/// Whether the keys of a role are others now; clients then forget its marks.
pub(super) fn differ(old: &Root, new: &Root, role: RoleName) -> bool {
    let raw = |root: &Root| {
        let keys = root.keys_of(role.of(&root.roles));
        let mut raw: Vec<[u8; 32]> = keys.iter().map(|key| *key.raw()).collect();
        raw.sort_unstable();
        raw
    };
    raw(old) != raw(new)
}

/// The floors of the next root: by default what is current, so that clients that
/// forget their marks cannot be led back.
///
/// # Errors
/// `E_USAGE` for a floor that is lower than before or higher than what there is.
pub(super) fn floors(
    old: &Floors,
    state: &State,
    options: &Options,
    (new_head, new_release): (bool, bool),
) -> Result<Floors, Error> {
    let mut floors = old.clone();
    let current = state.head.as_ref().map_or(0, |head| head.version);
    floors.head = match options.floor_head {
        None if options.only_floors || options.restart_head => old.head,
        None | Some(Floor::Current) => {
            let hint = "type the command again with --new head --remove NAME --restart-head; or \
                        name the last head of yours with --floor-head N";
            raised("head", old.head, current, hint)?
        }
        Some(Floor::At(n)) => {
            let most = if new_head { CREDIBLE } else { current };
            asked("head", old.head, n, most)?
        }
    };
    for (name, channel) in &state.channels {
        let (what, before) = (format!("channel {name}"), old.channel.get(name).copied());
        let before = before.unwrap_or(0);
        let now = channel.version;
        let floor = match options.floor_channels.get(name) {
            None | Some(Floor::Current) if options.only_floors && !asks(options, name) => before,
            None | Some(Floor::Current) => {
                let hint = format!(
                    "name the last document of yours with --floor-channel {name}=N, together \
                     with --new release --remove NAME"
                );
                raised(&what, before, now, &hint)?
            }
            Some(Floor::At(n)) => {
                asked(&what, before, *n, if new_release { CREDIBLE } else { now })?
            }
        };
        if floor > 0 {
            floors.channel.insert(name.clone(), floor);
        }
    }
    match options.floor_channels.keys().find(|name| !state.channels.contains_key(name)) {
        Some(name) => Err(Error::NoChannel(name.clone())),
        None => Ok(floors),
    }
}

fn asks(options: &Options, name: &Id) -> bool {
    options.floor_channels.contains_key(name)
}

/// The floor that follows from the current version.
fn raised(what: &str, floor: u64, current: u64, hint: &str) -> Result<u64, Error> {
    if current > CREDIBLE {
        let (what, hint) = (what.to_owned(), hint.to_owned());
        return Err(Error::Stolen { what, version: current, hint });
    }
    Ok(floor.max(current))
}

/// A floor that was asked for.
fn asked(what: &str, floor: u64, asked: u64, most: u64) -> Result<u64, Error> {
    let what = what.to_owned();
    if asked < floor {
        return Err(Error::Lower { what, floor, asked });
    }
    // A floor that holds already stays, whatever there is.
    if asked > most && asked > floor {
        return Err(Error::Above { what, now: most, asked });
    }
    Ok(asked)
}
