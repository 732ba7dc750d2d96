//! What of a service cannot be confined here, and what holds all the same. Judged by
//! facts alone; [`Facts::read`] is where they come from.
//!
//! The app listens on every address and ends every `llama-server` of its user
//! (reference/app.md 1). A unit of systemd holds the first by a network namespace and,
//! a second time, by rules for addresses; whoever has no such unit needs namespaces
//! that a plain user may make.

use super::Finding;
use crate::host::{Host, Os, Tree};

/// What the confinement of a service depends on; `None`: no file tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Whether systemd has started this system.
    pub systemd: bool,
    /// What runs this system inside itself.
    pub container: Option<String>,
    /// Whether control groups are of version 2 throughout.
    pub cgroup2: Option<bool>,
    /// Whether the kernel can filter the packets of a control group.
    pub packet_filter: Option<bool>,
    /// How many network namespaces there may be.
    pub network_namespaces: Option<u64>,
    /// How many user namespaces there may be.
    pub user_namespaces: Option<u64>,
    /// Debian's switch: whether a plain user may make one.
    pub plain_users: Option<bool>,
    /// Ubuntu's switch: whether AppArmor takes the rights in one away.
    pub apparmor: Option<bool>,
}

impl Facts {
    /// Of a machine; none of another system than Linux.
    pub fn read(tree: &Tree, host: &Host) -> Option<Facts> {
        if host.os != Some(Os::Linux) {
            return None;
        }
        let number = |path: &str| tree.text(path).ok()?.trim().parse::<u64>().ok();
        let switch = |path: &str| number(path).map(|number| number != 0);
        Some(Facts {
            systemd: host.init.as_deref() == Some("systemd"),
            container: host.container.clone(),
            cgroup2: cgroup2(tree),
            packet_filter: packet_filter(tree, host),
            network_namespaces: number("/proc/sys/user/max_net_namespaces"),
            user_namespaces: number("/proc/sys/user/max_user_namespaces"),
            plain_users: switch("/proc/sys/kernel/unprivileged_userns_clone"),
            apparmor: switch("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
        })
    }
}

/// By what is there of either version: of a captured tree most is missing.
fn cgroup2(tree: &Tree) -> Option<bool> {
    let is_there = |name: &str| tree.exists(&format!("/sys/fs/cgroup/{name}"));
    if is_there("cgroup.controllers") {
        return Some(true);
    }
    ["systemd", "memory"].into_iter().any(is_there).then_some(false)
}

/// By the kernel's own configuration where there is one. A running kernel without this
/// switch has not even the call by which a filter is set.
fn packet_filter(tree: &Tree, host: &Host) -> Option<bool> {
    let config = host.kernel.as_ref().and_then(|kernel| {
        let text = tree.text(&format!("/boot/config-{kernel}")).ok()?;
        Some(text.lines().any(|line| line == "CONFIG_CGROUP_BPF=y"))
    });
    let switch = "/proc/sys/kernel/unprivileged_bpf_disabled";
    config.or_else(|| (tree.is_live() && !tree.exists(switch)).then_some(false))
}

/// What cannot be confined; `system`: of a service of the whole system.
pub fn judge(facts: &Facts, system: bool) -> Vec<Finding> {
    if system && facts.systemd {
        return of_unit(facts);
    }
    namespaces(facts, system).into_iter().collect()
}

fn of_unit(facts: &Facts) -> Vec<Finding> {
    let network = facts.network_namespaces != Some(0);
    let mut found = Vec::new();
    if !network {
        found.push(Finding::problem(
            "W_NETWORK_NAMESPACE",
            "network namespaces are switched off, so `PrivateNetwork=` of offgrid-llm.service does \
             not hold",
            "`sudo sysctl user.max_net_namespaces=1024`; to keep it, the same line in \
             /etc/sysctl.d",
        ));
    }
    if let Some(why) = no_filter(facts) {
        let rest = if network {
            "; its network namespace holds all the same"
        } else {
            "; whoever can reach this computer can reach the app"
        };
        found.push(Finding::advice(
            "W_ADDRESS_RULES",
            format!("`IPAddressDeny=` of offgrid-llm.service is not enforced here: {why}{rest}"),
            "`offgrid self status` says what was measured; a firewall may close the port too",
        ));
    }
    if facts.cgroup2 == Some(false) {
        found.push(Finding::advice(
            "W_CGROUP1",
            "control groups are of version 1, so `MemoryMax=` of offgrid-llm.service may not \
             be enforced for all of it",
            "start the kernel with `systemd.unified_cgroup_hierarchy=1`",
        ));
    }
    found
}

/// Why systemd cannot filter the packets of a unit.
fn no_filter(facts: &Facts) -> Option<String> {
    if facts.packet_filter == Some(false) {
        return Some("this kernel cannot filter the packets of a control group".to_owned());
    }
    if facts.cgroup2 == Some(false) {
        return Some("control groups are of version 1".to_owned());
    }
    let container = facts.container.as_ref()?;
    Some(format!("in a container ({container}) systemd may usually set no filter"))
}

fn namespaces(facts: &Facts, system: bool) -> Option<Finding> {
    let why = if facts.user_namespaces == Some(0) {
        (
            "user namespaces are switched off (user.max_user_namespaces is 0)",
            "user.max_user_namespaces=1024",
        )
    } else if facts.network_namespaces == Some(0) {
        (
            "network namespaces are switched off (user.max_net_namespaces is 0)",
            "user.max_net_namespaces=1024",
        )
    } else if facts.plain_users == Some(false) {
        (
            "plain users may make no namespaces (kernel.unprivileged_userns_clone is 0)",
            "kernel.unprivileged_userns_clone=1",
        )
    } else if facts.apparmor == Some(true) {
        (
            "AppArmor takes away the rights in namespaces of plain users \
             (kernel.apparmor_restrict_unprivileged_userns is 1)",
            "kernel.apparmor_restrict_unprivileged_userns=0",
        )
    } else {
        return None;
    };
    let (why, setting) = why;
    // A user of its own has no other servers.
    let what = if system {
        "the app listens on every address"
    } else {
        "the app listens on every address, and ends every `llama-server` of yours when it starts"
    };
    let other = match (system, facts.systemd) {
        (false, true) => "install with `--system` (systemd confines it there), or ",
        _ => "",
    };
    Some(Finding::advice(
        "W_USER_NAMESPACE",
        format!("{why}, so a service cannot be confined by them: {what}"),
        format!("{other}`sudo sysctl {setting}` (for all programs of this computer)"),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;
    use crate::host::{Node, Nodes};

    /// A machine with these files.
    fn tree(files: &[(&str, &str)]) -> Tree {
        let node =
            |(path, text): &(&str, &str)| ((*path).to_owned(), Node::File(text.as_bytes().into()));
        Tree::held(files.iter().map(node).collect::<Nodes>())
    }

    fn host() -> Host {
        Host {
            os: Some(Os::Linux),
            kernel: Some("6.1.0-25-amd64".to_owned()),
            init: Some("systemd".to_owned()),
            ..Host::default()
        }
    }

    /// Debian 12 as it is installed.
    const DEBIAN: [(&str, &str); 5] = [
        ("/proc/sys/user/max_user_namespaces", "127235\n"),
        ("/proc/sys/user/max_net_namespaces", "127235\n"),
        ("/proc/sys/kernel/unprivileged_userns_clone", "1\n"),
        ("/sys/fs/cgroup/cgroup.controllers", "cpu io memory pids\n"),
        ("/boot/config-6.1.0-25-amd64", "CONFIG_CGROUPS=y\nCONFIG_CGROUP_BPF=y\n"),
    ];

    /// The words of a Debian 12 with one file that is otherwise, or not there.
    fn words(path: &str, text: Option<&str>, system: bool) -> Vec<&'static str> {
        let mut files: Vec<_> = DEBIAN.into_iter().filter(|(name, _)| *name != path).collect();
        files.extend(text.map(|text| (path, text)));
        let facts = Facts::read(&tree(&files), &host()).unwrap();
        judge(&facts, system).into_iter().map(|finding| finding.word).collect()
    }

    #[test]
    fn where_everything_can_be_confined_nothing_is_said() {
        assert!(words("", None, true).is_empty() && words("", None, false).is_empty());
        // What no file tells is not judged.
        let facts = Facts::read(&tree(&[]), &host()).unwrap();
        assert_eq!(facts, Facts { systemd: true, ..Facts::default() });
        assert!(judge(&facts, true).is_empty() && judge(&facts, false).is_empty());
        let macos = Host { os: Some(Os::Macos), ..host() };
        assert_eq!(Facts::read(&tree(&DEBIAN), &macos), None);
    }

    #[test]
    fn rules_for_addresses_that_are_not_enforced_are_told() {
        let config = "/boot/config-6.1.0-25-amd64";
        assert_eq!(
            words(config, Some("# CONFIG_CGROUP_BPF is not set\n"), true),
            ["W_ADDRESS_RULES"]
        );
        assert!(words(config, None, true).is_empty());
        // Nobody relies on them there.
        assert!(words(config, Some(""), false).is_empty());
        let boxed = Host { container: Some("docker".to_owned()), ..host() };
        let found = judge(&Facts::read(&tree(&DEBIAN), &boxed).unwrap(), true);
        assert!(found[0].what.contains("(docker)") && found[0].what.ends_with("all the same"));
        assert_eq!(found[0].severity, Severity::Advice);
    }

    #[test]
    fn the_older_control_groups_hold_neither_addresses_nor_memory() {
        let controllers = "/sys/fs/cgroup/cgroup.controllers";
        let files: Vec<_> = DEBIAN
            .into_iter()
            .filter(|(name, _)| *name != controllers)
            .chain([("/sys/fs/cgroup/memory/memory.stat", "")])
            .collect();
        let facts = Facts::read(&tree(&files), &host()).unwrap();
        let found: Vec<_> = judge(&facts, true).into_iter().map(|found| found.word).collect();
        assert_eq!(found, ["W_ADDRESS_RULES", "W_CGROUP1"]);
        assert!(judge(&facts, false).is_empty());
    }

    #[test]
    fn namespaces_that_a_user_may_not_make_are_told_with_the_switch() {
        for (file, text, setting) in [
            ("user/max_user_namespaces", "0\n", "user.max_user_namespaces=1024"),
            ("user/max_net_namespaces", "0\n", "user.max_net_namespaces=1024"),
            ("kernel/unprivileged_userns_clone", "0\n", "kernel.unprivileged_userns_clone=1"),
            (
                "kernel/apparmor_restrict_unprivileged_userns",
                "1\n",
                "kernel.apparmor_restrict_unprivileged_userns=0",
            ),
        ] {
            let path = format!("/proc/sys/{file}");
            assert_eq!(words(&path, Some(text), false), ["W_USER_NAMESPACE"], "{file}");
            let files: Vec<_> = DEBIAN.into_iter().filter(|(name, _)| *name != path).collect();
            let files = [&files[..], &[(path.as_str(), text)]].concat();
            let facts = Facts::read(&tree(&files), &host()).unwrap();
            let hint = judge(&facts, false).remove(0).hint.unwrap();
            assert!(hint.contains(setting) && hint.contains("--system"), "{hint}");
            // The init script of a system without systemd needs them too.
            let openrc = Facts { systemd: false, ..facts };
            let found = judge(&openrc, true).remove(0);
            assert!(!found.hint.unwrap().contains("--system") && !found.what.contains("of yours"));
        }
        let off = words("/proc/sys/user/max_net_namespaces", Some("0"), true);
        assert_eq!(off, ["W_NETWORK_NAMESPACE"]);
        assert!(words("/proc/sys/user/max_user_namespaces", Some("0"), true).is_empty());
    }
}
