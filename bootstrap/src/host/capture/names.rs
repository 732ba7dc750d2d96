//! Names of somebody or something in a capture, and what stands for them: the
//! same for the same everywhere, so that files still speak of each other. Pure.

use super::super::Host;
use super::super::captured::{DevNode, User};
use super::super::linux;
use super::super::tree::Looks;
use super::is_deciding;

/// Folders of a system whose names are everybody's. Below others, every name but
/// those of [`PARTS`] and of libraries is replaced.
const SYSTEM: [&str; 22] = [
    "/.dockerenv",
    "/.setup",
    "/Windows/System32",
    "/bin",
    "/dev",
    "/etc",
    "/gnu/store",
    "/lib",
    "/lib32",
    "/lib64",
    "/nix/store",
    "/opt/amdgpu",
    "/opt/rocm",
    "/proc",
    "/run/.containerenv",
    "/run/current-system",
    "/run/opengl-driver",
    "/run/openrc",
    "/run/ostree-booted",
    "/run/systemd",
    "/sbin",
    "/usr",
];
/// Parts of paths that say nothing about anybody.
const PARTS: [&str; 14] = [
    "aarch64-linux-gnu",
    "bin",
    "icd.d",
    "lib",
    "lib64",
    "local",
    "nvidia",
    "opt",
    "share",
    "sys",
    "usr",
    "var",
    "vulkan",
    "x86_64-linux-gnu",
];
/// Groups that systems make; of others the number has to do.
const GROUPS: [&str; 8] =
    ["root", "render", "video", "users", "nvidia", "vglusers", "wheel", "kvm"];
/// Above every cgroup.
const CGROUPS: &str = "/sys/fs/cgroup/";

/// What stands for what.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Ids of cards, by their place.
    cards: Vec<String>,
    /// Parts of paths.
    parts: Vec<String>,
    /// Names of cgroups.
    groups: Vec<String>,
    /// Groups whose numbers matter here: of device nodes.
    pub(super) gids: Vec<u32>,
    /// Users whose numbers matter here.
    uids: Vec<u32>,
    /// PCI ids of the GPUs, as in `10de:2684`.
    pub(super) models: Vec<String>,
}

impl Names {
    pub(super) fn of(looks: &Looks, host: &Host) -> Names {
        let nodes: Vec<DevNode> = looks
            .said
            .get("dev")
            .map(|lines| DevNode::parse_all(&lines.join("\n")))
            .unwrap_or_default();
        Names {
            gids: nodes.iter().map(|node| node.gid).collect(),
            uids: nodes.iter().map(|node| node.uid).chain([0]).collect(),
            models: host.gpus.iter().filter_map(|gpu| gpu.pci.clone()).collect(),
            ..Names::default()
        }
    }

    /// `GPU-0` for the first one that was met.
    pub(super) fn card(&mut self, id: &str) -> String {
        format!("GPU-{}", number(&mut self.cards, id))
    }

    pub(super) fn is_group(&self, name: &str, gid: u32) -> bool {
        GROUPS.contains(&name) && (self.gids.contains(&gid) || ["render", "video"].contains(&name))
    }

    /// Of the numbers only those that rights hang on.
    pub(super) fn user(&self, user: &User) -> User {
        let free = (1000..).find(|uid| !self.uids.contains(uid)).unwrap_or(user.uid);
        let uid = if self.uids.contains(&user.uid) { user.uid } else { free };
        let groups = user.groups.iter().filter(|gid| self.gids.contains(gid));
        User { uid, groups: groups.copied().collect() }
    }

    /// A path of this machine.
    pub(super) fn path(&mut self, path: &str) -> String {
        if let Some(group) = path.strip_prefix(CGROUPS) {
            return CGROUPS.to_owned() + &self.cgroup(group);
        }
        let is_in = |folder: &str| {
            path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if SYSTEM.iter().copied().chain(["/sys"]).any(is_in) {
            return path.to_owned();
        }
        let parts = path.split('/').map(|part| self.part(part));
        parts.collect::<Vec<_>>().join("/")
    }

    fn part(&mut self, part: &str) -> String {
        let known = part.is_empty() || PARTS.contains(&part) || is_deciding(part);
        if known { part.to_owned() } else { format!("x{}", number(&mut self.parts, part)) }
    }

    /// Where a link leads: as it is written, unless a name on the way has to go.
    pub(super) fn link(&mut self, path: &str, target: &str) -> String {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let start = if target.starts_with('/') { "" } else { folder };
        let mut whole: Vec<&str> = start.split('/').filter(|part| !part.is_empty()).collect();
        for part in target.split('/').filter(|part| !part.is_empty() && *part != ".") {
            match part {
                ".." => drop(whole.pop()),
                part => whole.push(part),
            }
        }
        let whole = format!("/{}", whole.join("/"));
        let renamed = self.path(&whole);
        let is_same = renamed == whole && self.path(path) == path;
        if is_same { target.to_owned() } else { renamed }
    }

    /// A group's path: the kind of container is kept, its name is not.
    pub(super) fn cgroup(&mut self, group: &str) -> String {
        group.split('/').map(|part| self.cgroup_part(part)).collect::<Vec<_>>().join("/")
    }

    fn cgroup_part(&mut self, part: &str) -> String {
        const KEPT: [&str; 11] = [
            "",
            "..",
            "memory",
            "memory.max",
            "memory.limit_in_bytes",
            "init.scope",
            "system.slice",
            "user.slice",
            "docker.service",
            "docker",
            "machine.slice",
        ];
        if KEPT.contains(&part) {
            return part.to_owned();
        }
        let number = number(&mut self.groups, part);
        match linux::container_of_cgroup(&format!("0::/{part}")) {
            Some("kubernetes") => format!("kubepods-x{number}"),
            Some("podman") => format!("libpod-x{number}"),
            Some(kind) => format!("{kind}-x{number}"),
            None => format!("x{number}"),
        }
    }
}

/// The place of a word in a list that it joins when it is new.
fn number(list: &mut Vec<String>, word: &str) -> usize {
    list.iter().position(|known| known == word).unwrap_or_else(|| {
        list.push(word.to_owned());
        list.len() - 1
    })
}
