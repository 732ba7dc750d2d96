//! Keys that live as long as a test, and documents signed by them.

use minisign::{KeyPair, SecretKey};
use offgrid_manifest::head::ChannelPin;
use offgrid_manifest::{Digest, Error, Pin, PublicKey, Root, Verified, signature, verify};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::LazyLock;

/// A key with its secret half.
pub(crate) struct Signer {
    secret: SecretKey,
    pub(crate) public: PublicKey,
}

impl Signer {
    pub(crate) fn new() -> Signer {
        let pair = KeyPair::generate_unencrypted_keypair().unwrap();
        let public = PublicKey::from_base64(&pair.pk.to_base64()).unwrap();
        Signer { secret: pair.sk, public }
    }

    /// One block over `bytes`.
    pub(crate) fn sign(&self, bytes: &[u8], comment: &str) -> String {
        minisign::sign(None, &self.secret, bytes, Some(comment), None).unwrap().to_string()
    }
}

/// The keys of a depot: three for roots, two for releases, one for the head.
pub(crate) struct Keys {
    pub(crate) root: [Signer; 3],
    pub(crate) release: [Signer; 2],
    pub(crate) head: Signer,
}

pub(crate) static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys {
    root: [(); 3].map(|()| Signer::new()),
    release: [(); 2].map(|()| Signer::new()),
    head: Signer::new(),
});

/// The four documents that are signed, and the one that is pinned alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Root,
    Head,
    Channel,
    Release,
    Parts,
}

impl Kind {
    pub(crate) const ALL: [Kind; 5] =
        [Kind::Root, Kind::Head, Kind::Channel, Kind::Release, Kind::Parts];

    /// A document of this kind in which nothing is wrong.
    pub(crate) fn document(self) -> Value {
        let fixture = |name: &str| {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v1");
            serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
        };
        match self {
            Kind::Root => root_document(),
            Kind::Head => fixture("head.json"),
            Kind::Channel => fixture("channel.json"),
            Kind::Release => fixture("release.json"),
            Kind::Parts => fixture("parts.json"),
        }
    }

    /// The trusted comment that goes with these bytes.
    pub(crate) fn comment(self, bytes: &[u8]) -> String {
        let document: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let (kind, name) = match self {
            Kind::Root => ("root", "root"),
            Kind::Head => ("head", "head"),
            Kind::Channel => ("channel", "stable"),
            Kind::Release => ("release", "offgrid"),
            Kind::Parts => unreachable!("nobody signs parts"),
        };
        let version = document["version"].to_string();
        let version = version.trim_matches('"');
        signature::comment(&format!("offgrid/{kind}"), name, &version, &Digest::of(bytes))
    }

    /// Signs these bytes with the right keys and reads them as a client does.
    pub(crate) fn read(self, bytes: &[u8]) -> Result<(), Error> {
        let sign = |signers: &[Signer]| -> String {
            signers.iter().map(|signer| signer.sign(bytes, &self.comment(bytes))).collect()
        };
        let pin = Pin { sha256: Digest::of(bytes), size: bytes.len() as u64 };
        match self {
            Kind::Root => {
                verify::first_root(bytes, sign(&KEYS.root).as_bytes())?;
            }
            Kind::Head => {
                verify::head(
                    &root(),
                    bytes,
                    KEYS.head.sign(bytes, &self.comment(bytes)).as_bytes(),
                )?;
            }
            Kind::Channel => {
                let file = sign(&KEYS.release);
                let document: Value = serde_json::from_slice(bytes).unwrap_or_default();
                let version = document["version"].as_u64().unwrap_or(42);
                let pin = ChannelPin { version, sha256: pin.sha256, size: pin.size };
                let name = "stable".parse().unwrap();
                verify::channel(&root(), &name, &pin, bytes, file.as_bytes())?;
            }
            Kind::Release => {
                let version = "0.3.0".parse().unwrap();
                let file = sign(&KEYS.release);
                verify::release(&root(), &version, pin, bytes, file.as_bytes())?;
            }
            Kind::Parts => {
                let release: offgrid_manifest::Release =
                    serde_json::from_value(Kind::Release.document()).unwrap();
                let (_, on) = release.components.first_key_value().unwrap();
                let mut component = on.first_key_value().unwrap().1.clone();
                component.parts = pin;
                verify::parts(&component, bytes)?;
            }
        }
        Ok(())
    }
}

fn root_document() -> Value {
    let keys = &*KEYS;
    let named = |name: &str, signers: &[Signer]| -> Vec<(String, Value)> {
        let key = |(i, signer): (usize, &Signer)| {
            (format!("{name}{i}"), json!(signer.public.to_base64()))
        };
        signers.iter().enumerate().map(key).collect()
    };
    let mut all = named("root", &keys.root);
    all.extend(named("release", &keys.release));
    all.push(("head".to_owned(), json!(keys.head.public.to_base64())));
    json!({
        "schema": 1, "type": "offgrid/root", "version": 1,
        "issued": "2026-09-01T00:00:00Z", "expires": "2029-09-01T00:00:00Z",
        "keys": all.into_iter().collect::<serde_json::Map<_, _>>(),
        "roles": {
            "root": {"keys": ["root0", "root1", "root2"], "threshold": 2},
            "release": {"keys": ["release0", "release1"], "threshold": 2},
            "head": {"keys": ["head"], "threshold": 1},
        },
        "floors": {"head": 0, "channel": {"stable": 41}},
        "min_bootstrap": "0.1.0", "must_understand": [],
    })
}

/// The root of [`KEYS`].
pub(crate) fn root() -> Verified<Root> {
    signed_root(&Kind::Root.document()).unwrap()
}

/// A root signed by all three keys.
pub(crate) fn signed_root(document: &Value) -> Result<Verified<Root>, Error> {
    let bytes = serde_json::to_vec(document).unwrap();
    let comment = Kind::Root.comment(&bytes);
    let file: String = KEYS.root.iter().map(|signer| signer.sign(&bytes, &comment)).collect();
    verify::first_root(&bytes, file.as_bytes())
}
