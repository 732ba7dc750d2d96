//! Slots: how a file of an earlier one comes into a new one.

mod kept;

use e2e::room::Room;
use e2e::world::finish;
use e2e::{Forge, Outcome, World, base, cut};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const MIB: u64 = 1 << 20;
const ENGINE: &str = "llama/llama-server";

/// The name of the slot of this release.
fn name(version: &str) -> String {
    format!("{version}+{}-{}-cpu", std::env::consts::OS, std::env::consts::ARCH)
}

fn file(prefix: &Path, version: &str, path: &str) -> Metadata {
    prefix.join("versions").join(name(version)).join(path).symlink_metadata().unwrap()
}

/// Whether both slots have one file there, and how many names it has.
fn shared(prefix: &Path, path: &str) -> (bool, u64) {
    let (old, new) = (file(prefix, "0.1.0", path), file(prefix, "0.2.0", path));
    ((old.dev(), old.ino()) == (new.dev(), new.ino()), new.nlink())
}

const FOR_ALL: [&str; 3] = ["--yes", "--json", "--system"];

/// An installation for everybody in a room of its own.
struct Everybody {
    world: World,
    room: Room,
}

impl Everybody {
    /// With 0.1.0; 0.2.0 is offered. `Err` says why there can be none here.
    fn new(options: &str) -> Result<Everybody, String> {
        let world = World::new();
        let room = Room::for_everybody(options)?;
        let this = Everybody { world, room };
        this.run(&["install"]).expect(0);
        this.world.publish_newer();
        Ok(this)
    }

    /// The prefix, seen from here.
    fn prefix(&self) -> PathBuf {
        self.room.home().join("offgrid")
    }

    fn run(&self, words: &[&str]) -> Outcome {
        let mut command = self.room.command(&self.world, self.world.setup());
        command.args(words).args(FOR_ALL);
        finish(command)
    }

    /// While every call of this kind fails with this error.
    fn failing(&self, words: &[&str], call: &str, error: &str) -> Outcome {
        let mut command = self.room.command(&self.world, "strace");
        let trace = format!("trace={call}");
        let inject = format!("inject={call}:error={error}");
        command.args(["-f", "-b", "execve", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject]);
        command.arg(self.world.setup()).args(words).args(FOR_ALL);
        finish(command)
    }
}

/// Lets the test end where there can be no room, and says why.
macro_rules! everybody {
    ($options:expr) => {
        match Everybody::new($options) {
            Ok(everybody) => everybody,
            Err(why) => {
                eprintln!("skipped: no installation for everybody here: {why}");
                return;
            }
        }
    };
}

#[test]
fn an_installation_for_everybody_links_what_both_releases_have() {
    let all = everybody!("size=120m,mode=755");
    // Somebody changed the bits of one: it gets a file of its own, with the right ones.
    let odd = all.prefix().join("versions").join(name("0.1.0")).join("llama/libnote.so.1");
    base::set_mode(&odd, 0o600);
    all.run(&["update"]).expect(0);
    assert_eq!(shared(&all.prefix(), ENGINE), (true, 2));
    assert_eq!(shared(&all.prefix(), "probe/probe.gguf"), (true, 2));
    assert_eq!(shared(&all.prefix(), "llama/libnote.so.1"), (false, 1));
    assert_eq!(file(&all.prefix(), "0.2.0", "llama/libnote.so.1").mode() & 0o7777, 0o644);
    base::set_mode(&odd, 0o644);
    all.run(&["verify"]).expect(0);
    // What goes with one name is still there under the other.
    let mut forge = Forge::of(&all.world.depot());
    forge.another_release("0.4.0");
    all.run(&["update"]).expect(0);
    assert!(!all.prefix().join("versions").join(name("0.1.0")).exists());
    all.run(&["verify"]).expect(0);
    all.run(&["uninstall"]).expect(0);
    assert!(!all.prefix().exists());
}

#[test]
fn without_hard_links_everybody_gets_copies() {
    if let Some(why) = cut::why_not() {
        eprintln!("skipped: no call can be made to fail here: {why}");
        return;
    }
    for error in ["EPERM", "EXDEV"] {
        let all = everybody!("size=120m,mode=755");
        all.failing(&["update"], "linkat", error).expect(0);
        assert_eq!(shared(&all.prefix(), ENGINE), (false, 1), "{error}");
        all.run(&["verify"]).expect(0);
    }
}

#[test]
fn a_linked_file_that_is_damaged_is_made_anew_in_both_slots() {
    let all = everybody!("size=120m,mode=755");
    all.run(&["update"]).expect(0);
    let engine = all.prefix().join("versions").join(name("0.1.0")).join(ENGINE);
    let mut bytes = fs::read(&engine).unwrap();
    bytes[1000] ^= 1;
    fs::write(&engine, bytes).unwrap();
    let events = all.run(&["verify"]).expect_error(1, "E_STATE").events();
    assert_eq!(events.iter().filter(|event| event["event"] == "problem").count(), 2);
    all.run(&["repair"]).expect(0);
    all.run(&["verify"]).expect(0);
    assert_eq!(shared(&all.prefix(), ENGINE), (false, 1));
    // New files, never through a link: also of what another slot has.
    fs::remove_file(all.prefix().join("versions").join(name("0.1.0")).join("app/VERSION")).unwrap();
    all.run(&["repair"]).expect(0);
    assert_eq!(shared(&all.prefix(), ENGINE), (false, 1));
}

#[test]
fn a_user_never_has_one_file_in_two_slots() {
    let world = World::new();
    world.install();
    world.publish_newer();
    world.run(&["update", "--yes"]).expect(0);
    let slots = world.prefix().join("versions");
    for slot in fs::read_dir(slots).unwrap() {
        let mut folders = vec![slot.unwrap().path()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let meta = path.symlink_metadata().unwrap();
                if meta.is_dir() {
                    folders.push(path);
                } else {
                    assert_eq!(meta.nlink(), 1, "{}", path.display());
                }
            }
        }
    }
    assert_eq!(shared(&world.prefix(), ENGINE), (false, 1));
}

/// A folder on a file system with clones.
fn cloning() -> Result<tempfile::TempDir, String> {
    let mut why = Vec::new();
    for parent in [base::folder().to_owned(), std::env::temp_dir(), "/dev/shm".into()] {
        let dir = tempfile::tempdir_in(&parent).unwrap();
        fs::write(dir.path().join("a"), vec![1; 65536]).unwrap();
        let mut command = Command::new("cp");
        command.arg("--reflink=always").args(["a", "b"]).current_dir(dir.path());
        match command.output() {
            Ok(output) if output.status.success() => return Ok(dir),
            Ok(output) => why.push(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => why.push(error.to_string()),
        }
    }
    Err(why.join("; "))
}

#[test]
fn where_files_can_be_cloned_a_user_gets_clones() {
    let folder = match cloning() {
        Ok(folder) => folder,
        Err(why) => {
            eprintln!("skipped: no file system with clones here: {why}");
            return;
        }
    };
    let world = World::new();
    let prefix = folder.path().join("offgrid");
    let run = |words: &[&str]| {
        let more = ["--yes", "--json", "--prefix", prefix.to_str().unwrap()];
        world.run(&[words, &more[..]].concat())
    };
    run(&["install"]).expect(0);
    world.publish_newer();
    run(&["update"]).expect(0);
    assert_eq!(shared(&prefix, ENGINE), (false, 1));
    let engine = prefix.join("versions").join(name("0.2.0")).join(ENGINE);
    let extents = Command::new("filefrag").arg("-v").arg(engine).output().unwrap();
    let text = String::from_utf8_lossy(&extents.stdout).into_owned();
    assert!(text.contains("shared"), "{text}");
    run(&["uninstall"]).expect(0);
}

#[test]
fn what_is_linked_needs_no_room_and_what_is_copied_does() {
    let all = everybody!("size=120m,mode=755");
    let plan = all.run(&["plan"]).expect(0).events().pop().unwrap();
    let (disk, reused) = (&plan["disk_bytes"], &plan["reused_bytes"]);
    assert!(disk.as_u64().unwrap() < MIB && reused.as_u64().unwrap() > MIB, "{plan}");
    let filler = all.room.home().join("filler");
    let size = usize::try_from(all.room.free() - 2 * MIB).unwrap();
    fs::write(&filler, vec![0; size]).unwrap();
    all.run(&["update"]).expect(0);
    all.run(&["verify"]).expect(0);

    // A copy costs its size, and that is said before anything is touched.
    let world = World::new();
    let room = match Room::over(&world, "size=120m,mode=755") {
        Ok(room) => room,
        Err(why) => {
            eprintln!("skipped: no small disk here: {why}");
            return;
        }
    };
    let run = |words: &[&str]| {
        let mut command = room.command(&world, world.setup());
        command.args(words).args(["--yes", "--json"]);
        finish(command)
    };
    run(&["install"]).expect(0);
    world.publish_newer();
    let plan = run(&["plan"]).expect(0).events().pop().unwrap();
    assert!(plan["disk_bytes"].as_u64() >= plan["reused_bytes"].as_u64(), "{plan}");
    let filler = room.home().join("filler");
    let size = usize::try_from(room.free() - 2 * MIB).unwrap();
    fs::write(&filler, vec![0; size]).unwrap();
    let refused = run(&["update"]).expect_error(9, "E_NOSPACE");
    let began = refused.events().into_iter().any(|event| event["event"] == "progress");
    assert!(!began, "{refused:?}");
}
