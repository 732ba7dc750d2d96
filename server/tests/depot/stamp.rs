//! `stamp`.

use crate::world::{World, elf, now};
use object::Architecture;
use object::pe;
use object::write::pe::{NtHeaders, Writer};
use offgrid_depot::stamp::{self, Executable, Signature};
use offgrid_manifest::root::Floors;
use offgrid_manifest::stamp::{SECTION_SIZE, empty_section};
use offgrid_manifest::{Code, verify};
use std::fs;
use std::path::{Path, PathBuf};

/// A PE file with a stamp section, and a certificate table when `signed`.
fn windows(signed: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(true, 0x1000, 0x200, &mut bytes);
    writer.reserve_dos_header_and_stub();
    writer.reserve_nt_headers(16);
    writer.reserve_section_headers(2);
    let rdata = writer.reserve_rdata_section(16);
    let mut name = [0; 8];
    name.copy_from_slice(b".ogstamp");
    let flags = pe::IMAGE_SCN_CNT_INITIALIZED_DATA | pe::IMAGE_SCN_MEM_READ;
    let section = writer.reserve_section(name, flags, SECTION_SIZE as u32, SECTION_SIZE as u32);
    if signed {
        writer.reserve_certificate_table(64);
    }
    writer.write_dos_header_and_stub().unwrap();
    writer.write_nt_headers(NtHeaders {
        machine: pe::IMAGE_FILE_MACHINE_AMD64,
        time_date_stamp: 0,
        characteristics: pe::IMAGE_FILE_EXECUTABLE_IMAGE,
        major_linker_version: 0,
        minor_linker_version: 0,
        address_of_entry_point: 0,
        image_base: 0x1_4000_0000,
        major_operating_system_version: 6,
        minor_operating_system_version: 0,
        major_image_version: 0,
        minor_image_version: 0,
        major_subsystem_version: 6,
        minor_subsystem_version: 0,
        subsystem: pe::IMAGE_SUBSYSTEM_WINDOWS_CUI,
        dll_characteristics: 0,
        size_of_stack_reserve: 0,
        size_of_stack_commit: 0,
        size_of_heap_reserve: 0,
        size_of_heap_commit: 0,
    });
    writer.write_section_headers();
    writer.write_section(rdata.file_offset, &[0; 16]);
    writer.write_section(section.file_offset, &empty_section());
    if signed {
        writer.write_certificate_table(&[1; 64]);
    }
    bytes
}

pub(crate) fn options(world: &World, binary: PathBuf) -> stamp::Options {
    stamp::Options {
        binary,
        root: world.depot.join("root/1.json"),
        sources: vec!["https://a.example".into(), "file:///media/kit".into()],
        out: world.root.join("out"),
        now: now(),
    }
}

#[test]
fn elf_and_pe_are_stamped_and_nothing_else_in_them_changes() {
    let world = World::new();
    for bytes in [elf(Architecture::X86_64), elf(Architecture::Aarch64), windows(false)] {
        let binary = world.write("binary", &bytes);
        let stamped = stamp::run(&options(&world, binary)).unwrap();
        let out = fs::read(world.root.join("out")).unwrap();
        assert_eq!(out.len(), bytes.len());
        let changed: Vec<usize> = (0..out.len()).filter(|&i| out[i] != bytes[i]).collect();
        assert!(changed[changed.len() - 1] - changed[0] < SECTION_SIZE);

        let read = Executable::read(Path::new("out"), out).unwrap().stamp().unwrap().unwrap();
        assert_eq!(read, stamped.stamp);
        assert_eq!(read.sources, ["https://a.example/", "file:///media/kit/"]);
        let root = verify::first_root(&read.root.bytes().unwrap(), read.root.signature.as_bytes());
        assert_eq!(root.unwrap().version, 1);
    }
}

#[test]
fn a_stamp_is_replaced_by_the_next() {
    let world = World::new();
    let binary = world.write("binary", &elf(Architecture::X86_64));
    let mut once = options(&world, binary.clone());
    stamp::run(&once).unwrap();
    let first = fs::read(&once.out).unwrap();
    once.binary = once.out.clone();
    once.sources = vec!["https://b.example/".into()];
    stamp::run(&once).unwrap();
    once.binary = once.out.clone();
    once.sources = options(&world, binary).sources;
    stamp::run(&once).unwrap();
    assert!(fs::read(&once.out).unwrap() == first);
}

#[cfg(unix)]
#[test]
fn the_stamped_file_can_be_run_when_the_other_could() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let binary = world.write("binary", &elf(Architecture::X86_64));
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
    stamp::run(&options(&world, binary)).unwrap();
    let mode = fs::metadata(world.root.join("out")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
}

#[test]
fn a_made_up_certificate_is_dropped_too() {
    let world = World::new();
    let binary = world.write("binary", &windows(true));
    assert_eq!(stamp::run(&options(&world, binary)).unwrap().signature, Signature::Dropped);
    let signed = fs::read(world.root.join("out")).unwrap();
    let binary = world.write("binary", &windows(false));
    assert_eq!(stamp::run(&options(&world, binary)).unwrap().signature, Signature::None);
    assert!(fs::read(world.root.join("out")).unwrap() == signed);
}

#[test]
fn the_floors_are_those_of_the_root_that_is_named() {
    let world = World::new();
    let mut late = options(&world, world.write("binary", &elf(Architecture::X86_64)));
    assert_eq!(stamp::run(&late).unwrap().stamp.floors, Floors::default());
    // Root 2 of another depot, with floors.
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifest/tests/fixtures/v1");
    late.root = fixtures.join("root-2.json");
    let stamp = stamp::run(&late).unwrap().stamp;
    assert_eq!(stamp.floors.head, 3);
    assert_eq!(stamp.floors.channel[&"stable".parse().unwrap()], 41);
    let root = verify::first_root(&stamp.root.bytes().unwrap(), stamp.root.signature.as_bytes());
    assert_eq!(root.unwrap().version, 2);
}

#[test]
fn a_stamp_that_does_not_fit_is_refused() {
    let world = World::new();
    let mut large = options(&world, world.write("binary", &elf(Architecture::X86_64)));
    let address = |n| format!("https://{n}.example/{}/", "a".repeat(100));
    large.sources = (0..150).map(address).collect();
    stamp::run(&large).unwrap();
    let before = fs::read(&large.out).unwrap();
    large.sources = (0..250).map(address).collect();
    assert_eq!(stamp::run(&large).unwrap_err().code(), Code::Size);
    assert!(fs::read(&large.out).unwrap() == before);
}

#[test]
fn what_is_no_bootstrapper_or_no_root_is_refused() {
    let world = World::new();
    for bytes in [&b""[..], b"#!/bin/sh\n", &elf(Architecture::X86_64)[..2000]] {
        let binary = world.write("binary", bytes);
        assert_eq!(stamp::run(&options(&world, binary)).unwrap_err().code(), Code::Usage);
    }
    let binary = world.write("binary", &elf(Architecture::X86_64));
    let mut bad = options(&world, binary.clone());
    bad.sources = vec!["https://a.example/' onload='".into()];
    assert_eq!(stamp::run(&bad).unwrap_err().code(), Code::Usage);
    bad.sources = Vec::new();
    assert_eq!(stamp::run(&bad).unwrap_err().code(), Code::Usage);

    let mut forged = fs::read(world.depot.join("root/1.json")).unwrap();
    let at = forged.windows(7).position(|w| w == b"\"2029-0").unwrap();
    forged[at + 3] = b'9';
    fs::write(world.depot.join("root/1.json"), forged).unwrap();
    let error = stamp::run(&options(&world, binary)).unwrap_err();
    assert_eq!(error.code(), Code::SigThreshold);
    assert!(!world.root.join("out").exists());
}
