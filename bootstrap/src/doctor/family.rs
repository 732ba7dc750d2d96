//! How software is installed on this system: by its family of distributions.

use crate::host::{Build, Host, Os};

/// Distributions with the same words to type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Debian, and what is like it: apt.
    Debian,
    /// Ubuntu, and what is like it: apt, and a tool for drivers.
    Ubuntu,
    /// Fedora, Red Hat and what is like them.
    Dnf,
    /// openSUSE and SUSE.
    Zypper,
    /// SUSE's systems that are images: MicroOS, Aeon, Leap Micro.
    MicroOs,
    /// Arch, and what is like it.
    Pacman,
    /// Alpine.
    Apk,
    /// NixOS.
    Nix,
    /// Fedora's and Red Hat's systems that are images: Silverblue, Kinoite, Bazzite,
    /// Bluefin, image mode.
    RpmOstree,
    /// Valve's.
    SteamOs,
    /// macOS.
    Brew,
    /// Windows.
    Winget,
    /// Anything else.
    Unknown,
}

/// By the words of os-release, where nothing else says more. A system that is an image says that it is like one
/// that is none, so the most special word decides.
const WORDS: &[(Family, &[&str])] = &[
    (Family::SteamOs, &["steamos"]),
    (
        Family::RpmOstree,
        &[
            "bazzite",
            "bluefin",
            "aurora",
            "silverblue",
            "kinoite",
            "sericea",
            "onyx",
            "coreos",
            "iot",
        ],
    ),
    (
        Family::MicroOs,
        &["opensuse-microos", "opensuse-aeon", "opensuse-kalpa", "microos", "sl-micro"],
    ),
    (Family::Ubuntu, &["ubuntu"]),
    (Family::Debian, &["debian", "raspbian"]),
    (Family::Dnf, &["fedora", "rhel", "centos"]),
    (Family::Zypper, &["suse", "opensuse", "opensuse-leap", "opensuse-tumbleweed", "sles"]),
    (Family::Pacman, &["arch", "archarm"]),
    (Family::Apk, &["alpine"]),
    (Family::Nix, &["nixos"]),
];

impl Family {
    /// Of these facts.
    pub fn of(host: &Host) -> Family {
        match host.os {
            Some(Os::Macos) => Family::Brew,
            Some(Os::Windows) => Family::Winget,
            _ => Family::of_linux(host),
        }
    }

    fn of_linux(host: &Host) -> Family {
        let named = host.distribution.iter().find_map(|word| by_word(word));
        let named = named.unwrap_or(Family::Unknown);
        match (host.build, named) {
            // In a container packages are what they are anywhere.
            _ if host.container.is_some() => named,
            (Some(Build::SteamOs), _) => Family::SteamOs,
            (Some(Build::NixOs { .. }), _) => Family::Nix,
            (Some(Build::Ostree), Family::Dnf | Family::RpmOstree) => Family::RpmOstree,
            // An image that is like a Debian has no apt of its own.
            (Some(Build::Ostree), _) => Family::Unknown,
            (None, named) => named,
        }
    }
}

fn by_word(word: &str) -> Option<Family> {
    WORDS.iter().find(|(_, words)| words.contains(&word)).map(|(family, _)| *family)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_special_word_of_os_release_decides() {
        for (words, family) in [
            ("ubuntu debian", Family::Ubuntu),
            ("linuxmint ubuntu debian", Family::Ubuntu),
            ("debian", Family::Debian),
            ("raspbian debian", Family::Debian),
            ("workstation fedora", Family::Dnf),
            ("rocky rhel centos fedora", Family::Dnf),
            ("silverblue fedora", Family::RpmOstree),
            ("bazzite fedora", Family::RpmOstree),
            ("opensuse-tumbleweed opensuse suse", Family::Zypper),
            ("opensuse-microos suse opensuse opensuse-tumbleweed microos", Family::MicroOs),
            ("opensuse-aeon suse opensuse opensuse-tumbleweed opensuse-microos", Family::MicroOs),
            ("steamdeck steamos arch", Family::SteamOs),
            ("cachyos arch", Family::Pacman),
            ("alpine", Family::Apk),
            ("nixos", Family::Nix),
            ("void", Family::Unknown),
            ("", Family::Unknown),
        ] {
            let distribution = words.split_whitespace().map(str::to_owned).collect();
            let host = Host { os: Some(Os::Linux), distribution, ..Host::default() };
            assert_eq!(Family::of(&host), family, "{words}");
        }
        let of = |os| Family::of(&Host { os: Some(os), ..Host::default() });
        assert_eq!((of(Os::Macos), of(Os::Windows)), (Family::Brew, Family::Winget));
    }

    #[test]
    fn what_an_image_is_like_has_other_words_to_type() {
        let of = |words: &str, build, container: Option<&str>| {
            let distribution = words.split_whitespace().map(str::to_owned).collect();
            let container = container.map(str::to_owned);
            let os = Some(Os::Linux);
            Family::of(&Host { os, distribution, build, container, ..Host::default() })
        };
        let ostree = Some(Build::Ostree);
        assert_eq!(of("workstation fedora", ostree, None), Family::RpmOstree);
        assert_eq!(of("rhel fedora", ostree, None), Family::RpmOstree);
        assert_eq!(of("endless debian", ostree, None), Family::Unknown);
        assert_eq!(of("fedora", ostree, Some("podman")), Family::Dnf);
        assert_eq!(of("arch", Some(Build::SteamOs), None), Family::SteamOs);
        assert_eq!(of("", Some(Build::NixOs { nix_ld: true }), None), Family::Nix);
    }
}
