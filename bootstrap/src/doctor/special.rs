//! What is to be said of a Linux system that is not as most are: 32-bit, NixOS,
//! SteamOS, SELinux.

use super::table::NIX_LIBRARIES;
use super::{Finding, Severity};
use crate::host::{Build, Host, Selinux};

pub(super) fn judge(host: &Host) -> Vec<Finding> {
    [nixos(host), steamos(host), selinux(host)].into_iter().flatten().collect()
}

/// A kernel or programs that no engine is built for.
pub(super) fn narrow(host: &Host) -> Option<Finding> {
    const SMALL: [&str; 8] =
        ["i386", "i486", "i586", "i686", "armv6l", "armv7l", "armv8l", "armhf"];
    const EDITION: &str = "install the 64-bit edition of a distribution, which this computer can \
                           run unless its processor is very old";
    let machine = host.machine.as_deref();
    match (host.native_arch, host.arch, machine) {
        (None, _, Some(machine)) if SMALL.contains(&machine) => Some(Finding::problem(
            "W_32BIT",
            format!("the kernel is 32-bit ({machine}), and engines are 64-bit"),
            EDITION,
        )),
        (None, _, Some(machine)) => Some(Finding {
            word: "W_ARCH",
            severity: Severity::Problem,
            what: format!("engines are built for x86_64 and arm64, and this is {machine}"),
            hint: None,
        }),
        (Some(kernel), None, _) => Some(Finding::problem(
            "W_32BIT",
            format!(
                "the kernel is 64-bit ({}) and the programs of this system are not; engines, \
                 which are, find no C library",
                kernel.name()
            ),
            "install the 64-bit edition of this distribution; this computer can run it",
        )),
        _ => None,
    }
}

fn nixos(host: &Host) -> Option<Finding> {
    let Some(Build::NixOs { nix_ld: false }) = host.build else { return None };
    Some(Finding::problem(
        "W_NIXOS",
        "NixOS does not start programs that were not made for it, and engines were not",
        NIX_LIBRARIES,
    ))
}

fn steamos(host: &Host) -> Option<Finding> {
    (host.build == Some(Build::SteamOs)).then(|| {
        Finding::advice(
            "W_STEAMOS",
            "the system is read-only, and what is changed in it is gone with its next update",
            "install for yourself, which needs nothing of the system: \
             `offgrid-setup install --user`",
        )
    })
}

/// Of the policy that distributions have: services of the system are kept out of homes,
/// users are not.
fn selinux(host: &Host) -> Option<Finding> {
    (host.selinux == Some(Selinux::Enforcing)).then(|| {
        Finding::advice(
            "W_SELINUX_HOME",
            "SELinux lets a user's own service start programs from a home, and no service of the \
             system",
            "install for yourself (--user), or for everybody in the usual place (--system without \
             --prefix)",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::judge;
    use super::super::tests::{gpu, host, words};
    use super::*;
    use crate::host::Arch;

    #[test]
    fn a_system_that_engines_are_too_wide_for_has_no_other_trouble() {
        let of = |arch, native_arch, machine: &str| {
            let machine = Some(machine.to_owned());
            judge(&Host {
                arch,
                native_arch,
                machine,
                libs: Some(Default::default()),
                ..host(vec![])
            })
        };
        for (arch, native, machine, word, said) in [
            (None, Some(Arch::Aarch64), "aarch64", "W_32BIT", "the kernel is 64-bit (aarch64)"),
            (None, Some(Arch::X86_64), "x86_64", "W_32BIT", "the kernel is 64-bit (x86_64)"),
            (None, None, "armv7l", "W_32BIT", "the kernel is 32-bit (armv7l)"),
            (None, None, "i686", "W_32BIT", "the kernel is 32-bit (i686)"),
            (None, None, "riscv64", "W_ARCH", "this is riscv64"),
        ] {
            let found = of(arch, native, machine);
            assert_eq!((found.len(), found[0].word), (2, word), "{found:?}");
            assert_eq!(found[0].severity, Severity::Problem);
            assert!(found[0].what.contains(said), "{found:?}");
            assert_eq!(found[1].word, "W_NO_GPU");
        }
        // Nothing is said of a machine that nothing is known of.
        let unknown = Host { arch: None, native_arch: None, ..host(vec![gpu("amd")]) };
        assert!(words(&unknown).is_empty());
    }

    #[test]
    fn systems_that_are_no_plain_packages_have_their_own() {
        let of = |build| words(&Host { build: Some(build), ..host(vec![gpu("amd")]) });
        assert!(of(Build::Ostree).is_empty(), "its words are in what else is found");
        assert_eq!(of(Build::SteamOs), ["W_STEAMOS"]);
        assert_eq!(of(Build::NixOs { nix_ld: false }), ["W_NIXOS"]);
        assert!(of(Build::NixOs { nix_ld: true }).is_empty());
        let build = Some(Build::NixOs { nix_ld: false });
        let bare = Host { build, libs: Some(Default::default()), ..host(vec![gpu("amd")]) };
        assert_eq!(words(&bare), ["W_NIXOS"], "what brings its loader brings its libraries");
        let bare = |build, words: &str| {
            let distribution = words.split(' ').map(str::to_owned).collect();
            let libs = Some(Default::default());
            let found = judge(&Host { build, distribution, libs, ..host(vec![gpu("amd")]) });
            found.into_iter().find(|one| one.word == "W_OPENMP").and_then(|one| one.hint).unwrap()
        };
        let ostree = bare(Some(Build::Ostree), "workstation fedora");
        assert_eq!(ostree, "`sudo rpm-ostree install libgomp`, then restart");
        let nix = bare(Some(Build::NixOs { nix_ld: true }), "nixos");
        assert!(nix.contains("programs.nix-ld.libraries"), "{nix}");
        let steam = bare(Some(Build::SteamOs), "steamdeck steamos arch");
        assert!(!steam.contains("pacman"), "{steam}");
    }

    #[test]
    fn selinux_is_told_of_where_it_forbids() {
        let of = |selinux| words(&Host { selinux, ..host(vec![gpu("amd")]) });
        assert_eq!(of(Some(Selinux::Enforcing)), ["W_SELINUX_HOME"]);
        assert!(of(Some(Selinux::Permissive)).is_empty() && of(None).is_empty());
    }
}
