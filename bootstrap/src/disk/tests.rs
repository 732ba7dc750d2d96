use super::*;

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
