use super::*;

/// As a program holds it: worked out when it is built.
static UNSTAMPED: [u8; SECTION_SIZE] = empty_section();

fn stamp(sources: usize) -> Stamp {
    Stamp {
        schema: 1,
        root: StampedRoot::new(b"{}\n", "signature"),
        sources: vec!["https://example.org/offgrid/".into(); sources],
        floors: Floors::default(),
        issued: Time::from_unix(1_788_220_800),
    }
}

#[test]
fn a_stamp_reads_back_and_an_empty_section_is_unstamped() {
    let section = stamp(2).to_section().unwrap();
    assert_eq!(section.len(), SECTION_SIZE);
    let read = Stamp::from_section(&section).unwrap().unwrap();
    assert_eq!(read, stamp(2));
    assert_eq!(read.root.bytes().unwrap(), b"{}\n");
    assert_eq!(Stamp::from_section(&UNSTAMPED), Ok(None));
}

#[test]
fn what_is_not_a_stamp_is_refused() {
    assert!(Stamp::from_section(b"").is_err());
    assert!(Stamp::from_section(&[0; SECTION_SIZE]).is_err());
    assert_eq!(stamp(2000).to_section().unwrap_err().code(), Code::Size);
    let mut section = stamp(1).to_section().unwrap();
    section[31] = 0xff;
    assert!(Stamp::from_section(&section).is_err());
}

#[test]
fn the_largest_stamp_fills_its_section() {
    let mut full = stamp(1);
    let length = serde_json::to_vec(&full).unwrap().len();
    full.sources[0].push_str(&"a".repeat(JSON_MAX - length));
    let section = full.to_section().unwrap();
    assert_eq!((section.len(), section[SECTION_SIZE - 1]), (SECTION_SIZE, b'}'));
    assert_eq!(Stamp::from_section(&section), Ok(Some(full.clone())));
    full.sources[0].push('a');
    assert_eq!(full.to_section().unwrap_err().code(), Code::Size);
}

/// A file under construction.
struct Bytes(Vec<u8>);

impl Bytes {
    fn put(&mut self, at: usize, what: &[u8]) {
        if self.0.len() < at + what.len() {
            self.0.resize(at + what.len(), 0);
        }
        self.0[at..at + what.len()].copy_from_slice(what);
    }

    fn half(&mut self, at: usize, value: u16) {
        self.put(at, &value.to_le_bytes());
    }

    fn word(&mut self, at: usize, value: u32) {
        self.put(at, &value.to_le_bytes());
    }

    fn long(&mut self, at: usize, value: u64) {
        self.put(at, &value.to_le_bytes());
    }
}

/// Names at 64, the section at 128, the table behind it: as linkers do it.
fn elf() -> Vec<u8> {
    let (mut file, table) = (Bytes(Vec::new()), 128 + SECTION_SIZE);
    file.put(0, b"\x7fELF\x02\x01\x01");
    file.half(18, 62);
    file.long(40, table as u64);
    for (at, value) in [(58, 64), (60, 3), (62, 1)] {
        file.half(at, value);
    }
    file.put(64, b"\0.shstrtab\0.ogstamp\0");
    file.put(128, &empty_section());
    for (index, name, kind, start, size) in [(1, 1, 3, 64, 20), (2, 11, 1, 128, SECTION_SIZE)] {
        let at = table + index * 64;
        file.word(at, name);
        file.word(at + 4, kind);
        file.long(at + 24, start);
        file.long(at + 32, size as u64);
        file.put(at + 63, &[0]);
    }
    file.0
}

/// Headers from 64, the section at 512.
fn pe() -> Vec<u8> {
    let mut file = Bytes(Vec::new());
    file.put(0, b"MZ");
    file.word(60, 64);
    file.put(64, b"PE\0\0");
    file.half(68, 0x8664);
    file.half(70, 2);
    file.half(84, 112);
    let table = 64 + 24 + 112;
    file.put(table, b".text\0\0\0");
    file.put(table + 40, b".ogstamp");
    file.word(table + 48, SECTION_SIZE as u32);
    file.word(table + 56, (SECTION_SIZE + 512 - SECTION_SIZE % 512) as u32);
    file.word(table + 60, 512);
    file.put(512, &empty_section());
    file.put(512 + SECTION_SIZE + 511, &[0]);
    file.0
}

/// One segment with two sections; the stamp at 4096.
fn macho() -> Vec<u8> {
    let mut file = Bytes(Vec::new());
    file.word(0, 0xfeed_facf);
    file.word(4, 0x0100_000c);
    file.word(16, 2);
    file.word(20, 24 + 72 + 160);
    file.word(32, 0x1b); // LC_UUID
    file.word(36, 24);
    file.word(56, 0x19);
    file.word(60, 72 + 160);
    file.put(64, b"__DATA");
    file.long(96, 4096);
    file.long(104, SECTION_SIZE as u64);
    file.word(120, 2);
    file.put(128, b"__data");
    file.put(144, b"__DATA");
    file.put(208, b"__ogstamp");
    file.put(224, b"__DATA");
    file.long(248, SECTION_SIZE as u64);
    file.word(256, 4096);
    file.put(4096, &empty_section());
    file.0
}

fn refused(bytes: &[u8], why: &str) {
    let error = find(bytes).unwrap_err();
    assert_eq!(error.code(), Code::UntrustedBinary);
    assert!(error.to_string().contains(why), "{error}, not {why}");
}

#[test]
fn the_section_is_found_in_each_format() {
    for (bytes, start, target) in [
        (elf(), 128, "linux-x86_64"),
        (pe(), 512, "windows-x86_64"),
        (macho(), 4096, "macos-aarch64"),
    ] {
        assert_eq!(find(&bytes), Ok(start..start + SECTION_SIZE));
        assert_eq!(made_for(&bytes).unwrap().to_string(), target);
        assert_eq!(Stamp::from_section(&bytes[find(&bytes).unwrap()]), Ok(None));
    }
}

#[test]
fn a_processor_is_told_by_its_number() {
    for (whole, at, number, target) in [
        (elf(), 18, 183, Some("linux-aarch64")),
        (elf(), 18, 40, None), // 32-bit ARM
        (pe(), 68, 0xaa64, Some("windows-aarch64")),
        (pe(), 68, 0x14c, None), // 32-bit x86
        (macho(), 4, 7, Some("macos-x86_64")),
        (macho(), 4, 18, None), // PowerPC
    ] {
        let mut file = Bytes(whole);
        file.half(at, number);
        assert_eq!(made_for(&file.0).map(|target| target.to_string()).as_deref(), target);
    }
}

#[test]
fn what_is_no_bootstrapper_is_named() {
    refused(b"", "not an ELF, PE or Mach-O file");
    refused(b"#!/bin/sh\n", "not an ELF, PE or Mach-O file");
    refused(b"\xca\xfe\xba\xbe\0\0\0\x02", "several processors");
    refused(b"\xca\xfe\xba\xbf\0\0\0\x02", "several processors");
    refused(b"\x7fELF\x01\x01\x01", "64 bits");
    refused(b"MZ", "headers are broken");
    // The section's bytes alone are no section.
    for (file, at) in [(elf(), 75), (pe(), 240), (macho(), 210), (macho(), 226)] {
        let mut file = file;
        file[at] ^= 0x20;
        refused(&file, "no section");
    }
}

#[test]
fn there_is_exactly_one_section_of_the_right_size_outside_the_headers() {
    let table = 128 + SECTION_SIZE;
    let mut file = Bytes(elf());
    let again = file.0[table + 128..].to_vec();
    file.put(table, &again);
    refused(&file.0, "more than one");
    let mut file = Bytes(pe());
    file.put(200, b".ogstamp");
    refused(&file.0, "more than one");
    let mut file = Bytes(macho());
    let again = file.0[208..288].to_vec();
    file.put(128, &again);
    refused(&file.0, "more than one");

    for size in [0, SECTION_SIZE as u64 - 1, SECTION_SIZE as u64 + 4096, u64::MAX] {
        let mut file = Bytes(elf());
        file.long(table + 128 + 32, size);
        refused(&file.0, "bytes, not 24608");
    }
    for (start, why) in [(u64::MAX, "outside"), (129 + 192, "outside"), (63, "headers")] {
        let mut file = Bytes(elf());
        file.long(table + 128 + 24, start);
        refused(&file.0, why);
    }
    // One byte into the table behind it.
    let mut file = Bytes(elf());
    file.long(table + 128 + 24, 129);
    refused(&file.0, "headers");
    let mut file = Bytes(pe());
    file.word(200 + 60, 279);
    refused(&file.0, "headers");
    let mut file = Bytes(macho());
    file.word(256, 287);
    file.long(96, 287);
    refused(&file.0, "headers");
}

#[test]
fn a_section_may_begin_where_the_headers_end() {
    let table = 128 + SECTION_SIZE;
    for (whole, field, end) in [(elf(), table + 128 + 24, table + 192), (pe(), 260, 280)] {
        let mut file = Bytes(whole);
        file.put(end + SECTION_SIZE, &[0; 512]);
        file.word(field, end as u32);
        assert_eq!(find(&file.0), Ok(end..end + SECTION_SIZE));
        file.word(field, end as u32 - 1);
        refused(&file.0, "headers");
    }
    // A name that runs out of the table of names is nobody's.
    let mut file = Bytes(elf());
    file.long(table + 64 + 32, 19);
    refused(&file.0, "no section");
}

#[test]
fn a_section_without_bytes_or_outside_its_segment_is_none() {
    let mut file = Bytes(elf());
    file.word(128 + SECTION_SIZE + 128 + 4, 8); // NOBITS
    refused(&file.0, "broken");
    let mut file = Bytes(macho());
    file.word(272, 1); // ZEROFILL
    refused(&file.0, "broken");
    for (segment, size) in [(4097, SECTION_SIZE), (4096, SECTION_SIZE - 1)] {
        let mut file = Bytes(macho());
        file.long(96, segment);
        file.long(104, size as u64);
        refused(&file.0, "broken");
    }
}

#[test]
fn no_byte_of_a_header_can_make_it_fall() {
    for whole in [elf(), pe(), macho()] {
        let section = find(&whole).unwrap();
        let headers: Vec<usize> = (0..300).chain(128 + SECTION_SIZE..whole.len()).collect();
        for &at in headers.iter().filter(|at| **at < whole.len()) {
            assert!(find(&whole[..at]).is_err() || at >= section.end);
            for value in [0, 1, 0x7f, 0x80, 0xff, whole[at].wrapping_add(1)] {
                for width in [1, 2, 4, 8] {
                    let mut file = whole.clone();
                    let end = (at + width).min(file.len());
                    file[at..end].fill(value);
                    let _ = made_for(&file);
                    if let Ok(range) = find(&file) {
                        assert_eq!(range.len(), SECTION_SIZE);
                        assert!(range.end <= file.len());
                    }
                }
            }
        }
    }
}
