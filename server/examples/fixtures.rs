//! Writes the documents of `manifest/tests/fixtures/v1/`, signed by the test keys
//! beside this file:
//!
//!     cargo run -p offgrid-depot --example fixtures -- OUT
//!
//! It was run once. The files are kept for ever as they are: every later version
//! must read them. A new schema gets a folder and a generator of its own.
// Long because: it was run once, and is kept as it was run.
#![expect(clippy::unwrap_used, reason = "a generator that cannot go on has failed")]

use offgrid_depot::depot::document;
use offgrid_depot::keys::{self, Keyring, Password};
use offgrid_manifest::channel::{Rollout, RolloutStep, Yank};
use offgrid_manifest::head::ChannelPin;
use offgrid_manifest::parts::{Encoding, EncodingKind, File, Link, Mode, Pack, Patch};
use offgrid_manifest::release::{Component, Model, Provenance, Setup, Source, Variant};
use offgrid_manifest::root::{Floors, Roles};
use offgrid_manifest::stamp::StampedRoot;
use offgrid_manifest::{Channel, Digest, Head, Id, Parts, Pin, Release, Role, Root, Stamp};
use offgrid_manifest::{signature, tree};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const NAMES: [&str; 7] =
    ["root-1", "root-2", "root-3", "release-1", "head-1", "head-2", "stranger-1"];

fn id(text: &str) -> Id {
    text.parse().unwrap()
}

fn pin(bytes: &[u8]) -> Pin {
    Pin { sha256: Digest::of(bytes), size: bytes.len() as u64 }
}

fn encoding(kind: EncodingKind, stored: &str, size: u64) -> Encoding {
    Encoding { kind, sha256: Digest::of(stored.as_bytes()), size }
}

/// The folder with the keys in modes that are accepted.
fn private_keys(into: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/keys");
    for name in NAMES {
        for extension in ["key", "pub"] {
            let file = format!("{name}.{extension}");
            fs::copy(from.join(&file), into.join(&file)).unwrap();
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                let mode = fs::Permissions::from_mode(0o600);
                fs::set_permissions(into.join(&file), mode).unwrap();
            }
        }
    }
}

struct Writer {
    out: PathBuf,
    ring: Keyring,
    root: Root,
}

impl Writer {
    fn bytes(&self, name: &str, bytes: &[u8]) {
        fs::write(self.out.join(name), bytes).unwrap();
    }

    /// A document with the signature of this role under this comment.
    fn signed(&mut self, name: &str, value: &impl Serialize, role: &Role, comment: &Said) -> Pin {
        let bytes = document(value);
        self.bytes(name, &bytes);
        let comment = signature::comment(comment.0, comment.1, &comment.2, &Digest::of(&bytes));
        let file = self.ring.sign(&self.root, role, &bytes, &comment).unwrap();
        self.bytes(&format!("{name}.minisig"), file.as_bytes());
        pin(&bytes)
    }
}

/// Type, name and version as the trusted comment says them.
struct Said(&'static str, &'static str, &'static str);

fn root(keys: &BTreeMap<String, offgrid_manifest::PublicKey>, version: u64, head: &str) -> Root {
    let used = ["root-1", "root-2", "root-3", "release-1", head];
    let role = |names: &[&str], threshold| Role {
        keys: names.iter().map(|name| id(name)).collect(),
        threshold,
    };
    Root {
        schema: 1,
        kind: "offgrid/root".into(),
        version,
        issued: "2026-09-01T00:00:00Z".parse().unwrap(),
        expires: "2029-09-01T00:00:00Z".parse().unwrap(),
        keys: used.iter().map(|name| (id(name), keys[*name].clone())).collect(),
        roles: Roles {
            root: role(&["root-1", "root-2", "root-3"], 2),
            release: role(&["release-1"], 1),
            head: role(&[head], 1),
        },
        floors: Floors { head: 3, channel: BTreeMap::from([(id("stable"), 41)]) },
        min_bootstrap: "0.1.0".parse().unwrap(),
        must_understand: Vec::new(),
    }
}

fn parts() -> Parts {
    let file = |path: &str, mode, bytes: &[u8]| File {
        path: path.parse().unwrap(),
        mode,
        sha256: Digest::of(bytes),
        size: bytes.len() as u64,
        encodings: Vec::new(),
        patches: Vec::new(),
    };
    let mut library = file("libggml.so.1", Mode::Plain, &vec![7; 300_000]);
    library.encodings =
        vec![encoding(EncodingKind::Zst, "zst", 120_000), encoding(EncodingKind::Xz, "xz", 90_000)];
    library.patches = vec![Patch {
        from: Digest::of(b"older"),
        kind: "bsdiff-1".into(),
        sha256: Digest::of(b"patch"),
        size: 12_345,
    }];
    Parts {
        schema: 1,
        files: vec![
            file("LICENSES/llama-cpu/LICENSE", Mode::Plain, b"MIT\n"),
            library,
            file("llama-server", Mode::Executable, b"#!/bin/sh\n"),
        ],
        links: vec![Link { path: "libggml.so".parse().unwrap(), target: "libggml.so.1".into() }],
        pack: Some(Pack { size: 4096, encodings: vec![encoding(EncodingKind::Raw, "tar", 4096)] }),
    }
}

fn release(parts: &Parts, setup: &[u8]) -> Release {
    let component = Component {
        into: "llama/".to_owned().try_into().unwrap(),
        tree_sha256: tree::digest(&parts.files, &parts.links),
        unpacked_size: parts.unpacked_size(),
        file_count: parts.files.len() as u64,
        parts: pin(&document(parts)),
    };
    let linux = "linux-x86_64".parse().unwrap();
    let needs = r#"{"glibc":">=2.35","cpu":"avx2 fma","nvidia":[{"compute":["8.6",">=9.0 <12.0"],"driver":">=550"}]}"#;
    Release {
        schema: 1,
        kind: "offgrid/release".into(),
        product: "offgrid".into(),
        version: "0.3.0".parse().unwrap(),
        app: "0.2.12".into(),
        engine: "b11158".into(),
        source: Source {
            repo: "https://example.org/offgrid".into(),
            commit: "0123456789abcdef".into(),
            epoch: 1_788_220_800,
        },
        components: BTreeMap::from([(id("llama-cpu"), BTreeMap::from([(linux, component)]))]),
        variants: vec![Variant {
            id: id("linux-x86_64-cpu"),
            target: linux,
            rank: 100,
            components: vec![id("llama-cpu")],
            needs: serde_json::from_str(needs).unwrap(),
            device: Some("CUDA".into()),
        }],
        setup: Setup {
            version: "0.1.0".parse().unwrap(),
            targets: BTreeMap::from([(linux, pin(setup))]),
        },
        models: vec![model()],
        notes: "The first.".into(),
        provenance: vec![Provenance {
            kind: "sigstore-bundle".into(),
            sha256: Digest::of(b"bundle"),
            size: 6,
        }],
        must_understand: Vec::new(),
    }
}

fn model() -> Model {
    Model {
        name: id("tiny"),
        file: "tiny.gguf".parse().unwrap(),
        sha256: Digest::of(b"model"),
        size: 5,
        urls: vec!["https://models.example/tiny.gguf".into()],
        memory_bytes: Some(1 << 30),
        license: "Apache-2.0".into(),
        title: "Tiny".into(),
        default: true,
    }
}

fn channel(release: Pin) -> Channel {
    let step = |at: &str, permyriad| RolloutStep { at: at.parse().unwrap(), permyriad };
    let earlier = Pin { sha256: Digest::of(b"0.2.0"), size: 5_090 };
    Channel {
        schema: 1,
        kind: "offgrid/channel".into(),
        name: id("stable"),
        version: 42,
        issued: "2026-09-01T00:00:00Z".parse().unwrap(),
        expires: "2027-02-28T00:00:00Z".parse().unwrap(),
        current: "0.3.0".parse().unwrap(),
        critical: false,
        minimum_safe: Some("0.2.0".parse().unwrap()),
        rollout: Some(Rollout {
            salt: "stable:42:0.3.0".into(),
            steps: vec![step("2026-09-01T12:00:00Z", 100), step("2026-09-06T12:00:00Z", 10_000)],
        }),
        releases: BTreeMap::from([
            ("0.3.0".parse().unwrap(), release),
            ("0.2.0".parse().unwrap(), earlier),
        ]),
        yanked: BTreeMap::from([(
            "0.2.1".parse().unwrap(),
            Yank { reason: "data loss".into(), advisory: Some("OFFGRID-2026-4".into()) },
        )]),
        mirrors: vec!["https://mirror.example/offgrid/".into()],
        must_understand: Vec::new(),
    }
}

fn head(channel: Pin, root_version: u64) -> Head {
    let pin = ChannelPin { version: 42, sha256: channel.sha256, size: channel.size };
    Head {
        schema: 1,
        kind: "offgrid/head".into(),
        version: 918,
        issued: "2026-09-02T00:00:00Z".parse().unwrap(),
        expires: "2026-09-16T00:00:00Z".parse().unwrap(),
        root_version,
        channels: BTreeMap::from([(id("stable"), pin)]),
        must_understand: Vec::new(),
    }
}

fn main() {
    let out = PathBuf::from(std::env::args().nth(1).unwrap());
    fs::create_dir_all(out.join("wrong")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    private_keys(folder.path());
    let names = NAMES.map(str::to_owned);
    let keys = keys::read(folder.path(), &names).unwrap();
    let ring = Keyring::new(folder.path().to_owned(), Password::None);
    let mut writer = Writer { out, ring, root: root(&keys, 1, "head-1") };
    good(&mut writer, &keys);
    wrong(&mut writer, &keys);
}

fn good(writer: &mut Writer, keys: &BTreeMap<String, offgrid_manifest::PublicKey>) {
    let first = writer.root.clone();
    let Roles { root: by_root, release: by_release, head: by_head } = first.roles.clone();
    writer.signed("root-1.json", &first, &by_root, &Said("offgrid/root", "root", "1"));
    let second = root(keys, 2, "head-2");
    writer.signed("root-2.json", &second, &by_root, &Said("offgrid/root", "root", "2"));

    let setup = b"a bootstrapper\n";
    writer.bytes("setup.bin", setup);
    let comment = signature::comment("offgrid/setup", "linux-x86_64", &"0.1.0", &Digest::of(setup));
    let file = writer.ring.sign(&first, &by_release, setup, &comment).unwrap();
    writer.bytes("setup.bin.minisig", file.as_bytes());

    let parts = parts();
    writer.bytes("parts.json", &document(&parts));
    let said = Said("offgrid/release", "offgrid", "0.3.0");
    let pin = writer.signed("release.json", &release(&parts, setup), &by_release, &said);
    let said = Said("offgrid/channel", "stable", "42");
    let pin = writer.signed("channel.json", &channel(pin), &by_release, &said);
    writer.signed("head.json", &head(pin, 1), &by_head, &Said("offgrid/head", "head", "918"));

    let signed = fs::read_to_string(writer.out.join("root-1.json.minisig")).unwrap();
    let stamp = Stamp {
        schema: 1,
        root: StampedRoot::new(&document(&first), &signed),
        sources: vec!["https://offgrid.example/depot/".into(), "http://10.0.0.2/".into()],
        floors: first.floors,
        issued: "2026-09-01T00:00:00Z".parse().unwrap(),
    };
    writer.bytes("stamp.bin", &stamp.to_section().unwrap());
}

/// Genuine signatures over what must be refused all the same.
fn wrong(writer: &mut Writer, keys: &BTreeMap<String, offgrid_manifest::PublicKey>) {
    let roles = writer.root.roles.clone();
    let (release, pinned) = (&roles.release, pin(b"pinned"));
    let said = |name, version| Said("offgrid/channel", name, version);
    writer.signed("wrong/type.json", &head(pinned, 1), release, &said("stable", "42"));
    let mut beta = channel(pinned);
    beta.name = id("beta");
    writer.signed("wrong/name.json", &beta, release, &said("beta", "42"));
    let mut newer = channel(pinned);
    newer.version = 43;
    writer.signed("wrong/version.json", &newer, release, &said("stable", "43"));
    writer.signed("wrong/comment.json", &channel(pinned), release, &said("stable", "41"));
    let mut tomorrow = channel(pinned);
    tomorrow.schema = 2;
    writer.signed("wrong/schema.json", &tomorrow, release, &said("stable", "42"));
    let mut feature = channel(pinned);
    feature.must_understand = vec!["teleport".into()];
    writer.signed("wrong/must-understand.json", &feature, release, &said("stable", "42"));
    let mut product = self::release(&parts(), b"");
    product.product = "other".into();
    let comment = Said("offgrid/release", "other", "0.3.0");
    writer.signed("wrong/product.json", &product, release, &comment);
    // Root 3 may not follow root 1.
    let third = root(keys, 3, "head-2");
    writer.signed("wrong/root-3.json", &third, &roles.root, &Said("offgrid/root", "root", "3"));

    // A key that is in no role, over a document that is genuine.
    let mut strange = writer.root.clone();
    strange.keys.insert(id("stranger-1"), keys["stranger-1"].clone());
    let role = Role { keys: vec![id("stranger-1")], threshold: 1 };
    let bytes = document(&writer.root);
    let comment = signature::comment("offgrid/root", "root", &1, &Digest::of(&bytes));
    let file = writer.ring.sign(&strange, &role, &bytes, &comment).unwrap();
    writer.bytes("wrong/stranger.minisig", file.as_bytes());
}
