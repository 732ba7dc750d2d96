//! What a captured tree says in `.setup/` because it is in no file elsewhere:
//! `uname`, `dev`, `user`, `libc` and `pagesize`. Pure parsers; reads nothing.

use super::tree::plain;
use super::{Libc, LibcKind};
use std::fmt;

/// `Linux x86_64 6.8.0-45-generic`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uname {
    pub sysname: String,
    pub machine: String,
    pub release: String,
}

/// The user that the service will run as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub uid: u32,
    pub groups: Vec<u32>,
}

/// A device node whose access matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevNode {
    pub path: String,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
}

impl Uname {
    pub fn parse(text: &str) -> Option<Uname> {
        let mut words = text.lines().next()?.split_whitespace().map(plain);
        let (sysname, machine, release) = (words.next()?, words.next()?, words.next()?);
        Some(Uname { sysname, machine, release })
    }
}

impl User {
    /// `1000 1000,44,109`
    pub fn parse(text: &str) -> Option<User> {
        let mut words = text.split_whitespace();
        let uid = words.next()?.parse().ok()?;
        let groups = words.next().unwrap_or("").split(',').filter(|gid| !gid.is_empty());
        let groups = groups.map(str::parse).collect::<Result<_, _>>().ok()?;
        Some(User { uid, groups })
    }
}

/// As it is written in `.setup/user`.
impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups: Vec<String> = self.groups.iter().map(u32::to_string).collect();
        write!(f, "{} {}", self.uid, groups.join(","))
    }
}

/// A line of `.setup/dev`.
impl fmt::Display for DevNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:04o} {} {}", self.path, self.mode & 0o7777, self.uid, self.gid)
    }
}

impl DevNode {
    /// `/dev/kfd 0660 0 109` a line; a line of another shape is left out.
    pub fn parse_all(text: &str) -> Vec<DevNode> {
        text.lines().filter_map(DevNode::parse).collect()
    }

    fn parse(line: &str) -> Option<DevNode> {
        let mut words = line.split_whitespace();
        let path = plain(words.next()?);
        let mode = u32::from_str_radix(words.next()?, 8).ok()?;
        let (uid, gid) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(DevNode { path, mode, uid, gid })
    }
}

/// `glibc 2.35`
pub(super) fn libc(text: &str) -> Option<Libc> {
    let mut words = text.split_whitespace();
    let kind = match words.next()? {
        "glibc" => LibcKind::Glibc,
        "musl" => LibcKind::Musl,
        _ => return None,
    };
    Some(Libc { kind, version: words.next().map(plain) })
}

/// `16384`: bytes, and as every page a power of two.
pub(super) fn page_bytes(text: &str) -> Option<u64> {
    let bytes: u64 = text.trim().parse().ok()?;
    Some(bytes).filter(|bytes| bytes.is_power_of_two() && (4 << 10..=1 << 20).contains(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_powers_of_two() {
        assert_eq!(page_bytes("16384\n"), Some(16384));
        for bad in ["", "0", "1024", "16385", "-4096", "2097152", "4 KiB"] {
            assert_eq!(page_bytes(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_files_of_a_capture_are_read() {
        let uname = Uname::parse("Windows AMD64 10.0.22631\n").unwrap();
        assert_eq!((uname.sysname.as_str(), uname.machine.as_str()), ("Windows", "AMD64"));
        assert_eq!(uname.release, "10.0.22631");
        assert_eq!(Uname::parse("Linux x86_64"), None);
        assert_eq!(User::parse("1000 44,109"), Some(User { uid: 1000, groups: vec![44, 109] }));
        assert_eq!(User::parse("0\n"), Some(User { uid: 0, groups: vec![] }));
        assert_eq!(User::parse("root root"), None);
        let nodes = DevNode::parse_all("/dev/kfd 0660 0 109\nnonsense\n/dev/x 0999 0 0\n");
        assert_eq!(nodes.len(), 1);
        assert_eq!((nodes[0].mode, nodes[0].gid), (0o660, 109));
        assert_eq!(libc("musl 1.2.4\n").unwrap().version.as_deref(), Some("1.2.4"));
        assert_eq!(libc("bionic 1"), None);
    }
}
