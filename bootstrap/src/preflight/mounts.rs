//! Disks from which no program can be started, and those that nothing can be written to. Reads what `/proc/self/mounts` says
//! (proc(5)); opens nothing.

use super::{Facts, Finding, Word};
use offgrid_manifest::Code;
use std::path::{Path, PathBuf};

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where.
    pub at: PathBuf,
    /// Its kind, `ext4`.
    pub kind: String,
    /// `rw`, `noexec`, ...
    pub options: Vec<String>,
}

/// The lines of `/proc/self/mounts`. A line that is none is left out.
pub(super) fn parse(text: &str) -> Vec<Mount> {
    let line = |line: &str| {
        let mut words = line.split(' ').skip(1);
        let (at, kind, options) = (words.next()?, words.next()?, words.next()?);
        let at = PathBuf::from(unescaped(at));
        let options = options.split(',').map(str::to_owned).collect();
        at.has_root().then(|| Mount { at, kind: kind.to_owned(), options })
    };
    text.lines().filter_map(line).collect()
}

/// Blanks and the like are written as three octal digits behind a backslash.
fn unescaped(word: &str) -> String {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..3).filter(|_| first == b'\\');
        let number = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match number.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => (bytes.push(byte), rest = &after[3..]).1,
            None => (bytes.push(first), rest = after).1,
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The mount that a path is on: the longest that leads to it, of equal ones the latest.
pub(super) fn of<'a>(mounts: &'a [Mount], path: &Path) -> Option<&'a Mount> {
    let leads = mounts.iter().filter(|mount| path.starts_with(&mount.at));
    leads.max_by_key(|mount| mount.at.components().count())
}

pub(super) fn judge(facts: &Facts) -> Option<Finding> {
    let mount = of(&facts.mounts, &facts.ground)?;
    let has = |name: &str| mount.options.iter().any(|option| option == name);
    let (what, how) = match (has("ro"), has("noexec")) {
        (true, _) => ("nothing can be written to", "read-only"),
        (_, true) => ("programs cannot be started from", "with noexec"),
        _ => return None,
    };
    let (prefix, at) = (facts.prefix.display(), mount.at.display());
    let what = format!("{what} `{prefix}`: the disk at `{at}` is mounted {how}");
    let hint = match facts.system {
        true => {
            "name a folder on another disk with --prefix DIR, or install for yourself: \
             `offgrid-setup install --user`"
        }
        false => {
            "name a folder on another disk with --prefix DIR, or install for everybody: \
             `sudo offgrid-setup install --system`"
        }
    };
    Some(Finding::new(Word::Stop(Code::Perm), what, hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
/dev/vda1 / ext4 rw,relatime 0 0
proc /proc proc rw,nosuid,nodev,noexec 0 0
/dev/vdb1 /home ext4 rw,noexec 0 0
tmpfs /home/a\\040b/.local tmpfs rw,noexec,size=4k 0 0
tmpfs /home/a\\040b/.local tmpfs rw 0 0
/dev/vdc1 /home/free ext4 rw 0 0
nonsense
x relative ext4 rw 0 0
";

    fn finding(ground: &str) -> Option<Finding> {
        judge(&Facts {
            prefix: format!("{ground}/p").into(),
            ground: ground.into(),
            mounts: parse(TEXT),
            ..Facts::default()
        })
    }

    #[test]
    fn the_mount_that_a_path_is_on_decides() {
        for (ground, stops) in [
            ("/", false),
            ("/home", true),
            ("/home/u", true),
            ("/homes/u", false),
            ("/home/free/u", false),
            ("/proc", true),
            // The later of two at one place covers the other.
            ("/home/a b/.local/share", false),
            ("/home/a b", true),
        ] {
            assert_eq!(finding(ground).is_some(), stops, "{ground}");
        }
        let finding = finding("/home/u").unwrap();
        assert!(finding.what.contains("`/home`") && finding.what.contains("noexec"), "{finding:?}");
        assert!(finding.hint.unwrap().contains("--system"));
    }

    #[test]
    fn a_disk_that_is_read_only_stops_too() {
        let facts = |system| Facts {
            prefix: "/usr/x".into(),
            ground: "/usr".into(),
            mounts: parse(
                "/dev/a / btrfs ro,relatime 0 0\n/dev/b /home ext4 rw,errors=remount-ro 0 0\n",
            ),
            system,
            ..Facts::default()
        };
        let found = judge(&facts(true)).unwrap();
        assert_eq!(found.word, Word::Stop(Code::Perm));
        assert!(found.what.contains("`/`") && found.what.contains("read-only"), "{found:?}");
        assert!(found.hint.unwrap().contains("install --user"));
        assert!(judge(&facts(false)).unwrap().hint.unwrap().contains("--prefix DIR"));
        assert_eq!(judge(&Facts { ground: "/home/u".into(), ..facts(false) }), None);
    }

    #[test]
    fn names_are_read_as_the_kernel_writes_them() {
        assert_eq!(parse(TEXT).len(), 6);
        assert_eq!(unescaped("a\\040b\\011\\134"), "a b\t\\");
        assert_eq!(unescaped("\\9z\\04"), "\\9z\\04");
        assert_eq!(parse("").len(), 0);
    }
}
