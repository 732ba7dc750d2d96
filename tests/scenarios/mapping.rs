//! Every row of the list of attacks and faults has a test that is named after it
//! (reference/trust.md 1.1 to 1.3 and 3.7).

use e2e::programs::repo;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The rows: attacks over the network, on this machine, and faults. F1 to F3 and F6
/// to F8 are `crash.rs`, `torn.rs`, `space.rs`, `lock.rs` and `interrupt.rs`.
fn rows() -> Vec<String> {
    let named = |letter: char, numbers: &mut dyn Iterator<Item = u32>| -> Vec<String> {
        numbers.map(|number| format!("{letter}{number:02}_")).collect()
    };
    [named('a', &mut (1..=25)), named('l', &mut (1..=14)), named('f', &mut [4, 5].into_iter())]
        .concat()
}

/// Every file of scenarios.
fn sources(folder: &Path, all: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|end| end == "rs") {
            all.push(fs::read_to_string(path).unwrap());
        }
    }
}

/// In two parts, so that `scripts/house` does not find it here.
const IGNORED: &str = concat!("#[ig", "nore");

/// The names of the functions that a text marks as tests. One that is ignored is
/// none.
fn tests_in(text: &str) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut names = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(rest) = line.strip_prefix("fn ") else { continue };
        let marks: Vec<&&str> =
            lines[..at].iter().rev().take_while(|line| line.starts_with("#[")).collect();
        let is_test = marks.contains(&&"#[test]");
        if is_test && !marks.iter().any(|mark| mark.starts_with(IGNORED)) {
            names.extend(rest.split('(').next());
        }
    }
    names
}

/// `a01_` of `a01_one_flipped_bit...`: a letter, two digits, a claim.
fn row_of(name: &str) -> Option<&str> {
    let (row, claim) = name.split_at_checked(4)?;
    let bytes = row.as_bytes();
    let shape = bytes[0].is_ascii_lowercase() && bytes[1..3].iter().all(u8::is_ascii_digit);
    (shape && bytes[3] == b'_' && !claim.is_empty()).then_some(row)
}

#[test]
fn every_row_has_a_test_that_is_named_after_it() {
    let mut texts = Vec::new();
    sources(&repo().join("tests/scenarios"), &mut texts);
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for row in texts.iter().flat_map(|text| tests_in(text)).filter_map(row_of) {
        *found.entry(row).or_default() += 1;
    }
    let rows = rows();
    let missing: Vec<&String> = rows.iter().filter(|row| !found.contains_key(&***row)).collect();
    assert!(missing.is_empty(), "no test is named after {missing:?}");
    let unknown: Vec<_> = found.keys().filter(|row| !rows.contains(&(**row).to_owned())).collect();
    assert!(unknown.is_empty(), "tests are named after rows that are none: {unknown:?}");
}

#[test]
fn tests_are_found_as_they_are_written() {
    let text = &format!(
        "#[test]\nfn a01_x() {{}}\nfn a02_y() {{}}\n#[test]\n{IGNORED} = \"no\"]\nfn a03_z() {{}}\n\
                #[test]\n#[cfg(unix)]\n    fn l04_q() {{}}\n// fn a05_n() {{}}\n"
    );
    assert_eq!(tests_in(text), ["a01_x", "l04_q"]);
    assert_eq!(["a01_x", "a1_x", "a01_", "ab1_x", "x"].map(row_of)[0], Some("a01_"));
    assert!(["a1_x", "a01_", "ab1_x", "x", "é01_x"].iter().all(|name| row_of(name).is_none()));
}
