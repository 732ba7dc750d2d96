//! The rules of the disk that loses power, on small runs of known calls.

use e2e::power::disk::Disk;
use e2e::power::log::parse;
use e2e::power::replay::replay;
use e2e::power::states::{Size, States};
use e2e::power::tree::{Leaf, Tree};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Every tree that a cut may leave of these calls, on a disk with the file `a` that
/// holds `old` and the folder `d`: `NAME=bytes`, `NAME/` for a folder.
fn trees(calls: &[&str]) -> BTreeSet<String> {
    cuts(calls).into_iter().map(|(tree, _)| tree).collect()
}

/// The same of a cut after the last call.
fn ends(calls: &[&str]) -> BTreeSet<String> {
    cuts(calls).into_iter().filter_map(|(tree, is_end)| is_end.then_some(tree)).collect()
}

fn cuts(calls: &[&str]) -> Vec<(String, bool)> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), "old").unwrap();
    fs::create_dir(folder.path().join("d")).unwrap();
    let lines: Vec<String> = calls.iter().map(|call| line(call, folder.path())).collect();
    let before = Disk::of(folder.path());
    let disk = replay(before, folder.path(), folder.path(), &parse(&lines.join("\n")));
    let states = States::of(&disk, Size { all_up_to: 4096, sample: 0 }, 1, &|_| false);
    states.cuts.iter().map(|cut| (shown(&disk, &cut.tree), cut.is_end)).collect()
}

/// As strace writes it: `{name}` is a path on the disk, `'text'` are bytes.
fn line(call: &str, root: &Path) -> String {
    let hex = |text: &str| text.bytes().map(|c| format!("\\x{c:02x}")).collect::<String>();
    let mut line = String::from("7 ");
    for (at, part) in call.split(['{', '}', '\'']).enumerate() {
        match (at % 2, call.contains('\'')) {
            (0, _) => line.push_str(part),
            (_, true) => line.push_str(&format!("\"{}\"", hex(part))),
            (_, false) => {
                let path = root.join(part);
                line.push_str(&format!("\"{}\"", hex(path.to_str().unwrap())));
            }
        }
    }
    line
}

fn shown(disk: &Disk, tree: &Tree) -> String {
    let leaf = |(path, leaf): (&std::path::PathBuf, &Leaf)| match leaf {
        Leaf::Folder(_) => format!("{}/", path.display()),
        Leaf::Link(target) => format!("{}->{}", path.display(), target.display()),
        Leaf::File(_, content) => {
            let bytes = String::from_utf8_lossy(&disk.bytes(content)).replace('\0', "0");
            format!("{}={bytes}", path.display())
        }
    };
    tree.iter().map(leaf).collect::<Vec<String>>().join(" ")
}

fn set(trees: &[&str]) -> BTreeSet<String> {
    trees.iter().map(|tree| (*tree).to_owned()).collect()
}

const OPEN: &str = "openat(AT_FDCWD, {b}, O_RDWR|O_CREAT|O_EXCL, 0644) = 5";
const WRITE: &str = "write(5, 'xy', 2) = 2";
const RENAME: &str = "rename({b}, {a}) = 0";

#[test]
fn without_a_sync_a_rename_may_come_before_the_bytes() {
    let trees = trees(&[OPEN, WRITE, RENAME]);
    for tree in ["a=old d/", "a= d/", "a=00 d/", "a=x d/", "a=0y d/", "a=xy d/", "a=old b=xy d/"] {
        assert!(trees.contains(tree), "{tree} is not among {trees:#?}");
    }
}

#[test]
fn with_a_sync_of_the_bytes_a_rename_brings_all_of_them() {
    let trees = trees(&[OPEN, WRITE, "fsync(5) = 0", RENAME]);
    let replaced: BTreeSet<&str> = trees
        .iter()
        .filter_map(|tree| tree.split(' ').find(|part| part.starts_with("a=")))
        .collect();
    assert_eq!(replaced, BTreeSet::from(["a=old", "a=xy"]), "{trees:#?}");
}

#[test]
fn a_sync_of_a_file_is_not_one_of_its_name() {
    let all = trees(&[OPEN, WRITE, "fsync(5) = 0"]);
    assert!(all.contains("a=old d/"), "{all:#?}");
    let root = "openat(AT_FDCWD, {}, O_RDONLY) = 6";
    let synced = ends(&[OPEN, WRITE, "fsync(5) = 0", root, "fsync(6) = 0"]);
    assert_eq!(synced, set(&["a=old b=xy d/"]));
}

#[test]
fn of_a_move_between_folders_either_name_is_there_or_both() {
    assert_eq!(
        trees(&["rename({a}, {d/a}) = 0"]),
        set(&["a=old d/", "a=old d/ d/a=old", "d/ d/a=old"])
    );
    let folder = "openat(AT_FDCWD, {d}, O_RDONLY|O_DIRECTORY) = 6";
    let synced = ends(&["rename({a}, {d/a}) = 0", folder, "fsync(6) = 0"]);
    assert_eq!(synced, set(&["a=old d/ d/a=old", "d/ d/a=old"]));
}

#[test]
fn what_is_in_a_folder_that_is_gone_is_gone() {
    let make = "mkdir({d/e}, 0755) = 0";
    let open = "openat(AT_FDCWD, {d/e/f}, O_RDWR|O_CREAT, 0644) = 5";
    let inner = "openat(AT_FDCWD, {d/e}, O_RDONLY) = 6";
    let trees = trees(&[make, open, inner, "fsync(6) = 0", "fsync(5) = 0"]);
    assert_eq!(trees, set(&["a=old d/", "a=old d/ d/e/", "a=old d/ d/e/ d/e/f="]));
}

#[test]
fn a_sync_covers_what_was_done_before_it_began() {
    let one = ends(&[
        "openat(AT_FDCWD, {a}, O_WRONLY|O_APPEND) = 5",
        "fdatasync(5 <unfinished ...>",
        "write(5, 'z', 1) = 1",
        "<... fdatasync resumed>) = 0",
    ]);
    assert_eq!(one, set(&["a=old d/", "a=old0 d/", "a=oldz d/"]));
}
