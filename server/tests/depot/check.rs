//! `check` finds whatever is wrong.

use crate::world::{World, now};
use offgrid_depot::check;
use offgrid_manifest::Code;
use std::fs;

/// Places in a file whose change must be found: not the untrusted comments, and
/// of the install scripts the pins alone.
fn places(name: &str, bytes: &[u8]) -> Vec<usize> {
    let text = String::from_utf8_lossy(bytes);
    let of = |part: &str| text.find(part).map(|at| at + part.len());
    if name.starts_with("install") {
        let pins = of("# --- pins: begin ---").unwrap();
        let of = |part: &str| text[pins..].find(part).map(|at| pins + at + part.len());
        return [of("RELEASE_KEYS='"), of("linux-x86_64 "), of("$Sources = @('")]
            .into_iter()
            .flatten()
            .collect();
    }
    if name.ends_with(".minisig") {
        let line = text.find('\n').unwrap() + 20;
        return [Some(line), of("trusted comment: offgrid/"), Some(bytes.len() - 20)]
            .into_iter()
            .flatten()
            .collect();
    }
    vec![0, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1]
}

#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    let world = World::published("0.3.0");
    let files = world.files();
    assert!(files.len() > 15);
    for (name, bytes) in files {
        let path = world.depot.join(&name);
        for at in places(&name, &bytes) {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            fs::write(&path, &changed).unwrap();
            let report = world.check();
            // One of three root signatures may be bad.
            let spare = name.starts_with("root/") && name.ends_with(".minisig");
            let spare = spare || (two_keys(&name) && name.ends_with(".minisig"));
            assert!(spare || !report.problems.is_empty(), "{name}, byte {at}");
        }
        fs::write(&path, &bytes).unwrap();
    }
    assert_eq!(world.check().problems, []);
}

/// Signed by two keys, of which one is enough.
fn two_keys(name: &str) -> bool {
    ["channel/", "release/", "blob/"].iter().any(|folder| name.starts_with(folder))
}

/// A text with few words: xz finds more in it than zstd.
fn text(size: usize) -> Vec<u8> {
    let noise = crate::world::noise(size, 9);
    let words = ["tensor ", "model ", "layer ", "cache ", "token ", "graph ", "batch ", "seed\n"];
    let mut text = Vec::with_capacity(size);
    for byte in noise.iter().filter(|byte| **byte != 0) {
        text.extend_from_slice(words[usize::from(byte % 8)].as_bytes());
        if byte % 5 == 0 {
            text.extend_from_slice(format!("{:04} ", u32::from(*byte) * 37).as_bytes());
        }
    }
    text.truncate(size);
    text
}

#[test]
fn both_encodings_are_decoded_and_compared() {
    let world = World::new();
    world.write("llama/words.txt", &text(1_500_000));
    let long = format!("app/web/{}/{}", "a".repeat(120), "b".repeat(200));
    world.write(&long, b"a name that tar cannot hold in its header\n");
    let spec = world.spec("0.3.0", |text| text);
    let mut options = world.build_options(&spec);
    options.fast = false;
    offgrid_depot::build::run(&options).unwrap();
    world.publish(&world.publish_options("0.3.0")).unwrap();
    assert_eq!(world.check().problems, []);

    let magic = b"\xfd7zXZ\0";
    let files = world.files();
    let xz: Vec<_> = files.iter().filter(|(_, bytes)| bytes.starts_with(magic)).collect();
    assert!(!xz.is_empty());
    for (name, bytes) in xz {
        let path = world.depot.join(name);
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        let report = world.check();
        assert_eq!((report.problems.len(), report.worst()), (1, Some(Code::Size)), "{name}");
        fs::write(&path, bytes).unwrap();
    }
}

#[test]
fn a_missing_file_is_found() {
    let world = World::published("0.3.0");
    for (name, bytes) in world.files() {
        let path = world.depot.join(&name);
        fs::remove_file(&path).unwrap();
        if name != "root/1.json" {
            assert!(!world.check().problems.is_empty(), "{name}");
        }
        fs::write(&path, &bytes).unwrap();
    }
}

#[test]
fn blobs_that_changed_places_are_found() {
    let world = World::published("0.3.0");
    let blobs: Vec<_> = world
        .files()
        .into_iter()
        .filter(|(name, _)| name.starts_with("blob/") && !name.ends_with(".minisig"))
        .collect();
    for pair in blobs.windows(2) {
        let [(one, first), (two, second)] = pair else { continue };
        fs::write(world.depot.join(one), second).unwrap();
        fs::write(world.depot.join(two), first).unwrap();
        let report = world.check();
        // What only the other one names is not reached.
        let found = report.problems.iter().any(|p| p.path == *one || p.path == *two);
        assert!(found, "{one} {two}");
        assert_eq!(report.worst().unwrap().exit(), 5);
        fs::write(world.depot.join(one), first).unwrap();
        fs::write(world.depot.join(two), second).unwrap();
    }
}

#[test]
fn an_older_head_beside_a_newer_channel_is_still_whole() {
    let world = World::published("0.3.0");
    let head = world.read("head.json");
    world.publish(&world.publish_options("0.3.0")).unwrap();
    fs::write(world.depot.join("head.json"), head).unwrap();
    let report = world.check();
    // Only the copy for people is of the newer head.
    assert_eq!(report.problems.len(), 1);
    assert_eq!(report.problems[0].path, "head.json.minisig");
}

#[test]
fn what_expires_is_said_in_time() {
    let world = World::published("0.3.0");
    let check = |days: u64, within: Option<u64>| {
        let now = now().plus(days * 86_400);
        check::run(world.depot.to_str().unwrap(), within, now).unwrap()
    };
    assert!(check(1, None).notes.is_empty());
    assert!(check(1, Some(7 * 86_400)).problems.is_empty());
    assert_eq!(check(8, None).notes.len(), 1);
    assert_eq!(check(8, Some(7 * 86_400)).problems[0].code, Code::Frozen);
    assert_eq!(check(14, None).problems[0].path, "head.json");
    assert_eq!(check(181, None).problems.len(), 2);
    assert_eq!(check(4 * 365, None).worst(), Some(Code::RootExpired));
}

#[test]
fn what_no_document_names_is_a_note() {
    let world = World::published("0.3.0");
    world.write("depot/blob/sha256/stray", b"x");
    world.write("depot/stray.txt", b"x");
    world.build("0.4.0");
    let report = world.check();
    assert_eq!(report.problems, []);
    assert_eq!(report.notes.len(), 3, "{:?}", report.notes);
}

#[test]
fn an_address_is_not_checked_yet() {
    let error = check::run("https://offgrid.example/", None, now()).unwrap_err();
    assert_eq!(error.code(), Code::Unsupported);
}
