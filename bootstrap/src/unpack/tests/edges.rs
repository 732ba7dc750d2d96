//! The last value that is right and the first that is not, what a person reads, and
//! readers that fail.

use super::*;
use offgrid_manifest::name::PATH_MAX;
use std::io::{ErrorKind, Read};

/// Hands out the bytes, then fails once, then is at its end.
struct Failing<'a>(&'a [u8], Option<ErrorKind>);

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => self.1.take().map_or(Ok(0), |kind| Err(kind.into())),
            read => Ok(read),
        }
    }
}

fn walked(pack: impl Read) -> Result<(), Any> {
    let wanted = BTreeMap::from([("a".to_owned(), packed(b"1"))]);
    unpack(pack, Path::new("pack"), &wanted, |_, _| Ok(io::sink()))
}

/// A name of `length` bytes in an entry of its own, before the file that has it.
fn named(length: usize) -> (String, Vec<u8>) {
    let name: String = "d/".repeat(length).chars().take(length - 1).chain(['f']).collect();
    let text = [name.as_bytes(), b"\0"].concat();
    let long = (header(b"././@LongLink", text.len() as u64, Kind::GNULongName), &text[..]);
    let short = (header(&name.as_bytes()[..100], 1, Kind::Regular), &b"1"[..]);
    (name.clone(), tar(&[long, short]))
}

#[test]
fn a_name_of_the_greatest_length_is_one_and_a_longer_one_is_none() {
    let (name, pack) = named(PATH_MAX);
    run(&pack, &[(&name, packed(b"1"))]).unwrap();
    let (name, pack) = named(PATH_MAX + 1);
    let error = run(&pack, &[(&name, packed(b"1"))]).unwrap_err();
    assert_eq!(error.code(), Code::Path);
    assert!(error.to_string().contains("too long"), "{error}");
}

#[test]
fn an_extension_is_read_as_far_as_its_limit() {
    for (size, wanted) in [(1024 * 1024, Code::Entry), (1024 * 1024 + 1, Code::Tree)] {
        let text = vec![b'-'; size];
        let pack = tar(&[(header(b"x", size as u64, Kind::XHeader), &text)]);
        assert_eq!(code(&pack), wanted, "{size}");
    }
}

#[test]
fn a_reader_that_fails_is_not_a_pack_that_ends() {
    let good = tar(&[file("a", b"1")]);
    // In a header, in a body, between the two blocks at the end, and behind them.
    for length in [100, 600, good.len() - 512, good.len()] {
        let error = walked(Failing(&good[..length], Some(ErrorKind::TimedOut))).unwrap_err();
        assert!(error.to_string().contains("could not read `pack`"), "at {length}: {error}");
    }
    // A signal is nothing, wherever it comes.
    walked(Failing(&good, Some(ErrorKind::Interrupted))).unwrap();
}

#[test]
fn it_is_said_where_a_pack_is_wrong() {
    let good = tar(&[file("a", b"1")]);
    let at = |pack: &[u8]| {
        let text = run(pack, &[("a", packed(b"1"))]).unwrap_err().to_string();
        let (_, at) = text.split_once("at byte ").unwrap_or_else(|| panic!("{text}"));
        at.split_once(':').unwrap().0.parse::<usize>().unwrap()
    };
    // As far as it was read: in blocks, and behind the end in pieces.
    assert_eq!(at(&good[..1500]), 1024);
    let behind = [&good[..], &[0; 64 * 1024], b"x"].concat();
    assert_eq!(at(&behind), good.len() + 64 * 1024);
}

#[test]
fn every_kind_of_entry_is_called_what_it_is() {
    for (kind, name) in [
        (b'1', "is a hard link"),
        (b'2', "is a link"),
        (b'3', "is a device"),
        (b'4', "is a device"),
        (b'5', "is a folder"),
        (b'6', "is a pipe"),
        (b'7', "is not a plain file"),
        (b'S', "is a file with holes"),
    ] {
        let pack = tar(&[(header(b"a", 0, Kind::new(kind)), b"")]);
        let text = run(&pack, &[("a", packed(b"1"))]).unwrap_err().to_string();
        assert!(text.ends_with(name), "{text}");
    }
    let long = || (header(b"././@LongLink", 2, Kind::GNULongName), &b"a\0"[..]);
    let text = run(&tar(&[long(), long()]), &[("a", packed(b"1"))]).unwrap_err().to_string();
    assert!(text.ends_with("has two long names"), "{text}");
}

#[test]
fn a_file_of_another_size_is_not_begun() {
    for bytes in [&b"1"[..], b"123"] {
        let wanted = BTreeMap::from([("a".to_owned(), packed(b"12"))]);
        let pack = tar(&[file("a", bytes)]);
        unpack(&pack[..], Path::new("pack"), &wanted, |path, _| -> Result<io::Sink, Any> {
            panic!("{path} was made")
        })
        .unwrap_err();
    }
}

#[test]
fn what_helps_is_another_program_or_another_source() {
    let newer = Error::Encoding.hint().unwrap();
    assert!(newer.contains("update this program"), "{newer}");
    let other = Error::Missing { name: "a".into() }.hint().unwrap();
    assert!(other.contains("try another"), "{other}");
}
