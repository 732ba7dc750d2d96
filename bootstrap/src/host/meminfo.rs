//! Memory of the machine and the limits that cgroups set below it.

use super::Host;
use super::tree::{Tree, plain};

/// Fills in what the machine has, and the smallest limit that holds for this process.
pub(super) fn probe(tree: &Tree, host: &mut Host) {
    host.memory_bytes = tree.text("/proc/meminfo").ok().as_deref().and_then(total);
    let source = if host.memory_bytes.is_some() { "" } else { "no MemTotal in " };
    host.note("memory_bytes", format!("{source}/proc/meminfo"));
    let Ok(cgroup) = tree.text("/proc/self/cgroup").or_else(|_| tree.text("/proc/1/cgroup")) else {
        return;
    };
    let limits = limit_files(&cgroup).into_iter().filter_map(|path| {
        let bytes = limit(&tree.text(&path).ok()?, host.memory_bytes)?;
        Some((bytes, path))
    });
    if let Some((bytes, path)) = limits.min() {
        host.memory_limit = Some(bytes);
        host.note("memory_limit", format!("{bytes} bytes ({})", plain(&path)));
    }
}

impl Host {
    /// The memory that a program here may have: the machine's, or less where a cgroup
    /// says so.
    pub fn usable_memory(&self) -> Option<u64> {
        match (self.memory_bytes, self.memory_limit) {
            (Some(whole), Some(limit)) => Some(whole.min(limit)),
            (whole, limit) => whole.or(limit),
        }
    }
}

/// `MemTotal` of `/proc/meminfo`, in bytes.
pub(super) fn total(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024).filter(|bytes| *bytes > 0)
}

/// A limit file: bytes, or `max`. Version 1 writes a huge number for "none",
/// which is why only limits below the machine's memory count.
pub(super) fn limit(text: &str, total: Option<u64>) -> Option<u64> {
    let bytes: u64 = text.trim().parse().ok()?;
    Some(bytes).filter(|bytes| *bytes < total.unwrap_or(1 << 60))
}

/// The limit files that hold for the process of this `/proc/self/cgroup`: its
/// own and those of every group above it. In a container without a cgroup
/// namespace only the last one, the mount itself, can be seen.
pub(super) fn limit_files(cgroup: &str) -> Vec<String> {
    let mut files = Vec::new();
    for line in cgroup.lines() {
        let mut fields = line.splitn(3, ':');
        let (_, Some(controllers), Some(group)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let (mount, file) = if controllers.is_empty() {
            ("/sys/fs/cgroup", "memory.max")
        } else if controllers.split(',').any(|name| name == "memory") {
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
        } else {
            continue;
        };
        // `/../..` is a group outside our namespace, which we cannot see.
        let group = if group.contains("..") { "" } else { group.trim_end_matches('/') };
        let mut at = Some(group);
        while let Some(here) = at.filter(|_| files.len() < 64) {
            files.push(format!("{mount}{here}/{file}"));
            at = here.rsplit_once('/').map(|(above, _)| above);
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_limits_are_read() {
        assert_eq!(total("MemTotal:       24684092 kB\nMemFree: 1 kB\n"), Some(24684092 * 1024));
        assert_eq!(total("MemTotal: 99999999999999999999 kB"), None);
        assert_eq!(total("MemTotal: 18446744073709551615 kB"), None);
        assert_eq!(total("MemTotal: 0 kB"), None);
        assert_eq!(limit("536870912\n", Some(1 << 30)), Some(536870912));
        assert_eq!(limit("9223372036854771712\n", Some(1 << 30)), None);
        assert_eq!(limit("9223372036854771712\n", None), None);
        assert_eq!(limit("max\n", Some(1 << 30)), None);
    }

    #[test]
    fn a_limit_below_the_machine_s_memory_is_what_programs_may_have() {
        let of = |memory_bytes, memory_limit| {
            Host { memory_bytes, memory_limit, ..Host::default() }.usable_memory()
        };
        assert_eq!(of(Some(8), Some(2)), Some(2));
        assert_eq!(of(Some(8), Some(9)), Some(8));
        assert_eq!(of(Some(8), None), Some(8));
        assert_eq!(of(None, Some(2)), Some(2), "a limit is known where nothing else is");
        assert_eq!(of(None, None), None);
    }

    #[test]
    fn every_group_above_counts() {
        assert_eq!(
            limit_files("0::/a.slice/b.scope\n"),
            [
                "/sys/fs/cgroup/a.slice/b.scope/memory.max",
                "/sys/fs/cgroup/a.slice/memory.max",
                "/sys/fs/cgroup/memory.max"
            ]
        );
        assert_eq!(
            limit_files("9:name=systemd:/x\n4:cpu,memory:/\nbroken\n0::/../../x\n"),
            ["/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max"]
        );
    }
}
