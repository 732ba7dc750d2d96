//! What two programs would read differently, and what nobody signed for.

use super::{Row, append, entry, extended, file, open_pack, stored, suffer};
use e2e::Forge;
use serde_json::json;
use tar::EntryType;

const SMUGGLED: &[Row] = &[
    ("a tar within a tar", tarmageddon, "E_TREE"),
    ("another size in an extension", |f| extended(f, "size=00000000"), "E_TREE"),
    ("another name in an extension", |f| extended(f, "path=escaped"), "E_TREE"),
    ("two archives", |f| trailing(f, &[file(b"x"), vec![0; 1024]].concat()), "E_TREE"),
    ("a byte behind the end", |f| trailing(f, b"x"), "E_TREE"),
    ("a name in two halves", |f| append(f, &prefixed()), "E_TREE"),
    ("something behind a file", padded, "E_TREE"),
    ("a pack without a file", |f| f.pack("app", &[0; 1024]), "E_TREE"),
    ("a pack without an end", |f| f.pack("app", &open_pack(f)), "E_TREE"),
    ("a pack with other contents", changed, "E_TREE"),
    ("a pack smaller than signed", |f| f.pack_of_size("app", &[0; 1024], 4096), "E_TREE"),
    ("a blob of other contents", other_blob, "E_TREE"),
    ("a blob that is no zstd", garbage, "E_TREE"),
];

/// CVE-2025-62518: the header says 0 bytes, the extension the length of a tar.
fn tarmageddon(forge: &mut Forge) {
    let inner = [file(b"x"), vec![0; 1024]].concat();
    let size = format!("size={:08}", inner.len());
    let record = format!("{} {size}\n", size.len() + 4).into_bytes();
    let extension = entry(b"PaxHeaders/x", EntryType::XHeader, &record, |_| {});
    let empty = entry(b"x", EntryType::Regular, b"", |_| {});
    append(forge, &[extension, empty, inner].concat());
}

fn trailing(forge: &mut Forge, bytes: &[u8]) {
    let pack = [&forge.pack_now("app"), bytes].concat();
    forge.pack("app", &pack);
}

/// POSIX puts the start of a long name behind everything else, GNU does not.
fn prefixed() -> Vec<u8> {
    entry(b"escaped", EntryType::Regular, b"", |header| {
        header.as_mut_bytes()[345..347].copy_from_slice(b"..");
    })
}

fn padded(forge: &mut Forge) {
    let mut file = file(b"VERSION");
    *file.last_mut().unwrap() = b'x';
    let pack = [file, open_pack(forge), vec![0; 1024]].concat();
    forge.parts("app", |parts| {
        let files = parts["files"].as_array_mut().unwrap();
        let version = files.iter_mut().find(|file| file["path"] == "VERSION").unwrap();
        version["size"] = json!(8);
        version["sha256"] = json!(offgrid_manifest::Digest::of(b"smuggled"));
    });
    forge.pack("app", &pack);
}

#[test]
fn l04_what_two_programs_would_read_differently_is_refused() {
    suffer(SMUGGLED);
}

#[test]
fn a09_a_file_that_the_signed_tree_does_not_list_is_refused() {
    suffer(&[
        ("beside the others", |f| append(f, &file(b"extra")), "E_TREE"),
        ("in a folder of the tree", |f| append(f, &file(b"web/extra")), "E_TREE"),
        ("in a new folder", |f| append(f, &file(b"new/extra")), "E_TREE"),
        ("below a file", |f| append(f, &file(b"VERSION/extra")), "E_TREE"),
    ]);
}

const TWINS: &[Row] = &[
    ("the same twice", |f| append(f, &file(b"VERSION")), "E_ENTRY"),
    ("another case", |f| append(f, &file(b"version")), "E_ENTRY"),
    ("another case of a folder", |f| append(f, &file(b"WEB/ui/index.html")), "E_ENTRY"),
    ("one letter", |f| append(f, &file("\u{e9}".as_bytes())), "E_ENTRY"),
    ("a letter and its accent", |f| append(f, &file("e\u{301}".as_bytes())), "E_ENTRY"),
    ("a tree with one file twice", |f| twin(f, "VERSION"), "E_ENTRY"),
    ("a tree with two cases", |f| twin(f, "Version"), "E_ENTRY"),
    ("a tree with two cases of a folder", |f| twin(f, "Web/x"), "E_ENTRY"),
    ("a tree with a file as a folder", |f| twin(f, "VERSION/x"), "E_ENTRY"),
    ("a tree with one letter", |f| twin(f, "\u{e9}"), "E_ENTRY"),
    ("a tree with a letter and its accent", |f| twin(f, "e\u{301}"), "E_ENTRY"),
];

/// A second entry with the contents of VERSION.
fn twin(forge: &mut Forge, path: &str) {
    forge.parts("app", |parts| {
        let files = parts["files"].as_array_mut().unwrap();
        let mut twin = files.iter().find(|file| file["path"] == "VERSION").unwrap().clone();
        twin["path"] = json!(path);
        files.push(twin);
    });
}

#[test]
fn l05_two_names_that_one_folder_cannot_hold_are_refused() {
    suffer(TWINS);
}

fn changed(forge: &mut Forge) {
    let mut tar = forge.pack_now("app");
    let at = tar.windows(7).position(|bytes| bytes == b"0.2.12\n").unwrap();
    tar[at] = b'9';
    forge.pack("app", &tar);
}

fn other_blob(forge: &mut Forge) {
    let bytes = zstd::bulk::compress(b"#!/bin/sh\necho owned\n", 3).unwrap();
    stored(forge, "zst", &bytes);
}

fn garbage(forge: &mut Forge) {
    stored(forge, "zst", &[7; 5000]);
}
