//! What to type for each thing that may be missing, in each family. Data.

use super::Family;
use crate::host::Arch;

/// Something that a package or a driver brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thing {
    /// `libgomp.so.1`
    OpenMp,
    /// `libssl.so.3` and `libcrypto.so.3`
    OpenSsl,
    /// `libvulkan.so.1`
    VulkanLoader,
    /// Vulkan's driver for AMD's cards.
    VulkanAmd,
    /// Vulkan's driver for Intel's cards.
    VulkanIntel,
    /// NVIDIA's driver with all its libraries.
    Nvidia,
    /// Microsoft's VC++ runtime.
    VcRuntime,
}

/// One family: how a package is installed, and how each is called. An empty name:
/// there is none, and `Row::none` says what else to do.
struct Row {
    family: Family,
    install: &'static str,
    openmp: &'static str,
    openssl: &'static str,
    loader: &'static str,
    amd: &'static str,
    intel: &'static str,
    /// The whole hint, for drivers are no plain packages.
    nvidia: &'static str,
    none: &'static str,
}

const ROWS: &[Row] = &[
    Row {
        family: Family::Ubuntu,
        install: "sudo apt install",
        openmp: "libgomp1",
        openssl: "libssl3",
        loader: "libvulkan1",
        amd: "mesa-vulkan-drivers",
        intel: "mesa-vulkan-drivers",
        nvidia: "`sudo ubuntu-drivers install`, then restart",
        none: "",
    },
    Row {
        family: Family::Debian,
        install: "sudo apt install",
        openmp: "libgomp1",
        openssl: "libssl3",
        loader: "libvulkan1",
        amd: "mesa-vulkan-drivers",
        intel: "mesa-vulkan-drivers",
        nvidia: "`sudo apt install nvidia-driver` (of the section non-free), then restart",
        none: "",
    },
    Row {
        family: Family::Dnf,
        install: "sudo dnf install",
        openmp: "libgomp",
        openssl: "openssl-libs",
        loader: "vulkan-loader",
        amd: "mesa-vulkan-drivers",
        intel: "mesa-vulkan-drivers",
        nvidia: "`sudo dnf install akmod-nvidia xorg-x11-drv-nvidia-cuda` (of RPM Fusion), then \
                 restart",
        none: "",
    },
    Row {
        family: Family::Zypper,
        install: "sudo zypper install",
        openmp: "libgomp1",
        openssl: "libopenssl3",
        loader: "libvulkan1",
        amd: "libvulkan_radeon",
        intel: "libvulkan_intel",
        nvidia: "add NVIDIA's repository for your release, then \
                 `sudo zypper install-new-recommends`, then restart",
        none: "",
    },
    Row {
        family: Family::Pacman,
        install: "sudo pacman -S",
        openmp: "gcc-libs",
        openssl: "openssl",
        loader: "vulkan-icd-loader",
        amd: "vulkan-radeon",
        intel: "vulkan-intel",
        nvidia: "`sudo pacman -S nvidia-open nvidia-utils`, then restart",
        none: "",
    },
    Row {
        family: Family::Apk,
        install: "sudo apk add",
        openmp: "libgomp",
        openssl: "libssl3 libcrypto3",
        loader: "vulkan-loader",
        amd: "mesa-vulkan-ati",
        intel: "mesa-vulkan-intel",
        nvidia: "NVIDIA has no driver for Alpine; one for glibc does not work with musl",
        none: "",
    },
    Row {
        family: Family::Nix,
        install: "",
        openmp: "",
        openssl: "",
        loader: "",
        amd: "",
        intel: "",
        nvidia: "`services.xserver.videoDrivers = [ \"nvidia\" ];` and \
                 `hardware.graphics.enable = true;` in configuration.nix, then \
                 `sudo nixos-rebuild switch`, then restart",
        none: "`hardware.graphics.enable = true;` for graphics, and `programs.nix-ld` with the \
               library in `programs.nix-ld.libraries`, in configuration.nix; then \
               `sudo nixos-rebuild switch`",
    },
    Row {
        family: Family::RpmOstree,
        install: "sudo rpm-ostree install",
        openmp: "libgomp",
        openssl: "openssl-libs",
        loader: "vulkan-loader",
        amd: "mesa-vulkan-drivers",
        intel: "mesa-vulkan-drivers",
        nvidia: "take the image of your system that has NVIDIA's driver, or \
                 `sudo rpm-ostree install akmod-nvidia xorg-x11-drv-nvidia-cuda` (of RPM Fusion); \
                 then restart",
        none: "",
    },
    Row {
        family: Family::SteamOs,
        install: "",
        openmp: "",
        openssl: "",
        loader: "",
        amd: "",
        intel: "",
        nvidia: "SteamOS has no driver of NVIDIA; another distribution has",
        none: "it is a part of SteamOS: Settings, System, Check for updates; what is installed by \
               hand is gone with the next update",
    },
    Row {
        family: Family::Brew,
        install: "brew install",
        openmp: "libomp",
        openssl: "openssl@3",
        loader: "vulkan-loader",
        amd: "",
        intel: "",
        nvidia: "macOS has no driver of NVIDIA",
        none: "it is a part of macOS: `softwareupdate --list`",
    },
    Row {
        family: Family::Winget,
        install: "",
        openmp: "",
        openssl: "",
        loader: "",
        amd: "",
        intel: "",
        nvidia: "get NVIDIA's driver from https://www.nvidia.com/drivers, then restart",
        none: "it comes with the graphics driver of the card's maker: get that from its web pages, \
               then restart",
    },
];

/// What to type for it, or what to do where nothing can be typed.
pub(super) fn advice(family: Family, thing: Thing, arch: Option<Arch>) -> String {
    if thing == Thing::VcRuntime {
        let arch = if arch == Some(Arch::Aarch64) { "arm64" } else { "x64" };
        return format!("`winget install Microsoft.VCRedist.2015+.{arch}`");
    }
    let Some(row) = ROWS.iter().find(|row| row.family == family) else {
        return format!("install {} by this system's own means", plain(thing));
    };
    let package = match thing {
        Thing::OpenMp => row.openmp,
        Thing::OpenSsl => row.openssl,
        Thing::VulkanLoader => row.loader,
        Thing::VulkanAmd => row.amd,
        Thing::VulkanIntel => row.intel,
        Thing::Nvidia | Thing::VcRuntime => return row.nvidia.to_owned(),
    };
    if package.is_empty() {
        return row.none.to_owned();
    }
    // An image is changed with the next start.
    let end = if family == Family::RpmOstree { ", then restart" } else { "" };
    format!("`{} {package}`{end}", row.install)
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
            for thing in THINGS {
                let said = advice(row.family, thing, None);
                assert!(!said.is_empty(), "{:?} {thing:?}", row.family);
                assert_eq!(said.matches('`').count() % 2, 0, "{said}");
                assert!(!said.contains("  "), "{said}");
            }
            // A package without a way to install it, or the other way round.
            assert_eq!(row.install.is_empty(), row.openmp.is_empty(), "{:?}", row.family);
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
            (Family::Ubuntu, Thing::Nvidia, "`sudo ubuntu-drivers install`, then restart"),
        ] {
            assert_eq!(advice(family, thing, None), said);
        }
        let runtime = |arch| advice(Family::Winget, Thing::VcRuntime, Some(arch));
        assert!(runtime(Arch::X86_64).contains("2015+.x64"));
        assert!(runtime(Arch::Aarch64).contains("2015+.arm64"));
    }
}
