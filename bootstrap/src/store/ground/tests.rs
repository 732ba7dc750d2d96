use super::*;
use std::fs;

fn founded(prefix: PathBuf) -> Store {
    let store = Store::new(prefix);
    store.found().unwrap();
    store.furnish().unwrap();
    store
}

#[test]
fn a_prefix_comes_and_goes_with_every_folder_that_it_brought() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    fs::create_dir(&home).unwrap();
    let store = founded(home.join("a/b/offgrid"));
    store.found().unwrap();
    assert!(store.state().is_dir() && store.bin().is_dir() && store.blobs().is_dir());
    fs::write(store.blobs().join("x"), b"x").unwrap();
    store.dissolve().unwrap();
    assert!(!store.leaves_traces().unwrap());
    assert_eq!(fs::read_dir(&home).unwrap().count(), 0);
}

#[test]
fn what_others_put_there_stays() {
    let dir = tempfile::tempdir().unwrap();
    let prefix = dir.path().join("x/offgrid");
    let store = founded(prefix.clone());
    fs::write(prefix.join("mine.txt"), b"mine").unwrap();
    store.dissolve().unwrap();
    assert!(prefix.join("mine.txt").exists());
    assert_eq!(fs::read_dir(&prefix).unwrap().count(), 1);
    assert_eq!(fs::read_dir(dir.path().join("x")).unwrap().count(), 1);
}

#[test]
fn a_cut_in_dissolving_is_ended_by_the_next_command() {
    let dir = tempfile::tempdir().unwrap();
    let store = founded(dir.path().join("x/offgrid"));
    let gone = gone_name(&dir.path().join("x"));
    fs::rename(store.state(), &gone).unwrap();
    assert!(store.leaves_traces().unwrap());
    store.sweep().unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    fs::create_dir(&gone).unwrap();
    store.sweep().unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn nobody_ends_the_dissolving_of_a_run_that_still_does_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = founded(dir.path().join("x/offgrid"));
    let record = Record::open(&store.made(), store.prefix()).unwrap().unwrap();
    fs::rename(store.state(), gone_name(&dir.path().join("x"))).unwrap();
    assert!(matches!(store.found(), Err(Error::Leaving { .. })));
    drop(record);
    store.found().unwrap();
}

#[test]
fn the_innermost_folder_is_held_while_a_prefix_comes_or_goes() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path().join("x/offgrid"));
    let is_held = |path: &Path| File::open(path).unwrap().try_lock().is_err();
    let ground = store.found().unwrap();
    assert!(is_held(dir.path()));
    drop(ground);
    assert!(!is_held(dir.path()));
    let ground = store.found().unwrap();
    assert!(is_held(store.prefix()) && !is_held(dir.path()));
    store.dissolve_on(&ground).unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_half_made_prefix_goes_and_what_looks_like_one_stays() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path().join("x/offgrid"));
    let state = dir.path().join("x.part~/offgrid/state");
    fs::create_dir_all(&state).unwrap();
    fs::write(state.join("made.json.part~"), b"{").unwrap();
    store.sweep().unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    fs::create_dir_all(&state).unwrap();
    fs::write(state.join("note"), b"mine").unwrap();
    store.sweep().unwrap();
    assert!(state.join("note").exists());
}
