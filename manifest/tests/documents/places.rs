//! Where each thing lies in a depot, and the small readings that others rely on.

use crate::maker::{KEYS, Kind, root};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use offgrid_manifest::{Code, Digest, Error, Hasher, TreePath, json, layout, stamp, verify};

#[test]
fn everything_lies_where_the_design_says() {
    let digest = Digest::of(b"abc");
    let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(layout::root(7), "root/7.json");
    assert_eq!(layout::head_signature(&digest), format!("head/{hex}.minisig"));
    assert_eq!(layout::channel(&"stable".parse().unwrap(), 42), "channel/stable/42.json");
    let release = layout::release(&"0.3.0".parse().unwrap(), &digest);
    assert_eq!(release, format!("release/0.3.0/{hex}.json"));
    assert_eq!(layout::blob(&digest), format!("blob/sha256/{hex}"));
    assert_eq!(layout::signature("head.json"), "head.json.minisig");
    assert_eq!((layout::HEAD, layout::HEAD_COPY), ("head.json", "head.json.minisig"));
}

#[test]
fn a_digest_is_the_same_however_its_bytes_arrive() {
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let mut hasher = Hasher::new();
    assert_eq!(hasher.size(), 0);
    for (i, part) in bytes.chunks(777).enumerate() {
        hasher.update(part);
        assert_eq!(hasher.size(), (777 * (i as u64 + 1)).min(100_000));
    }
    let digest = hasher.finish();
    assert_eq!(digest, Digest::of(&bytes));
    let hex: String = digest.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((digest.to_string(), format!("{digest:?}")), (hex.clone(), hex));
}

#[test]
fn errors_and_keys_say_what_they_are() {
    assert_eq!(Code::Frozen.to_string(), "E_FROZEN");
    let error = Error::new(Code::Hash, "other bytes").at("head.json");
    assert_eq!((error.code(), error.to_string()), (Code::Hash, "head.json: other bytes".into()));
    let key = &KEYS.head.public;
    assert_eq!(&BASE64.decode(key.to_base64()).unwrap()[10..], key.raw());
    assert_eq!(format!("{key:?}"), key.to_base64());
    let error = json::read::<Vec<u64>>(b"[1,]").unwrap_err();
    assert!(error.to_string().contains("line 1 column 4"), "{error}");
}

#[test]
fn what_was_verified_is_kept_to_the_byte() {
    let document = Kind::Head.document().to_string().into_bytes();
    let file = KEYS.head.sign(&document, &Kind::Head.comment(&document));
    let head = verify::head(&root(), &document, file.as_bytes()).unwrap();
    assert_eq!((head.bytes(), head.signature()), (&*document, file.as_bytes()));
    assert_eq!(head.digest(), Digest::of(&document));
}

#[test]
fn a_path_is_its_parts() {
    let path: TreePath = "a/b c/d.e".parse().unwrap();
    assert_eq!(path.parts().collect::<Vec<_>>(), ["a", "b c", "d.e"]);
    assert_eq!(path.folders().collect::<Vec<_>>(), ["a", "a/b c"]);
    assert_eq!("A/b".parse::<TreePath>().unwrap().folded(), "a/b");
}

#[test]
fn paths_and_their_parts_have_bounds() {
    let part = |n: usize| "a".repeat(n);
    let whole = format!("{}/{}", part(255), part(255));
    assert_eq!(whole.len(), 511);
    let full = format!("{}/{}/{}", part(255), part(254), "b");
    assert_eq!(full.len(), 512);
    for good in [part(255), whole.clone(), full.clone()] {
        assert!(good.parse::<TreePath>().is_ok(), "{}", good.len());
    }
    for bad in [String::new(), part(256), format!("{}/a", part(256)), format!("{full}b")] {
        let error = bad.parse::<TreePath>().unwrap_err();
        assert_eq!(error.code(), Code::Path, "{}", bad.len());
    }
    for (text, why) in
        [("a//b", "an empty part"), ("a/..", "an empty part"), ("a:b", "Windows forbids")]
    {
        let error = text.parse::<TreePath>().unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}

/// As large as it may be, and one byte more (reference/trust.md A8).
#[test]
fn a_document_has_a_largest_size() {
    for kind in Kind::ALL {
        let largest = if matches!(kind, Kind::Root | Kind::Head) { 65_536 } else { 1_048_576 };
        let mut bytes = kind.document().to_string().into_bytes();
        bytes.resize(largest, b' ');
        kind.read(&bytes).unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        bytes.push(b' ');
        assert_eq!(kind.read(&bytes).unwrap_err().code(), Code::Size, "{kind:?}");
    }
}

/// A stamp that lies over the names of sections would take away its own name.
#[test]
fn a_stamp_over_the_names_of_sections_is_none() {
    let read = |name: &str| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/binary/");
        let mut bytes = std::fs::read(format!("{folder}{name}")).unwrap();
        bytes.resize(64 * 1024, 0);
        stamp::find(&bytes).map_err(|error| error.code())
    };
    assert_eq!(read("seed-elf-x86"), Ok(4096..4096 + stamp::SECTION_SIZE));
    assert_eq!(read("seed-over-its-names"), Err(Code::UntrustedBinary));
}

/// What a depot is about to sign is read as strictly as what it has signed.
#[test]
fn a_release_is_checked_before_it_is_signed() {
    let read = |document: &serde_json::Value| {
        let release = verify::unsigned_release(document.to_string().as_bytes());
        release.map(|release| release.version.to_string()).map_err(|error| error.code())
    };
    let mut document = Kind::Release.document();
    assert_eq!(read(&document), Ok("0.3.0".to_owned()));
    document["product"] = "other".into();
    assert_eq!(read(&document), Err(Code::Parse));
    document["type"] = "offgrid/channel".into();
    assert_eq!(read(&document), Err(Code::Type));
}
