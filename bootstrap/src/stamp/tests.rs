use super::*;
use offgrid_manifest::root::Floors;
use offgrid_manifest::stamp::StampedRoot;
use offgrid_manifest::{Digest, Time};
use std::fs;
use std::path::Path;

/// A fixture with its signature. Root 2 follows root 1 and has another head key.
fn fixture(name: &str) -> (Vec<u8>, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifest/tests/fixtures/v1");
    let signature = fs::read_to_string(folder.join(format!("{name}.minisig"))).unwrap();
    (fs::read(folder.join(name)).unwrap(), signature)
}

fn stamped(name: &str) -> Stamped {
    let (bytes, signature) = fixture(name);
    let root = first_root(&bytes, signature.as_bytes()).unwrap();
    let stamp = Stamp {
        schema: 1,
        root: StampedRoot::new(&bytes, &signature),
        sources: vec!["https://example.org/".into()],
        floors: root.floors.clone(),
        issued: Time::from_unix(1_788_220_800),
    };
    Stamped { stamp, root }
}

/// What a program with the first stamp says of one with the second, when it
/// knows these roots.
fn verdict(foreign: &Stamp, own: &Stamped, chain: &[&Stamped]) -> Option<Code> {
    let chain: Vec<Digest> = chain.iter().map(|stamped| stamped.root.digest()).collect();
    judge(foreign, own, &chain).err().map(|error| error.code())
}

#[test]
fn a_root_of_the_verified_chain_may_take_over_and_no_other() {
    let (one, two) = (stamped("root-1.json"), stamped("root-2.json"));
    assert_eq!(verdict(&one.stamp, &one, &[]), None);
    assert_eq!(verdict(&one.stamp, &one, &[&two]), None);
    assert_eq!(verdict(&two.stamp, &one, &[&two]), None);
    // It is signed by the right keys, but nobody has shown it to us yet.
    assert_eq!(verdict(&two.stamp, &one, &[]), Some(Code::UntrustedBinary));
    // Correctly signed by itself, as any stranger's is.
    let stranger = stamped("wrong/root-3.json");
    assert_eq!(verdict(&stranger.stamp, &one, &[&two]), Some(Code::UntrustedBinary));
}

#[test]
fn an_earlier_root_than_ours_would_bring_back_its_keys() {
    let (one, two) = (stamped("root-1.json"), stamped("root-2.json"));
    assert_eq!(verdict(&one.stamp, &two, &[]), Some(Code::UntrustedBinary));
    // Even when it is named: what was remembered before this program came.
    assert_eq!(verdict(&one.stamp, &two, &[&one]), Some(Code::UntrustedBinary));
}

#[test]
fn a_stamp_that_would_not_work_is_refused() {
    let one = stamped("root-1.json");
    let mut other = one.stamp.clone();
    other.root.signature = fixture("root-2.json").1;
    assert_eq!(verdict(&other, &one, &[]), Some(Code::SigThreshold));
    other.root.document.push('?');
    assert_eq!(verdict(&other, &one, &[]), Some(Code::Parse));
    let mut other = one.stamp.clone();
    other.sources.clear();
    assert_eq!(verdict(&other, &one, &[]), Some(Code::UntrustedBinary));
}

#[test]
fn floors_may_rise_and_not_fall() {
    let mut one = stamped("root-1.json");
    let stable: offgrid_manifest::Id = "stable".parse().unwrap();
    let beta: offgrid_manifest::Id = "beta".parse().unwrap();
    // The root's own floors (head 3, stable 41) hold, whatever the stamp says.
    let mut other = one.stamp.clone();
    other.floors = Floors::default();
    assert_eq!(verdict(&other, &one, &[]), None);

    one.stamp.floors.head = 7;
    assert_eq!(verdict(&other, &one, &[]), Some(Code::Rollback));
    other.floors.head = 7;
    assert_eq!(verdict(&other, &one, &[]), None);
    other.floors.head = 8;
    assert_eq!(verdict(&other, &one, &[]), None);

    one.stamp.floors.channel.insert(stable.clone(), 42);
    assert_eq!(verdict(&other, &one, &[]), Some(Code::Rollback));
    other.floors.channel.insert(stable, 42);
    one.stamp.floors.channel.insert(beta.clone(), 1);
    let error = judge(&other, &one, &[]).unwrap_err().to_string();
    assert!(error.contains("channel beta 0") && error.contains("below 1"), "{error}");
    other.floors.channel.insert(beta, 2);
    assert_eq!(verdict(&other, &one, &[]), None);
}

#[test]
fn the_floor_of_a_role_with_new_keys_starts_anew() {
    let (mut one, two) = (stamped("root-1.json"), stamped("root-2.json"));
    // Root 2 has another head key: a thief may have counted the old one ahead.
    one.stamp.floors.head = 9_000_000;
    assert_eq!(verdict(&two.stamp, &one, &[&two]), None);
    // The release keys are the same, so those floors stand.
    one.stamp.floors.channel.insert("stable".parse().unwrap(), 42);
    assert_eq!(verdict(&two.stamp, &one, &[&two]), Some(Code::Rollback));
}

#[test]
fn the_stamp_of_this_very_program_is_found_in_its_file() {
    // Nobody stamps a test, and its file has the section all the same.
    let path = std::env::current_exe().unwrap();
    let error = of_file(&path).unwrap_err();
    assert_eq!((error.code(), own().unwrap_err().code()), (Code::UntrustedBinary, Code::Unstamped));
    assert!(matches!(error, Error::Unstamped), "{error}");

    let mut bytes = fs::read(&path).unwrap();
    let section = stamp::find(&bytes).unwrap();
    assert_eq!(bytes[section.clone()], platform::stamp_section());
    assert_eq!(stamp::made_for(&bytes).unwrap().arch(), std::env::consts::ARCH);

    let one = stamped("root-1.json").stamp;
    bytes[section.clone()].copy_from_slice(&one.to_section().unwrap());
    assert_eq!(of_bytes(&bytes).unwrap(), one);
    bytes[section.start] ^= 1;
    assert_eq!(of_bytes(&bytes).unwrap_err().code(), Code::Parse);
}

#[test]
fn what_is_no_bootstrapper_is_not_to_be_trusted() {
    let error = of_bytes(b"#!/bin/sh\n").unwrap_err();
    assert_eq!(error.code(), Code::UntrustedBinary);
    assert!(error.to_string().contains("the new bootstrapper: it is not"), "{error}");
    assert!(error.hint().unwrap().contains("not run"));
    assert_eq!(of_file(Path::new("/nothing/here")).unwrap_err().code(), Code::State);
}
