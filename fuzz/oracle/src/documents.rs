//! The five documents: what is read is plain JSON to another reader too, obeys
//! the rules as they are stated here once more, and is the same after it was
//! written and read again. And whoever signs it decides nothing about that.

use crate::plain::{self, Plain};
use crate::signer::Key;
use offgrid_manifest::head::ChannelPin;
use offgrid_manifest::{Channel, Code, Digest, Error, Head, Parts, Pin, Release, Root, Verified};
use offgrid_manifest::{Time, json as strict, signature, verify};
use serde::{Serialize, de::DeserializeOwned};
use std::sync::LazyLock;

/// Any bytes as JSON: taken by the product exactly when they are plain.
pub fn json(input: &[u8]) {
    let read = strict::read::<serde_json::Value>(input);
    let plain = plain::parse(input);
    assert_eq!(read.is_ok(), plain.is_some(), "{:?}", String::from_utf8_lossy(input));
    if let Err(error) = read {
        assert_eq!(error.code(), Code::Parse);
    }
}

/// Reads, checks, and writes again.
fn read<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(
    input: &[u8],
    check: impl Fn(&T) -> Result<(), Error>,
) -> Option<(T, Plain)> {
    let document: T = strict::read(input).ok()?;
    if let Err(error) = check(&document) {
        assert_eq!(error.code().exit(), 5, "{error}");
        return None;
    }
    let plain = plain::parse(input).expect("what is read is plain");
    let written = serde_json::to_vec(&document).expect("it can be written");
    let again: T = strict::read(&written).expect("what was written can be read");
    assert_eq!(again, document);
    assert!(check(&again).is_ok());
    Some((document, plain))
}

/// Whether a document says that it is of this type, of today's schema, and needs
/// nothing new; then everybody who trusts its signers reads it.
fn is_of_today(plain: &Plain, kind: Option<&str>) -> bool {
    plain.get("type").and_then(Plain::text) == kind
        && plain.get("schema").and_then(Plain::number) == Some(1)
        && plain.get("must_understand").is_none_or(|list| list.list().is_empty())
}

fn lives(plain: &Plain) {
    let time = |key: &str| -> Time {
        let text = plain.get(key).and_then(Plain::text).expect("a time");
        text.parse().expect("a time")
    };
    assert!(time("issued") <= time("expires"));
}

fn at_least_one(plain: Option<&Plain>) {
    assert!(plain.and_then(Plain::number).is_some_and(|version| version >= 1));
}

/// Names in documents are of one spelling and safe as names of files.
fn named(table: Option<&Plain>) {
    for (name, _) in table.map_or(&[][..], Plain::entries) {
        assert!(
            name.bytes()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._-".contains(&c))
        );
        assert!(!name.is_empty() && !name.starts_with('.') && !name.ends_with('.'), "{name:?}");
        assert!(!["con", "prn", "aux", "nul"].contains(&name.split('.').next().unwrap_or("")));
    }
}

/// Key 0 signs roots, key 1 releases, key 2 the head.
static ROOT: LazyLock<Verified<Root>> = LazyLock::new(|| {
    let key = |i: u8| Key::of(i).labelled(Key::of(i).id);
    let text = format!(
        r#"{{"schema":1,"type":"offgrid/root","version":1,"issued":"2026-01-01T00:00:00Z",
        "expires":"2029-01-01T00:00:00Z","keys":{{"root":"{}","release":"{}","head":"{}"}},
        "roles":{{"root":{{"keys":["root"],"threshold":1}},"release":{{"keys":["release"],"threshold":1}},
        "head":{{"keys":["head"],"threshold":1}}}},"floors":{{}},"min_bootstrap":"0.1.0"}}"#,
        key(0),
        key(1),
        key(2),
    );
    let comment = comment("root", "root", &1, text.as_bytes());
    let file = Key::of(0).block(text.as_bytes(), &comment);
    verify::first_root(text.as_bytes(), file.as_bytes()).expect("a root of our own")
});

fn comment(kind: &str, name: &str, version: &impl std::fmt::Display, bytes: &[u8]) -> String {
    signature::comment(&format!("offgrid/{kind}"), name, version, &Digest::of(bytes))
}

fn pin(bytes: &[u8]) -> Pin {
    Pin { sha256: Digest::of(bytes), size: bytes.len() as u64 }
}

/// What was signed by the right key is taken exactly when it is of today; what
/// was signed by another one is never taken.
fn signed<T>(
    input: &[u8],
    expected: bool,
    comment: &str,
    key: u8,
    verify: impl Fn(&[u8]) -> Result<Verified<T>, Error>,
) {
    let result = verify(Key::of(key).block(input, comment).as_bytes());
    match result {
        Ok(document) => assert!(expected && document.bytes() == input),
        Err(error) => {
            let code = error.code();
            assert!(!expected, "{error}");
            assert!([Code::Type, Code::Schema, Code::Size].contains(&code), "{error}");
        }
    }
    let other = verify(Key::of(key + 3).block(input, comment).as_bytes()).err();
    // What is too large is not looked at, whoever signed it.
    let code = other.map(|error| error.code());
    assert!(matches!(code, Some(Code::SigThreshold | Code::Size)), "{code:?}");
}

/// A root.
pub fn root(input: &[u8]) {
    let Some((root, plain)) = read(input, Root::check) else { return };
    lives(&plain);
    at_least_one(plain.get("version"));
    named(plain.get("keys"));
    let keys = plain.get("keys").map_or(&[][..], Plain::entries);
    let raw = |text: &str| text.get(text.len() - 43..).map(str::to_owned);
    for (i, (_, key)) in keys.iter().enumerate() {
        let twin = keys[..i].iter().any(|(_, other)| {
            other.text().and_then(raw).is_some()
                && other.text().and_then(raw) == key.text().and_then(raw)
        });
        assert!(!twin, "one key twice");
    }
    for role in ["root", "release", "head"] {
        let role = plain.get("roles").and_then(|roles| roles.get(role)).expect("three roles");
        let names: Vec<&str> =
            role.get("keys").map_or(&[][..], Plain::list).iter().filter_map(Plain::text).collect();
        let threshold = role.get("threshold").and_then(Plain::number).unwrap_or(0);
        assert!(threshold >= 1 && threshold <= names.len() as u64 && threshold <= 8);
        assert!(names.len() <= 16);
        for (i, name) in names.iter().enumerate() {
            assert!(!names[..i].contains(name) && keys.iter().any(|(key, _)| key == name));
        }
    }
    // Nobody becomes root because a document says so.
    let block = Key::of(5).block(input, &comment("root", "root", &root.version, input));
    if let Ok(root) = verify::first_root(input, block.as_bytes()) {
        assert!(root.keys_of(&root.roles.root).iter().any(|key| *key.raw() == Key::of(5).raw()));
    }
}

/// A head.
pub fn head(input: &[u8]) {
    let Some((head, plain)) = read(input, Head::check) else { return };
    lives(&plain);
    at_least_one(plain.get("version"));
    at_least_one(plain.get("root_version"));
    named(plain.get("channels"));
    for (_, pin) in plain.get("channels").map_or(&[][..], Plain::entries) {
        at_least_one(pin.get("version"));
    }
    let expected = is_of_today(&plain, Some("offgrid/head")) && input.len() <= 65_536;
    let comment = comment("head", "head", &head.version, input);
    signed(input, expected, &comment, 2, |file| verify::head(&ROOT, input, file));
}

/// A channel.
pub fn channel(input: &[u8]) {
    let Some((channel, plain)) = read(input, Channel::check) else { return };
    lives(&plain);
    at_least_one(plain.get("version"));
    let listed: Vec<&str> =
        plain.get("releases").map_or(&[][..], Plain::entries).iter().map(|(v, _)| &**v).collect();
    let current = plain.get("current").and_then(Plain::text).expect("a current release");
    assert!(listed.contains(&current));
    let folded = |version: &&str| version.to_lowercase();
    let mut folders: Vec<String> = listed.iter().map(folded).collect();
    folders.sort_unstable();
    folders.dedup();
    assert_eq!(folders.len(), listed.len(), "two releases in one folder");
    let steps = plain.get("rollout").and_then(|rollout| rollout.get("steps"));
    let mut last = "";
    for step in steps.map_or(&[][..], Plain::list) {
        let at = step.get("at").and_then(Plain::text).expect("a time");
        assert!(at > last, "steps in order");
        last = at;
        assert!(step.get("permyriad").and_then(Plain::number).is_some_and(|n| n <= 10_000));
    }
    let mirrors = plain.get("mirrors").map_or(&[][..], Plain::list);
    assert!(mirrors.len() <= 16);
    for mirror in mirrors.iter().filter_map(Plain::text) {
        assert!(mirror.contains("://") && mirror.bytes().all(|c| (0x21..0x7f).contains(&c)));
        let host = mirror.split('/').nth(2).unwrap_or("");
        assert!(!host.contains('@') && (!host.is_empty() || mirror.starts_with("file:")));
    }
    let expected = is_of_today(&plain, Some("offgrid/channel")) && input.len() <= 1_048_576;
    let comment = comment("channel", channel.name.as_str(), &channel.version, input);
    let Pin { sha256, size } = pin(input);
    let pin = ChannelPin { version: channel.version, sha256, size };
    signed(input, expected, &comment, 1, |file| {
        verify::channel(&ROOT, &channel.name, &pin, input, file)
    });
}

/// A release.
pub fn release(input: &[u8]) {
    let Some((release, plain)) = read(input, Release::check) else { return };
    named(plain.get("components"));
    let components = plain.get("components").map_or(&[][..], Plain::entries);
    let variants = plain.get("variants").map_or(&[][..], Plain::list);
    for (i, variant) in variants.iter().enumerate() {
        let id = |variant: &Plain| variant.get("id").and_then(Plain::text).map(str::to_owned);
        assert!(variants[..i].iter().all(|other| id(other) != id(variant)));
        let target = variant.get("target").and_then(Plain::text).expect("a target");
        for name in variant.get("components").map_or(&[][..], Plain::list) {
            let name = name.text().expect("a name");
            let found = components.iter().find(|(component, _)| component == name);
            assert!(found.is_some_and(|(_, on)| on.get(target).is_some()));
        }
    }
    for variant in &release.variants {
        assert_eq!(release.components_of(variant).count(), variant.components.len());
        assert_eq!(release.variant(variant.id.as_str()), Some(variant));
    }
    for model in plain.get("models").map_or(&[][..], Plain::list) {
        let file = model.get("file").and_then(Plain::text).expect("a file");
        assert!(!file.contains(['/', '\\', ':']) && file != "..");
    }
    let named = release.product == "offgrid";
    let comment = comment("release", &release.product, &release.version, input);
    let expected = is_of_today(&plain, Some("offgrid/release")) && input.len() <= 1_048_576;
    if named {
        let pin = pin(input);
        signed(input, expected, &comment, 1, |file| {
            verify::release(&ROOT, &release.version, pin, input, file)
        });
    }
    assert_eq!(
        verify::unsigned_release(input).is_ok(),
        named && is_of_today(&plain, Some("offgrid/release"))
    );
}

/// Parts.
pub fn parts(input: &[u8]) {
    let Some((parts, plain)) = read(input, Parts::check_shape) else { return };
    let mut paths: Vec<String> = Vec::new();
    for list in ["files", "links"] {
        for entry in plain.get(list).map_or(&[][..], Plain::list) {
            paths.push(entry.get("path").and_then(Plain::text).expect("a path").to_owned());
        }
    }
    // All can be in one folder that knows no case, and none is a folder of another.
    let folded: Vec<String> = paths.iter().map(|path| path.to_lowercase()).collect();
    for (i, one) in folded.iter().enumerate() {
        for other in &folded[..i] {
            let below =
                |a: &str, b: &str| a.strip_prefix(b).is_some_and(|rest| rest.starts_with('/'));
            assert!(one != other && !below(one, other) && !below(other, one), "{one} {other}");
        }
    }
    for link in plain.get("links").map_or(&[][..], Plain::list) {
        let target = link.get("target").and_then(Plain::text).expect("a target");
        assert!(!target.starts_with('/') && !target.contains(['\\', ':']) && !target.is_empty());
    }
    let sum = parts.files.iter().map(|file| u128::from(file.size)).sum::<u128>();
    assert_eq!(u128::from(parts.unpacked_size()), sum.min(u128::from(u64::MAX)));
}
