//! `root/<n>.json`: which keys may sign what, and how many of them it takes.

use crate::error::{Error, parse};
use crate::signature::BLOCKS_MAX;
use crate::time::lifetime;
use crate::{Id, PublicKey, Time, Version};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The root of trust (reference/trust.md 2.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// 1.
    pub schema: u64,
    /// `offgrid/root`.
    #[serde(rename = "type")]
    pub kind: String,
    /// n of `root/<n>.json`, from 1.
    pub version: u64,
    /// When it was made.
    pub issued: Time,
    /// After this it may not vouch for anything new.
    pub expires: Time,
    /// Every key by a name of ours.
    pub keys: BTreeMap<Id, PublicKey>,
    /// Who may sign what.
    pub roles: Roles,
    /// Versions below which no document is taken.
    pub floors: Floors,
    /// The oldest bootstrapper that may go on.
    pub min_bootstrap: Version,
    /// Features that a reader has to know.
    #[serde(default)]
    pub must_understand: Vec<String>,
}

/// The three roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roles {
    /// Signs roots. Offline.
    pub root: Role,
    /// Signs channels, releases and bootstrappers. Offline.
    pub release: Role,
    /// Signs the head. Online.
    pub head: Role,
}

/// The keys of a role by name, and how many must sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Names in [`Root::keys`].
    pub keys: Vec<Id>,
    /// 1 to the number of keys.
    pub threshold: usize,
}

/// The lowest versions that are still taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Floors {
    /// Of head.json.
    #[serde(default)]
    pub head: u64,
    /// Of each channel.
    #[serde(default)]
    pub channel: BTreeMap<Id, u64>,
}

/// How many keys a role may have.
const KEYS_MAX: usize = 16;

impl Root {
    /// The keys of one of this root's roles. [`Root::check`] has seen to it that
    /// every name is there.
    pub fn keys_of(&self, role: &Role) -> Vec<PublicKey> {
        role.keys.iter().filter_map(|name| self.keys.get(name)).cloned().collect()
    }

    /// The rules that a single field cannot state.
    ///
    /// # Errors
    /// `E_PARSE`.
    pub fn check(&self) -> Result<(), Error> {
        if self.version == 0 {
            return Err(parse("a root's version begins at 1"));
        }
        lifetime(self.issued, self.expires)?;
        let all: Vec<&PublicKey> = self.keys.values().collect();
        if all.iter().enumerate().any(|(i, key)| all[..i].contains(key)) {
            return Err(parse("one key stands in the root under two names"));
        }
        let Roles { root, release, head } = &self.roles;
        for (name, role) in [("root", root), ("release", release), ("head", head)] {
            self.check_role(role).map_err(|error| error.at(name))?;
        }
        Ok(())
    }

    fn check_role(&self, role: &Role) -> Result<(), Error> {
        let count = role.keys.len();
        if count == 0 || count > KEYS_MAX || role.threshold == 0 || role.threshold > count {
            return Err(parse(format!("{} of {count} keys is no threshold", role.threshold)));
        }
        if role.threshold > BLOCKS_MAX {
            let message = format!("a signature file has no room for {} signers", role.threshold);
            return Err(parse(message));
        }
        for (i, name) in role.keys.iter().enumerate() {
            if role.keys[..i].contains(name) {
                return Err(parse(format!("the key `{name}` is in the role twice")));
            }
            if !self.keys.contains_key(name) {
                return Err(parse(format!("there is no key `{name}`")));
            }
        }
        Ok(())
    }
}
