//! A depot made of text: roots that follow one another, channels, heads, and
//! copies of it that lie. Everybody has its keys; see [`Key`].

use crate::signer::Key;
use offgrid_manifest::{Digest, Time, signature};
use std::collections::BTreeMap;

/// Paths and bytes, as a folder or web server has them.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Who signs what, by the number of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signers {
    /// Both sign roots.
    pub root: [u8; 2],
    /// Signs channels.
    pub release: u8,
    /// Signs heads.
    pub head: u8,
}

/// The depot.
pub struct Depot {
    /// Of each root, from 1 on.
    pub signers: Vec<Signers>,
    /// Bytes of each root.
    pub roots: Vec<Vec<u8>>,
    /// Every channel document ever signed, and by which key.
    pub channels: Vec<(Vec<u8>, u8)>,
    /// Every true head with its signature.
    pub heads: Vec<(Vec<u8>, Vec<u8>)>,
    /// What honest copies have.
    pub files: Files,
    /// The publisher's clock, in Unix seconds.
    pub time: u64,
    /// Version of the newest true channel and head.
    pub version: (u64, u64),
    /// Whether a thief has signed a channel with the key of its time.
    pub stolen: bool,
    keys: u8,
}

/// A day in seconds.
pub const DAY: u64 = 86_400;

fn comment(kind: &str, name: &str, version: u64, bytes: &[u8]) -> String {
    signature::comment(&format!("offgrid/{kind}"), name, &version, &Digest::of(bytes))
}

/// The text of a head that pins one channel.
pub struct HeadText<'a> {
    /// Its version.
    pub version: u64,
    /// The root it names.
    pub root: u64,
    /// When it was made, and until when it holds.
    pub times: (u64, u64),
    /// Version of the channel, and its bytes.
    pub channel: (u64, &'a [u8]),
}

impl HeadText<'_> {
    /// Bytes and signature, by this key.
    pub fn sign(&self, key: u8) -> (Vec<u8>, Vec<u8>) {
        let (version, bytes) = self.channel;
        let [issued, expires] = [self.times.0, self.times.1].map(Time::from_unix);
        let text = format!(
            r#"{{"schema":1,"type":"offgrid/head","version":{},"issued":"{issued}","expires":"{expires}",
            "root_version":{},"channels":{{"stable":{{"version":{version},"sha256":"{}","size":{}}}}}}}"#,
            self.version,
            self.root,
            Digest::of(bytes),
            bytes.len()
        );
        let bytes = text.into_bytes();
        let file = Key::of(key).block(&bytes, &comment("head", "head", self.version, &bytes));
        (bytes, file.into_bytes())
    }
}

impl Depot {
    /// With one root, one channel and one head.
    pub fn new(time: u64) -> Depot {
        let mut depot = Depot {
            signers: vec![Signers { root: [100, 101], release: 120, head: 140 }],
            roots: Vec::new(),
            channels: Vec::new(),
            heads: Vec::new(),
            files: Files::new(),
            time,
            version: (0, 0),
            stolen: false,
            keys: 0,
        };
        depot.sign_root(&[100, 101]);
        depot.publish();
        depot
    }

    /// Who signs now.
    pub fn now(&self) -> Signers {
        self.signers[self.signers.len() - 1]
    }

    fn sign_root(&mut self, by: &[u8]) {
        let version = self.roots.len() as u64 + 1;
        let Signers { root, release, head } = self.now();
        let key = |number: u8| Key::of(number).labelled(Key::of(number).id);
        let [issued, expires] = [self.time, self.time + 3 * 365 * DAY].map(Time::from_unix);
        let text = format!(
            r#"{{"schema":1,"type":"offgrid/root","version":{version},"issued":"{issued}","expires":"{expires}",
            "keys":{{"a":"{}","b":"{}","release":"{}","head":"{}"}},
            "roles":{{"root":{{"keys":["a","b"],"threshold":2}},"release":{{"keys":["release"],"threshold":1}},
            "head":{{"keys":["head"],"threshold":1}}}},"floors":{{"head":0,"channel":{{}}}},
            "min_bootstrap":"0.0.0"}}"#,
            key(root[0]),
            key(root[1]),
            key(release),
            key(head)
        );
        let bytes = text.into_bytes();
        let comment = comment("root", "root", version, &bytes);
        let file: String =
            by.iter().map(|number| Key::of(*number).block(&bytes, &comment)).collect();
        self.put(&format!("root/{version}.json"), &bytes, file.as_bytes());
        self.roots.push(bytes);
    }

    fn put(&mut self, path: &str, bytes: &[u8], signature: &[u8]) {
        self.files.insert(path.to_owned(), bytes.to_vec());
        self.files.insert(format!("{path}.minisig"), signature.to_vec());
    }

    /// A new channel, and a head that pins it.
    pub fn publish(&mut self) {
        self.version.0 += 1;
        let (bytes, file) = self.channel(self.version.0, self.now().release);
        self.put(&format!("channel/stable/{}.json", self.version.0), &bytes, &file);
        self.head();
    }

    /// A channel by this key, whoever that is.
    pub fn channel(&mut self, version: u64, key: u8) -> (Vec<u8>, Vec<u8>) {
        let [issued, expires] = [self.time, self.time + 180 * DAY].map(Time::from_unix);
        let text = format!(
            r#"{{"schema":1,"type":"offgrid/channel","name":"stable","version":{version},"issued":"{issued}",
            "expires":"{expires}","current":"1.0.{version}",
            "releases":{{"1.0.{version}":{{"sha256":"{}","size":1}}}}}}"#,
            Digest::of(&[key])
        );
        let bytes = text.into_bytes();
        let file = Key::of(key).block(&bytes, &comment("channel", "stable", version, &bytes));
        self.channels.push((bytes.clone(), key));
        (bytes, file.into_bytes())
    }

    /// A new head for the newest true channel.
    pub fn head(&mut self) {
        self.version.1 += 1;
        let channel = self.files[&format!("channel/stable/{}.json", self.version.0)].clone();
        let text = HeadText {
            version: self.version.1,
            root: self.roots.len() as u64,
            times: (self.time, self.time + 14 * DAY),
            channel: (self.version.0, &channel),
        };
        let (bytes, file) = text.sign(self.now().head);
        lay(&mut self.files, &bytes, &file);
        self.heads.push((bytes, file));
    }

    /// The next root, with other keys for these roles, and documents by them.
    pub fn rotate(&mut self, root: bool, release: bool, head: bool) {
        self.keys += 1;
        let old = self.now();
        let mut new = old;
        if root {
            new.root = [old.root[1], 180 + self.keys];
        }
        if release {
            new.release = 120 + self.keys % 20;
        }
        if head {
            new.head = 140 + self.keys % 20;
        }
        self.signers.push(new);
        let mut by = [old.root, new.root].concat();
        by.dedup();
        self.sign_root(&by);
        if release { self.publish() } else { self.head() }
    }
}

/// Puts a head where copies have it.
pub fn lay(files: &mut Files, head: &[u8], signature: &[u8]) {
    files.insert("head.json".to_owned(), head.to_vec());
    files.insert(format!("head/{}.minisig", Digest::of(head)), signature.to_vec());
}
