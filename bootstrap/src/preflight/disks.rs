//! The file systems that an installation touches: where the prefix is, the models and
//! temporary files. Reads what the system says of them; judges nothing.

use super::mounts::{self, Mount};
use crate::host::Tree;
use crate::platform;
use crate::report::units::bytes;
use std::fmt;
use std::path::{Path, PathBuf};

/// One of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Disk {
    /// What is on it: `prefix`, `models`, `temp`.
    pub uses: Vec<String>,
    /// Its kind, `ext4`.
    pub kind: Option<String>,
    /// Bytes that this user may still write.
    pub free: Option<u64>,
    /// Of [`OPTIONS`], those that it is mounted with.
    pub options: Vec<String>,
}

/// What matters of how it is mounted. Others may name people and places.
const OPTIONS: [&str; 5] = ["rw", "ro", "nosuid", "nodev", "noexec"];
/// Of a captured tree: no more lines than places.
const MAX: usize = 8;

/// The file systems of these places, each by its use. Of a captured machine what is
/// written in `.setup/disks`, for its places are not here.
pub(crate) fn of(tree: &Tree, places: &[(&str, &Path)]) -> Vec<Disk> {
    if !tree.is_live() {
        return tree.captured("disks").map(|text| parse(&text)).unwrap_or_default();
    }
    let mounts = mounts::parse(&tree.text("/proc/self/mounts").unwrap_or_default());
    let mut found: Vec<(Key, Disk)> = Vec::new();
    for (name, place) in places {
        let mount = mounts::of(&mounts, &ground(tree, place));
        let id = platform::file_system(place);
        let key = (id, mount.map(|mount| mount.at.clone()));
        match found.iter_mut().find(|(known, _)| key.0.is_some() && *known == key) {
            Some((_, disk)) => disk.uses.push((*name).to_owned()),
            None => found.push((key, disk(name, mount, platform::free_space(place)))),
        }
    }
    found.into_iter().map(|(_, disk)| disk).collect()
}

/// Which file system, and mounted where: one that is mounted twice may forbid more in
/// one of the places.
type Key = (Option<String>, Option<PathBuf>);

/// The nearest folder of a place that is there, without links.
pub(super) fn ground(tree: &Tree, place: &Path) -> PathBuf {
    let names = place.ancestors().filter_map(Path::to_str);
    let real = names.filter_map(|name| tree.canonical(name).ok()).next();
    real.map_or_else(|| place.to_owned(), PathBuf::from)
}

fn disk(name: &str, mount: Option<&Mount>, free: Option<u64>) -> Disk {
    let kind = mount.map(|mount| word(&mount.kind)).filter(|kind| !kind.is_empty());
    let options = mount.map(|mount| known(mount.options.iter().map(String::as_str)));
    Disk { uses: vec![name.to_owned()], kind, free, options: options.unwrap_or_default() }
}

fn known<'a>(options: impl Iterator<Item = &'a str>) -> Vec<String> {
    options.filter(|option| OPTIONS.contains(option)).map(str::to_owned).collect()
}

/// A word that says nothing to a terminal.
fn word(text: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || ".-_".contains(*c);
    text.chars().filter(is_plain).take(32).collect()
}

/// `.setup/disks` of a captured tree: `prefix,models ext4 81920000000 rw,noexec` a line;
/// what is not known is `?`. A line of another shape is left out.
pub fn parse(text: &str) -> Vec<Disk> {
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let (uses, kind, free) = (words.next()?, words.next()?, words.next()?);
        let free = if free == "?" { None } else { Some(free.parse().ok()?) };
        let uses: Vec<String> =
            uses.split(',').map(word).filter(|name| !name.is_empty()).take(MAX).collect();
        let kind = Some(word(kind)).filter(|kind| !kind.is_empty());
        let options = known(words.next().unwrap_or_default().split(','));
        (!uses.is_empty()).then_some(Disk { uses, kind, free, options })
    };
    text.lines().filter_map(line).take(MAX).collect()
}

/// A line of `.setup/disks`.
impl fmt::Display for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let free = self.free.map_or_else(|| "?".to_owned(), |free| free.to_string());
        let kind = self.kind.as_deref().unwrap_or("?");
        write!(f, "{} {kind} {free} {}", self.uses.join(","), self.options.join(","))
    }
}

impl Disk {
    /// Whether it is the one of this use.
    pub fn is_for(&self, name: &str) -> bool {
        self.uses.iter().any(|one| one == name)
    }

    /// As people read it.
    pub fn line(&self) -> String {
        let free = self.free.map_or_else(|| "unknown".to_owned(), bytes);
        let mut line = format!("{free} free for {}", self.uses.join(", "));
        line.extend(self.kind.iter().map(|kind| format!(" ({kind})")));
        let has = |option: &str| self.options.iter().any(|one| one == option);
        line.extend(has("ro").then_some(", read-only"));
        line.extend(has("noexec").then_some(", no programs (noexec)"));
        line
    }

    /// As evidence.
    pub fn evidence(&self) -> String {
        let kind = self.kind.as_deref().unwrap_or("of unknown kind");
        let free = self
            .free
            .map_or_else(|| "unknown room".to_owned(), |free| format!("{free} bytes free"));
        let options = if self.options.is_empty() {
            String::new()
        } else {
            format!(", {}", self.options.join(","))
        };
        format!("{}: {kind}, {free}{options}", self.uses.join(", "))
    }

    /// As a mount of this place, whatever it was called on its own machine.
    pub(super) fn mount(&self, at: &Path) -> Mount {
        let kind = self.kind.clone().unwrap_or_default();
        Mount { at: at.to_owned(), kind, options: self.options.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_capture_are_read_as_they_are_written() {
        let text = "prefix,models ext4 81920000000 rw\ntemp tmpfs ? rw,nosuid,noexec\n";
        let disks = parse(text);
        let again: String = disks.iter().map(|disk| format!("{disk}\n")).collect();
        assert_eq!(again, text);
        assert!(disks[0].is_for("models") && !disks[0].is_for("temp"));
        assert_eq!(disks[0].line(), "81.92 GB free for prefix, models (ext4)");
        assert_eq!(disks[1].line(), "unknown free for temp (tmpfs), no programs (noexec)");
        assert_eq!(disks[0].evidence(), "prefix, models: ext4, 81920000000 bytes free, rw");
        assert_eq!(disks[1].evidence(), "temp: tmpfs, unknown room, rw,nosuid,noexec");
    }

    #[test]
    fn what_is_no_such_line_is_left_out_and_no_option_names_anybody() {
        let of = |text| parse(text).iter().map(Disk::to_string).collect::<Vec<_>>();
        assert!(of("\nprefix\nprefix ext4\nprefix ext4 much rw\n, x 5 rw\n").is_empty());
        assert_eq!(of("models cifs 5 rw,username=alice,ro"), ["models cifs 5 rw,ro"]);
        assert_eq!(of("a ? ? x"), ["a ? ? "]);
        assert_eq!(of("\u{1b}[2J\u{7}a b\u{1b} 5"), ["2Ja b 5 "]);
        assert_eq!(of(&"a b 1 rw\n".repeat(99)).len(), MAX);
    }

    #[test]
    fn places_of_this_machine_that_share_a_file_system_stand_in_one_line() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a/not/there"), dir.path().join("b"));
        let disks = of(&Tree::live(), &[("prefix", &a), ("models", &b)]);
        assert_eq!(disks.len(), 1, "{disks:?}");
        assert_eq!(disks[0].uses, ["prefix", "models"]);
        assert!(disks[0].free.is_some(), "{disks:?}");
    }
}
