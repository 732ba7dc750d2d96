//! Linux facts that stand in small texts: container, WSL, init, Jetson. Pure
//! parsers of what `probe` has read.

use super::Jetson;
use super::tree::plain;

/// The container kind that a `/proc/<pid>/cgroup` names. With a cgroup
/// namespace it names none, so `None` proves nothing.
pub(super) fn container_of_cgroup(cgroup: &str) -> Option<&'static str> {
    let known = [
        ("kubepods", "kubernetes"),
        ("libpod", "podman"),
        ("docker", "docker"),
        ("containerd", "containerd"),
        ("lxc", "lxc"),
    ];
    // A group, not a part of one: `/system.slice/docker.service` is the daemon.
    let groups = || cgroup.lines().filter_map(|line| line.splitn(3, ':').nth(2)).flat_map(parts);
    let named = |word: &str| {
        groups().any(|part| {
            part == word
                || part
                    .strip_prefix(word)
                    .is_some_and(|rest| rest.starts_with(['-', ':', '.']) && rest != ".service")
        })
    };
    known.iter().find(|(word, _)| named(word)).map(|(_, kind)| *kind)
}

fn parts(group: &str) -> impl Iterator<Item = &str> {
    group.split('/').filter(|part| !part.is_empty())
}

/// The container kind in `/run/.containerenv`, which Podman writes.
pub(super) fn container_of_env(text: &str) -> String {
    let engine = text.lines().find_map(|line| line.strip_prefix("engine=\""));
    let name = engine.and_then(|rest| rest.split(['"', '-']).next()).map(plain);
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "podman".to_owned())
}

/// The version of WSL by the kernel's release. Version 1 has a capital M and
/// no `standard`; every Microsoft kernel of version 2 is lower case.
pub(super) fn wsl(osrelease: &str) -> Option<u8> {
    let release = osrelease.trim();
    if release.ends_with("-Microsoft") {
        return Some(1);
    }
    release.to_ascii_lowercase().contains("microsoft").then_some(2)
}

/// The init that a process name of pid 1 stands for. A plain `init` may be
/// several.
pub(super) fn init_of_comm(comm: &str) -> Option<&'static str> {
    match comm.trim() {
        "systemd" => Some("systemd"),
        "openrc-init" => Some("openrc"),
        "runit" => Some("runit"),
        "s6-svscan" => Some("s6"),
        "dinit" => Some("dinit"),
        "procd" => Some("procd"),
        _ => None,
    }
}

/// `# R36 (release), REVISION: 4.7, ...` of `/etc/nv_tegra_release`.
pub(super) fn jetson_of_release(text: &str) -> Option<Jetson> {
    let line = text.lines().find(|line| line.starts_with("# R"))?;
    let major: u32 = line.strip_prefix("# R")?.split_whitespace().next()?.parse().ok()?;
    let revision = line.split("REVISION:").nth(1).and_then(|rest| rest.split(',').next());
    let l4t = match revision.map(plain).filter(|text| !text.is_empty()) {
        Some(revision) => format!("{major}.{revision}"),
        None => major.to_string(),
    };
    let jetpack = match major {
        32 => Some(4),
        34 | 35 => Some(5),
        36 => Some(6),
        38 | 39 => Some(7),
        _ => None,
    };
    Some(Jetson { l4t: Some(l4t), jetpack, model: None })
}

/// Whether `/proc/device-tree/compatible` (names with a NUL behind each) is of
/// an NVIDIA Tegra: JetPack 7 may come without its release file.
pub(super) fn is_tegra(compatible: &str) -> bool {
    compatible.split('\0').any(|name| name.starts_with("nvidia,tegra"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_told_from_the_daemons_that_start_them() {
        let of = container_of_cgroup;
        assert_eq!(of("0::/docker/0123abcd\n"), Some("docker"));
        assert_eq!(of("0::/system.slice/docker-0123.scope\n"), Some("docker"));
        assert_eq!(of("0::/system.slice/docker.service\n"), None);
        assert_eq!(of("1:cpu:/\n0::/kubepods.slice/kubepods-pod1.slice/x\n"), Some("kubernetes"));
        assert_eq!(of("0::/machine.slice/libpod-12.scope/container\n"), Some("podman"));
        assert_eq!(of("0::/user.slice/dockerish\nbroken"), None);
        assert_eq!(container_of_env("engine=\"podman-4.3.1\"\nname=\"x\"\n"), "podman");
        assert_eq!(container_of_env(""), "podman");
    }

    #[test]
    fn wsl_has_two_versions() {
        assert_eq!(wsl("5.15.153.1-microsoft-standard-WSL2\n"), Some(2));
        assert_eq!(wsl("4.4.0-19041-Microsoft"), Some(1));
        assert_eq!(wsl("6.8.0-1015-azure"), None);
    }

    #[test]
    fn jetsons_are_named_by_their_release() {
        let text = "# R36 (release), REVISION: 4.7, GCID: 42132812, BOARD: generic\n";
        let jetson = jetson_of_release(text).unwrap();
        assert_eq!((jetson.l4t.as_deref(), jetson.jetpack), (Some("36.4.7"), Some(6)));
        assert_eq!(jetson_of_release("# R99").unwrap().jetpack, None);
        assert_eq!(jetson_of_release("# Rxx"), None);
        assert!(is_tegra("nvidia,p3768\0nvidia,tegra234\0"));
        assert!(!is_tegra("raspberrypi,5-model-b\0brcm,bcm2712\0"));
        assert_eq!(init_of_comm("systemd\n"), Some("systemd"));
        assert_eq!(init_of_comm("init\n"), None);
    }
}
