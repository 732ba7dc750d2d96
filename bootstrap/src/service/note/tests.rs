//! What a supervisor says of itself, when that is another user.

use super::{lock_path, platform, state};
use crate::store::Store;
use std::fs::{self, File};

#[test]
fn a_note_of_another_user_names_no_process_of_somebody_else() {
    let pid = std::process::id();
    if !platform::is_root() || platform::user_of(pid).is_none() {
        eprintln!("skipped: only root on Linux can give a file away and see who runs what");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let runtime = dir.path().join("run");
    fs::create_dir(&runtime).unwrap();
    let store = Store::new(dir.path().join("p")).with_runtime(Some(runtime.clone()));
    let lock = File::create(lock_path(&store)).unwrap();
    lock.try_lock().unwrap();
    let note = format!(r#"{{"pid":{pid},"child":null,"slot":"1.0.0+a","port":1,"since":0}}"#);
    fs::write(store.service(), note).unwrap();
    assert_eq!(state(&store).running, Some(pid));
    platform::give_tree(&runtime, 65534, 65534).unwrap();
    assert_eq!(state(&store).running, None);
    // A file of root's in it, under the name of the note, says no more.
    std::os::unix::fs::chown(store.service(), Some(0), Some(0)).unwrap();
    assert_eq!(state(&store).running, None);
}
