//! Who runs this, and what may be used.

use std::fs;
use std::os::unix::fs::MetadataExt;

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

pub(crate) fn user() -> Option<(u32, Vec<u32>)> {
    let mut groups: Vec<u32> =
        rustix::process::getgroups().ok()?.into_iter().map(rustix::fs::Gid::as_raw).collect();
    groups.push(rustix::process::getegid().as_raw());
    Some((rustix::process::geteuid().as_raw(), groups))
}

/// The name of the user who runs this, by the system's list of users.
pub(crate) fn user_name() -> Option<String> {
    let uid = rustix::process::geteuid().as_raw().to_string();
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let line = users.lines().find(|line| line.split(':').nth(2) == Some(&*uid))?;
    line.split(':').next().map(str::to_owned)
}

pub(crate) fn rights_of(path: &str) -> Option<(u32, u32, u32)> {
    let meta = fs::metadata(path).ok()?;
    Some((meta.mode() & 0o7777, meta.uid(), meta.gid()))
}

pub(crate) fn may_use(path: &str) -> Option<bool> {
    let (uid, _) = user()?;
    let rights = rustix::fs::Access::READ_OK | rustix::fs::Access::WRITE_OK;
    (uid != 0).then(|| rustix::fs::access(path, rights).is_ok())
}

/// The owner and group of a file, never of what a link leads to.
pub(crate) fn owner_of(path: &std::path::Path) -> std::io::Result<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    let is = std::fs::symlink_metadata(path)?;
    Ok((is.uid(), is.gid()))
}
