//! The stamp section: what is read is what was written, and nothing else is read.

use crate::plain;
use offgrid_manifest::stamp::{self, SECTION_SIZE};
use offgrid_manifest::{Code, Stamp};

/// Any bytes as a section; and as the JSON inside of one.
pub fn stamp(input: &[u8]) {
    section(input);
    let mut whole = stamp::empty_section().to_vec();
    section(&whole);
    let header = SECTION_SIZE - stamp::JSON_MAX;
    let length = input.len().min(stamp::JSON_MAX);
    whole[header - 8..header].copy_from_slice(&(length as u64).to_le_bytes());
    whole[header..header + length].copy_from_slice(&input[..length]);
    section(&whole);
}

fn section(bytes: &[u8]) {
    match Stamp::from_section(bytes) {
        Ok(Some(stamp)) => {
            let written = stamp.to_section().expect("what fitted fits again");
            assert_eq!(written.len(), SECTION_SIZE);
            assert_eq!(Stamp::from_section(&written), Ok(Some(stamp.clone())));
            let header = SECTION_SIZE - stamp::JSON_MAX;
            let length = bytes[header - 8..header].try_into().map(u64::from_le_bytes);
            let json =
                &bytes[header..][..usize::try_from(length.expect("8 bytes")).expect("small")];
            let plain = plain::parse(json).expect("a stamp that two readers read alike");
            assert_eq!(plain.get("schema").and_then(plain::Plain::number), Some(1));
            assert_eq!(plain.get("sources").map(|s| s.list().len()), Some(stamp.sources.len()));
            if let Ok(root) = stamp.root.bytes() {
                assert!(root.len() < stamp::JSON_MAX);
            }
        }
        Ok(None) => assert!(bytes.starts_with(b"offgrid setup stamp v1")),
        Err(error) => assert!([Code::Parse, Code::Schema, Code::Size].contains(&error.code())),
    }
}

/// Any bytes as the headers of an executable, with room for a stamp behind them.
pub fn binary(input: &[u8]) {
    let mut bytes = input.to_vec();
    bytes.resize(input.len().max(4096) + SECTION_SIZE + 4096, 0);
    let kinds = [&b"\x7fELF"[..], b"MZ", b"\xcf\xfa\xed\xfe"];
    let known = kinds.iter().any(|kind| bytes.starts_with(kind));
    if let Some(target) = stamp::made_for(&bytes) {
        assert!(known && target.to_string().parse() == Ok(target));
    }
    match stamp::find(&bytes) {
        Ok(range) => {
            assert!(known && range.len() == SECTION_SIZE && range.end <= bytes.len());
            // Not among what the loader reads first.
            assert!(range.start > 0);
            let section = &mut bytes[range.clone()];
            section.copy_from_slice(&stamp::empty_section());
            assert_eq!(Stamp::from_section(section), Ok(None));
            // Whoever writes a stamp there changes nothing about where it is.
            assert_eq!(stamp::find(&bytes), Ok(range));
        }
        Err(error) => assert_eq!(error.code(), Code::UntrustedBinary),
    }
}
