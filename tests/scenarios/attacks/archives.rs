//! Packs, trees and blobs that are signed for and still not to be believed.

use e2e::{Forge, Victims, World};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use tar::EntryType;

/// A tar with the entries of the app's real pack and this one.
fn with_entry(pack: &[u8], name: &str, kind: EntryType, bytes: &[u8]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut archive = tar::Archive::new(pack);
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        let header = entry.header().clone();
        builder.append(&header, entry).unwrap();
    }
    append(&mut builder, name, kind, bytes, 0o644);
    builder.into_inner().unwrap()
}

fn append(
    builder: &mut tar::Builder<Vec<u8>>,
    name: &str,
    kind: EntryType,
    bytes: &[u8],
    mode: u32,
) {
    let mut header = tar::Header::new_ustar();
    // set_path refuses what an attacker does not.
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_size(bytes.len() as u64);
    header.set_mode(mode);
    header.set_entry_type(kind);
    if matches!(kind, EntryType::Symlink | EntryType::Link) {
        header.set_link_name("../../../../../a file of the user's").unwrap();
    }
    header.set_cksum();
    builder.append(&header, bytes).unwrap();
}

fn smuggle(forge: &mut Forge, name: &str, kind: EntryType) {
    let bytes: &[u8] = if kind == EntryType::Regular { b"smuggled" } else { b"" };
    let tar = with_entry(&forge.pack_now("app"), name, kind, bytes);
    forge.pack("app", &tar);
}

#[test]
fn nothing_is_smuggled_in_a_pack() {
    let victims = Victims::new();
    let depot = victims.depot();
    let rows = [
        ("extra", EntryType::Regular),
        ("../escaped", EntryType::Regular),
        ("/tmp/escaped", EntryType::Regular),
        ("link", EntryType::Symlink),
        ("hard", EntryType::Link),
        ("pipe", EntryType::Fifo),
        ("device", EntryType::Char),
        ("folder/", EntryType::Directory),
        ("VERSION", EntryType::Regular),
        ("VERSION", EntryType::Symlink),
    ];
    for (name, kind) in rows {
        victims.forge(|forge| smuggle(forge, name, kind));
        victims.suffer(&format!("{kind:?} {name}"), depot.to_str().unwrap(), 5, "E_ENTRY");
    }
}

/// (what, forge, E_ name)
type Row = (&'static str, fn(&mut Forge), &'static str);

const ROWS: &[Row] = &[
    ("a pack without a file", |f| f.pack("app", &[0; 1024]), "E_TREE"),
    ("a pack with other contents", changed, "E_TREE"),
    ("a pack larger than signed", |f| f.pack_of_size("app", &[0; 1 << 20], 1024), "E_BOMB"),
    ("a pack smaller than signed", |f| f.pack_of_size("app", &[0; 1024], 4096), "E_TREE"),
    ("a bomb of 256 MiB in a pack", |f| f.pack_of_size("app", &vec![0; 256 << 20], 1024), "E_BOMB"),
    ("a bomb in a blob", bomb, "E_BOMB"),
    ("a blob of other contents", other_blob, "E_TREE"),
    ("a blob that is no zstd", garbage, "E_TREE"),
    ("a file with setuid", |f| mode(f, "4755"), "E_PARSE"),
    ("a tree with another mode", unsigned_mode, "E_TREE"),
    ("a path that leaves", |f| path(f, "../../escaped"), "E_PATH"),
    ("an absolute path", |f| path(f, "/tmp/escaped"), "E_PATH"),
    ("a path for Windows", |f| path(f, "C:\\escaped"), "E_PATH"),
    ("a device's name", |f| path(f, "nul.txt"), "E_PATH"),
    ("a link that leaves", |f| link(f, "evil", "../../../escaped"), "E_PATH"),
    ("an absolute link", |f| link(f, "evil", "/etc/passwd"), "E_PATH"),
    ("a link where a file is", |f| link(f, "VERSION", "offgrid"), "E_ENTRY"),
    ("a link of another case", |f| link(f, "version", "offgrid"), "E_ENTRY"),
    ("a link as a folder", |f| link(f, "web", "offgrid"), "E_ENTRY"),
];

fn changed(forge: &mut Forge) {
    let mut tar = forge.pack_now("app");
    let at = tar.windows(7).position(|bytes| bytes == b"0.2.12\n").unwrap();
    tar[at] = b'9';
    forge.pack("app", &tar);
}

fn stored(forge: &mut Forge, bytes: &[u8]) {
    let digest = forge.blob(bytes);
    forge.parts("app", |parts| {
        let files = parts["files"].as_array_mut().unwrap();
        let file = files.iter_mut().find(|file| file["path"] == "offgrid").unwrap();
        file["encodings"] = json!([{"kind": "zst", "sha256": digest, "size": bytes.len()}]);
    });
}

fn bomb(forge: &mut Forge) {
    let bytes = zstd::bulk::compress(&vec![0; 256 << 20], 3).unwrap();
    stored(forge, &bytes);
}

fn other_blob(forge: &mut Forge) {
    let bytes = zstd::bulk::compress(b"#!/bin/sh\necho owned\n", 3).unwrap();
    stored(forge, &bytes);
}

fn garbage(forge: &mut Forge) {
    stored(forge, &[7; 5000]);
}

fn mode(forge: &mut Forge, mode: &str) {
    forge.parts("app", |parts| parts["files"][0]["mode"] = json!(mode));
}

fn unsigned_mode(forge: &mut Forge) {
    let tree = {
        let document = forge.read(&forge.newest_release());
        let figures = document["components"]["app"].as_object().unwrap().values().next();
        figures.unwrap()["tree_sha256"].clone()
    };
    let plain = forge.parts_of("app").0["files"][0]["mode"] == "0644";
    mode(forge, if plain { "0755" } else { "0644" });
    let target = forge.parts_of("app").1;
    forge.release(|release| release["components"]["app"][&target]["tree_sha256"] = tree);
}

fn path(forge: &mut Forge, path: &str) {
    forge.parts("app", |parts| parts["files"][0]["path"] = json!(path));
}

fn link(forge: &mut Forge, path: &str, target: &str) {
    forge.parts("app", |parts| parts["links"] = json!([{"path": path, "target": target}]));
}

#[test]
fn trees_that_lie_are_refused_whoever_signed_them() {
    let victims = Victims::new();
    let depot = victims.depot();
    for (what, edit, error) in ROWS {
        victims.forge(edit);
        victims.suffer(what, depot.to_str().unwrap(), 5, error);
    }
}

#[test]
fn modes_come_from_the_signed_document_and_not_from_the_pack() {
    let world = World::newer();
    let mut forge = Forge::of(&world.depot());
    let pack = forge.pack_now("app");
    let mut builder = tar::Builder::new(Vec::new());
    let mut archive = tar::Archive::new(&pack[..]);
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        let mut header = entry.header().clone();
        header.set_mode(0o6777);
        header.set_cksum();
        builder.append(&header, entry).unwrap();
    }
    forge.pack("app", &builder.into_inner().unwrap());
    world.install();
    let version = world.prefix().join("current/app/VERSION");
    assert_eq!(version.metadata().unwrap().permissions().mode() & 0o7777, 0o644);
}
