//! What each thing that may be missing is called in each family. Data.

use super::Family;

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
pub(super) struct Row {
    pub(super) family: Family,
    pub(super) install: &'static str,
    openmp: &'static str,
    openssl: &'static str,
    loader: &'static str,
    amd: &'static str,
    intel: &'static str,
    /// The whole hint, for drivers are no plain packages.
    nvidia: &'static str,
    none: &'static str,
}

pub(super) const ROWS: &[Row] = &[
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
        family: Family::MicroOs,
        install: "sudo transactional-update pkg install",
        openmp: "libgomp1",
        openssl: "libopenssl3",
        loader: "libvulkan1",
        amd: "libvulkan_radeon",
        intel: "libvulkan_intel",
        nvidia: "add NVIDIA's repository for your release and install its driver with \
                 `sudo transactional-update pkg install`, then restart",
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
        none: NIX_LIBRARIES,
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

/// Programs of others find these libraries by nix-ld alone. All of them, for a list may
/// take the place of the one that was there.
pub(super) const NIX_LIBRARIES: &str = "`programs.nix-ld.enable = true;` and `programs.nix-ld.libraries = \
    with pkgs; [ stdenv.cc.cc openssl vulkan-loader ];` in configuration.nix, then \
    `sudo nixos-rebuild switch`";
pub(super) const NIX_GRAPHICS: &str = "`hardware.graphics.enable = true;` in configuration.nix, then \
    `sudo nixos-rebuild switch`";

/// Libraries that engines take from the system, and what brings them.
pub(super) const LIBRARIES: [(&str, Thing); 7] = [
    ("libgomp.so.1", Thing::OpenMp),
    ("libssl.so.3", Thing::OpenSsl),
    ("libcrypto.so.3", Thing::OpenSsl),
    ("libvulkan.so.1", Thing::VulkanLoader),
    ("msvcp140.dll", Thing::VcRuntime),
    ("vcruntime140.dll", Thing::VcRuntime),
    ("vcruntime140_1.dll", Thing::VcRuntime),
];

impl Row {
    /// How it is called here; `None` where there is no package to type.
    pub(super) fn package(&self, thing: Thing) -> Option<&'static str> {
        let package = match thing {
            Thing::OpenMp => self.openmp,
            Thing::OpenSsl => self.openssl,
            Thing::VulkanLoader => self.loader,
            Thing::VulkanAmd => self.amd,
            Thing::VulkanIntel => self.intel,
            Thing::Nvidia | Thing::VcRuntime => "",
        };
        Some(package).filter(|package| !package.is_empty())
    }

    /// What to do where there is none.
    pub(super) fn sentence(&self, thing: Thing) -> &'static str {
        match thing {
            Thing::Nvidia => self.nvidia,
            Thing::VulkanAmd | Thing::VulkanIntel if self.family == Family::Nix => NIX_GRAPHICS,
            _ => self.none,
        }
    }
}
