//! What a supervisor says of itself, when that is another user.

use super::follow::follows;
use super::tests::slot_name;
use super::trial::DRAIN_MAX;
use super::{LOOK, lock_path, platform, state};
use crate::store::Store;
use std::cell::Cell;
use std::fs::{self, File};
use std::process::Command;
use std::time::{Duration, Instant};

/// A supervisor in a folder of its own, as far as its files say so.
struct Noted {
    dir: tempfile::TempDir,
    store: Store,
    _lock: File,
}

impl Noted {
    fn new(pid: u32) -> Noted {
        let dir = tempfile::tempdir().unwrap();
        let runtime = dir.path().join("run");
        fs::create_dir(&runtime).unwrap();
        let store = Store::new(dir.path().join("p")).with_runtime(Some(runtime));
        let _lock = File::create(lock_path(&store)).unwrap();
        _lock.try_lock().unwrap();
        let noted = Noted { dir, store, _lock };
        noted.say(pid, "1.0.0", "");
        noted
    }

    fn say(&self, pid: u32, version: &str, more: &str) {
        let slot = slot_name(version);
        let note =
            format!(r#"{{"pid":{pid},"child":null,"slot":"{slot}","port":1,"since":0{more}}}"#);
        fs::write(self.store.service(), note).unwrap();
    }

    /// Whether it follows to this version, for the manager that has started this process.
    fn follows(&self, version: &str, main: Option<u32>) -> bool {
        follows(&self.store, &slot_name(version), main, (LOOK, LOOK), &|| false).unwrap()
    }
}

#[test]
fn a_note_of_another_user_names_no_process_of_somebody_else() {
    let pid = std::process::id();
    if !platform::is_root() || platform::user_of(pid).is_none() {
        println!("skipped: only root on Linux can give a file away and see who runs what");
        return;
    }
    let noted = Noted::new(pid);
    let store = &noted.store;
    assert_eq!(state(store).running, Some(pid));
    platform::give_tree(&noted.dir.path().join("run"), 65534, 65534).unwrap();
    assert_eq!(state(store).running, None);
    // A file of root's in it, under the name of the note, says no more.
    platform::own_like(&File::open(store.service()).unwrap(), noted.dir.path()).unwrap();
    assert_eq!(platform::owner_of(&store.service()).unwrap().0, 0);
    assert_eq!(state(store).running, None);
}

#[test]
fn a_supervisor_follows_when_it_says_so_and_is_the_managers() {
    let pid = std::process::id();
    let noted = Noted::new(pid);
    assert!(noted.follows("1.0.0", None));
    assert!(noted.follows("1.0.0", Some(pid)));
    assert!(!noted.follows("1.0.0", Some(pid + 1)), "a note of somebody else");
    assert!(!noted.follows("2.0.0", Some(pid)), "it does not come to it");
    fs::remove_file(noted.store.service()).unwrap();
    assert!(!noted.follows("1.0.0", None), "it says nothing");
}

#[test]
fn a_supervisor_may_drain_as_long_as_it_says() {
    let pid = std::process::id();
    let noted = Noted::new(pid);
    let none = Duration::ZERO;
    let looks = Cell::new(0);
    // Requests under way are answered after some looks.
    let stop = || {
        looks.set(looks.get() + 1);
        if looks.get() == 3 {
            noted.say(pid, "2.0.0", "");
        }
        false
    };
    let follows = || follows(&noted.store, &slot_name("2.0.0"), None, (LOOK, none), &stop).unwrap();
    noted.say(pid, "1.0.0", r#","draining":true"#);
    assert!(!follows(), "it says of no time");
    noted.say(pid, "1.0.0", r#","draining":true,"drain":3600"#);
    assert!(follows());
    assert_eq!(looks.get(), 3);
    noted.say(pid, "1.0.0", &format!(r#","draining":true,"drain":{}"#, u64::MAX));
    assert_eq!(state(&noted.store).draining, Some(Duration::from_secs(DRAIN_MAX)));
}

#[test]
fn a_supervisor_that_somebody_has_halted_does_not_follow() {
    let Ok(mut child) = Command::new("sleep").arg("1000").spawn() else {
        return println!("skipped: no `sleep` here");
    };
    let pid = child.id();
    let noted = Noted::new(pid);
    assert!(noted.follows("1.0.0", Some(pid)));
    let halt = format!("kill -STOP {pid}");
    assert!(Command::new("sh").args(["-c", &halt]).status().unwrap().success());
    let told = fs::exists("/proc/self/stat").unwrap();
    if told {
        let until = Instant::now() + Duration::from_secs(20);
        while !platform::is_halted(pid) {
            assert!(Instant::now() < until, "it was not halted");
        }
    }
    assert_eq!(noted.follows("1.0.0", Some(pid)), !told);
    child.kill().unwrap();
    child.wait().unwrap();
}
