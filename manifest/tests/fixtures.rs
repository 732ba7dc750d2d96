//! The documents of schema 1, as they were signed once. They are kept for ever:
//! whatever changes in this crate, these files are read, and everything that is
//! almost one of them is refused.
// Long because: one table of everything that is almost a fixture.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use offgrid_manifest::head::ChannelPin;
use offgrid_manifest::parts::{EncodingKind, Mode};
use offgrid_manifest::{Channel, Code, Digest, Error, Head, Id, Parts, Pin, Release, Root};
use offgrid_manifest::{Stamp, Target, Verified, Version, signature, verify};
use std::path::Path;

fn file(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v1");
    std::fs::read(folder.join(name)).unwrap()
}

fn signature_of(name: &str) -> Vec<u8> {
    file(&format!("{name}.minisig"))
}

fn pin(bytes: &[u8]) -> Pin {
    Pin { sha256: Digest::of(bytes), size: bytes.len() as u64 }
}

fn stable() -> Id {
    "stable".parse().unwrap()
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn linux() -> Target {
    "linux-x86_64".parse().unwrap()
}

fn root() -> Verified<Root> {
    verify::first_root(&file("root-1.json"), &signature_of("root-1.json")).unwrap()
}

fn head() -> Verified<Head> {
    verify::head(&root(), &file("head.json"), &signature_of("head.json")).unwrap()
}

fn channel() -> Verified<Channel> {
    let head = head();
    let pin = &head.channels[&stable()];
    let (bytes, signature) = (file("channel.json"), signature_of("channel.json"));
    verify::channel(&root(), &stable(), pin, &bytes, &signature).unwrap()
}

fn release() -> Verified<Release> {
    let channel = channel();
    let pin = channel.releases[&channel.current];
    let (bytes, signature) = (file("release.json"), signature_of("release.json"));
    verify::release(&root(), &channel.current, pin, &bytes, &signature).unwrap()
}

fn parts() -> Verified<Parts> {
    let release = release();
    let (_, component) = release.components_of(&release.variants[0]).next().unwrap();
    verify::parts(component, &file("parts.json")).unwrap()
}

// What is accepted, with every field.

#[test]
fn the_roots_are_read() {
    let root = root();
    assert_eq!((root.version, root.keys.len()), (1, 5));
    assert_eq!(root.issued.to_string(), "2026-09-01T00:00:00Z");
    assert_eq!(root.expires.to_string(), "2029-09-01T00:00:00Z");
    let thresholds =
        [&root.roles.root, &root.roles.release, &root.roles.head].map(|role| role.threshold);
    assert_eq!(thresholds, [2, 1, 1]);
    assert_eq!(root.roles.root.keys.len(), 3);
    assert_eq!((root.floors.head, root.floors.channel[&stable()]), (3, 41));
    assert_eq!(root.min_bootstrap, version("0.1.0"));
    assert_eq!(root.bytes(), file("root-1.json"));

    let (bytes, signature) = (file("root-2.json"), signature_of("root-2.json"));
    let next = verify::next_root(&root, &bytes, &signature).unwrap();
    assert_eq!(next.version, 2);
    // Its head key is another one: the old head is not its head.
    let old = verify::head(&next, &file("head.json"), &signature_of("head.json"));
    assert_eq!(old.unwrap_err().code(), Code::SigThreshold);
}

#[test]
fn the_head_is_read() {
    let head = head();
    assert_eq!((head.version, head.root_version), (918, 1));
    assert_eq!(head.issued.to_string(), "2026-09-02T00:00:00Z");
    assert_eq!(head.expires.to_string(), "2026-09-16T00:00:00Z");
    let pinned = &head.channels[&stable()];
    assert_eq!((pinned.version, pinned.pin()), (42, pin(&file("channel.json"))));
}

#[test]
fn the_channel_is_read() {
    let channel = channel();
    assert_eq!((channel.name.as_str(), channel.version), ("stable", 42));
    assert_eq!(channel.expires.to_string(), "2027-02-28T00:00:00Z");
    assert_eq!((&channel.current, channel.critical), (&version("0.3.0"), false));
    assert_eq!(channel.minimum_safe, Some(version("0.2.0")));
    let rollout = channel.rollout.as_ref().unwrap();
    assert_eq!(rollout.salt, "stable:42:0.3.0");
    let steps: Vec<_> = rollout.steps.iter().map(|s| (s.at.to_string(), s.permyriad)).collect();
    assert_eq!(steps[0], ("2026-09-01T12:00:00Z".to_owned(), 100));
    assert_eq!(steps[1], ("2026-09-06T12:00:00Z".to_owned(), 10_000));
    assert_eq!(channel.releases[&version("0.3.0")], pin(&file("release.json")));
    assert_eq!(channel.releases[&version("0.2.0")].size, 5_090);
    let yank = &channel.yanked[&version("0.2.1")];
    assert_eq!((&*yank.reason, yank.advisory.as_deref()), ("data loss", Some("OFFGRID-2026-4")));
    assert_eq!(channel.mirrors, ["https://mirror.example/offgrid/"]);
}

#[test]
fn the_release_is_read() {
    let release = release();
    assert_eq!((&*release.product, &release.version), ("offgrid", &version("0.3.0")));
    assert_eq!((&*release.app, &*release.engine), ("0.2.12", "b11158"));
    let source = &release.source;
    assert_eq!(
        (&*source.repo, &*source.commit),
        ("https://example.org/offgrid", "0123456789abcdef")
    );
    assert_eq!((source.epoch, &*release.notes), (1_788_220_800, "The first."));
    let variant = release.variant("linux-x86_64-cpu").unwrap();
    assert_eq!((variant.target, variant.rank), (linux(), 100));
    assert_eq!(variant.device.as_deref(), Some("CUDA"));
    assert_eq!(variant.needs.keys().collect::<Vec<_>>(), ["cpu", "glibc", "nvidia"]);
    let (name, component) = release.components_of(variant).next().unwrap();
    assert_eq!((name.as_str(), component.into.path().as_str()), ("llama-cpu", "llama"));
    assert_eq!((component.unpacked_size, component.file_count), (300_014, 3));
    assert_eq!(component.parts, pin(&file("parts.json")));
    assert_eq!(release.setup.version, version("0.1.0"));
    assert_eq!(release.setup.targets[&linux()], pin(&file("setup.bin")));
    let model = release.model("tiny").unwrap();
    assert_eq!((model.file.as_str(), model.size, model.default), ("tiny.gguf", 5, true));
    assert_eq!(model.urls, ["https://models.example/tiny.gguf"]);
    assert_eq!((model.memory_bytes, &*model.license), (Some(1 << 30), "Apache-2.0"));
    assert_eq!(model.title, "Tiny");
    let proof = &release.provenance[0];
    assert_eq!((&*proof.kind, proof.size), ("sigstore-bundle", 6));
}

#[test]
fn the_parts_are_read() {
    let parts = parts();
    let paths: Vec<_> = parts.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["LICENSES/llama-cpu/LICENSE", "libggml.so.1", "llama-server"]);
    assert_eq!((parts.files[1].mode, parts.files[2].mode), (Mode::Plain, Mode::Executable));
    let kinds: Vec<_> = parts.files[1].encodings.iter().map(|e| (e.kind, e.size)).collect();
    assert_eq!(kinds, [(EncodingKind::Zst, 120_000), (EncodingKind::Xz, 90_000)]);
    let patch = &parts.files[1].patches[0];
    assert_eq!((patch.from, patch.size), (Digest::of(b"older"), 12_345));
    assert_eq!(parts.packed().count(), 2);
    let pack = parts.pack.as_ref().unwrap();
    assert_eq!((pack.size, pack.encodings[0].kind), (4096, EncodingKind::Raw));
    assert_eq!(
        (parts.links[0].path.as_str(), &*parts.links[0].target),
        ("libggml.so", "libggml.so.1")
    );
    // The digest of the tree as DESIGN 5 writes it, worked out by hand.
    let lines = "0644 adc37366f403835c1470ab2df93d3837d4719372fc1ef8593d922e06f033f8b2 4 LICENSES/llama-cpu/LICENSE\n\
        link libggml.so.1 libggml.so\n\
        0644 08f166476de183f7a1b2874d544d37912aaf8d19b92013e1aafe233ba231024a 300000 libggml.so.1\n\
        0755 a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf 10 llama-server\n";
    let release = release();
    let (_, component) = release.components_of(&release.variants[0]).next().unwrap();
    assert_eq!(component.tree_sha256, Digest::of(lines.as_bytes()));
}

#[test]
fn the_bootstrapper_is_verified_as_what_it_is() {
    let (bytes, signature) = (file("setup.bin"), signature_of("setup.bin"));
    let check = |target: &str, version: &str| {
        let (target, version) = (target.parse().unwrap(), version.parse().unwrap());
        verify::setup(&root(), &target, &version, &bytes, &signature)
    };
    check("linux-x86_64", "0.1.0").unwrap();
    assert_eq!(check("linux-aarch64", "0.1.0").unwrap_err().code(), Code::Name);
    assert_eq!(check("linux-x86_64", "0.1.1").unwrap_err().code(), Code::Name);
}

#[test]
fn the_stamp_is_read() {
    let section = file("stamp.bin");
    let stamp = Stamp::from_section(&section).unwrap().unwrap();
    assert_eq!(stamp.sources, ["https://offgrid.example/depot/", "http://10.0.0.2/"]);
    assert_eq!(stamp.issued.to_string(), "2026-09-01T00:00:00Z");
    assert_eq!(stamp.floors, root().floors);
    let bytes = stamp.root.bytes().unwrap();
    assert_eq!(verify::first_root(&bytes, stamp.root.signature.as_bytes()).unwrap(), root());
    assert_eq!(stamp.to_section().unwrap(), section);
}

// What is almost one of them.

/// Checks every change of one bit: bit `i % 8` of byte `i`, for every byte of the
/// document and of its signature file, the text of untrusted comments apart.
fn no_flip_is_accepted<T>(
    document: &[u8],
    signature: &[u8],
    read: impl Fn(&[u8], &[u8]) -> Result<T, Error>,
) {
    assert!(read(document, signature).is_ok());
    let refused = |result: Result<T, Error>, what: String| {
        let exit = result.err().map(|error| error.code().exit());
        assert!([Some(3), Some(5)].contains(&exit), "{what}: {exit:?}");
    };
    for at in 0..document.len() {
        let mut changed = document.to_vec();
        changed[at] ^= 1 << (at % 8);
        refused(read(&changed, signature), format!("byte {at} of the document"));
    }
    let free = untrusted(signature);
    for at in (0..signature.len()).filter(|at| !free.contains(at)) {
        let mut changed = signature.to_vec();
        changed[at] ^= 1 << (at % 8);
        refused(read(document, &changed), format!("byte {at} of the signature"));
    }
}

/// The places of a signature file that say nothing: the text of the untrusted
/// comments.
fn untrusted(file: &[u8]) -> Vec<usize> {
    let mut free = Vec::new();
    let mut start = 0;
    for (i, line) in file.split_inclusive(|&c| c == b'\n').enumerate() {
        if i % 4 == 0 {
            free.extend(start + "untrusted comment: ".len()..start + line.len() - 1);
        }
        start += line.len();
    }
    free
}

#[test]
fn no_flipped_bit_of_a_root_is_accepted() {
    // Two of the three blocks: one more would make up for a broken one.
    let two = blocks("root-1.json")[..2].concat();
    no_flip_is_accepted(&file("root-1.json"), two.as_bytes(), verify::first_root);
    let two = blocks("root-2.json")[1..].concat();
    let trusted = root();
    no_flip_is_accepted(&file("root-2.json"), two.as_bytes(), |bytes, signature| {
        verify::next_root(&trusted, bytes, signature)
    });
}

#[test]
fn no_flipped_bit_of_a_head_is_accepted() {
    let root = root();
    no_flip_is_accepted(&file("head.json"), &signature_of("head.json"), |bytes, signature| {
        verify::head(&root, bytes, signature)
    });
}

#[test]
fn no_flipped_bit_of_a_channel_is_accepted() {
    let (root, head) = (root(), head());
    let (bytes, signature) = (file("channel.json"), signature_of("channel.json"));
    no_flip_is_accepted(&bytes, &signature, |bytes, signature| {
        verify::channel(&root, &stable(), &head.channels[&stable()], bytes, signature)
    });
    // Nor when a thief of the head's key pins what he has changed.
    no_flip_is_accepted(&bytes, &signature, |bytes, signature| {
        let pin = pin(bytes);
        let pin = ChannelPin { version: 42, sha256: pin.sha256, size: pin.size };
        verify::channel(&root, &stable(), &pin, bytes, signature)
    });
}

#[test]
fn no_flipped_bit_of_a_release_is_accepted() {
    let root = root();
    let (bytes, signature) = (file("release.json"), signature_of("release.json"));
    let wanted = pin(&bytes);
    no_flip_is_accepted(&bytes, &signature, |bytes, signature| {
        verify::release(&root, &version("0.3.0"), wanted, bytes, signature)
    });
    no_flip_is_accepted(&bytes, &signature, |bytes, signature| {
        verify::release(&root, &version("0.3.0"), pin(bytes), bytes, signature)
    });
}

#[test]
fn no_flipped_bit_of_parts_or_bootstrapper_is_accepted() {
    let (root, release) = (root(), release());
    let (_, component) = release.components_of(&release.variants[0]).next().unwrap();
    no_flip_is_accepted(&file("parts.json"), b"", |bytes, _| verify::parts(component, bytes));
    no_flip_is_accepted(&file("setup.bin"), &signature_of("setup.bin"), |bytes, signature| {
        verify::setup(&root, &linux(), &version("0.1.0"), bytes, signature)
    });
}

#[test]
fn a_child_that_its_parent_does_not_pin_is_refused() {
    let (root, mut other) = (root(), *head().channels.get(&stable()).unwrap());
    let (bytes, signature) = (file("channel.json"), signature_of("channel.json"));
    other.size += 1;
    let channel = verify::channel(&root, &stable(), &other, &bytes, &signature);
    assert_eq!(channel.unwrap_err().code(), Code::Mixmatch);
    let (bytes, signature) = (file("release.json"), signature_of("release.json"));
    let release = verify::release(&root, &version("0.3.0"), pin(b"x"), &bytes, &signature);
    assert_eq!(release.unwrap_err().code(), Code::Hash);
}

// Genuine signatures over the wrong thing.

#[test]
fn a_document_that_is_another_one_is_refused() {
    let root = root();
    for (name, code) in [
        ("wrong/type.json", Code::Type),
        ("wrong/name.json", Code::Name),
        ("wrong/version.json", Code::Name),
        ("wrong/comment.json", Code::Name),
        ("wrong/schema.json", Code::Schema),
        ("wrong/must-understand.json", Code::Schema),
    ] {
        let (bytes, signature) = (file(name), signature_of(name));
        let pin = ChannelPin { version: 42, sha256: Digest::of(&bytes), size: bytes.len() as u64 };
        let error = verify::channel(&root, &stable(), &pin, &bytes, &signature).unwrap_err();
        assert_eq!(error.code(), code, "{name}: {error}");
    }
    let (bytes, signature) = (file("wrong/product.json"), signature_of("wrong/product.json"));
    let product = verify::release(&root, &version("0.3.0"), pin(&bytes), &bytes, &signature);
    assert_eq!(product.unwrap_err().code(), Code::Name);
    let (bytes, signature) = (file("release.json"), signature_of("release.json"));
    let newer = verify::release(&root, &version("0.3.1"), pin(&bytes), &bytes, &signature);
    assert_eq!(newer.unwrap_err().code(), Code::Name);
    // The keys of one role sign nothing for another.
    let head = verify::head(&root, &file("channel.json"), &signature_of("channel.json"));
    assert_eq!(head.unwrap_err().code(), Code::SigThreshold);
}

#[test]
fn a_root_follows_its_predecessor_and_no_other() {
    let first = root();
    let read = |name: &str| verify::next_root(&first, &file(name), &signature_of(name));
    assert_eq!(read("wrong/root-3.json").unwrap_err().code(), Code::Name);
    assert_eq!(read("root-1.json").unwrap_err().code(), Code::Name);
    assert!(read("root-2.json").is_ok());
}

// Thresholds (reference/trust.md, finding 2).

/// The blocks of a signature file, each with its last line feed.
fn blocks(name: &str) -> Vec<String> {
    let blocks = signature::split(&signature_of(name)).unwrap();
    blocks.into_iter().map(|block| block + "\n").collect()
}

/// A block with other bytes at the start of its signature line.
fn relabelled(block: &str, at: usize, bytes: &[u8]) -> String {
    let mut lines: Vec<String> = block.lines().map(str::to_owned).collect();
    let mut signature = BASE64.decode(&lines[1]).unwrap();
    signature[at..at + bytes.len()].copy_from_slice(bytes);
    lines[1] = BASE64.encode(signature);
    lines.join("\n") + "\n"
}

#[test]
fn thresholds_count_distinct_keys() {
    let document = file("root-1.json");
    let read = |file: &str| verify::first_root(&document, file.as_bytes());
    let all = blocks("root-1.json");
    let (a, b, c) = (&all[0], &all[1], &all[2]);
    let stranger = String::from_utf8(file("wrong/stranger.minisig")).unwrap();
    // The same signature under the key id of another key of the role.
    let id_of_b = BASE64.decode(b.lines().nth(1).unwrap()).unwrap()[2..10].to_vec();
    let as_b = relabelled(a, 2, &id_of_b);
    let unknown = relabelled(a, 2, b"\0\0\0\0\0\0\0\0");
    let broken = relabelled(c, 20, b"broken");
    for (what, good) in [
        ("2 of 3", [a.as_str(), b].concat()),
        ("the other 2", [c.as_str(), b].concat()),
        ("all", all.concat()),
        ("an extra bad block", [broken.as_str(), a, c].concat()),
        ("an extra stranger", [a.as_str(), &stranger, c].concat()),
        ("the same twice and one more", [a.as_str(), a, b].concat()),
        ("CRLF", [a.as_str(), b].concat().replace('\n', "\r\n")),
        ("no last line feed", [a.as_str(), b].concat().trim_end().to_owned()),
    ] {
        assert!(read(&good).is_ok(), "{what}");
    }
    for (what, bad) in [
        ("nothing", String::new()),
        ("1 of 2", a.clone()),
        ("the same twice", [a.as_str(), a].concat()),
        ("the same as another key's", [a.as_str(), &as_b].concat()),
        ("the same under an unknown id", [a.as_str(), &unknown].concat()),
        ("one and a stranger", [a.as_str(), &stranger].concat()),
        ("a stranger twice", [stranger.as_str(), &stranger].concat()),
        ("one and a bad one", [a.as_str(), &broken].concat()),
        ("a fifth line", [a.as_str(), b, "more\n"].concat()),
        ("a line between", [a.as_str(), "\n", b].concat()),
        ("a line before", ["\n", a.as_str(), b].concat()),
        ("cut off", [a.as_str(), b].concat()[..500].to_owned()),
        ("nine blocks", [all.concat(), all.concat(), all.concat()].concat()),
        ("no trusted comment", [a.as_str(), b].concat().replace("trusted comment: ", "")),
        ("a terminal escape", [a.as_str(), b].concat().replace("offgrid/root", "\u{1b}[2J")),
    ] {
        assert_eq!(read(&bad).unwrap_err().code(), Code::SigThreshold, "{what}");
    }
}

#[test]
fn the_legacy_algorithm_is_refused_whatever_it_signs() {
    let all = blocks("root-1.json");
    let legacy = relabelled(&all[0], 0, b"Ed");
    for file in [legacy.clone(), [legacy.as_str(), &all[1], &all[2]].concat()] {
        let error = verify::first_root(&self::file("root-1.json"), file.as_bytes()).unwrap_err();
        assert_eq!(error.code(), Code::SigAlg);
    }
}

#[test]
fn a_threshold_of_nothing_is_no_threshold() {
    let keys = root().keys_of(&root().roles.root);
    let (bytes, file) = (file("root-1.json"), signature_of("root-1.json"));
    assert!(signature::check(&bytes, &file, &keys, 3).is_ok());
    for threshold in [0, 4] {
        let error = signature::check(&bytes, &file, &keys, threshold).unwrap_err();
        assert_eq!(error.code(), Code::SigThreshold, "{threshold}");
    }
    // One key that stands in the list under two ids is still one key.
    let mut twin = BASE64.decode(keys[0].to_base64()).unwrap();
    twin[2] ^= 1;
    let twin = offgrid_manifest::PublicKey::from_base64(&BASE64.encode(twin)).unwrap();
    let block = blocks("root-1.json").remove(0);
    let mut id = [0; 8];
    id.copy_from_slice(&BASE64.decode(twin.to_base64()).unwrap()[2..10]);
    let both = [block.as_str(), &relabelled(&block, 2, &id)].concat();
    let error = signature::check(&bytes, both.as_bytes(), &[keys[0].clone(), twin], 2);
    assert_eq!(error.unwrap_err().code(), Code::SigThreshold);
}
