//! What holds on every system.

use super::sync::{Kind, sync_each};
use super::*;
use std::cell::RefCell;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

#[test]
fn a_new_file_is_never_one_that_was_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    create_new(&path, 0o600).unwrap().write_all(b"one").unwrap();
    assert_eq!(create_new(&path, 0o600).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::read(&path).unwrap(), b"one");
}

#[test]
fn the_live_slot_is_named_anew_by_one_rename() {
    let dir = tempfile::tempdir().unwrap();
    let current = dir.path().join("current");
    assert_eq!(pointed(&current).unwrap(), None);
    for slot in ["0.3.0+cpu", "0.4.0+cpu"] {
        let to = Path::new("versions").join(slot);
        fs::write(crate::disk::beside(&current), b"left by a crash").unwrap();
        point(&current, &to).unwrap();
        assert_eq!(pointed(&current).unwrap().unwrap(), to);
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_tree_is_synced_and_links_are_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("a/b");
    fs::create_dir_all(&inner).unwrap();
    fs::write(inner.join("file"), b"x").unwrap();
    link_for_tests("nowhere", &dir.path().join("link"));
    sync_tree(dir.path()).unwrap();
    sync_dir(dir.path()).unwrap();
    let seen = RefCell::new(Vec::new());
    let note = |path: &Path, kind| {
        seen.borrow_mut().push((path.strip_prefix(dir.path()).unwrap().to_owned(), kind));
        Ok(())
    };
    sync_each(dir.path(), &note).unwrap();
    let wanted =
        [("a/b/file", Kind::File), ("a/b", Kind::Folder), ("a", Kind::Folder), ("", Kind::Folder)];
    assert_eq!(seen.into_inner(), wanted.map(|(path, kind)| (path.into(), kind)));
    assert!(sync_tree(&dir.path().join("none")).is_err());
}

#[test]
fn free_space_is_that_of_the_nearest_folder() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), b"x").unwrap();
    assert!(free_space(&dir.path().join("file/none/none")).unwrap() > 0);
    assert!(free_space(Path::new("none/none")).is_some());
}

#[test]
fn what_is_ours_or_not_there_is_not_foreign() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(foreign(dir.path()).unwrap(), None);
    assert_eq!(foreign(&dir.path().join("none/none")).unwrap(), None);
    assert_eq!(writable_by_others(dir.path()).unwrap(), None);
    assert_eq!(writable_by_others(&dir.path().join("none")).unwrap(), None);
}

#[test]
fn this_process_lives_and_impossible_ones_do_not() {
    assert!(process_id_alive(std::process::id()));
    for pid in [0, u32::MAX, 1 << 31] {
        assert!(!process_id_alive(pid), "{pid}");
        assert!(signal(pid, Signal::Kill).is_err(), "{pid}");
    }
}

#[test]
fn a_program_that_is_not_there_is_not_become() {
    let mut command = std::process::Command::new("/none/none");
    own_group(&mut command);
    assert_eq!(exec(&mut command).kind(), ErrorKind::NotFound);
}

#[test]
fn this_executable_is_not_stamped() {
    assert_eq!(stamp_section(), offgrid_manifest::stamp::empty_section());
}
