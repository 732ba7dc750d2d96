//! A depot of signed documents and nothing else, in any state, right or wrong:
//! roots, heads and channels with throw-away keys that are made when they are first
//! named. Documents are JSON that a test edits as it likes; what is published gets
//! the next version and the signatures of whoever the test says.
//!
//! Lives in memory; [`Simulator::write`] puts it into a folder. Used by the
//! scenarios and by the bootstrapper's own tests.

use minisign::KeyPair;
use offgrid_manifest::{Digest, Time, layout, signature};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::Path;

/// Seconds of a day.
pub const DAY: u64 = 86_400;
/// When everything here was made: 2026-09-01T00:00:00Z.
pub const BEGAN: u64 = 1_788_220_800;
/// The three roles.
pub const ROLES: [&str; 3] = ["root", "head", "release"];

/// The files of a depot, by their paths.
pub type Files = BTreeMap<String, Vec<u8>>;

/// A time as documents write it, so many days after [`BEGAN`].
pub fn day(days: u64) -> String {
    Time::from_unix(BEGAN + days * DAY).to_string()
}

/// What is done to a signature block after it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twist {
    /// Another key id, which proves nothing and may be anything.
    Relabel,
    /// One bit of the signature.
    Break,
    /// Called a legacy signature.
    Legacy,
}

/// The depot. The documents are drafts of what is published next.
#[derive(Clone)]
pub struct Simulator {
    keys: BTreeMap<String, KeyPair>,
    /// The draft of the next root.
    pub root: Value,
    /// The draft of the next head.
    pub head: Value,
    /// The drafts of the next channels.
    pub channels: BTreeMap<String, Value>,
    /// Who signs for each role, by names of keys.
    pub signers: BTreeMap<String, Vec<String>>,
    /// What is published.
    pub files: Files,
}

impl Default for Simulator {
    fn default() -> Simulator {
        Simulator::new()
    }
}

impl Simulator {
    /// Root 1, head 1 and channel `stable` 1; one key for each role: `r1`, `h1`
    /// and `c1`.
    pub fn new() -> Simulator {
        let mut new = Simulator::empty();
        new.publish_root();
        new.publish();
        new
    }

    /// The same drafts, nothing published.
    pub fn empty() -> Simulator {
        let document = |kind: &str, expires: u64| {
            json!({
                "schema": 1, "type": format!("offgrid/{kind}"), "version": 0,
                "issued": day(0), "expires": day(expires),
            })
        };
        let mut root = document("root", 3 * 365);
        root["keys"] = json!({});
        root["roles"] = json!({});
        root["floors"] = json!({"head": 0, "channel": {}});
        root["min_bootstrap"] = json!("0.0.1");
        let mut head = document("head", 14);
        head["channels"] = json!({});
        let mut new = Simulator {
            keys: BTreeMap::new(),
            root,
            head,
            channels: BTreeMap::new(),
            signers: BTreeMap::new(),
            files: Files::new(),
        };
        for (role, key) in [("root", "r1"), ("head", "h1"), ("release", "c1")] {
            new.role(role, &[key], 1);
        }
        new.channel("stable");
        new
    }

    /// Adds the draft of a channel.
    pub fn channel(&mut self, name: &str) {
        let pin = json!({"sha256": Digest::of(b"release").to_string(), "size": 7});
        let channel = json!({
            "schema": 1, "type": "offgrid/channel", "name": name, "version": 0,
            "issued": day(0), "expires": day(180),
            "current": "0.1.0", "releases": {"0.1.0": pin},
        });
        self.channels.insert(name.to_owned(), channel);
    }

    /// Gives a role to these keys, which sign for it from now on.
    pub fn role(&mut self, role: &str, keys: &[&str], threshold: usize) {
        self.root["roles"][role] = json!({"keys": keys, "threshold": threshold});
        let named = self.root["roles"].as_object().unwrap().values();
        let lists: Vec<Value> = named.map(|role| role["keys"].clone()).collect();
        let all = lists.iter().flat_map(|keys| keys.as_array().unwrap());
        let names: Vec<&str> = all.map(|name| name.as_str().unwrap()).collect();
        let of = |name: &&str| ((*name).to_owned(), Value::from(self.public(name)));
        self.root["keys"] = names.iter().map(of).collect::<serde_json::Map<_, _>>().into();
        self.sign_by(role, keys);
    }

    /// Lets these keys sign for a role, whether or not they may.
    pub fn sign_by(&mut self, role: &str, keys: &[&str]) {
        let names = keys.iter().map(|key| (*key).to_owned()).collect();
        self.signers.insert(role.to_owned(), names);
    }

    /// A public key as documents write it.
    pub fn public(&mut self, name: &str) -> String {
        self.pair(name).pk.to_base64()
    }

    /// Publishes the next root.
    pub fn publish_root(&mut self) {
        next(&mut self.root);
        let document = self.root.clone();
        self.put_signed(&layout::root(version(&document)), &document, "root");
    }

    /// Publishes the next document of every channel, and the next head.
    pub fn publish(&mut self) {
        for name in self.channels.keys().cloned().collect::<Vec<_>>() {
            self.publish_channel(&name);
        }
        self.publish_head();
    }

    /// Publishes the next document of a channel, which the next head pins.
    pub fn publish_channel(&mut self, name: &str) {
        next(self.channels.get_mut(name).unwrap());
        self.republish_channel(name);
    }

    /// Publishes a channel as its draft is.
    pub fn republish_channel(&mut self, name: &str) {
        let document = self.channels[name].clone();
        let path = layout::channel(&name.parse().unwrap(), version(&document));
        let bytes = self.put_signed(&path, &document, "release");
        self.head["channels"][name] = json!({
            "version": document["version"], "sha256": Digest::of(&bytes).to_string(),
            "size": bytes.len(),
        });
    }

    /// Publishes the next head; it names the newest root unless its draft names one.
    pub fn publish_head(&mut self) {
        next(&mut self.head);
        self.republish_head();
    }

    /// Publishes the head as its draft is.
    pub fn republish_head(&mut self) {
        let mut document = self.head.clone();
        if document["root_version"].is_null() {
            document["root_version"] = self.root["version"].clone();
        }
        self.put_signed(layout::HEAD, &document, "head");
    }

    /// Signs a document for a role and publishes it; its bytes.
    pub fn put_signed(&mut self, path: &str, document: &Value, role: &str) -> Vec<u8> {
        let bytes = serde_json::to_vec(document).unwrap();
        let comment = comment(document, &bytes);
        let signers = self.signers[role].clone();
        let signers: Vec<&str> = signers.iter().map(String::as_str).collect();
        let file = self.sign(&signers, &bytes, &comment);
        self.files.insert(signature_of(path, &bytes), file.into_bytes());
        self.files.insert(path.to_owned(), bytes.clone());
        bytes
    }

    /// A signature file: a block by each of these keys.
    pub fn sign(&mut self, signers: &[&str], bytes: &[u8], comment: &str) -> String {
        signers.iter().map(|signer| self.block(signer, bytes, comment)).collect()
    }

    fn block(&mut self, signer: &str, bytes: &[u8], comment: &str) -> String {
        let pair = self.pair(signer);
        let (public, secret) = (Some(&pair.pk), &pair.sk);
        let untrusted = Some("of a simulator");
        let made = minisign::sign(public, secret, Cursor::new(bytes), Some(comment), untrusted);
        made.unwrap().into_string()
    }

    /// Changes the signature file of a published document, block by block.
    pub fn twist(&mut self, path: &str, twist: impl Fn(usize) -> Option<Twist>) {
        let name = signature_of(path, &self.files[path]);
        let file = String::from_utf8(self.files[&name].clone()).unwrap();
        let lines: Vec<&str> = file.lines().collect();
        let blocks = lines.chunks(4).enumerate().map(|(at, lines)| match twist(at) {
            Some(how) => block_with(lines, how),
            None => block_of(lines),
        });
        let file: String = blocks.collect();
        self.files.insert(name, file.into_bytes());
    }

    /// Makes this folder hold what is published and nothing else.
    pub fn write(&self, folder: &Path) {
        write(&self.files, folder);
    }

    fn pair(&mut self, name: &str) -> &KeyPair {
        let new = || KeyPair::generate_unencrypted_keypair().unwrap();
        self.keys.entry(name.to_owned()).or_insert_with(new)
    }
}

/// Makes a folder hold these files and nothing else.
pub fn write(files: &Files, folder: &Path) {
    if folder.exists() {
        fs::remove_dir_all(folder).unwrap();
    }
    for (path, bytes) in files {
        let at = folder.join(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, bytes).unwrap();
    }
}

/// Where the signature of a document lies.
pub fn signature_of(path: &str, bytes: &[u8]) -> String {
    match path {
        layout::HEAD => layout::head_signature(&Digest::of(bytes)),
        path => layout::signature(path),
    }
}

/// The trusted comment that a document deserves.
pub fn comment(document: &Value, bytes: &[u8]) -> String {
    let kind = document["type"].as_str().unwrap_or_default();
    let name = document["name"].as_str().or(kind.strip_prefix("offgrid/")).unwrap_or_default();
    signature::comment(kind, name, &document["version"], &Digest::of(bytes))
}

/// The same public key under another key id.
pub fn relabelled(key: &str) -> String {
    // Bytes 3 to 8 of 42; the key id is 2 to 9.
    format!("{}AAAAAAAA{}", &key[..4], &key[12..])
}

fn next(document: &mut Value) {
    document["version"] = json!(version(document) + 1);
}

fn version(document: &Value) -> u64 {
    document["version"].as_u64().unwrap()
}

fn block_of(lines: &[&str]) -> String {
    format!("{}\n", lines.join("\n"))
}

fn block_with(lines: &[&str], how: Twist) -> String {
    let line = lines[1];
    let line = match how {
        Twist::Relabel => relabelled(line),
        Twist::Break => {
            let other = if &line[40..41] == "A" { "B" } else { "A" };
            format!("{}{other}{}", &line[..40], &line[41..])
        }
        Twist::Legacy => format!("RW{}", &line[2..]),
    };
    block_of(&[lines[0], &line, lines[2], lines[3]])
}
