use super::*;
use std::process::Command;

#[test]
fn a_write_replaces_whole_and_leaves_nothing_beside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    write(&path, b"one", 0o644).unwrap();
    fs::write(beside(&path), b"left by a crash").unwrap();
    write(&path, b"two", 0o644).unwrap();
    assert_eq!(read(&path, 3).unwrap().unwrap(), b"two");
    assert!(read(&path, 2).is_err());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    assert_eq!(read(&dir.path().join("none"), 9).unwrap(), None);
}

#[test]
fn removing_what_is_not_there_is_fine_and_a_full_folder_stays() {
    let dir = tempfile::tempdir().unwrap();
    remove_file(&dir.path().join("none")).unwrap();
    remove_tree(&dir.path().join("none")).unwrap();
    assert!(remove_dir(&dir.path().join("none")).unwrap());
    fs::write(dir.path().join("x"), b"").unwrap();
    assert!(!remove_dir(dir.path()).unwrap());
}

#[test]
fn the_last_lines_of_a_file_are_read_however_large_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    assert!(last_lines(&path, 2, 100).unwrap().is_empty());
    fs::write(&path, "one\ntwo\nthree\n").unwrap();
    assert_eq!(last_lines(&path, 2, 100).unwrap(), ["two", "three"]);
    assert_eq!(last_lines(&path, 9, 100).unwrap(), ["one", "two", "three"]);
    // A terabyte of nothing before them.
    let mut file = fs::File::options().write(true).open(&path).unwrap();
    file.set_len(1 << 40).unwrap();
    io::Seek::seek(&mut file, io::SeekFrom::End(0)).unwrap();
    io::Write::write_all(&mut file, b"rest\nfour\nfive").unwrap();
    assert_eq!(last_lines(&path, 9, 15).unwrap(), ["four", "five"]);
}

#[test]
fn a_tree_deeper_than_files_may_be_open_is_removed() {
    if !Path::new("/bin/sh").exists() {
        return println!("skipped: no /bin/sh to limit a process by");
    }
    let dir = tempfile::tempdir().unwrap();
    let made = "cd \"$1\" && mkdir top keep && : >keep/x && cd top && i=0 && while [ $i -lt 500 ]; do \
                mkdir a b && : >c && ln -s \"$1/keep\" d && cd a && i=$((i + 1)); done";
    let made = Command::new("/bin/sh").args(["-c", made, "sh"]).arg(dir.path()).status();
    assert!(made.unwrap().success());
    // This test program again, with few files.
    let limited = Command::new("/bin/sh")
        .args(["-c", "ulimit -n 128 && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["disk::tests::process_that_removes_a_tree", "--exact", "--nocapture"])
        .env("OFFGRID_TEST_TREE", dir.path().join("top"))
        .output()
        .unwrap();
    assert!(limited.status.success(), "{}", String::from_utf8_lossy(&limited.stdout));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    assert!(dir.path().join("keep/x").exists(), "a link was followed");
}

/// Started by the test above.
#[test]
fn process_that_removes_a_tree() {
    let Some(tree) = std::env::var_os("OFFGRID_TEST_TREE") else { return };
    let tree = Path::new(&tree);
    assert!(fs::remove_dir_all(tree).is_err(), "there is no limit");
    remove_tree(tree).unwrap();
}

#[test]
fn a_file_of_others_is_rewritten_whole_with_the_mode_it_had() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    assert!(rewrite(&path, b"one").is_err(), "there is nothing to be like");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    write(&path, b"one", 0o640).unwrap();
    let mode = platform::mode_of(&path).unwrap();
    fs::write(beside(&path), b"left by a crash").unwrap();
    rewrite(&path, b"two").unwrap();
    assert_eq!(read(&path, 3).unwrap().unwrap(), b"two");
    assert_eq!(platform::mode_of(&path).unwrap(), mode);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}
