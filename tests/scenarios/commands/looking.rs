//! `detect` on the machine that runs this: by every call that it makes, it starts no
//! program and writes nothing.

use e2e::world::finish;
use e2e::{World, cut};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Calls that change something on disk, whatever their arguments.
const CHANGES: [&str; 22] = [
    "mkdir",
    "mkdirat",
    "rmdir",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "truncate",
    "ftruncate",
    "chmod",
    "fchmod",
    "fchmodat",
    "chown",
    "fchownat",
    "mknodat",
    "utimensat",
    "fsetxattr",
];
/// Calls that make a process.
const STARTS: [&str; 6] = ["execve", "execveat", "fork", "vfork", "clone", "clone3"];

/// What a line of strace's says that goes beyond looking; the first line, in which
/// the program itself begins, does not count.
fn fault(line: &str) -> Option<String> {
    let call = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
    let (name, arguments) = call.split_once('(')?;
    let changes = CHANGES.contains(&name);
    // A thread is no child.
    let starts = STARTS.contains(&name) && !arguments.contains("CLONE_THREAD");
    let opens = name.starts_with("open") || name == "creat";
    let writes = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND"];
    let opened = opens && writes.iter().any(|flag| arguments.contains(flag));
    (changes || starts || (opened && !arguments.contains("\"/dev/null\""))).then(|| call.to_owned())
}

#[test]
fn detect_starts_no_program_and_writes_nothing() {
    if let Some(why) = cut::why_not() {
        eprintln!("skipped: calls cannot be seen here: {why}");
        return;
    }
    if Path::new("/proc/driver/nvidia").exists() {
        eprintln!("skipped: with a card of NVIDIA's, nvidia-smi is asked");
        return;
    }
    let world = World::new();
    let before = world.snapshot();
    let log = world.path("calls");
    for words in [&["detect"][..], &["detect", "--json"]] {
        let typed = world.command(world.setup());
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-s", "200", "-e", "trace=%file,%process,ftruncate,fchmod"]);
        strace.arg("-o").arg(&log).arg(typed.get_program()).args(words).env_clear();
        strace.envs(typed.get_envs().filter_map(|(name, value)| Some((name, value?))));
        finish(strace).expect(0);
        let text = fs::read_to_string(&log).unwrap();
        assert!(text.contains("/proc/cpuinfo"), "its calls are seen:\n{text}");
        let faults: Vec<String> = text.lines().skip(1).filter_map(fault).collect();
        assert!(faults.is_empty(), "{words:?}: {faults:#?}");
    }
    before.assert_same(&world.snapshot());
}

#[test]
fn what_is_more_than_looking_is_seen() {
    for line in [
        r#"12 execve("/usr/bin/nvidia-smi", ["nvidia-smi"], 0x7 /* 3 vars */) = 0"#,
        "12 vfork() = 13",
        "12 clone(child_stack=NULL, flags=CLONE_VFORK|SIGCHLD) = 13",
        r#"12 openat(AT_FDCWD, "/tmp/x", O_RDWR|O_CREAT, 0600) = 3"#,
        r#"12 mkdir("/tmp/x", 0777) = 0"#,
    ] {
        assert!(fault(line).is_some(), "{line}");
    }
    for line in [
        r#"12 openat(AT_FDCWD, "/proc/cpuinfo", O_RDONLY|O_CLOEXEC) = 3"#,
        "12 clone3({flags=CLONE_VM|CLONE_THREAD}, 88) = 13",
        r#"12 openat(AT_FDCWD, "/dev/null", O_RDWR) = 3"#,
        "12 exit_group(0) = ?",
    ] {
        assert_eq!(fault(line), None, "{line}");
    }
}
