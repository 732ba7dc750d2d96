//! Who runs this, and what may be used.

use std::fs;
use std::os::unix::fs::MetadataExt;

pub(crate) fn user() -> Option<(u32, Vec<u32>)> {
    let mut groups: Vec<u32> =
        rustix::process::getgroups().ok()?.into_iter().map(rustix::fs::Gid::as_raw).collect();
    groups.push(rustix::process::getegid().as_raw());
    Some((rustix::process::geteuid().as_raw(), groups))
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
