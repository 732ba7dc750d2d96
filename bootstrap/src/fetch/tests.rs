//! A racer exchanges files as fast as it can while they are read: what comes out
//! is right or an error, thousands of times (reference/trust.md L7).

use super::*;
use crate::fill;
use crate::source::{Reach, Stop};
use offgrid_manifest::Digest;
use std::cell::RefCell;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const SIZE: usize = 5000;
const ROUNDS: u32 = 10_000;

/// As large as the good bytes.
fn evil() -> Vec<u8> {
    vec![b'e'; SIZE]
}

fn good() -> Vec<u8> {
    vec![b'g'; SIZE]
}

/// Ends the racer, also when a test fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Calls `work` many times while the file at `path` is a good one and an evil one
/// by turns. `work` says whether it got anything, and checks what. Both must have
/// happened often enough, or nothing was seen.
fn race(path: &Path, seconds: u64, mut work: impl FnMut() -> bool) -> (u32, u32) {
    let stop = AtomicBool::new(false);
    let [is_evil, is_good] = [evil(), good()].map(|bytes| {
        let other = path.with_extension(if bytes == evil() { "evil" } else { "good" });
        move || fs::write(&other, &bytes).and_then(|()| fs::rename(&other, path))
    });
    is_good().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                // The folder may be gone for a moment.
                let _ = is_evil();
                std::thread::yield_now();
                let _ = is_good();
                std::thread::yield_now();
            }
        });
        let _ends = Ends(&stop);
        let until = Instant::now() + Duration::from_secs(seconds);
        let (mut right, mut refused) = (0, 0);
        while right + refused < ROUNDS && Instant::now() < until {
            if work() { right += 1 } else { refused += 1 }
        }
        (right, refused)
    })
}

#[test]
fn a_racer_never_gets_other_bytes_into_a_copy() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    let sha256 = Digest::of(&good());
    let reuse = |link| fill::reuse_for_tests(&from, &to, &good(), link);
    let copies: [&dyn Fn() -> Result<(), Any>; 3] =
        [&|| copy_program(&from, &to, &sha256), &|| reuse(false), &|| reuse(true)];
    for copy in copies {
        let (right, refused) = race(&from, 5, || {
            let copied = copy().is_ok();
            assert!(!copied || fs::read(&to).unwrap() == good(), "evil bytes were copied");
            copied
        });
        assert!(right > 100 && refused > 100, "{right} right, {refused} refused");
    }
}

/// Keeps what it gets; a new one begins anew.
struct Kept<'a>(&'a RefCell<Vec<u8>>);

impl Consumer for Kept<'_> {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Any> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self) -> Result<(), Any> {
        Ok(())
    }
}

#[test]
fn a_racer_never_gets_other_bytes_into_a_download() {
    let dir = tempfile::tempdir().unwrap();
    let depot = dir.path().join("depot");
    fs::create_dir(&depot).unwrap();
    fs::write(depot.join("blob"), good()).unwrap();
    let source = [depot.to_str().unwrap().to_owned()];
    let sources = Sources::new(&source, &Reach::default(), Stop::default()).unwrap();
    let places = [Place::Depot("blob".to_owned())];
    let (partial, finished) = (dir.path().join("x.part"), dir.path().join("x"));
    let wanted = Wanted {
        places: &places,
        pin: Pin { sha256: Digest::of(&good()), size: SIZE as u64 },
        partial: &partial,
        finished: &finished,
    };
    for raced in [&partial, &finished] {
        let (mut found_on_disk, mut fetched) = (0, 0);
        let (right, _) = race(raced, 5, || {
            let (got, mut tries) = (RefCell::new(Vec::new()), 0);
            let result = fetch(&sources, &wanted, &|_| {}, || {
                tries += 1;
                got.borrow_mut().clear();
                Ok(Kept(&got))
            });
            if result.is_ok() {
                if tries > 1 {
                    fetched += 1
                } else {
                    found_on_disk += 1
                }
                assert!(got.into_inner() == good(), "evil bytes were taken");
            }
            result.is_ok()
        });
        assert!(right > 100, "{right} right");
        assert!(found_on_disk > 0 && fetched > 0, "{found_on_disk} found, {fetched} fetched");
    }
}
