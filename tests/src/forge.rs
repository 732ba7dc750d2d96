//! Documents that are wrong and correctly signed: the real keys of the base sign
//! whatever a test makes of a depot's newest documents. Every edit is a new
//! document; the documents above it are made anew so that they pin it.

mod roots;

pub use roots::Signers;

use crate::base;
use offgrid_manifest::{Digest, Role, Root, Time, layout, signature};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// A depot and the keys that sign for it.
pub struct Forge {
    depot: PathBuf,
    /// The folder of the keys.
    keys: PathBuf,
    /// The newest root of the depot.
    root: Root,
    /// Who signs channels and releases, where not everybody who may does.
    only: Option<Vec<String>>,
}

impl Forge {
    /// For a copy of one of the base's depots.
    pub fn of(depot: &Path) -> Forge {
        let own = roots::own_keys(depot);
        Forge::with(depot, if own.exists() { &own } else { base::keys() })
    }

    /// With the keys in this folder.
    pub fn with(depot: &Path, keys: &Path) -> Forge {
        let roots = (1..).map(|n| depot.join(layout::root(n))).take_while(|path| path.exists());
        let root = serde_json::from_slice(&fs::read(roots.last().unwrap()).unwrap()).unwrap();
        Forge { depot: depot.to_owned(), keys: keys.to_owned(), root, only: None }
    }

    /// From now on only these keys sign channels and releases.
    pub fn released_by(&mut self, names: &[&str]) -> &mut Forge {
        self.only = Some(names.iter().map(|&name| name.to_owned()).collect());
        self
    }

    /// Another head, one version later unless `edit` says otherwise.
    pub fn head(&mut self, edit: impl FnOnce(&mut Value)) {
        let mut head = self.read(layout::HEAD);
        next(&mut head);
        edit(&mut head);
        self.head_as(&head["version"], &text(&head));
    }

    /// These bytes as the head, signed as if they had this version.
    pub fn head_as(&mut self, version: &Value, bytes: &[u8]) {
        let role = self.root.roles.head.clone();
        let signature = self.sign(&role, "offgrid/head", "head", version, bytes);
        self.put(&layout::head_signature(&Digest::of(bytes)), signature.as_bytes());
        self.put(layout::HEAD, bytes);
    }

    /// Another channel `stable`, and a head that pins it.
    pub fn channel(&mut self, edit: impl FnOnce(&mut Value)) {
        let mut channel = self.read(&self.newest_channel());
        next(&mut channel);
        edit(&mut channel);
        let name = channel["name"].as_str().unwrap().to_owned();
        let version = channel["version"].clone();
        let bytes = text(&channel);
        let path = format!("channel/stable/{version}.json");
        let signature = self.release_sign("offgrid/channel", &name, &version, &bytes);
        self.signed(&path, &bytes, &signature);
        self.head(|head| {
            head["channels"]["stable"] =
                json!({"version": version, "sha256": Digest::of(&bytes), "size": bytes.len()});
        });
    }

    /// The newest channel under a later name, as it was signed: `channel/stable/N+by`.
    pub fn copy_channel(&self, by: u64) {
        let to = self.newest_channel();
        let number: u64 = to.trim_end_matches(".json").rsplit('/').next().unwrap().parse().unwrap();
        let from = format!("channel/stable/{}.json", number - by);
        for name in [String::from, |name: &str| layout::signature(name)] {
            fs::copy(self.depot.join(name(&from)), self.depot.join(name(&to))).unwrap();
        }
    }

    /// Another document for the current release, and channel and head that pin it.
    pub fn release(&mut self, edit: impl FnOnce(&mut Value)) {
        let mut release = self.read(&self.newest_release());
        let listed = release["version"].as_str().unwrap().to_owned();
        edit(&mut release);
        let bytes = text(&release);
        let digest = Digest::of(&bytes);
        let (product, version) =
            (release["product"].as_str().unwrap().to_owned(), release["version"].clone());
        let signature = self.release_sign("offgrid/release", &product, &version, &bytes);
        self.signed(&format!("release/{listed}/{digest}.json"), &bytes, &signature);
        self.channel(|channel| {
            channel["releases"][&listed] = json!({"sha256": digest, "size": bytes.len()});
        });
    }

    /// One more release, the current one under another number, and the channel offers
    /// that. Only its documents are new.
    pub fn another_release(&mut self, version: &str) {
        let mut release = self.read(&self.newest_release());
        release["version"] = json!(version);
        let bytes = text(&release);
        let digest = Digest::of(&bytes);
        let product = release["product"].as_str().unwrap().to_owned();
        let signature = self.release_sign("offgrid/release", &product, &release["version"], &bytes);
        self.signed(&format!("release/{version}/{digest}.json"), &bytes, &signature);
        self.channel(|channel| {
            channel["current"] = json!(version);
            channel["releases"][version] = json!({"sha256": digest, "size": bytes.len()});
        });
    }

    /// Other parts of a component, pinned by release, channel and head. The
    /// component's figures are made to fit where the parts can be read at all.
    pub fn parts(&mut self, component: &str, edit: impl FnOnce(&mut Value)) {
        let (mut parts, target) = self.parts_of(component);
        edit(&mut parts);
        let bytes = text(&parts);
        let digest = self.blob(&bytes);
        let known = serde_json::from_value::<offgrid_manifest::Parts>(parts).ok();
        self.release(|release| {
            let figures = &mut release["components"][component][&target];
            figures["parts"] = json!({"sha256": digest, "size": bytes.len()});
            if let Some(parts) = known {
                let tree = offgrid_manifest::tree::digest(&parts.files, &parts.links);
                figures["tree_sha256"] = json!(tree);
                figures["unpacked_size"] = json!(parts.unpacked_size());
                figures["file_count"] = json!(parts.files.len());
            }
        });
    }

    /// Lets the app be another program that does the same: a byte longer.
    pub fn new_app(&mut self) {
        let (parts, _) = self.parts_of("app");
        let files = parts["files"].as_array().unwrap();
        let at = files.iter().position(|file| file["path"] == "offgrid").unwrap();
        let zst = &files[at]["encodings"][0]["sha256"];
        let stored = fs::read(self.depot.join("blob/sha256").join(zst.as_str().unwrap()));
        let mut plain = zstd::stream::decode_all(&stored.unwrap()[..]).unwrap();
        plain.push(0);
        let stored = zstd::bulk::compress(&plain, 1).unwrap();
        let digest = self.blob(&stored);
        self.parts("app", |parts| {
            let file = &mut parts["files"][at];
            file["sha256"] = json!(Digest::of(&plain));
            file["size"] = json!(plain.len());
            file["encodings"] = json!([{"kind": "zst", "sha256": digest, "size": stored.len()}]);
        });
    }

    /// Another pack of a component, made of this tar, compressed.
    pub fn pack(&mut self, component: &str, tar: &[u8]) {
        self.pack_of_size(component, tar, tar.len());
    }

    /// The same, signed for as if it had this size.
    pub fn pack_of_size(&mut self, component: &str, tar: &[u8], size: usize) {
        let stored = zstd::bulk::compress(tar, 3).unwrap();
        let digest = self.blob(&stored);
        self.parts(component, |parts| {
            parts["pack"] = json!({
                "size": size,
                "encodings": [{"kind": "zst", "sha256": digest, "size": stored.len()}],
            });
        });
    }

    /// The plain tar of a component's pack.
    pub fn pack_now(&self, component: &str) -> Vec<u8> {
        let encodings = &self.parts_of(component).0["pack"]["encodings"];
        let zst = encodings.as_array().unwrap().iter().find(|e| e["kind"] == "zst").unwrap();
        zstd::stream::decode_all(&self.stored(zst)[..]).unwrap()
    }

    /// The stored bytes of an encoding.
    pub fn stored(&self, encoding: &Value) -> Vec<u8> {
        let name = encoding["sha256"].as_str().unwrap();
        fs::read(self.depot.join("blob/sha256").join(name)).unwrap()
    }

    /// Writes a blob.
    pub fn blob(&mut self, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        self.put(&layout::blob(&digest), bytes);
        digest
    }

    /// The parts of a component, and the target they are for.
    pub fn parts_of(&self, component: &str) -> (Value, String) {
        let release = self.read(&self.newest_release());
        let targets = release["components"][component].as_object().unwrap();
        let (target, figures) = targets.iter().next().unwrap();
        let digest = figures["parts"]["sha256"].as_str().unwrap();
        (self.read(&format!("blob/sha256/{digest}")), target.clone())
    }

    /// The path of the blob that carries a file of a component.
    pub fn blob_of(&self, component: &str, file: &str) -> String {
        let (parts, _) = self.parts_of(component);
        let files = parts["files"].as_array().unwrap();
        let file = files.iter().find(|entry| entry["path"] == file).unwrap();
        // What --fast builds has one encoding of each.
        format!("blob/sha256/{}", file["encodings"][0]["sha256"].as_str().unwrap())
    }

    /// The path of the channel document that the head pins.
    pub fn newest_channel(&self) -> String {
        let head = self.read(layout::HEAD);
        format!("channel/stable/{}.json", head["channels"]["stable"]["version"])
    }

    /// The path of the release document that the channel offers.
    pub fn newest_release(&self) -> String {
        let channel = self.read(&self.newest_channel());
        let version = channel["current"].as_str().unwrap();
        let digest = channel["releases"][version]["sha256"].as_str().unwrap();
        format!("release/{version}/{digest}.json")
    }

    /// Where a file of the depot is.
    pub fn path(&self, path: &str) -> PathBuf {
        self.depot.join(path)
    }

    /// A document as it is now.
    pub fn read(&self, path: &str) -> Value {
        serde_json::from_slice(&fs::read(self.depot.join(path)).unwrap()).unwrap()
    }

    fn release_sign(&self, kind: &str, name: &str, version: &Value, bytes: &[u8]) -> String {
        let mut role = self.root.roles.release.clone();
        if let Some(only) = &self.only {
            role.keys = only.iter().map(|name| name.parse().unwrap()).collect();
        }
        self.sign(&role, kind, name, version, bytes)
    }

    fn sign(&self, role: &Role, kind: &str, name: &str, version: &Value, bytes: &[u8]) -> String {
        let version = version.as_str().map_or_else(|| version.to_string(), str::to_owned);
        let comment = signature::comment(kind, name, &version, &Digest::of(bytes));
        roots::blocks(&self.keys, &role.keys, bytes, &comment)
    }

    fn signed(&self, path: &str, bytes: &[u8], signature: &str) {
        self.put(&layout::signature(path), signature.as_bytes());
        self.put(path, bytes);
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        let at = self.depot.join(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, bytes).unwrap();
    }
}

fn next(document: &mut Value) {
    document["version"] = json!(document["version"].as_u64().unwrap() + 1);
}

fn text(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

/// A time as documents write it, so many days after now; before it when negative.
pub fn days(days: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Time::from_unix(now.saturating_add_signed(days * 86_400)).to_string()
}
