//! Roots that nobody should sign, and blocks of signatures by any keys at all.

use super::{Forge, next, text};
use crate::base;
use offgrid_depot::keys::{self, Keyring, Password};
use offgrid_manifest::{Digest, Id, PublicKey, Role, Root, layout, signature};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// Whose keys sign a new root.
#[derive(Debug, Clone, Copy)]
pub enum Signers<'a> {
    /// The root keys of the root before and of the new one: as it should be.
    Both,
    /// Those of the root before alone.
    Old,
    /// Those of the new one alone.
    New,
    /// These.
    Named(&'a [&'a str]),
}

impl Forge {
    /// The next root, properly signed. From now on it is the one that counts.
    pub fn root(&mut self, edit: impl FnOnce(&mut Value)) {
        let number = self.root.version + 1;
        let root = self.root_at(number, Signers::Both, edit);
        self.root = serde_json::from_value(root).unwrap();
    }

    /// Something at the place of root `number`, made of the newest root.
    pub fn root_at(
        &mut self,
        number: u64,
        who: Signers<'_>,
        edit: impl FnOnce(&mut Value),
    ) -> Value {
        let mut root = serde_json::to_value(&self.root).unwrap();
        next(&mut root);
        edit(&mut root);
        let names = |root: &Value| -> Vec<Id> {
            serde_json::from_value(root["roles"]["root"]["keys"].clone()).unwrap()
        };
        let old = names(&serde_json::to_value(&self.root).unwrap());
        let names: Vec<Id> = match who {
            Signers::Both => {
                let more = names(&root).into_iter().filter(|name| !old.contains(name));
                old.iter().cloned().chain(more).collect()
            }
            Signers::Old => old,
            Signers::New => names(&root),
            Signers::Named(names) => names.iter().map(|name| name.parse().unwrap()).collect(),
        };
        let bytes = text(&root);
        let version = root["version"].to_string();
        let comment = signature::comment("offgrid/root", "root", &version, &Digest::of(&bytes));
        let blocks = blocks(&self.keys, &names, &bytes, &comment);
        self.signed(&layout::root(number), &bytes, &blocks);
        root
    }

    /// A new key, as a root names it.
    pub fn new_key(&mut self, name: &str) -> Value {
        let own = own_keys(&self.depot);
        if !own.exists() {
            base::copy_tree(&self.keys, &own);
        }
        self.keys = own;
        if !self.keys.join(format!("{name}.key")).exists() {
            keys::make(&self.keys, &[name.to_owned()], &Password::None).unwrap();
        }
        json!(public(&self.keys, name))
    }

    /// The next root with this head key, a new one, and none of the old ones.
    pub fn new_head_key(&mut self, name: &str) {
        let key = self.new_key(name);
        self.root(|root| {
            root["keys"][name] = key;
            root["roles"]["head"]["keys"] = json!([name]);
        });
    }

    /// The next root asks for two release keys, `release-1` and `release-2`, and both
    /// sign everything from the release up.
    pub fn two_release_keys(&mut self) {
        let key = self.new_key("release-2");
        self.root(|root| {
            root["keys"]["release-2"] = key;
            root["roles"]["release"] = json!({"keys": ["release-1", "release-2"], "threshold": 2});
        });
        self.release(|_| {});
    }
}

/// The folder of keys of a depot that has more than the base's.
pub(super) fn own_keys(depot: &Path) -> PathBuf {
    let mut name = depot.as_os_str().to_owned();
    name.push("-keys");
    PathBuf::from(name)
}

fn public(folder: &Path, name: &str) -> String {
    let text = fs::read_to_string(folder.join(format!("{name}.pub"))).unwrap();
    text.lines().nth(1).unwrap().to_owned()
}

/// A signature file with a block by each of these keys.
pub(super) fn blocks(folder: &Path, names: &[Id], bytes: &[u8], comment: &str) -> String {
    let mut ring = Keyring::new(folder.to_owned(), Password::None);
    let mut all = String::new();
    for name in names {
        // What a keyring signs for is a root: one with this key alone.
        let mut root: Root =
            serde_json::from_slice(&fs::read(base::folder().join("depot-1/root/1.json")).unwrap())
                .unwrap();
        root.keys =
            [(name.clone(), PublicKey::from_base64(&public(folder, name.as_str())).unwrap())]
                .into();
        let role = Role { keys: vec![name.clone()], threshold: 1 };
        all.push_str(&ring.sign(&root, &role, bytes, comment).unwrap());
    }
    all
}
