//! How software is installed on this system: by its family of distributions.

use crate::host::{Host, Os};

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
    /// Arch, and what is like it.
    Pacman,
    /// Alpine.
    Apk,
    /// NixOS.
    Nix,
    /// Fedora's systems that are images: Silverblue, Kinoite, Bazzite, Bluefin.
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

/// By the words of os-release. A system that is an image says that it is like one
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
            _ => host.distribution.iter().find_map(|word| by_word(word)).unwrap_or(Family::Unknown),
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
}
