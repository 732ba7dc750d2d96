//! A command that is watched while it runs: how much memory it ever had, and how
//! much a folder ever held.

use crate::Outcome;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// What was the most.
#[derive(Debug, Clone, Copy, Default)]
pub struct Peak {
    /// Of memory, in bytes.
    pub memory: u64,
    /// Of the folder, in bytes.
    pub disk: u64,
}

/// Runs a command to its end and watches it and a folder.
pub fn watched(mut command: Command, folder: &Path) -> (Outcome, Peak) {
    let line = format!("{command:?}");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let id = child.id();
    let ended = thread::spawn(move || child.wait_with_output().unwrap());
    let mut peak = Peak::default();
    // Not waiting for anything: this is how often is looked.
    while !ended.is_finished() {
        peak.memory = peak.memory.max(memory_of(id));
        peak.disk = peak.disk.max(size_of(folder));
        thread::sleep(Duration::from_millis(3));
    }
    assert!(peak.memory > 0, "nothing was seen of {line}");
    (Outcome::new(line, ended.join().unwrap()), peak)
}

/// The most memory that a process had so far (proc(5): VmHWM).
fn memory_of(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// The bytes of all files in a folder. What goes away meanwhile counts nothing.
fn size_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.path().symlink_metadata() {
        Ok(meta) if meta.is_dir() => size_of(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
