//! L7: a file is another one after it was looked at. What is found on disk is
//! hashed again, and what was hashed is what is used.

use super::{all, slot, victim};
use e2e::world::finish;
use e2e::{Forge, Outcome, World, base};
use offgrid_manifest::Digest;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Stored digest and size of the app's program.
fn app_blob(world: &World) -> (String, usize) {
    let (parts, _) = Forge::of(&world.depot()).parts_of("app");
    let files = parts["files"].as_array().unwrap();
    let app = files.iter().find(|file| file["path"] == "offgrid").unwrap();
    let encoding: &Value = &app["encodings"][0];
    let size = encoding["size"].as_u64().unwrap();
    (encoding["sha256"].as_str().unwrap().to_owned(), usize::try_from(size).unwrap())
}

/// A home in which downloads wait, as an interrupted install leaves it.
fn with_downloads() -> World {
    let world = World::new();
    let before = fs::read_dir(world.home()).unwrap().count();
    assert_eq!(before, 1);
    let prefix = world.prefix();
    fs::create_dir_all(prefix.join("blobs")).unwrap();
    fs::create_dir_all(prefix.join("state")).unwrap();
    for name in ["blobs", "state"] {
        base::set_mode(&prefix.join(name), 0o700);
    }
    world
}

/// What is put there, and how: at this path, for a blob of this size.
type Plant = (&'static str, fn(&Path, usize));

#[test]
fn l07_a_blob_that_was_put_there_before_is_hashed_again() {
    let plants: [Plant; 6] = [
        ("other bytes", |path, size| fs::write(path, vec![b'x'; size]).unwrap()),
        ("too many bytes", |path, size| fs::write(path, vec![b'x'; size + 9]).unwrap()),
        ("the beginning of other bytes", |path, size| {
            fs::write(path, vec![b'x'; size / 2]).unwrap();
        }),
        ("a link", |path, _| {
            symlink(path.ancestors().nth(6).unwrap().join("victim/file"), path).unwrap()
        }),
        ("a hard link", |path, _| {
            fs::hard_link(path.ancestors().nth(6).unwrap().join("victim/file"), path).unwrap();
        }),
        ("a pipe", |path, _| {
            assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
        }),
    ];
    for (what, plant) in plants {
        for end in ["", ".part"] {
            let world = with_downloads();
            let victim = victim(&world);
            let (digest, size) = app_blob(&world);
            let path = world.prefix().join(format!("blobs/{digest}{end}"));
            plant(&path, size);
            world.install();
            assert_eq!(fs::read_to_string(victim.join("file")).unwrap(), "theirs\n", "{what}{end}");
            assert_eq!(victim.join("file").metadata().unwrap().mode() & 0o777, 0o644);
            world.offgrid_run(&["self", "verify"]).expect(0);
        }
    }
}

#[test]
fn l07_a_good_blob_that_waits_there_is_used() {
    let world = with_downloads();
    let (digest, _) = app_blob(&world);
    let blob = world.depot().join("blob/sha256").join(&digest);
    fs::rename(&blob, world.prefix().join(format!("blobs/{digest}"))).unwrap();
    world.install();
    world.offgrid_run(&["self", "verify"]).expect(0);
}

/// Exchanges files for evil ones and back, again and again, while `work` runs and
/// does not hold `rest`. Evil and good ones are there for equal times, shorter and
/// longer ones: an attacker who always hits keeps everything from going through,
/// and then there is nothing to win.
fn racing(rest: &Mutex<()>, paths: impl Fn() -> Vec<PathBuf> + Sync, work: impl FnOnce()) -> usize {
    let (stop, swaps) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for pause in [0, 50, 300, 2_000, 10_000, 30_000].into_iter().cycle() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let pause = || std::thread::sleep(Duration::from_micros(pause));
                let guard = rest.lock().unwrap();
                let swapped: Vec<Swapped> = paths().iter().filter_map(|p| swap(p)).collect();
                swaps.fetch_add(swapped.len(), Ordering::Relaxed);
                pause();
                drop(swapped);
                drop(guard);
                pause();
            }
        });
        let _ends = Ends(&stop);
        work();
    });
    swaps.into_inner()
}

/// Ends the racer, also when a test fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A file that is another one until this goes.
struct Swapped {
    path: PathBuf,
    kept: PathBuf,
}

impl Drop for Swapped {
    fn drop(&mut self) {
        // It may have been taken away; then nothing of it stays.
        if self.path.exists() {
            let _ = fs::rename(&self.kept, &self.path);
        }
        let _ = fs::remove_file(&self.kept);
    }
}

/// As large as the file, and another one.
fn swap(path: &Path) -> Option<Swapped> {
    let name = path.file_name().unwrap().to_string_lossy();
    let [evil, kept] = ["evil", "kept"].map(|end| path.with_file_name(format!("{name}.{end}~")));
    let size = path.symlink_metadata().ok().filter(fs::Metadata::is_file)?.len();
    fs::write(&evil, b"#!/bin/sh\ntouch owned\n").ok()?;
    fs::OpenOptions::new().write(true).open(&evil).ok()?.set_len(size).ok()?;
    fs::rename(path, &kept).ok()?;
    let swapped = Swapped { path: path.to_owned(), kept };
    fs::rename(&evil, path).ok().map(|()| swapped)
}

const RACE: Duration = Duration::from_secs(6);

/// What is in the slot is what was signed for, whatever happened on the way.
fn right(folder: &Path, receipt: &Path) {
    let receipt: Value = serde_json::from_slice(&fs::read(receipt).unwrap()).unwrap();
    let name = folder.file_name().unwrap().to_str().unwrap();
    let files = receipt["slots"][name]["files"].as_object().unwrap();
    assert!(files.len() > 3);
    for (path, file) in files {
        let found = Digest::of(&fs::read(folder.join(path)).unwrap());
        assert_eq!(found.to_string(), file["sha256"].as_str().unwrap(), "{path}");
    }
}

/// Ends well or refuses; both are fine, other bytes are not.
fn fine(outcome: &Outcome) -> bool {
    assert!([0, 1, 4, 5].contains(&outcome.code), "{outcome:?}");
    outcome.code == 0
}

#[test]
fn l07_a_racer_that_swaps_the_files_of_an_old_slot_never_wins() {
    let world = World::new();
    world.install();
    world.publish_newer();
    // Not what the gate runs: that would notice by itself.
    let old = slot(&world.prefix(), "0.1.0");
    let files = ["llama/libnote.so.1", "llama/doc/README with space.txt", "probe/probe.gguf"];
    let depot = world.path("again");
    base::copy_tree(&base::folder().join("depot-1"), &depot);
    let (until, mut tried, mut done) = (Instant::now() + RACE, 0, 0);
    let rest = Mutex::new(());
    let list = || files.map(|file| old.join(file)).to_vec();
    let swaps = racing(&rest, list, || {
        while Instant::now() < until || (done == 0 && tried < 50) {
            tried += 1;
            let updated = fine(&world.offgrid_run(&["update", "--yes", "--json"]));
            let _guard = rest.lock().unwrap();
            if updated {
                done += 1;
                let new = slot(&world.prefix(), "0.2.0");
                right(&new, &world.prefix().join("state/receipt.json"));
            }
            // An installation of 0.1.0, whatever there was.
            fs::remove_dir_all(world.prefix()).unwrap();
            fs::remove_file(world.offgrid()).unwrap();
            world.run_from(depot.to_str().unwrap(), &["install", "--yes"]).expect(0);
        }
    });
    eprintln!("{swaps} swaps, {tried} updates, {done} of them done, none with other bytes");
    assert!(swaps > 100 && done > 0);
}

#[test]
fn l07_a_racer_that_swaps_downloads_never_wins() {
    let world = World::new();
    let blobs = world.prefix().join("blobs");
    let list = || {
        let entries = fs::read_dir(&blobs).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path());
        paths.filter(|path| !path.to_string_lossy().ends_with('~')).collect()
    };
    let (until, mut tried, mut done) = (Instant::now() + RACE, 0, 0);
    let swaps = racing(&Mutex::new(()), list, || {
        while Instant::now() < until || (done == 0 && tried < 50) {
            tried += 1;
            let mut command = world.command(world.setup());
            command.env("OFFGRID_SETUP_SOURCE", world.depot());
            let outcome = finish({
                command.args(["install", "--yes", "--json", "--model", "tiny"]);
                command
            });
            if fine(&outcome) {
                done += 1;
                let (new, receipt) =
                    (slot(&world.prefix(), "0.1.0"), world.prefix().join("state/receipt.json"));
                right(&new, &receipt);
                let receipt: Value = serde_json::from_slice(&fs::read(receipt).unwrap()).unwrap();
                let model = fs::read(world.models().join("tiny.gguf")).unwrap();
                let text = receipt["models"].to_string();
                assert!(text.contains(&Digest::of(&model).to_string()), "another model");
            }
            let _ = fs::remove_dir_all(world.prefix());
            let _ = fs::remove_dir_all(world.home().join(".offgrid-llm"));
            let _ = fs::remove_file(world.offgrid());
        }
    });
    eprintln!("{swaps} swaps, {tried} installs, {done} of them done, none with other bytes");
    assert!(swaps > 100 && done > 0);
}

#[test]
fn l07_work_is_done_in_a_private_folder_of_the_prefix_and_nowhere_else() {
    let world = World::new();
    let (temp, before) = (world.path("temp"), all(&world));
    fs::create_dir(&temp).unwrap();
    let (origin, running) = e2e::process::stalled(&world, &["install", "--yes"], 1000);
    for (name, mode) in [("state", 0o700), ("state/staging", 0o700), ("blobs", 0o700)] {
        let meta = world.prefix().join(name).metadata().unwrap();
        assert_eq!(meta.mode() & 0o7777, mode, "{name}");
        assert_eq!(meta.dev(), world.prefix().metadata().unwrap().dev());
    }
    running.signal("INT");
    drop(origin);
    running.end().expect(130);
    world.run(&["repair", "--yes", "--back"]).expect(0);
    fs::remove_dir(&temp).unwrap();
    before.assert_same(&all(&world));
}

#[test]
fn two_files_of_one_blob_are_both_there() {
    let world = World::newer();
    Forge::of(&world.depot()).parts("app", |parts| {
        let files = parts["files"].as_array_mut().unwrap();
        let app = files.iter().find(|file| file["path"] == "offgrid").unwrap().clone();
        for name in ["second", "third", "fourth", "fifth"] {
            let mut twin = app.clone();
            twin["path"] = name.into();
            files.push(twin);
        }
    });
    world.install();
    world.offgrid_run(&["self", "verify"]).expect(0);
}
