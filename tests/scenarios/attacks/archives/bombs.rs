//! Bytes that become more than was signed for, or ask for memory to become it.

use super::{Row, entry, open_pack, stored, suffer};
use e2e::{Forge, World};
use serde_json::Value;
use std::path::Path;
use tar::EntryType;

const BOMBS: &[Row] = &[
    ("a pack larger than signed", |f| f.pack_of_size("app", &[0; 1 << 20], 1024), "E_BOMB"),
    ("a bomb of 256 MiB in a pack", |f| f.pack_of_size("app", &vec![0; 256 << 20], 1024), "E_BOMB"),
    ("a file in a pack that is a byte longer", larger, "E_BOMB"),
    ("a bomb of 1 GiB in a blob", |f| stored(f, "zst", &gibibyte()), "E_BOMB"),
    ("a blob twice", twice, "E_BOMB"),
    ("a window of 128 MiB", |f| stored(f, "zst", &window()), "E_BOMB"),
    ("a dictionary of 4 GiB", |f| stored(f, "xz", &dictionary()), "E_BOMB"),
];

/// A GiB of zeros in some 33 KB: frames of zeros of 8 MiB each.
fn gibibyte() -> Vec<u8> {
    zstd::bulk::compress(&vec![0; 8 << 20], 3).unwrap().repeat(128)
}

fn larger(forge: &mut Forge) {
    let pack = [entry(b"VERSION", EntryType::Regular, b"0.2.12\n+", |_| {}), open_pack(forge)];
    let pack = [&pack.concat()[..], &[0; 1024]].concat();
    forge.pack("app", &pack);
}

fn twice(forge: &mut Forge) {
    let (parts, _) = forge.parts_of("app");
    let bytes = forge.stored(&app_of(&parts)["encodings"][0]);
    stored(forge, "zst", &bytes.repeat(2));
}

fn app_of(parts: &Value) -> &Value {
    parts["files"].as_array().unwrap().iter().find(|file| file["path"] == "offgrid").unwrap()
}

/// A frame that says it needs 128 MiB (RFC 8878, 3.1.1): the magic number, no
/// flags, exponent 17, and one empty block that is the last.
fn window() -> Vec<u8> {
    [&0xfd2f_b528_u32.to_le_bytes()[..], &[0, 17 << 3], &[1, 0, 0]].concat()
}

/// An .xz header that says it needs 4 GiB - 1 byte (the .xz file format 3.1, 5.3.1):
/// stream header with CRC32, block header with LZMA2 and dictionary 40.
fn dictionary() -> Vec<u8> {
    let sum = |bytes: &[u8]| crc32(bytes).to_le_bytes();
    let (flags, block) = ([0, 1], [2, 0, 0x21, 1, 40, 0, 0, 0]);
    let header = [b"\xfd7zXZ\0", &flags[..], &sum(&flags)].concat();
    [&header[..], &block, &sum(&block), &[0; 64]].concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        let step = |sum: u32| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg());
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| step(sum))
    })
}

#[test]
fn l06_a_bomb_is_refused_at_the_first_byte_too_many() {
    suffer(BOMBS);
}

#[test]
fn l06_a_bomb_takes_neither_memory_nor_disk() {
    let time = Path::new("/usr/bin/time");
    if !time.exists() {
        eprintln!("skipped: no {} here to measure memory with", time.display());
        return;
    }
    let world = World::newer();
    let before = world.snapshot();
    for (what, kind, bytes) in
        [("1 GiB of zeros", "zst", gibibyte()), ("4 GiB of dictionary", "xz", dictionary())]
    {
        stored(&mut Forge::of(&world.depot()), kind, &bytes);
        let mut command = world.command(time);
        command.args(["-f", "peak %M"]).arg(world.setup());
        command.env("OFFGRID_SETUP_SOURCE", world.depot()).args(["install", "--yes", "--json"]);
        let outcome = e2e::world::finish(command).expect_error(5, "E_BOMB");
        let line = outcome.stderr.lines().find_map(|line| line.strip_prefix("peak ")).unwrap();
        let peak: u64 = line.parse().unwrap();
        eprintln!("{what}: {peak} KiB at most");
        assert!(peak < 64 * 1024, "{what}: {peak} KiB");
        before.assert_same(&world.snapshot());
    }
}
