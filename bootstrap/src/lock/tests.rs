use super::*;
use std::fs;

#[test]
fn a_lock_on_a_file_that_was_taken_away_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path().join("offgrid"));
    let lock = Lock::take(&store, "install").unwrap();
    assert!(lock.is_of(&store).unwrap());
    fs::remove_file(store.lock()).unwrap();
    assert!(!lock.is_of(&store).unwrap());
    Lock::take(&store, "install").unwrap();
    assert!(!lock.is_of(&store).unwrap());
}

#[test]
fn who_holds_it_is_said_and_who_looks_holds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path().join("offgrid"));
    assert_eq!(holder(&store), None);
    let lock = Lock::take(&store, "update").unwrap();
    assert!(matches!(Quiet::take(&store), Err(Error::Held { .. })));
    let me = Holder { pid: Some(std::process::id()), what: Some("update".into()) };
    assert_eq!(holder(&store), Some(me.clone()));
    let error = Lock::take(&store, "install").unwrap_err();
    assert!(matches!(&error, Error::Held { holder, .. } if *holder == me), "{error}");
    assert!(error.to_string().contains(&format!("(update, process {})", std::process::id())));
    drop(lock);
    assert_eq!(holder(&store), None);
    let looking = Quiet::take(&store).unwrap();
    assert_eq!(holder(&store), None);
    let taken = thread::spawn({
        let store = store.clone();
        move || Lock::take(&store, "install").map(drop)
    });
    drop(looking);
    taken.join().unwrap().unwrap();
}

#[test]
fn a_line_of_a_run_that_is_gone_names_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lock");
    let read = |text: &str| {
        fs::write(&path, text).unwrap();
        Holder::read(&File::open(&path).unwrap())
    };
    let me = std::process::id();
    assert_eq!(read(&format!("{me}\n")), Holder { pid: Some(me), what: None });
    assert_eq!(read(&format!("{me} \u{1b}[2J")), Holder { pid: Some(me), what: None });
    for text in ["", "update", "4294967295 update\n", "0 update"] {
        assert_eq!(read(text), Holder::default(), "{text}");
    }
}

#[test]
fn whoever_waits_is_told_once_and_can_give_up() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path().join("offgrid"));
    let lock = Lock::take(&store, "update").unwrap();
    let (told, asked) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let stop = || asked.fetch_add(1, Ordering::Relaxed) > 4;
    let tell = |error: &Error| {
        assert_eq!(error.code(), Code::Locked);
        told.fetch_add(1, Ordering::Relaxed);
    };
    let take = || Lock::take(&store, "install");
    let result = wait(take, &stop, &tell);
    assert!(matches!(result, Err(Error::GaveUp)));
    assert_eq!(told.load(Ordering::Relaxed), 1);
    drop(lock);
    wait(take, &|| true, &|_| panic!("nobody has it")).unwrap();
}
