//! What a command really asked of the system, call by call, with its threads and
//! without the programs that it starts.

use crate::Outcome;
use crate::cut::under_strace;
use crate::world::finish;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Everything that can change a file, make a change durable, or say which file a
/// descriptor is of.
const CALLS: &str = "open,openat,creat,close,dup,dup2,dup3,fcntl,lseek,write,pwrite64,writev,\
                     pwritev,pwritev2,ftruncate,truncate,fallocate,copy_file_range,sendfile,splice,\
                     ioctl,mmap,rename,renameat,renameat2,mkdir,mkdirat,unlink,unlinkat,rmdir,\
                     symlink,symlinkat,link,linkat,chmod,fchmod,fchmodat,chown,fchown,lchown,\
                     fchownat,setxattr,fsetxattr,fsync,fdatasync,sync,syncfs,sync_file_range,\
                     clone,clone3,io_uring_setup";

/// So many bytes of a write are in the log; the rest is found in the file.
pub const SHOWN: usize = 16 * 1024;

/// One call that has ended.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its name.
    pub name: String,
    /// As strace writes them.
    pub args: Vec<String>,
    /// What it returned; negative when it failed.
    pub result: i64,
    /// The line in which it began, and the one in which it ended.
    pub lines: (usize, usize),
}

impl Call {
    /// A number or an octal mode.
    pub fn number(&self, arg: usize) -> i64 {
        number(&self.args[arg]).unwrap_or_else(|| panic!("no number: {self:?}"))
    }

    /// As [`Call::number`], where there may be none.
    pub fn number_or(&self, arg: usize) -> Option<i64> {
        number(self.args.get(arg)?)
    }

    /// A string, and whether it is only the beginning of it.
    pub fn bytes(&self, arg: usize) -> (Vec<u8>, bool) {
        let text = &self.args[arg];
        let (inner, rest) = text
            .strip_prefix('"')
            .and_then(|text| text.split_once('"'))
            .unwrap_or_else(|| panic!("no string: {self:?}"));
        let digit = |c: u8| if c <= b'9' { c - b'0' } else { c - b'a' + 10 };
        // `\x41\x42`: strace -xx.
        let pairs = inner.as_bytes().chunks_exact(4);
        (pairs.map(|c| digit(c[2]) * 16 + digit(c[3])).collect(), rest == "...")
    }

    /// A path.
    pub fn path(&self, arg: usize) -> PathBuf {
        use std::os::unix::ffi::OsStringExt;
        PathBuf::from(std::ffi::OsString::from_vec(self.bytes(arg).0))
    }

    /// Whether an argument names this flag.
    pub fn has(&self, arg: usize, flag: &str) -> bool {
        self.args.get(arg).is_some_and(|text| text.split('|').any(|word| word.trim() == flag))
    }
}

fn number(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None if text.len() > 1 && text.starts_with('0') => i64::from_str_radix(text, 8).ok(),
        None => text.parse().ok(),
    }
}

/// Runs a command to its end and tells what it asked for, in the order in which
/// the calls ended.
pub fn record(command: &Command, log: &Path) -> (Outcome, Vec<Call>) {
    let (name, shown, trace) = (log.to_str().unwrap(), SHOWN.to_string(), format!("trace={CALLS}"));
    let words = ["-xx", "-s", &shown, "-o", name, "-e", &trace];
    let outcome = finish(under_strace(command, &words));
    let text = fs::read_to_string(log).unwrap();
    fs::remove_file(log).unwrap();
    (outcome, parse(&text))
}

/// The calls of the first process of a log and of its threads. A child that has
/// not yet become another program may change no file.
pub fn parse(text: &str) -> Vec<Call> {
    let mut open: BTreeMap<u32, (usize, &str)> = BTreeMap::new();
    let mut all: Vec<(u32, Call)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let (thread, rest) = (thread.parse().unwrap(), rest.trim_start());
        if let Some(begun) = rest.strip_suffix("<unfinished ...>") {
            open.insert(thread, (number, begun));
        } else if rest.starts_with("<...") {
            let Some((from, begun)) = open.remove(&thread) else { continue };
            let end = rest.split_once(" resumed>").unwrap().1;
            all.extend(call(&format!("{begun}{end}"), (from, number)).map(|call| (thread, call)));
        } else {
            all.extend(call(rest, (number, number)).map(|call| (thread, call)));
        }
    }
    let Some((first, _)) = all.first() else { return Vec::new() };
    let mut ours = BTreeSet::from([*first]);
    for (_, call) in all.iter().filter(|(_, call)| call.name.starts_with("clone")) {
        if call.args.iter().any(|arg| arg.contains("CLONE_THREAD")) {
            ours.extend(u32::try_from(call.result));
        }
    }
    let (ours, others): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(thread, _)| ours.contains(thread));
    let harmless = ["close", "dup", "dup2", "dup3", "fcntl", "ioctl", "lseek", "mmap", "write"];
    for (_, call) in &others {
        let opens = call.name == "openat" && !call.has(2, "O_CREAT") && !call.has(2, "O_TRUNC");
        assert!(opens || harmless.contains(&call.name.as_str()), "a child changes files: {call:?}");
    }
    let mut calls: Vec<Call> = ours.into_iter().map(|(_, call)| call).collect();
    // A number is free for another thread's file as soon as its closing has begun.
    calls.sort_by_key(|call| if call.name == "close" { call.lines.0 } else { call.lines.1 });
    calls
}

/// `name(args) = result more`; `None` for what is no call, and for one of which
/// the end was not seen.
fn call(text: &str, lines: (usize, usize)) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    if name.is_empty() || !name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_') {
        return None;
    }
    let (mut args, mut depth, mut from, mut quoted) = (Vec::new(), 0, 0, false);
    for (at, c) in rest.bytes().enumerate() {
        match c {
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'(' | b'{' | b'[' => depth += 1,
            b')' if depth == 0 => {
                args.push(rest[from..at].trim().to_owned());
                let result = rest[at + 1..].trim_start().strip_prefix('=')?.trim_start();
                let result = result.split([' ', '(']).next().unwrap();
                let name = name.to_owned();
                return Some(Call { name, args, result: number(result)?, lines });
            }
            b')' | b'}' | b']' => depth -= 1,
            b',' if depth == 0 => {
                args.push(rest[from..at].trim().to_owned());
                from = at + 1;
            }
            _ => {}
        }
    }
    None
}
