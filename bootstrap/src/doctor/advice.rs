//! What to type here for things that are missing: the words around the names of
//! `table`. Pure.

use super::Family;
use super::table::{ROWS, Thing};
use crate::host::Arch;

/// What to type for it, or what to do where nothing can be typed.
pub(super) fn advice(family: Family, thing: Thing, arch: Option<Arch>) -> String {
    advice_for_all(family, &[thing], arch)
}

/// The same for several, by one command where there is one.
pub(super) fn advice_for_all(family: Family, things: &[Thing], arch: Option<Arch>) -> String {
    let mut packages: Vec<&str> = Vec::new();
    let mut sentences: Vec<String> = Vec::new();
    let row = ROWS.iter().find(|row| row.family == family);
    for thing in things {
        match row.map(|row| (row, row.package(*thing))) {
            _ if *thing == Thing::VcRuntime => sentences.push(runtime(arch)),
            None => sentences.push(format!("install {} by this system's own means", plain(*thing))),
            Some((_, Some(package))) => packages.push(package),
            Some((row, None)) => sentences.push(row.sentence(*thing).to_owned()),
        }
    }
    if let Some(row) = row.filter(|_| !packages.is_empty()) {
        // An image is changed with the next start.
        let end = match family {
            Family::RpmOstree | Family::MicroOs => ", then restart",
            _ => "",
        };
        sentences.insert(0, format!("`{} {}`{end}", row.install, packages.join(" ")));
    }
    sentences.dedup();
    sentences.join("; ")
}

fn runtime(arch: Option<Arch>) -> String {
    let arch = if arch == Some(Arch::Aarch64) { "arm64" } else { "x64" };
    format!("`winget install Microsoft.VCRedist.2015+.{arch}`")
}

fn plain(thing: Thing) -> &'static str {
    match thing {
        Thing::OpenMp => "the package with libgomp.so.1",
        Thing::OpenSsl => "OpenSSL 3",
        Thing::VulkanLoader => "the package with libvulkan.so.1",
        Thing::VulkanAmd | Thing::VulkanIntel => "Mesa's drivers for Vulkan",
        Thing::Nvidia => "NVIDIA's driver with all its libraries",
        Thing::VcRuntime => "the VC++ runtime",
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::{NIX_GRAPHICS, NIX_LIBRARIES};
    use super::*;

    const THINGS: [Thing; 6] = [
        Thing::OpenMp,
        Thing::OpenSsl,
        Thing::VulkanLoader,
        Thing::VulkanAmd,
        Thing::VulkanIntel,
        Thing::Nvidia,
    ];

    #[test]
    fn every_family_has_words_for_every_thing() {
        for row in ROWS {
            let rows = ROWS.iter().filter(|other| other.family == row.family);
            assert_eq!(rows.count(), 1, "{:?}", row.family);
            for thing in THINGS {
                let said = advice(row.family, thing, None);
                assert!(!said.is_empty(), "{:?} {thing:?}", row.family);
                assert_eq!(said.matches('`').count() % 2, 0, "{said}");
                assert!(!said.contains("  "), "{said}");
            }
            // A package without a way to install it, or the other way round.
            assert_eq!(
                row.install.is_empty(),
                row.package(Thing::OpenMp).is_none(),
                "{:?}",
                row.family
            );
        }
        for thing in THINGS {
            assert!(advice(Family::Unknown, thing, None).starts_with("install "));
        }
    }

    #[test]
    fn packages_are_called_as_each_family_calls_them() {
        for (family, thing, said) in [
            (Family::Ubuntu, Thing::OpenMp, "`sudo apt install libgomp1`"),
            (Family::Debian, Thing::VulkanLoader, "`sudo apt install libvulkan1`"),
            (Family::Dnf, Thing::OpenMp, "`sudo dnf install libgomp`"),
            (Family::Zypper, Thing::VulkanAmd, "`sudo zypper install libvulkan_radeon`"),
            (Family::Pacman, Thing::VulkanIntel, "`sudo pacman -S vulkan-intel`"),
            (Family::Apk, Thing::OpenSsl, "`sudo apk add libssl3 libcrypto3`"),
            (
                Family::RpmOstree,
                Thing::VulkanLoader,
                "`sudo rpm-ostree install vulkan-loader`, then restart",
            ),
            (
                Family::MicroOs,
                Thing::OpenMp,
                "`sudo transactional-update pkg install libgomp1`, then restart",
            ),
            (Family::Nix, Thing::VulkanAmd, NIX_GRAPHICS),
            (Family::Nix, Thing::OpenMp, NIX_LIBRARIES),
            (Family::Ubuntu, Thing::Nvidia, "`sudo ubuntu-drivers install`, then restart"),
        ] {
            assert_eq!(advice(family, thing, None), said);
        }
        let runtime = |arch| advice(Family::Winget, Thing::VcRuntime, Some(arch));
        assert!(runtime(Arch::X86_64).contains("2015+.x64"));
        assert!(runtime(Arch::Aarch64).contains("2015+.arm64"));
    }

    #[test]
    fn several_packages_take_one_command() {
        let two = [Thing::OpenMp, Thing::OpenSsl];
        let of = |family| advice_for_all(family, &two, None);
        assert_eq!(of(Family::Debian), "`sudo apt install libgomp1 libssl3`");
        assert_eq!(
            of(Family::RpmOstree),
            "`sudo rpm-ostree install libgomp openssl-libs`, then restart"
        );
        assert_eq!(of(Family::Nix), NIX_LIBRARIES, "said once");
        let unknown = of(Family::Unknown);
        assert!(unknown.contains("libgomp.so.1") && unknown.contains("; install OpenSSL 3"));
        let both = [Thing::Nvidia, Thing::OpenMp];
        let said = advice_for_all(Family::Ubuntu, &both, None);
        assert_eq!(
            said,
            "`sudo apt install libgomp1`; `sudo ubuntu-drivers install`, then restart"
        );
    }
}
