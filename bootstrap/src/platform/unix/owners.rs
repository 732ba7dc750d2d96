//! Who owns what, and who could change it under our hands (reference/trust.md
//! L8, L9). Looks, and says it in words that follow a name.

use super::read_link;
use crate::disk;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Our link to our folder is fine, when the way to that folder is safe too: so
/// people move a prefix to another disk. A link to a file is not.
pub(crate) fn foreign(path: &Path) -> Option<String> {
    let meta = match look(path) {
        Ok(meta) => meta?,
        Err(why) => return Some(why),
    };
    if let Some(why) = other_owner(&meta) {
        return Some(why);
    }
    if !meta.is_symlink() {
        return None;
    }
    match path.metadata() {
        Ok(meta) if meta.is_dir() => {
            let target = path.parent()?.join(read_link(path)?);
            let foreign = other_owner(&meta).map(|why| leads_to(&target, &why));
            foreign.or_else(|| unsafe_way(&target, Sticky::Fine, LINKS))
        }
        Ok(_) => Some("is a link, where only a file of its own is taken".to_owned()),
        Err(error) => Some(format!("is a link that leads nowhere ({error})")),
    }
}

/// Inside a prefix all is made by us, so a link was put there by somebody, and a
/// folder that others may write to was there before us.
pub(crate) fn planted(path: &Path) -> Option<String> {
    let meta = match look(path) {
        Ok(meta) => meta?,
        Err(why) => return Some(why),
    };
    if let Some(why) = other_owner(&meta) {
        return Some(why);
    }
    if meta.is_symlink() {
        return Some("is a link, and nothing that this program makes there is one".to_owned());
    }
    if meta.is_dir() { open_to(&meta) } else { None }
}

/// Sticky folders are fine: nobody but the owners may exchange what is in them.
pub(crate) fn writable_by_others(folder: &Path) -> Option<String> {
    writable(folder, Sticky::Fine, LINKS)
}

/// As [`writable_by_others`], and a sticky folder is not fine: what is to hold for
/// everybody does not lie where everybody may put things.
pub(crate) fn writable_by_any_other(folder: &Path) -> Option<String> {
    writable(folder, Sticky::Open, LINKS)
}

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
fn writable(folder: &Path, sticky: Sticky, links: u8) -> Option<String> {
    let meta = match look(folder) {
        Ok(meta) => meta?,
        Err(why) => return Some(why),
    };
    let us = rustix::process::geteuid().as_raw();
    let owner = meta.uid();
    if owner != 0 && owner != us && !(owner == OVERFLOW_UID && in_a_user_namespace()) {
        return Some(format!("belongs to user {owner}, who could exchange what is in it"));
    }
    if meta.is_symlink() {
        let Some(fewer) = links.checked_sub(1) else {
            return Some("is a link to a link to a link, and so on".to_owned());
        };
        let target = folder.parent()?.join(read_link(folder)?);
        return unsafe_way(&target, sticky, fewer);
    }
    if sticky == Sticky::Fine && meta.mode() & 0o1000 != 0 {
        return None;
    }
    open_to(&meta)
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
fn unsafe_way(target: &Path, sticky: Sticky, links: u8) -> Option<String> {
    target.ancestors().find_map(|path| Some(leads_to(path, &writable(path, sticky, links)?)))
}

fn leads_to(path: &Path, why: &str) -> String {
    format!("leads to `{}`, which {why}", path.display())
}

/// Not of what a link leads to; nothing when nothing is there.
fn look(path: &Path) -> Result<Option<Metadata>, String> {
    match path.symlink_metadata() {
        Ok(meta) => Ok(Some(meta)),
        Err(error) if disk::is_absent(&error) => Ok(None),
        Err(error) => Err(format!("cannot be looked at ({error})")),
    }
}

fn other_owner(meta: &Metadata) -> Option<String> {
    let (owner, us) = (meta.uid(), rustix::process::geteuid().as_raw());
    (owner != us).then(|| format!("belongs to user {owner}, and this command runs as user {us}"))
}
