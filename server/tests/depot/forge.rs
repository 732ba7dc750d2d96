//! Documents that say what they should not and are signed by the right keys.

use crate::world::World;
use offgrid_depot::depot::{Depot, document};
use offgrid_depot::keys::{Keyring, Password};
use offgrid_depot::trust;
use offgrid_manifest::head::ChannelPin;
use offgrid_manifest::{Channel, Digest, Head, Role, Root, Verified, json, layout, signature};
use std::fs;

impl World {
    pub(crate) fn roots(&self) -> Vec<Verified<Root>> {
        trust::roots(&Depot::open(&self.depot).unwrap()).unwrap()
    }

    pub(crate) fn head(&self) -> Head {
        json::read(&self.read("head.json")).unwrap()
    }

    /// The document of `stable` that the head pins.
    pub(crate) fn stable(&self) -> Channel {
        let version = self.head().channels[&"stable".parse().unwrap()].version;
        json::read(&self.read(&format!("channel/stable/{version}.json"))).unwrap()
    }

    fn signed(&self, role: fn(&Root) -> &Role, bytes: &[u8], comment: &str) -> String {
        let root = self.roots().pop().unwrap();
        let mut ring = Keyring::new(self.keys.clone(), Password::Ask);
        ring.sign(&root, role(&root), bytes, comment).unwrap()
    }

    fn put(&self, name: &str, bytes: &[u8], file: &str, beside: &str) {
        let path = self.depot.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        fs::write(self.depot.join(beside), file).unwrap();
    }

    /// The next head, after `edit`.
    pub(crate) fn forge_head(&self, edit: impl FnOnce(&mut Head)) {
        let mut head = self.head();
        head.version += 1;
        edit(&mut head);
        let bytes = document(&head);
        let digest = Digest::of(&bytes);
        let comment = signature::comment("offgrid/head", "head", &head.version, &digest);
        let file = self.signed(|root| &root.roles.head, &bytes, &comment);
        self.put("head.json", &bytes, &file, &layout::head_signature(&digest));
        fs::write(self.depot.join("head.json.minisig"), file).unwrap();
    }

    /// The next document of `stable`, after `edit`, without a head that pins it.
    pub(crate) fn forge_unpinned(&self, edit: impl FnOnce(&mut Channel)) -> ChannelPin {
        let mut channel = self.stable();
        channel.version += 1;
        edit(&mut channel);
        let bytes = document(&channel);
        let (sha256, size, version) = (Digest::of(&bytes), bytes.len() as u64, channel.version);
        let comment = signature::comment("offgrid/channel", "stable", &version, &sha256);
        let file = self.signed(|root| &root.roles.release, &bytes, &comment);
        let place = layout::channel(&channel.name, version);
        self.put(&place, &bytes, &file, &layout::signature(&place));
        ChannelPin { version, sha256, size }
    }

    /// The same, with a head that pins it.
    pub(crate) fn forge_channel(&self, edit: impl FnOnce(&mut Channel)) {
        let pin = self.forge_unpinned(edit);
        self.forge_head(|head| {
            head.channels.insert("stable".parse().unwrap(), pin);
        });
    }

    /// The next root, after `edit`.
    pub(crate) fn forge_root(&self, edit: impl FnOnce(&mut Root)) {
        let mut root = (*self.roots().pop().unwrap()).clone();
        root.version += 1;
        edit(&mut root);
        let bytes = document(&root);
        let comment =
            signature::comment("offgrid/root", "root", &root.version, &Digest::of(&bytes));
        let file = self.signed(|root| &root.roles.root, &bytes, &comment);
        let place = layout::root(root.version);
        self.put(&place, &bytes, &file, &layout::signature(&place));
    }
}
