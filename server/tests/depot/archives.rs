//! Sources of components: every kind of archive, and hostile ones.

use crate::world::{World, hex};
use flate2::write::GzEncoder;
use liblzma::write::XzEncoder;
use offgrid_depot::build;
use offgrid_manifest::{Code, Release, json};
use std::io::{Cursor, Write};
use tar::{Builder, EntryType, Header};
use zip::write::SimpleFileOptions;

const SCRIPT: &[u8] = b"#!/bin/sh\n";

/// One entry of a tar, under exactly this name.
struct Entry<'a> {
    kind: EntryType,
    name: &'a str,
    link: &'a str,
    mode: u32,
    bytes: &'a [u8],
}

fn entry<'a>(kind: EntryType, name: &'a str, link: &'a str) -> Entry<'a> {
    Entry { kind, name, link, mode: 0o644, bytes: b"" }
}

fn file<'a>(name: &'a str, mode: u32, bytes: &'a [u8]) -> Entry<'a> {
    Entry { kind: EntryType::Regular, name, link: "", mode, bytes }
}

fn tar(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for Entry { kind, name, link, mode, bytes } in entries {
        let mut header = Header::new_gnu();
        // The crate's own setters refuse the names that this is about.
        let old = header.as_old_mut();
        old.name[..name.len()].copy_from_slice(name.as_bytes());
        old.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(*mode);
        header.set_uid(1000);
        header.set_gid(1000);
        header.set_mtime(1);
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn good() -> Vec<u8> {
    tar(&[
        entry(EntryType::Directory, "./", ""),
        entry(EntryType::Directory, "./build/", ""),
        file("./build/run.sh", 0o775, SCRIPT),
        file("./build/notes.txt", 0o600, b"notes\n"),
        entry(EntryType::Symlink, "./build/run", "run.sh"),
        entry(EntryType::Symlink, "./build/up", "../build/notes.txt"),
        file("./README", 0o644, b"dropped\n"),
    ])
}

fn good_zip() -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let mode = |mode| SimpleFileOptions::default().unix_permissions(mode);
    writer.add_directory("build", mode(0o755)).unwrap();
    writer.start_file("build/run.sh", mode(0o775)).unwrap();
    writer.write_all(SCRIPT).unwrap();
    writer.start_file("build/notes.txt", mode(0o600)).unwrap();
    writer.write_all(b"notes\n").unwrap();
    writer.add_symlink("build/run", "run.sh", mode(0o777)).unwrap();
    writer.add_symlink("build/up", "../build/notes.txt", mode(0o777)).unwrap();
    writer.start_file("README", mode(0o644)).unwrap();
    writer.write_all(b"dropped\n").unwrap();
    writer.finish().unwrap().into_inner()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = XzEncoder::new(Vec::new(), 6);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Builds with the archive as the source of `llama-cpu`.
fn with(world: &World, name: &str, bytes: &[u8], strip: usize) -> Result<Release, build::Error> {
    world.write(name, bytes);
    let from =
        format!("from = \"{name}\"\nsha256 = \"{}\"\nstrip = {strip}\ndrop = [\"up\"]", hex(bytes));
    let spec = world.spec("0.3.0", |text| text.replace("from = \"llama\"", &from));
    let built = build::run(&world.build_options(&spec))?;
    let document = world.read(&format!("release/0.3.0/{}.json", built.digest));
    Ok(json::read(&document).unwrap())
}

#[test]
fn every_kind_of_archive_gives_the_same_tree() {
    let world = World::new();
    let tar = good();
    let mut trees = Vec::new();
    for (name, bytes) in [
        ("llama.tar", tar.clone()),
        ("llama.tar.gz", gz(&tar)),
        ("llama.tgz", gz(&tar)),
        ("llama.tar.xz", xz(&tar)),
        ("llama.tar.zst", zstd::encode_all(&tar[..], 3).unwrap()),
        ("LLAMA.ZIP", good_zip()),
    ] {
        let release = with(&world, name, &bytes, 1).unwrap();
        let component = release.components.values().nth(1).unwrap().values().next().unwrap();
        // run.sh, notes.txt and the license.
        assert_eq!(component.file_count, 3, "{name}");
        trees.push(component.tree_sha256);
    }
    trees.dedup();
    assert_eq!(trees.len(), 1);
}

#[test]
fn a_hard_link_becomes_a_copy() {
    let world = World::new();
    let bytes = tar(&[file("a", 0o755, SCRIPT), entry(EntryType::Link, "b", "a")]);
    let release = with(&world, "llama.tar", &bytes, 0).unwrap();
    let component = release.components.values().nth(1).unwrap().values().next().unwrap();
    assert_eq!((component.file_count, component.unpacked_size), (3, 2 * 10 + 4));
}

#[test]
fn an_archive_needs_its_digest_and_must_have_it() {
    let world = World::new();
    world.write("llama.tar", &good());
    let error = world.refused(|text| text.replace("from = \"llama\"", "from = \"llama.tar\""));
    assert_eq!(error.code(), Code::Usage);
    let other = format!("from = \"llama.tar\"\nsha256 = \"{}\"", hex(b"other"));
    let error = world.refused(|text| text.replace("from = \"llama\"", &other));
    assert_eq!(error.code(), Code::Hash);
}

#[test]
fn hostile_archives_are_refused() {
    let world = World::new();
    let before = world.files();
    let cases: Vec<(&str, Vec<Entry<'_>>, Code)> = vec![
        ("parent", vec![file("../x", 0o644, b"x")], Code::Path),
        ("parent inside", vec![file("a/../../x", 0o644, b"x")], Code::Path),
        ("absolute", vec![file("/tmp/x", 0o644, b"x")], Code::Path),
        ("drive", vec![file("C:/x", 0o644, b"x")], Code::Path),
        ("backslash", vec![file("..\\x", 0o644, b"x")], Code::Path),
        ("stream", vec![file("a:b", 0o644, b"x")], Code::Path),
        ("device name", vec![file("con.txt", 0o644, b"x")], Code::Path),
        ("not ASCII", vec![file("é", 0o644, b"x")], Code::Entry),
        ("line feed", vec![file("a\nb", 0o644, b"x")], Code::Path),
        ("folder above", vec![entry(EntryType::Directory, "../d", "")], Code::Path),
        ("character device", vec![entry(EntryType::Char, "null", "")], Code::Entry),
        ("block device", vec![entry(EntryType::Block, "sda", "")], Code::Entry),
        ("fifo", vec![entry(EntryType::Fifo, "pipe", "")], Code::Entry),
        ("sparse", vec![entry(EntryType::GNUSparse, "s", "")], Code::Entry),
        ("unknown", vec![entry(EntryType::new(b'Q'), "q", "")], Code::Entry),
        ("link out", vec![entry(EntryType::Symlink, "l", "../x")], Code::Entry),
        ("link to root", vec![entry(EntryType::Symlink, "l", "/etc/passwd")], Code::Entry),
        ("link to nothing", vec![entry(EntryType::Symlink, "l", "")], Code::Entry),
        ("hard link out", vec![entry(EntryType::Link, "l", "../x")], Code::Path),
        ("hard link ahead", vec![entry(EntryType::Link, "l", "later")], Code::Entry),
        ("twice", vec![file("a", 0o644, b"x"), file("a", 0o644, b"y")], Code::Entry),
        (
            "link and file",
            vec![entry(EntryType::Symlink, "a", "b"), file("a", 0o644, b"y")],
            Code::Entry,
        ),
        (
            "file and link",
            vec![file("a", 0o644, b"y"), entry(EntryType::Symlink, "a", "b")],
            Code::Entry,
        ),
        ("case", vec![file("a", 0o644, b"x"), file("A", 0o644, b"x")], Code::Entry),
        (
            "through a link",
            vec![entry(EntryType::Symlink, "d", "e"), file("d/x", 0o644, b"x")],
            Code::Entry,
        ),
    ];
    for (what, entries, code) in cases {
        let mut all = vec![file("good", 0o644, b"good")];
        all.extend(entries);
        let error = with(&world, "llama.tar", &tar(&all), 0).unwrap_err();
        assert_eq!(error.code(), code, "{what}: {error}");
    }
    let released = world.files().into_keys().filter(|name| name.starts_with("release/")).count();
    assert_eq!(released, 0);
    assert!(before.keys().all(|name| world.depot.join(name).exists()));
}

#[test]
fn hostile_zips_are_refused() {
    let world = World::new();
    for (name, code) in
        [("../x", Code::Path), ("/x", Code::Path), ("a\\b", Code::Path), ("C:x", Code::Path)]
    {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        // The writer mends names; put a plain one and change the bytes after.
        let plain: String = name.chars().map(|_| 'q').collect();
        writer.start_file(&*plain, SimpleFileOptions::default()).unwrap();
        writer.write_all(b"x").unwrap();
        let bytes = writer.finish().unwrap().into_inner();
        let bytes = replace(&bytes, plain.as_bytes(), name.as_bytes());
        let error = with(&world, "llama.zip", &bytes, 0).unwrap_err();
        assert_eq!(error.code(), code, "{name}: {error}");
    }
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    writer.add_symlink("l", "../../etc/passwd", SimpleFileOptions::default()).unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    assert_eq!(with(&world, "llama.zip", &bytes, 0).unwrap_err().code(), Code::Entry);
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for at in 0..=out.len() - from.len() {
        if out[at..].starts_with(from) {
            out[at..at + to.len()].copy_from_slice(to);
        }
    }
    out
}

#[cfg(unix)]
#[test]
fn a_link_on_disk_that_leaves_its_folder_is_refused() {
    let world = World::new();
    std::os::unix::fs::symlink("/etc/passwd", world.root.join("llama/out")).unwrap();
    assert_eq!(world.refused(|text| text).code(), Code::Entry);
}

#[test]
fn an_archive_that_is_cut_off_is_refused() {
    let world = World::new();
    let whole = gz(&tar(&[file("a", 0o644, &[7; 5000])]));
    let cut = &whole[..whole.len() - 12];
    assert_eq!(with(&world, "llama.tar.gz", cut, 0).unwrap_err().code(), Code::Entry);
}
