//! A source that sends other bytes than the signed ones.

use e2e::watch::watched;
use e2e::{Forge, Lie, Origin, Victims};
use offgrid_manifest::{Digest, layout};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Where everything is in the depot that offers 0.2.0.
struct Names {
    head_signature: String,
    channel: String,
    release: String,
    parts: String,
    pack: String,
    file: String,
}

fn names(depot: &Path) -> Names {
    let forge = Forge::of(depot);
    let head = fs::read(depot.join(layout::HEAD)).unwrap();
    let (channel, release) = (forge.newest_channel(), forge.newest_release());
    let document = forge.read(&release);
    let figures = document["components"]["app"].as_object().unwrap().values().next().unwrap();
    let (parts, _) = forge.parts_of("app");
    let blob = |digest: &Value| format!("blob/sha256/{}", digest.as_str().unwrap());
    Names {
        head_signature: layout::head_signature(&Digest::of(&head)),
        channel,
        release,
        parts: blob(&figures["parts"]["sha256"]),
        pack: blob(&parts["pack"]["encodings"][0]["sha256"]),
        file: forge.blob_of("app", "offgrid"),
    }
}

/// The first, a middle and the last byte of both base64 lines of a signature,
/// and one of the trusted comment. The key's id, bytes 3 to 13 of the first line,
/// is a hint that proves nothing.
fn signature_bytes(depot: &Path, path: &str) -> Vec<(usize, &'static str)> {
    let text = fs::read_to_string(depot.join(path)).unwrap();
    let lines: Vec<&str> = text.lines().take(4).collect();
    let starts: Vec<usize> = (0..4).map(|n| lines[..n].iter().map(|l| l.len() + 1).sum()).collect();
    let last = |n: usize| starts[n] + lines[n].trim_end_matches('=').len() - 1;
    let bad = "E_SIG_THRESHOLD";
    vec![
        (starts[1] + 1, "E_SIG_ALG"),
        (starts[1] + 50, bad),
        (last(1) - 1, bad),
        (starts[2] + 30, bad),
        (starts[3], bad),
        (starts[3] + 40, bad),
        (last(3) - 1, bad),
    ]
}

#[test]
fn a01_one_flipped_bit_in_a_document_or_blob_is_never_taken() {
    let victims = Victims::new();
    let names = names(&victims.depot());
    let origin = Origin::of(&victims.depot());
    let rows = [
        (layout::HEAD, "E_SIG_THRESHOLD"),
        (&names.channel, "E_MIXMATCH"),
        (&names.release, "E_HASH"),
        (&names.parts, "E_HASH"),
        (&names.pack, "E_HASH"),
        (&names.file, "E_HASH"),
    ];
    for (path, error) in rows {
        let length = fs::metadata(victims.depot().join(path)).unwrap().len() as usize;
        for at in [0, length / 2, length - 1] {
            origin.repent().lie(path, Lie::Flip(at));
            victims.suffer(&format!("byte {at} of {path}"), &origin.url(), 5, error);
        }
    }
}

#[test]
fn a01_one_flipped_bit_in_a_signature_is_never_taken() {
    let victims = Victims::new();
    let names = names(&victims.depot());
    let origin = Origin::of(&victims.depot());
    let beside = [&names.channel, &names.release].map(|path| layout::signature(path));
    for path in [&names.head_signature, &beside[0], &beside[1]] {
        for (at, error) in signature_bytes(&victims.depot(), path) {
            origin.repent().lie(path, Lie::Flip(at));
            victims.suffer(&format!("byte {at} of {path}"), &origin.url(), 5, error);
        }
    }
}

#[test]
fn a01_documents_without_a_signature_or_by_other_keys_are_never_taken() {
    let victims = Victims::new();
    let names = names(&victims.depot());
    let origin = Origin::of(&victims.depot());
    let read = |name: &str| fs::read(victims.depot().join(name)).unwrap();
    let other = read(&layout::signature(&names.channel));
    let rows = [
        ("no signature", Lie::Status(404)),
        ("the channel's signature", Lie::Bytes(other)),
        ("an empty signature", Lie::Bytes(Vec::new())),
    ];
    for (what, lie) in rows {
        origin.repent().lie("head/", lie);
        victims.suffer(what, &origin.url(), 5, "E_SIG_THRESHOLD");
    }
    // A root that nobody signed: one flipped bit, and garbage as its signature.
    let (mut root, signature) = (read("root/1.json"), read("root/1.json.minisig"));
    root[100] ^= 1;
    origin.repent().lie("root/2.json", Lie::Bytes(root));
    for signature in [signature, b"nothing\n".to_vec()] {
        origin.lie("root/2.json.minisig", Lie::Bytes(signature));
        victims.suffer("a forged root 2", &origin.url(), 5, "E_SIG_THRESHOLD");
    }
    victims.sign_with_other_keys();
    let depot = victims.depot();
    victims.suffer("other keys", depot.to_str().unwrap(), 5, "E_SIG_THRESHOLD");
}

#[test]
fn a02_one_signed_file_in_the_place_of_another_is_never_taken() {
    let victims = Victims::new();
    let names = names(&victims.depot());
    let origin = Origin::of(&victims.depot());
    let read = |name: &str| fs::read(victims.depot().join(name)).unwrap();
    let rows = [
        (&names.file, read(&names.pack), "E_SIZE"),
        (&names.pack, read(&names.file), "E_SIZE"),
        (&names.parts, read(&names.pack), "E_HASH"),
        (&names.channel, read("channel/broken/1.json"), "E_MIXMATCH"),
        (&names.channel, read(&names.release), "E_MIXMATCH"),
        (&names.release, read(&names.channel), "E_HASH"),
    ];
    for (path, bytes, error) in rows {
        origin.repent().lie(path, Lie::Bytes(bytes));
        victims.suffer(&format!("another file as {path}"), &origin.url(), 5, error);
    }
    let same_length = vec![7; read(&names.file).len()];
    origin.repent().lie(&names.file, Lie::Bytes(same_length));
    victims.suffer("other bytes of the same length", &origin.url(), 5, "E_HASH");
    // The next place has the right ones.
    let good = Origin::of(&victims.depot());
    let both = format!("{},{}", origin.url(), good.url());
    for outcome in victims.attempt(&both) {
        outcome.expect(0);
    }
    assert_eq!(good.seen_of(&names.file).len(), 2, "each of the two asked the next place");
}

#[test]
fn a08_endless_data_is_read_to_its_bound_and_no_further() {
    let victims = Victims::new();
    let names = names(&victims.depot());
    let origin = Origin::of(&victims.depot());
    // What the sockets of both sides swallow before anybody notices.
    let slack = 24 << 20;
    let beside = [&names.channel, &names.release].map(|path| layout::signature(path));
    let rows = [
        (layout::HEAD, 64 << 10),
        (&names.head_signature, 16 << 10),
        ("root/2.json", 64 << 10),
        (&names.channel, 1 << 20),
        (&beside[0], 16 << 10),
        (&names.release, 1 << 20),
        (&beside[1], 16 << 10),
        (&names.parts, 1 << 20),
        (&names.pack, 4 << 10),
        (&names.file, 4 << 20),
    ];
    for (path, bound) in rows {
        let before = origin.sent_of(path);
        origin.repent().lie(path, Lie::Endless);
        victims.suffer(&format!("an endless {path}"), &origin.url(), 5, "E_SIZE");
        let sent = origin.sent_of(path) - before;
        assert!(sent <= 2 * (bound + slack), "{path}: {sent} bytes were read");
    }
}

/// The most memory of a command, whatever a source sends (DESIGN 14).
const MEMORY_MAX: u64 = 64 << 20;

#[test]
fn a08_endless_data_fills_neither_memory_nor_disk() {
    let victims = Victims::new();
    let names = names(&victims.depot());
    let origin = Origin::of(&victims.depot());
    let world = victims.fresh();
    let size = fs::metadata(victims.depot().join(&names.file)).unwrap().len();
    for (path, disk) in [(layout::HEAD, 0), (&names.channel, 0), (&names.file, size)] {
        // An honest run is the measure of what else lies on the disk at that time.
        origin.repent().lie(path, Lie::Endless);
        let mut command = world.command(world.setup());
        command.env("OFFGRID_SETUP_SOURCE", origin.url()).args(["install", "--yes", "--json"]);
        let (outcome, peak) = watched(command, &world.prefix());
        outcome.expect_error(5, "E_SIZE");
        assert!(peak.memory <= MEMORY_MAX, "{path}: {peak:?}");
        // Beside this blob lies what else was fetched: at most the other ones.
        let others: u64 = if disk == 0 { 64 << 10 } else { size_of_blobs(&victims.depot()) };
        assert!(peak.disk <= others + 2 * disk, "{path}: {peak:?}");
    }
    victims.unchanged("endless data");
}

/// What all blobs of a depot take, stored and unpacked: four times at most here.
fn size_of_blobs(depot: &Path) -> u64 {
    let blobs = fs::read_dir(depot.join("blob/sha256")).unwrap();
    4 * blobs.map(|blob| blob.unwrap().metadata().unwrap().len()).sum::<u64>()
}

#[test]
fn a09_nothing_is_fetched_that_no_signed_document_lists() {
    let victims = Victims::new();
    let origin = Origin::of(&victims.depot());
    for outcome in victims.attempt(&origin.url()) {
        outcome.expect(0);
    }
    let setup = Forge::of(&victims.depot()).read(&names(&victims.depot()).release);
    let setup = setup["setup"]["targets"].to_string();
    for seen in origin.seen() {
        let there = victims.depot().join(&seen.path).is_file();
        assert!(there || seen.path == "root/2.json", "asked for {}", seen.path);
        let digest = seen.path.trim_start_matches("blob/sha256/");
        assert!(!setup.contains(digest), "nobody needs {} now", seen.path);
    }
}

#[test]
fn a09_a_file_that_no_signed_document_lists_is_never_unpacked() {
    let victims = Victims::new();
    victims.forge(|forge| {
        let mut builder = tar::Builder::new(Vec::new());
        let pack = forge.pack_now("app");
        for entry in tar::Archive::new(&pack[..]).entries().unwrap() {
            let entry = entry.unwrap();
            builder.append(&entry.header().clone(), entry).unwrap();
        }
        let mut header = tar::Header::new_gnu();
        header.set_path("postinst").unwrap();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o755);
        header.set_size(10);
        header.set_cksum();
        builder.append(&header, &b"#!/bin/sh\n"[..]).unwrap();
        forge.pack("app", &builder.into_inner().unwrap());
    });
    let depot = victims.depot();
    victims.suffer("an unlisted file", depot.to_str().unwrap(), 5, "E_TREE");
}
