// Long because: one table of all that a pack must not be.

mod edges;

use super::*;
use std::cell::RefCell;
use tar::{Builder, EntryType as Kind, Header};

/// What was written, by path.
type Written = BTreeMap<String, Vec<u8>>;

fn packed(bytes: &[u8]) -> Option<Packed> {
    Some(Packed { mode: Mode::Plain, size: bytes.len() as u64, sha256: Digest::of(bytes) })
}

/// One entry as the depot writes it, with any name.
fn header(name: &[u8], size: u64, kind: Kind) -> Header {
    let mut header = Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1_788_220_800);
    header.set_entry_type(kind);
    header.set_cksum();
    header
}

/// The two blocks at the end are there.
fn tar(entries: &[(Header, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (header, bytes) in entries {
        builder.append(header, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn file<'a>(name: &str, bytes: &'a [u8]) -> (Header, &'a [u8]) {
    (header(name.as_bytes(), bytes.len() as u64, Kind::Regular), bytes)
}

fn run(pack: &[u8], wanted: &[(&str, Option<Packed>)]) -> Result<Written, Any> {
    let written = RefCell::new(Written::new());
    let wanted = wanted.iter().map(|(name, packed)| ((*name).to_owned(), *packed)).collect();
    unpack(pack, Path::new("pack"), &wanted, |path, _| {
        Ok(Into { path: path.to_string(), written: &written })
    })?;
    Ok(written.into_inner())
}

struct Into<'a> {
    path: String,
    written: &'a RefCell<Written>,
}

impl Write for Into<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written.borrow_mut().entry(self.path.clone()).or_default().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The code with which a pack of the file `a` with the bytes `1` is refused.
#[track_caller]
fn code(pack: &[u8]) -> Code {
    run(pack, &[("a", packed(b"1"))]).unwrap_err().code()
}

#[test]
fn a_pack_with_exactly_the_signed_files_is_unpacked() {
    let large = vec![7; 200_000];
    let pack =
        tar(&[file("a", b"1"), file("b/c d", b""), file("skipped", b"22"), file("l", &large)]);
    let wanted =
        [("a", packed(b"1")), ("b/c d", packed(b"")), ("skipped", None), ("l", packed(&large))];
    let written = run(&pack, &wanted).unwrap();
    // Nobody wrote to the empty one.
    let expected = [("a".to_owned(), b"1".to_vec()), ("l".to_owned(), large)];
    assert_eq!(written, Written::from(expected));
}

#[test]
fn what_the_depot_writes_for_long_paths_is_read() {
    for length in [99, 100, 101, 102, 200, 255 + 1 + 255] {
        // A slash at the place where the short name is cut off.
        for slash in [50, 99, 100] {
            let mut path = "x".repeat(length);
            if length > slash + 1 && length - slash <= 256 {
                path.replace_range(slash..=slash, "/");
            } else {
                path.replace_range(length / 2..=length / 2, "/");
            }
            let mut builder = Builder::new(Vec::new());
            for name in [path.as_str(), "a"] {
                // As server/src/build/pack.rs.
                let mut header = Header::new_gnu();
                header.set_entry_type(Kind::Regular);
                header.set_mode(0o755);
                header.set_uid(0);
                header.set_gid(0);
                header.set_mtime(1_788_220_800);
                header.set_size(1);
                builder.append_data(&mut header, name, &b"1"[..]).unwrap();
            }
            let pack = builder.into_inner().unwrap();
            let written = run(&pack, &[(&path, packed(b"1")), ("a", packed(b"1"))]).unwrap();
            assert_eq!(written[&path], b"1", "{length} {slash}");
        }
    }
}

#[test]
fn names_that_could_leave_their_folder_anywhere_are_e_path() {
    let long = "x/".repeat(49) + "x";
    let names: &[&[u8]] = &[
        b"..",
        b"../a",
        b"b/../../a",
        b"a/..",
        b"./a",
        b"/a",
        b"//a",
        b"/",
        b"",
        b"a//b",
        b"a/",
        b"C:",
        b"C:a",
        b"C:\\a",
        b"\\a",
        b"..\\a",
        b"b\\..\\..\\a",
        b"\\\\server\\share\\a",
        b"\\\\?\\C:\\a",
        b"\\\\.\\pipe\\a",
        b"a:b",
        b"a::$DATA",
        b"con",
        b"NUL.txt",
        b"x/Aux",
        b"com1",
        b"LPT9.log",
        b"CONOUT$",
        b"a.",
        b"a ",
        b" a",
        b"a\nb",
        b"a\x1b[2J",
        b"a\x7f",
        b"a*",
        b"a?",
        b"a|b",
        b"a\"b",
        b"a\xff",
        b"a\0b",
        "com\u{b9}".as_bytes(),
    ];
    for name in names {
        let pack = tar(&[(header(name, 1, Kind::Regular), b"1")]);
        assert_eq!(code(&pack), Code::Path, "{}", String::from_utf8_lossy(name));
    }
    let pack = tar(&[file(&long, b"1")]);
    assert_eq!(code(&pack), Code::Tree, "a long name that is fine, and not listed");
}

#[test]
fn long_names_are_no_way_around_the_rules() {
    let long = |name: &[u8]| {
        let bytes = [name, b"\0"].concat();
        let mut pack =
            tar(&[(header(b"././@LongLink", bytes.len() as u64, Kind::GNULongName), &bytes)]);
        pack.truncate(pack.len() - 1024);
        pack
    };
    let then = |name: &[u8], entry: (Header, &[u8])| [long(name), tar(&[entry])].concat();
    let plain = |name: &[u8]| (header(&name[..name.len().min(100)], 1, Kind::Regular), &b"1"[..]);
    let up = [b"../".repeat(40), b"a".to_vec()].concat();
    assert_eq!(code(&then(&up, plain(&up))), Code::Path);
    assert_eq!(code(&then(b"a\0b", plain(b"a"))), Code::Path);
    for length in [600, 5000, 1 << 20] {
        let name = b"x".repeat(length);
        assert_eq!(code(&then(&name, plain(&name))), Code::Path, "{length}");
    }
    assert_eq!(code(&then(b"b", plain(b"a"))), Code::Entry, "two names");
    assert_eq!(code(&[long(b"a"), then(b"a", plain(b"a"))].concat()), Code::Entry, "two long ones");
    assert_eq!(code(&then(b"a", (header(b"a", 0, Kind::Symlink), b""))), Code::Entry);
    assert_eq!(code(&[long(b"a"), vec![0; 1024]].concat()), Code::Tree, "nothing follows");
    let without_end = (header(b"././@LongLink", 1, Kind::GNULongName), &b"a"[..]);
    assert_eq!(code(&tar(&[without_end, plain(b"a")])), Code::Tree);
    let other_name = (header(b"a", 2, Kind::GNULongName), &b"a\0"[..]);
    assert_eq!(code(&tar(&[other_name, plain(b"a")])), Code::Entry);
}

#[test]
fn nothing_but_plain_files_is_taken() {
    let kinds = [
        Kind::Link,
        Kind::Symlink,
        Kind::Char,
        Kind::Block,
        Kind::Directory,
        Kind::Fifo,
        Kind::Continuous,
        Kind::GNULongLink,
        Kind::GNUSparse,
        Kind::new(b'V'),
        Kind::new(b'N'),
    ];
    for kind in kinds {
        assert_eq!(code(&tar(&[(header(b"a", 0, kind), b"")])), Code::Entry, "{kind:?}");
    }
    for mode in [0o4755, 0o2755, 0o1755, 0o6777, 0o777, 0o600, 0o444, 0] {
        let mut entry = header(b"a", 1, Kind::Regular);
        entry.set_mode(mode);
        entry.set_cksum();
        assert_eq!(code(&tar(&[(entry, b"1")])), Code::Entry, "{mode:o}");
    }
    let mut linked = header(b"a", 1, Kind::Regular);
    linked.set_link_name("/etc/passwd").unwrap();
    linked.set_cksum();
    assert_eq!(code(&tar(&[(linked, b"1")])), Code::Entry);
}

/// A record of an extended header: `LENGTH KEY=VALUE\n`.
fn record(text: &str) -> Vec<u8> {
    let length = text.len() + 4;
    assert!((10..100).contains(&length));
    format!("{length} {text}\n").into_bytes()
}

#[test]
fn no_extension_changes_what_an_entry_is() {
    let with = |kind: Kind, text: &str| {
        let record = record(text);
        tar(&[(header(b"PaxHeaders/a", record.len() as u64, kind), &record), file("a", b"1")])
    };
    for text in ["size=00000000", "path=../../a", "linkpath=/etc"] {
        assert_eq!(code(&with(Kind::XHeader, text)), Code::Tree, "{text}");
        assert_eq!(code(&with(Kind::XGlobalHeader, text)), Code::Tree, "{text}");
    }
    for text in ["SCHILY.xattr.user.x=1", "GNU.sparse.size=9", "mtime=0000001"] {
        assert_eq!(code(&with(Kind::XHeader, text)), Code::Entry, "{text}");
    }
}

#[test]
fn a_tar_within_a_tar_is_not_walked() {
    // TARmageddon (CVE-2025-62518): the header says 0 bytes, the extension the
    // length of a whole tar, whose entries some readers take for the outer one's.
    let inner = tar(&[file("smuggled", b"2")]);
    let size = record(&format!("size={:08}", inner.len()));
    let extension = (header(b"PaxHeaders/a", size.len() as u64, Kind::XHeader), &size[..]);
    let empty = (header(b"a", 0, Kind::Regular), &b""[..]);
    let mut pack = tar(&[extension, empty]);
    pack.truncate(pack.len() - 1024);
    pack.extend(&inner);
    assert_eq!(code(&pack), Code::Tree);
    // The same without the extension.
    let mut pack = tar(&[file("a", b"1")]);
    pack.truncate(pack.len() - 1024);
    pack.extend(&inner);
    assert_eq!(code(&pack), Code::Tree);
}

#[test]
fn a_pack_ends_with_zeros_and_nothing_follows() {
    let good = tar(&[file("a", b"1")]);
    run(&[&good[..], &[0; 10240]].concat(), &[("a", packed(b"1"))]).unwrap();
    assert_eq!(code(&good.repeat(2)), Code::Tree, "two archives");
    assert_eq!(code(&[&good[..], b"x"].concat()), Code::Tree, "a byte behind it");
    assert_eq!(code(&[&good[..], &[0; 700], &good].concat()), Code::Tree);
    for length in 0..good.len() {
        assert_eq!(code(&good[..length]), Code::Tree, "cut at {length}");
    }
    let one_block = [&good[..1024], &[0; 512], &good[..]].concat();
    assert_eq!(code(&one_block), Code::Tree);
    let mut padded = good.clone();
    padded[512 + 1] = b'x';
    assert_eq!(code(&padded), Code::Tree, "padding");
}

#[test]
fn a_header_is_exactly_one_that_the_depot_writes() {
    let good = tar(&[file("a", b"1")]);
    for at in 0..512 {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(run(&bad, &[("a", packed(b"1"))]).is_err(), "byte {at}");
    }
    // With the right sum: what other readers give a meaning to.
    let with = |at: usize, bytes: &[u8]| {
        let mut entry = header(b"a", 1, Kind::Regular);
        entry.as_mut_bytes()[at..at + bytes.len()].copy_from_slice(bytes);
        entry.set_cksum();
        code(&tar(&[(entry, b"1")]))
    };
    assert_eq!(with(345, b"prefix"), Code::Tree, "the name's other half");
    assert_eq!(with(386, b"00000000000\0"), Code::Tree, "holes");
    assert_eq!(with(500, b"x"), Code::Tree);
    assert_eq!(with(257, b"\0\0\0\0\0\0\0\0"), Code::Tree, "before POSIX");
    assert_eq!(with(156, b"\0"), Code::Entry, "a file, or before POSIX a folder");
    assert_eq!(with(124, b"\x80\0\0\0\0\0\0\0\0\0\0\x01"), Code::Entry, "a binary size");
    assert_eq!(with(124, b"-0000000001\0"), Code::Entry);
    assert_eq!(with(124, b"000000000001"), Code::Entry, "a size without an end");
    assert_eq!(with(124, b"\0\0\0\0\0\0\0\0\0\0\0\0"), Code::Entry, "no size");
    assert_eq!(with(124, b"1 7         "), Code::Entry);
}

#[test]
fn files_are_held_against_what_was_signed_for() {
    let wanted = [("a", packed(b"1")), ("B", packed(b"2"))];
    let code = |entries: &[(Header, &[u8])]| run(&tar(entries), &wanted).unwrap_err().code();
    assert_eq!(code(&[]), Code::Tree);
    assert_eq!(code(&[file("a", b"1")]), Code::Tree, "one is missing");
    assert_eq!(code(&[file("a", b"2"), file("B", b"2")]), Code::Tree, "other bytes");
    assert_eq!(code(&[file("a", b"")]), Code::Tree, "too small");
    assert_eq!(code(&[file("a", b"12")]), Code::Bomb, "too large");
    assert_eq!(code(&[file("a", b"1"), file("B", b"2"), file("c", b"")]), Code::Tree, "unlisted");
    assert_eq!(code(&[file("a", b"1"), file("a", b"1")]), Code::Entry, "twice");
    assert_eq!(code(&[file("a", b"1"), file("A", b"1")]), Code::Entry, "another case");
    assert_eq!(code(&[file("a", b"1"), file("b", b"2")]), Code::Entry, "another case");
    for twin in ["\u{e9}", "e\u{301}"] {
        assert_eq!(code(&[file("a", b"1"), file(twin, b"2")]), Code::Entry, "two spellings");
    }
    assert_eq!(code(&[file("a/b", b"1")]), Code::Tree, "a file as a folder");
}

#[test]
fn a_file_that_is_too_large_is_refused_before_its_first_byte() {
    let huge = header(b"a", 0o77_777_777_777, Kind::Regular);
    let pack = huge.as_bytes();
    assert_eq!(code(pack), Code::Bomb);
}
