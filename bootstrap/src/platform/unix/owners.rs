//! Who owns what, and who could change it under our hands (reference/trust.md
//! L8, L9). Looks, and says it in words that follow a name.

use super::open::LOOP;
use crate::disk;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Our link to our folder is fine, when the way to that folder is safe too: so
/// people move a prefix to another disk. A link to a file is not.
pub(crate) fn foreign(path: &Path) -> io::Result<Option<String>> {
    let Some(meta) = look(path)? else { return Ok(None) };
    let other = other_owner(&meta);
    if other.is_some() || !meta.is_symlink() {
        return Ok(other);
    }
    match path.metadata() {
        Ok(meta) if meta.is_dir() => {
            let target = led_to(path)?;
            match other_owner(&meta) {
                Some(why) => Ok(Some(leads_to(&target, &why))),
                None => unsafe_way(&target, OURS, LINKS),
            }
        }
        Ok(_) => Ok(Some("is a link, where only a file of its own is taken".to_owned())),
        Err(error) if disk::is_absent(&error) || error.raw_os_error() == LOOP => {
            Ok(Some(format!("is a link that leads nowhere ({error})")))
        }
        Err(error) => Err(error),
    }
}

/// Inside a prefix all is made by us, so a link was put there by somebody, and a
/// folder that others may write to was there before us.
pub(crate) fn planted(path: &Path) -> io::Result<Option<String>> {
    let Some(meta) = look(path)? else { return Ok(None) };
    let other = other_owner(&meta);
    if other.is_some() {
        return Ok(other);
    }
    if meta.is_symlink() {
        let why = "is a link, and nothing that this program makes there is one";
        return Ok(Some(why.to_owned()));
    }
    Ok(if meta.is_dir() { open_to(&meta) } else { None })
}

/// Sticky folders are fine: nobody but the owners may exchange what is in them.
pub(crate) fn writable_by_others(folder: &Path) -> io::Result<Option<String>> {
    writable(folder, OURS, LINKS)
}

/// As [`writable_by_others`], and a sticky folder is not fine: what is to hold for
/// everybody does not lie where everybody may put things.
pub(crate) fn writable_by_any_other(folder: &Path) -> io::Result<Option<String>> {
    writable(folder, Law { sticky: Sticky::Open, root_alone: false }, LINKS)
}

/// The file itself and everything on the way to it, links and what they lead to
/// (reference/trust.md L10). In a sticky folder nobody can exchange what is ours, but
/// everybody could put a library beside it: so not the folder that the file is in.
pub(crate) fn exchangeable(path: &Path, root_alone: bool) -> io::Result<Option<String>> {
    for (depth, part) in path.ancestors().enumerate() {
        // Where a link leads is asked about by its own name.
        let near = depth < 2 && look(part)?.is_none_or(|meta| !meta.is_symlink());
        let sticky = if near || root_alone { Sticky::Open } else { Sticky::Fine };
        if let Some(why) = writable(part, Law { sticky, root_alone }, LINKS)? {
            return Ok(Some(format!("`{}` {why}", part.display())));
        }
    }
    Ok(None)
}

/// Whose folders and files are safe.
#[derive(Clone, Copy)]
struct Law {
    sticky: Sticky,
    /// Not this user's own either.
    root_alone: bool,
}

const OURS: Law = Law { sticky: Sticky::Fine, root_alone: false };

/// What the sticky bit means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sticky {
    Fine,
    Open,
}

/// Links in links that are followed.
const LINKS: u8 = 16;
/// Stands in a user namespace for every owner outside: root, as a rule.
pub(super) const OVERFLOW_UID: u32 = 65534;

/// A link counts as its owner's: who owns it can turn it elsewhere, also where
/// the sticky bit keeps everybody else from it.
fn writable(folder: &Path, law: Law, links: u8) -> io::Result<Option<String>> {
    let Some(meta) = look(folder)? else { return Ok(None) };
    let us = rustix::process::geteuid().as_raw();
    let owner = meta.uid();
    let ours = owner == us && !law.root_alone;
    if owner != 0 && !ours && !(owner == OVERFLOW_UID && in_a_user_namespace()) {
        let why = format!("belongs to user {owner}, who could exchange what is in it");
        return Ok(Some(why));
    }
    if meta.is_symlink() {
        let Some(fewer) = links.checked_sub(1) else {
            return Ok(Some("is a link to a link to a link, and so on".to_owned()));
        };
        return unsafe_way(&led_to(folder)?, law, fewer);
    }
    if law.sticky == Sticky::Fine && meta.mode() & 0o1000 != 0 {
        return Ok(None);
    }
    Ok(open_to(&meta))
}

/// To whom beside its owner a folder's bits give the right to change it.
fn open_to(meta: &Metadata) -> Option<String> {
    if meta.mode() & 0o002 != 0 {
        return Some("may be written to by everybody".to_owned());
    }
    let (group, us) = (meta.gid(), rustix::process::geteuid().as_raw());
    // A group with the number of its one member is that user's own.
    let private = group == rustix::process::getegid().as_raw() && group == us;
    (meta.mode() & 0o020 != 0 && !private).then(|| format!("may be written to by group {group}"))
}

/// Whether users of the system beyond this namespace have no number here. Outside
/// of one all have their own, and that of nobody is nobody's alone.
pub(super) fn in_a_user_namespace() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map");
    map.is_ok_and(|map| map.split_whitespace().ne(["0", "0", "4294967295"]))
}

/// What is wrong with a folder that a link leads to, or with one above it.
fn unsafe_way(target: &Path, law: Law, links: u8) -> io::Result<Option<String>> {
    for path in target.ancestors() {
        if let Some(why) = writable(path, law, links)? {
            return Ok(Some(leads_to(path, &why)));
        }
    }
    Ok(None)
}

/// Where a link leads.
fn led_to(link: &Path) -> io::Result<PathBuf> {
    let target = std::fs::read_link(link)?;
    Ok(link.parent().map_or(target.clone(), |folder| folder.join(target)))
}

fn leads_to(path: &Path, why: &str) -> String {
    format!("leads to `{}`, which {why}", path.display())
}

/// Not of what a link leads to; nothing when nothing is there.
fn look(path: &Path) -> io::Result<Option<Metadata>> {
    match path.symlink_metadata() {
        Ok(meta) => Ok(Some(meta)),
        Err(error) if disk::is_absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn other_owner(meta: &Metadata) -> Option<String> {
    let (owner, us) = (meta.uid(), rustix::process::geteuid().as_raw());
    (owner != us).then(|| format!("belongs to user {owner}, and this command runs as user {us}"))
}
