//! Packs, trees and blobs that are signed for and still not to be believed
//! (reference/trust.md L1 to L6): whatever the release keys were made to sign,
//! nothing leaves staging and nothing of it stays.

mod bombs;
mod smuggled;

use e2e::{Forge, Snapshot, Victims, World};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tar::{Builder, EntryType, Header};

/// The app's real pack without its end, so that something can follow.
fn open_pack(forge: &Forge) -> Vec<u8> {
    let mut pack = forge.pack_now("app");
    let end = pack.iter().rposition(|byte| *byte != 0).unwrap() / 512 + 1;
    pack.truncate(end * 512);
    pack
}

/// One entry as the depot writes it, whatever its name.
fn entry(name: &[u8], kind: EntryType, bytes: &[u8], edit: impl FnOnce(&mut Header)) -> Vec<u8> {
    let mut header = Header::new_gnu();
    // set_path refuses what an attacker does not.
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_entry_type(kind);
    edit(&mut header);
    header.set_cksum();
    let mut builder = Builder::new(Vec::new());
    builder.append(&header, bytes).unwrap();
    let mut tar = builder.into_inner().unwrap();
    tar.truncate(tar.len() - 1024);
    tar
}

fn file(name: &[u8]) -> Vec<u8> {
    entry(name, EntryType::Regular, b"smuggled", |_| {})
}

/// The app's pack, then this, then the end of a tar.
fn append(forge: &mut Forge, entries: &[u8]) {
    let pack = [&open_pack(forge), entries, &[0; 1024]].concat();
    forge.pack("app", &pack);
}

/// Every row is refused on both homes with its E_ name, and nothing changes: not
/// in the homes, and not around them.
fn suffer_all<'a, T: ?Sized + 'a>(
    rows: impl IntoIterator<Item = (String, &'a T, &'a str)>,
    edit: impl Fn(&mut Forge, &'a T),
) {
    let victims = Victims::new();
    let depot = victims.depot();
    let around = || Snapshot::of(depot.parent().unwrap(), &["depot", "home"]);
    let before = around();
    for (what, row, error) in rows {
        victims.forge(|forge| edit(forge, row));
        victims.suffer(&what, depot.to_str().unwrap(), 5, error);
        assert!(!Path::new("/tmp/escaped").exists(), "{what}");
        before.assert_same(&around());
    }
}

/// Names that would leave their folder, or mean something else, on some system.
const NAMES: &[&[u8]] = &[
    b"..",
    b"../escaped",
    b"../../../../../escaped",
    b"web/../../escaped",
    b"web/..",
    b"./escaped",
    b"/tmp/escaped",
    b"//tmp/escaped",
    b"/",
    b"",
    b"web//escaped",
    b"escaped/",
    b"C:",
    b"C:escaped",
    b"C:\\escaped",
    b"C:/escaped",
    b"..\\escaped",
    b"web\\..\\..\\escaped",
    b"\\\\server\\share\\escaped",
    b"\\\\?\\C:\\escaped",
    b"\\\\.\\pipe\\escaped",
    b"VERSION:stream",
    b"VERSION::$DATA",
    b"con",
    b"NUL.txt",
    b"web/Aux",
    b"com1",
    b"LPT9.log",
    b"VERSION.",
    b"VERSION ",
    b"esc\naped",
    b"esc\x1b[2Japed",
    b"escaped*",
];

#[test]
fn l01_a_name_in_a_pack_that_leaves_its_folder_is_refused() {
    let zero: &[u8] = b"esc\0aped";
    let text: &[u8] = b"esc\xffaped";
    let names = NAMES.iter().copied().chain([zero, text]);
    let rows = names.map(|name| (name.escape_ascii().to_string(), name, "E_PATH"));
    suffer_all(rows, |forge, name| append(forge, &file(name)));
}

#[test]
fn l01_a_name_in_the_signed_tree_that_leaves_its_folder_is_refused() {
    let long = "x/".repeat(2050);
    let names = NAMES.iter().map(|name| std::str::from_utf8(name).unwrap());
    let rows = names.chain([&*long, "esc\0aped"]).map(|name| (name.to_owned(), name, "E_PATH"));
    suffer_all(rows, path);
}

#[test]
fn l01_a_long_name_is_no_way_around_the_rules_for_names() {
    let up = [&b"../".repeat(40), &b"escaped"[..]].concat();
    let names = [&up[..], &b"x".repeat(600), &b"x".repeat(5000), b"esc\0aped"];
    let rows = names.iter().map(|name| (name.escape_ascii().to_string(), *name, "E_PATH"));
    suffer_all(rows, |forge, name| {
        let text = [name, b"\0"].concat();
        let long = entry(b"././@LongLink", EntryType::GNULongName, &text, |_| {});
        append(forge, &[long, file(&name[..name.len().min(100)])].concat());
    });
}

/// (what, forge, E_ name)
type Row = (&'static str, fn(&mut Forge), &'static str);

fn suffer(rows: &[Row]) {
    let rows = rows.iter().map(|(what, edit, error)| ((*what).to_owned(), edit, *error));
    suffer_all(rows, |forge, edit| edit(forge));
}

/// A link or hard link of the pack, and then something through it.
fn linked(forge: &mut Forge, kind: EntryType, target: &str, then: &[u8]) {
    let link = entry(b"way", kind, b"", |header| header.set_link_name_literal(target).unwrap());
    append(forge, &[&link, then].concat());
}

const LINKS: &[Row] = &[
    ("a link out of the tree", |f| linked(f, EntryType::Symlink, "../../escaped", &[]), "E_ENTRY"),
    ("a link to /etc", |f| linked(f, EntryType::Symlink, "/etc/passwd", &[]), "E_ENTRY"),
    ("a link inside the tree", |f| linked(f, EntryType::Symlink, "VERSION", &[]), "E_ENTRY"),
    ("a hard link", |f| linked(f, EntryType::Link, "../../a file of the user's", &[]), "E_ENTRY"),
    ("a hard link inside", |f| linked(f, EntryType::Link, "VERSION", &[]), "E_ENTRY"),
    ("a link, then a write", |f| linked(f, EntryType::Symlink, "/tmp", &file(b"way")), "E_ENTRY"),
    (
        "a link, then a write behind it",
        |f| linked(f, EntryType::Symlink, "/tmp", &file(b"way/escaped")),
        "E_ENTRY",
    ),
    (
        "a link, then a folder in its place",
        |f| {
            let folder = entry(b"way", EntryType::Directory, b"", |header| header.set_mode(0o777));
            linked(f, EntryType::Symlink, "/tmp", &folder);
        },
        "E_ENTRY",
    ),
    ("a declared link that leaves", |f| link(f, "evil", "../../../escaped"), "E_PATH"),
    ("a declared absolute link", |f| link(f, "evil", "/etc/passwd"), "E_PATH"),
    ("a declared link where a file is", |f| link(f, "VERSION", "offgrid"), "E_ENTRY"),
    ("a declared link of another case", |f| link(f, "version", "offgrid"), "E_ENTRY"),
    ("a declared link as a folder", |f| link(f, "web", "offgrid"), "E_ENTRY"),
];

#[test]
fn l02_no_link_of_a_pack_or_a_tree_leads_out_of_it() {
    suffer(LINKS);
}

const KINDS: &[Row] = &[
    ("a pipe", |f| append(f, &entry(b"x", EntryType::Fifo, b"", |_| {})), "E_ENTRY"),
    ("a device", |f| append(f, &entry(b"x", EntryType::Char, b"", |_| {})), "E_ENTRY"),
    ("a disk", |f| append(f, &entry(b"x", EntryType::Block, b"", |_| {})), "E_ENTRY"),
    ("a folder", |f| append(f, &entry(b"x/", EntryType::Directory, b"", |_| {})), "E_ENTRY"),
    ("holes", |f| append(f, &entry(b"x", EntryType::GNUSparse, b"", |_| {})), "E_ENTRY"),
    ("an old file", |f| append(f, &entry(b"x", EntryType::Regular, b"", old)), "E_ENTRY"),
    ("a file with setuid", |f| packed_mode(f, 0o4755), "E_ENTRY"),
    ("a file with setgid", |f| packed_mode(f, 0o2755), "E_ENTRY"),
    ("a file that all may write to", |f| packed_mode(f, 0o666), "E_ENTRY"),
    ("an attribute", |f| extended(f, "SCHILY.xattr.user.x=1"), "E_ENTRY"),
    ("a tree's file with setuid", |f| mode(f, "4755"), "E_PARSE"),
    ("a tree with another mode", unsigned_mode, "E_TREE"),
];

fn old(header: &mut Header) {
    header.as_mut_bytes()[156] = 0;
}

/// The app's pack with these bits on every file.
fn repacked(forge: &Forge, mode: u32) -> Vec<u8> {
    let pack = forge.pack_now("app");
    let mut builder = Builder::new(Vec::new());
    for entry in tar::Archive::new(&pack[..]).entries().unwrap() {
        let entry = entry.unwrap();
        let mut header = entry.header().clone();
        header.set_mode(mode);
        header.set_cksum();
        builder.append(&header, entry).unwrap();
    }
    builder.into_inner().unwrap()
}

fn packed_mode(forge: &mut Forge, mode: u32) {
    let pack = repacked(forge, mode);
    forge.pack("app", &pack);
}

/// An extended header with one record before a file.
fn extended(forge: &mut Forge, text: &str) {
    let record = format!("{} {text}\n", text.len() + 4).into_bytes();
    let extension = entry(b"PaxHeaders/x", EntryType::XHeader, &record, |_| {});
    append(forge, &[extension, file(b"x")].concat());
}

#[test]
fn l03_nothing_but_plain_files_is_unpacked() {
    suffer(KINDS);
}

#[test]
fn l03_modes_come_from_the_signed_document_and_not_from_the_pack() {
    let world = World::newer();
    let mut forge = Forge::of(&world.depot());
    packed_mode(&mut forge, 0o755);
    world.install();
    let version = world.prefix().join("current/app/VERSION");
    assert_eq!(version.metadata().unwrap().permissions().mode() & 0o7777, 0o644);
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
/// Other stored bytes for the app's program, in a blob of this kind.
fn stored(forge: &mut Forge, kind: &str, bytes: &[u8]) {
    let digest = forge.blob(bytes);
    forge.parts("app", |parts| {
        let files = parts["files"].as_array_mut().unwrap();
        let file = files.iter_mut().find(|file| file["path"] == "offgrid").unwrap();
        file["encodings"] = json!([{"kind": kind, "sha256": digest, "size": bytes.len()}]);
    });
}
