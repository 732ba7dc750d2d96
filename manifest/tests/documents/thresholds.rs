//! Who has signed, and how many: every way to look like more signers than there
//! are (reference/trust.md 2.1, findings 1 to 4 and 12, A12 to A14).

use crate::maker::{KEYS, Kind, Signer, signed_root};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use offgrid_manifest::signature::{self, BLOCKS_MAX, SIZE_MAX};
use offgrid_manifest::{Code, PublicKey};
use serde_json::{Value, json};

const DOCUMENT: &[u8] = b"{\"what\":\"somebody signed\"}";
const COMMENT: &str = "offgrid/root root v1";

/// A block with one of its two lines of base64 changed.
fn edited(block: &str, line: usize, edit: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut lines: Vec<String> = block.lines().map(str::to_owned).collect();
    let mut bytes = BASE64.decode(&lines[line]).unwrap();
    edit(&mut bytes);
    lines[line] = BASE64.encode(bytes);
    lines.join("\n") + "\n"
}

/// A block under the key id of another key.
fn relabelled(block: &str, id: &[u8]) -> String {
    edited(block, 1, |bytes| bytes[2..10].copy_from_slice(id))
}

/// The same key under another key id.
fn twin(key: &PublicKey) -> PublicKey {
    let mut bytes = BASE64.decode(key.to_base64()).unwrap();
    bytes[2..10].copy_from_slice(b"whatever");
    PublicKey::from_base64(&BASE64.encode(bytes)).unwrap()
}

fn code(file: &str, keys: &[PublicKey], threshold: usize) -> Option<Code> {
    signature::check(DOCUMENT, file.as_bytes(), keys, threshold).err().map(|error| error.code())
}

/// A13: the cases of finding 2, and what each must come to with 2 of 3.
#[test]
fn a_threshold_is_met_by_distinct_keys_alone() {
    let keys: Vec<PublicKey> = KEYS.root.iter().map(|signer| signer.public.clone()).collect();
    let [a, b, c] = [0, 1, 2].map(|i| KEYS.root[i].sign(DOCUMENT, COMMENT));
    let foreign = Signer::new().sign(DOCUMENT, COMMENT);
    let id_of_b = BASE64.decode(keys[1].to_base64()).unwrap()[2..10].to_vec();
    let with_twin = vec![keys[0].clone(), twin(&keys[0]), keys[2].clone()];
    let bad = edited(&c, 1, |bytes| bytes[40] ^= 1);
    let legacy = edited(&b, 1, |bytes| bytes[1] = b'd');
    let few = Some(Code::SigThreshold);
    for (what, file, keys, threshold, expected) in [
        ("2 of 3", [&*a, &c].concat(), &keys, 2, None),
        ("an extra bad block", [&*bad, &a, &b].concat(), &keys, 2, None),
        ("CRLF", [&*a, &b].concat().replace('\n', "\r\n"), &keys, 2, None),
        ("the same block twice", [&*a, &a].concat(), &keys, 2, few),
        ("a relabelled signature", [&*a, &relabelled(&a, &id_of_b)].concat(), &keys, 2, few),
        (
            "a relabelled key in the list",
            [&*a, &relabelled(&a, b"whatever")].concat(),
            &with_twin,
            2,
            few,
        ),
        (
            "a relabelled key twice over",
            [&*relabelled(&a, b"whatever"), &a].concat(),
            &with_twin,
            2,
            few,
        ),
        ("a legacy block", [&*a, &legacy].concat(), &keys, 2, Some(Code::SigAlg)),
        ("a legacy block too many", [&*a, &legacy, &c].concat(), &keys, 2, Some(Code::SigAlg)),
        ("threshold 0", [&*a, &b].concat(), &keys, 0, few),
        ("threshold above n", [&*a, &b, &c].concat(), &keys, 4, few),
        ("a trailing fifth line", [&*a, &b, "one more\n"].concat(), &keys, 2, few),
        ("a foreign key", [&*a, &foreign].concat(), &keys, 2, few),
    ] {
        assert_eq!(code(&file, keys, threshold), expected, "{what}");
    }
}

/// Which comments count: those of the blocks that counted, one for each signer.
#[test]
fn the_comments_of_signers_alone_are_handed_out() {
    let keys: Vec<PublicKey> = KEYS.root.iter().map(|signer| signer.public.clone()).collect();
    let block = |i: usize, comment: &str| KEYS.root[i].sign(DOCUMENT, comment);
    let forged = block(1, "mine").replace("trusted comment: mine", "trusted comment: yours");
    let file = [forged, block(0, "one"), block(2, "two"), block(0, "three")].concat();
    let comments = signature::check(DOCUMENT, file.as_bytes(), &keys, 2).unwrap();
    assert_eq!(comments, ["one", "two"]);
}

/// Finding 1: the algorithm is not signed, so a genuine signature can be made to
/// vouch for the 64 bytes that are the digest of what was signed.
#[test]
fn a_digest_is_not_taken_for_what_was_signed() {
    let file = |name: &str| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/v1/wrong/");
        std::fs::read_to_string(format!("{folder}{name}"))
    };
    let (block, public) = (file("legacy.bin.minisig").unwrap(), file("legacy.pub").unwrap());
    let bytes =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/v1/wrong/legacy.bin"))
            .unwrap();
    // The vector is a real one: who allows the old algorithm is deceived.
    let line = public.lines().nth(1).unwrap();
    let theirs = minisign_verify::PublicKey::from_base64(line).unwrap();
    let signature = minisign_verify::Signature::decode(&block).unwrap();
    assert!(theirs.verify(&bytes, &signature, true).is_ok());
    let key = PublicKey::from_base64(line).unwrap();
    let error = signature::check(&bytes, block.as_bytes(), &[key], 1).unwrap_err();
    assert_eq!(error.code(), Code::SigAlg);
}

/// A second spelling of a valid signature: S and S + L are the same number
/// modulo the order of the group (RFC 8032, section 5.1.7).
#[test]
fn a_signature_has_one_spelling() {
    let signer = &KEYS.head;
    let block = signer.sign(DOCUMENT, COMMENT);
    let keys = [signer.public.clone()];
    assert_eq!(code(&block, &keys, 1), None);
    for (line, at) in [(1, 10 + 32), (3, 32)] {
        let moved = edited(&block, line, |bytes| add_order(&mut bytes[at..at + 32]));
        assert_eq!(code(&moved, &keys, 1), Some(Code::SigThreshold), "line {line}");
    }
    // Base64 whose last character holds bits that no byte uses.
    for line in [1, 3] {
        let lines: Vec<&str> = block.lines().collect();
        let text = lines[line].trim_end_matches('=');
        let (rest, last) = text.split_at(text.len() - 1);
        let next = char::from(last.as_bytes()[0] + 1);
        let padded = format!("{rest}{next}{}", &lines[line][text.len()..]);
        for other in [padded, text.to_owned(), format!("{}=", lines[line]), format!(" {text}")] {
            let file = block.replace(lines[line], &other);
            assert_eq!(code(&file, &keys, 1), Some(Code::SigThreshold), "line {line}: {other}");
        }
    }
}

/// Adds the order of the group to a little-endian number.
fn add_order(number: &mut [u8]) {
    let mut carry = 0;
    for (digit, add) in number.iter_mut().zip(L) {
        let sum = u16::from(*digit) + u16::from(add) + carry;
        *digit = u8::try_from(sum & 0xff).unwrap();
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
}

/// 2^252 + 27742317777372353535851937790883648493, little-endian.
const L: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// The frame: 1 to 8 blocks of exactly four lines, at most 16 KiB.
#[test]
fn a_signature_file_is_blocks_of_four_lines_and_nothing_else() {
    let block = KEYS.head.sign(DOCUMENT, COMMENT);
    let keys = [KEYS.head.public.clone()];
    let long = |bytes: usize| {
        // Text that nobody signs fills the file up to this many bytes.
        let fill = "x".repeat(bytes - block.len());
        block.replacen("untrusted comment: ", &format!("untrusted comment: {fill}"), 1)
    };
    assert_eq!(long(SIZE_MAX).len(), SIZE_MAX);
    for (what, file) in [
        ("one block", block.clone()),
        ("eight blocks", block.repeat(BLOCKS_MAX)),
        ("16 KiB", long(SIZE_MAX)),
        ("no last line feed", block.trim_end().to_owned()),
        ("a last CR", format!("{}\r", block.trim_end())),
        ("line ends of two kinds", block.replacen('\n', "\r\n", 2)),
    ] {
        assert_eq!(code(&file, &keys, 1), None, "{what}");
    }
    let lines: Vec<&str> = block.lines().collect();
    for (what, file) in [
        ("nothing", String::new()),
        ("a line feed", "\n".to_owned()),
        ("three lines", lines[..3].join("\n")),
        ("a fifth line", format!("{block}x")),
        ("an empty fifth line", format!("{block}\n")),
        ("an empty line first", format!("\n{block}")),
        ("an empty line between", format!("{block}\n{block}")),
        ("nine blocks", block.repeat(BLOCKS_MAX + 1)),
        ("a byte more than 16 KiB", long(SIZE_MAX + 1)),
        ("a byte-order mark", format!("\u{feff}{block}")),
        ("CR alone between lines", block.replace('\n', "\r")),
        ("two CR at a line's end", block.replace('\n', "\r\r\n")),
        ("another first line", block.replacen("untrusted", "trusted", 1)),
        (
            "no space after the colon",
            block.replacen("untrusted comment: ", "untrusted comment:", 1),
        ),
        ("another third line", block.replacen("\ntrusted", "\nuntrusted", 1)),
        ("lines in another order", [lines[2], lines[1], lines[0], lines[3]].join("\n")),
        ("a terminal escape", block.replace("offgrid/root", "\u{1b}[2J")),
        ("a tab in the comment", block.replace("offgrid/root", "\t")),
        ("a signature of 73 bytes", edited(&block, 1, |bytes| bytes.truncate(bytes.len() - 1))),
        ("a signature of 75 bytes", edited(&block, 1, |bytes| bytes.push(0))),
        ("a global signature of 63", edited(&block, 3, |bytes| bytes.truncate(bytes.len() - 1))),
        ("a global signature of 65", edited(&block, 3, |bytes| bytes.push(0))),
        ("base64 for addresses", block.replace(&lines[1][50..], &format!("-{}", &lines[1][51..]))),
    ] {
        assert_eq!(code(&file, &keys, 1), Some(Code::SigThreshold), "{what}");
    }
    let mut broken = block.clone().into_bytes();
    broken[20] = 0xff;
    let error = signature::check(DOCUMENT, &broken, &keys, 1).unwrap_err();
    assert_eq!(error.code(), Code::SigThreshold, "not UTF-8");
    for algorithm in [b"Ed", b"eD", b"XX", b"\0\0"] {
        let other = edited(&block, 1, |bytes| bytes[..2].copy_from_slice(algorithm));
        assert_eq!(code(&other, &keys, 1), Some(Code::SigAlg), "{algorithm:?}");
    }
}

/// What a root may not say about its keys, although the root keys have signed it.
#[test]
fn a_root_whose_thresholds_mean_nothing_is_refused() {
    let keys = &*KEYS;
    let of = |signer: &Signer| json!(signer.public.to_base64());
    let mut many = Kind::Root.document();
    let names: Vec<String> = (0..17).map(|i| format!("key{i}")).collect();
    for name in &names {
        many["keys"][name] = of(&Signer::new());
    }
    let release = |keys: &[String], threshold: Value| {
        let mut root = many.clone();
        root["roles"]["release"] = json!({"keys": keys, "threshold": threshold});
        root
    };
    assert!(signed_root(&release(&names[..16], json!(8))).is_ok(), "16 keys, 8 of them");
    assert!(signed_root(&release(&names[..1], json!(1))).is_ok(), "1 of 1");
    let with = |pointer: &str, value: Value| {
        let mut root = Kind::Root.document();
        *root.pointer_mut(pointer).unwrap() = value;
        root
    };
    for (what, root) in [
        ("threshold 0", release(&names[..2], json!(0))),
        ("a threshold below 0", release(&names[..2], json!(-1))),
        ("a threshold of 1.5", release(&names[..2], json!(1.5))),
        ("a threshold in words", release(&names[..2], json!("1"))),
        ("a threshold above n", release(&names[..2], json!(3))),
        ("a threshold that no file can meet", release(&names[..16], json!(9))),
        ("17 keys", release(&names, json!(1))),
        ("no keys", release(&[], json!(1))),
        ("no keys, none needed", release(&[], json!(0))),
        ("a key twice in a role", with("/roles/release/keys", json!(["release0", "release0"]))),
        ("a key that is not there", with("/roles/head/keys", json!(["nobody"]))),
        ("one key under two names", with("/keys/release1", of(&keys.release[0]))),
        (
            "a key under another key id",
            with("/keys/release1", json!(twin(&keys.release[0].public))),
        ),
        ("a key of small order", with("/keys/head", json!(small_order()))),
        ("no key at all", with("/keys/head", json!("RWQ"))),
        ("a role less", with("/roles", json!({"root": {"keys": ["root0"], "threshold": 1}}))),
    ] {
        let error = signed_root(&root).unwrap_err();
        assert_eq!(error.code(), Code::Parse, "{what}: {error}");
    }
}

/// The key of order 2 (finding 12) in minisign's form.
fn small_order() -> String {
    let mut bytes = b"Ed\x01\x01\x01\x01\x01\x01\x01\x01".to_vec();
    bytes.push(0xec);
    bytes.extend([0xff; 30]);
    bytes.push(0x7f);
    BASE64.encode(bytes)
}
