//! What a rotation changed, for people.

use super::RoleName;
use crate::trust::State;
use offgrid_manifest::{Id, Root};
use std::collections::BTreeMap;

/// The channels that have a new document.
pub(super) fn changed(before: &State, after: &State) -> BTreeMap<Id, u64> {
    let new = |(name, pin): (&Id, &offgrid_manifest::head::ChannelPin)| {
        let same = before.pins.get(name).is_some_and(|before| before == pin);
        (!same).then(|| (name.clone(), pin.version))
    };
    after.pins.iter().filter_map(new).collect()
}

/// What the new root says otherwise than the old one.
pub(super) fn words(old: &Root, new: &Root) -> Vec<String> {
    let mut words = Vec::new();
    for role in RoleName::ALL {
        let (before, now) = (role.of(&old.roles), role.of(&new.roles));
        if before != now {
            let keys: Vec<&str> = now.keys.iter().map(Id::as_str).collect();
            let (name, keys) = (role.name(), keys.join(", "));
            words.push(format!("{name}: {} of {keys}", now.threshold));
        }
    }
    if old.min_bootstrap != new.min_bootstrap {
        words.push(format!("programs older than {} update themselves first", new.min_bootstrap));
    }
    if old.floors.head != new.floors.head {
        words.push(format!("no head below {} counts", new.floors.head));
    }
    for (name, floor) in &new.floors.channel {
        if old.floors.channel.get(name) != Some(floor) {
            words.push(format!("no document of {name} below {floor} counts"));
        }
    }
    words.push(format!("valid until {}", new.expires));
    words
}
