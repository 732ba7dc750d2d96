//! What `build` refuses of setup files: one test for each reason.

use crate::signed::real;
use crate::world::{World, elf, now};
use object::Architecture;
use offgrid_depot::depot::document;
use offgrid_depot::keys::{Keyring, Password};
use offgrid_depot::stamp;
use offgrid_manifest::stamp::{Stamp, StampedRoot, find};
use offgrid_manifest::{Code, Digest, Root, layout, signature};
use std::fs;
use std::path::PathBuf;

/// Building with this setup file ends with this error and makes no blob of it.
#[track_caller]
fn refused(world: &World, bytes: &[u8], code: Code, why: &str) {
    world.write("setup", bytes);
    let error = world.refused(|text| text);
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().contains(why), "{error}");
    assert!(!world.depot.join(layout::blob(&Digest::of(bytes))).exists());
}

/// The good setup file with another stamp.
fn edited(world: &World, edit: impl FnOnce(&mut Stamp)) -> Vec<u8> {
    let mut bytes = fs::read(world.root.join("setup")).unwrap();
    let section = find(&bytes).unwrap();
    let mut stamp = Stamp::from_section(&bytes[section.clone()]).unwrap().unwrap();
    edit(&mut stamp);
    bytes[section].copy_from_slice(&stamp.to_section().unwrap());
    bytes
}

#[test]
fn a_setup_file_that_nobody_stamped_is_refused() {
    let world = World::new();
    refused(&world, &elf(Architecture::X86_64), Code::Unstamped, "is not stamped");
}

#[test]
fn a_setup_file_of_another_depot_is_refused() {
    let (world, stranger) = (World::new(), World::new());
    let bytes = fs::read(stranger.root.join("setup")).unwrap();
    refused(&world, &bytes, Code::UntrustedBinary, "a root that is not in this depot");
}

#[test]
fn a_setup_file_for_another_target_is_refused() {
    let world = World::new();
    world.stamped("setup", Architecture::Aarch64);
    let bytes = fs::read(world.root.join("setup")).unwrap();
    refused(&world, &bytes, Code::Usage, "is not for linux-x86_64");
    for name in ["signed.exe", "signed.macho"] {
        let binary = world.write("binary", &real(name));
        let out = world.root.join("stamped");
        stamp::run(&stamp::Options { binary, out: out.clone(), ..options(&world) }).unwrap();
        refused(&world, &fs::read(out).unwrap(), Code::Usage, "is not for linux-x86_64");
    }
}

fn options(world: &World) -> stamp::Options {
    stamp::Options {
        binary: PathBuf::new(),
        root: world.depot.join("root/1.json"),
        sources: vec!["https://a.example".into()],
        out: PathBuf::new(),
        now: now(),
    }
}

#[test]
fn a_setup_file_that_is_no_bootstrapper_is_refused() {
    let world = World::new();
    refused(&world, b"#!/bin/sh\n", Code::Usage, "not an ELF, PE or Mach-O file");
    refused(&world, b"\xca\xfe\xba\xbe\0\0\0\x02", Code::Usage, "several processors");
    let own = fs::read(std::env::current_exe().unwrap()).unwrap();
    refused(&world, &own, Code::Usage, "no section for a stamp");
}

#[test]
fn a_setup_file_with_a_broken_section_is_refused() {
    let world = World::new();
    let good = fs::read(world.root.join("setup")).unwrap();
    let at = find(&good).unwrap().start;
    // The first byte, the length, the JSON inside.
    for (offset, why) in [(0, "not a stamp section"), (31, "longer than its section"), (32, "")] {
        let mut bytes = good.clone();
        bytes[at + offset] ^= 0x80;
        refused(&world, &bytes, Code::Parse, why);
    }
    refused(&world, &good[..at + 100], Code::Usage, "broken");
    world.write("setup", &good);
    let newer = edited(&world, |stamp| stamp.schema = 2);
    refused(&world, &newer, Code::Schema, "schema 2");
}

#[test]
fn a_setup_file_that_would_refuse_its_own_stamp_is_refused() {
    let world = World::new();
    let signature = fs::read_to_string(world.root.join("depot/root/1.json.minisig")).unwrap();
    // One of the two signatures that a root needs.
    let half: String = signature.lines().take(4).map(|line| format!("{line}\n")).collect();
    let bytes = edited(&world, |stamp| {
        stamp.root = StampedRoot::new(&stamp.root.bytes().unwrap(), &half);
    });
    let good = fs::read(world.root.join("setup")).unwrap();
    refused(&world, &bytes, Code::SigThreshold, "setup");
    world.write("setup", &good);
    let bytes = edited(&world, |stamp| stamp.sources.clear());
    refused(&world, &bytes, Code::Usage, "without a source");
    world.write("setup", &good);
    let bytes = edited(&world, |stamp| stamp.sources = vec!["ftp://x/".into()]);
    refused(&world, &bytes, Code::Usage, "ftp://x/");
    world.write("setup", &good);
    world.build("0.3.0");
    assert!(world.depot.join(layout::blob(&Digest::of(&good))).exists());
}

#[test]
fn a_setup_file_with_yesterdays_root_is_built_with_a_remark() {
    let world = World::new();
    let first = fs::read(world.depot.join("root/1.json")).unwrap();
    let mut root: Root = serde_json::from_slice(&first).unwrap();
    root.version = 2;
    root.floors.head = 7;
    let bytes = document(&root);
    let comment = signature::comment("offgrid/root", "root", &2, &Digest::of(&bytes));
    let mut ring = Keyring::new(world.keys.clone(), Password::None);
    let file = ring.sign(&root, &root.roles.root, &bytes, &comment).unwrap();
    let second = world.write("depot/root/2.json", &bytes);
    world.write("depot/root/2.json.minisig", file.as_bytes());

    let notes = world.build("0.3.0").notes;
    assert!(notes.iter().any(|note| note.contains("stamped with root 1, and root 2")), "{notes:?}");
    let (binary, out) = (world.root.join("setup"), world.root.join("setup"));
    let options = stamp::Options { binary, root: second, out, ..options(&world) };
    assert_eq!(stamp::run(&options).unwrap().stamp.floors.head, 7);
    let notes = world.build("0.3.0").notes;
    assert!(!notes.iter().any(|note| note.contains("stamped")), "{notes:?}");
}
