//! What fuzzers found is asked again in every run, by the same rules and without
//! a fuzzer (`scripts/fuzz` looks for more).

use offgrid_oracle::{TARGETS, ask};
use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

#[test]
fn every_input_of_the_corpus_keeps_the_rules() {
    let mut broken = Vec::new();
    for (target, _) in TARGETS {
        let mut asked = 0;
        for entry in fs::read_dir(folder().join("corpus").join(target)).expect(target) {
            let path = entry.unwrap().path();
            let input = fs::read(&path).unwrap();
            if catch_unwind(AssertUnwindSafe(|| ask(target, &input).unwrap())).is_err() {
                broken.push(path);
            }
            asked += 1;
        }
        assert!(asked > 0, "{target} has a corpus");
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_rule_has_a_fuzz_target_and_a_corpus() {
    let wanted: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let names = |of: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(folder().join(of)).unwrap();
        let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
        entries.map(|entry| stem(entry.unwrap().path())).collect()
    };
    assert_eq!(names("fuzz_targets"), wanted);
    assert_eq!(names("corpus"), wanted);
    let cargo = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
    let listed = cargo.lines().filter_map(|line| line.strip_prefix("path = \"fuzz_targets/"));
    let listed: BTreeSet<String> =
        listed.map(|line| line.trim_end_matches(".rs\"").to_owned()).collect();
    assert_eq!(listed, wanted);
}
