//! The facts of the target computer, as plain data.
//!
//! Owns what a fact is called, its JSON (DESIGN section 6) and how it is read
//! from files. Never decides anything, never writes, never guesses: what could
//! not be read is `None` and says so in `evidence`. Starts no program but
//! `nvidia-smi`, and that only where there is an NVIDIA GPU.

mod capture;
mod captured;
mod cpuinfo;
mod describe;
mod elf;
mod fault;
mod gpu;
mod libc;
mod linux;
pub(crate) mod macos;
mod meminfo;
mod os_release;
mod place;
mod probe;
mod special;
mod tree;
mod windows;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use capture::{Capture, Error as CaptureError};
pub use captured::{DevNode, Uname, User};
pub use fault::Fault;
pub use place::{Node, Nodes};
pub use special::{Build, Selinux};
pub use tree::{Tree, TreeError};

/// The facts of one computer. Serializes to exactly the JSON of `detect --json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Host {
    /// The version of this JSON.
    pub v: u32,
    pub os: Option<Os>,
    pub os_name: Option<String>,
    /// Of a Linux distribution: its variant, its name and what it is like, as
    /// os-release calls them, the most special first.
    #[serde(skip)]
    pub distribution: Vec<String>,
    pub kernel: Option<String>,
    /// What system programs here are built for; on macOS and Windows, what this
    /// program runs as, which under Rosetta or Prism is not the native one.
    pub arch: Option<Arch>,
    /// What the kernel runs on: releases are chosen by this one.
    pub native_arch: Option<Arch>,
    /// As `uname -m` calls it.
    #[serde(skip)]
    pub machine: Option<String>,
    /// Linux only: the library that the 64-bit system programs use.
    pub libc: Option<Libc>,
    pub cpu: Cpu,
    /// What the machine has.
    pub memory_bytes: Option<u64>,
    /// Less than that, where a cgroup allows no more (`evidence["memory_limit"]`).
    #[serde(skip)]
    pub memory_limit: Option<u64>,
    /// Of a page of memory, on Linux: 4096, on arm64 perhaps 16384 or 65536.
    #[serde(skip)]
    pub page_bytes: Option<u64>,
    /// `None` where it is not at work or not known.
    #[serde(skip)]
    pub selinux: Option<Selinux>,
    /// `None` for systems of packages.
    #[serde(skip)]
    pub build: Option<Build>,
    /// The model of a machine with a device tree: `Raspberry Pi 5 Model B Rev 1.0`.
    #[serde(skip)]
    pub board: Option<String>,
    /// Every GPU that a file names, usable or not.
    pub gpus: Vec<Gpu>,
    /// `None` where nothing of it could be looked at.
    pub vulkan: Option<Vulkan>,
    /// True on Apple silicon, false where there is no Metal, `None` on other Macs.
    pub metal: Option<bool>,
    /// 1 or 2 inside the Windows Subsystem for Linux.
    pub wsl: Option<u8>,
    pub jetson: Option<Jetson>,
    /// A hint only: microVMs carry `/.dockerenv` too.
    pub container: Option<String>,
    pub init: Option<String>,
    /// Whether this process is root or an elevated administrator; `None` for a
    /// captured tree, where no process runs.
    pub elevated: Option<bool>,
    /// Names of the shared libraries; `None` where a captured tree shows none.
    #[serde(skip)]
    pub libs: Option<BTreeSet<String>>,
    /// Where each fact came from, or why it is missing.
    pub evidence: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Os {
    Linux,
    Macos,
    Windows,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    #[serde(rename = "x86_64")]
    X86_64,
    Aarch64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Libc {
    pub kind: LibcKind,
    pub version: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LibcKind {
    Glibc,
    Musl,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cpu {
    pub name: Option<String>,
    /// Logical processors.
    pub cores: Option<u32>,
    /// As Linux spells them, on every system: `avx2`, `asimddp`. Sorted.
    pub features: Option<Vec<String>>,
}

/// One GPU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gpu {
    /// `0000:01:00.0`; `None` for one that is on no PCI bus.
    pub address: Option<String>,
    /// `nvidia`, `amd`, `intel`, `apple`.
    pub vendor: String,
    pub name: Option<String>,
    /// `10de:2684`
    pub pci: Option<String>,
    /// The version of its driver, as its maker names it; only NVIDIA's is known
    /// everywhere.
    pub driver: Option<String>,
    /// NVIDIA's compute capability, `8.9`.
    pub compute: Option<String>,
    /// AMD's graphics target, `gfx1100`.
    pub gfx: Option<String>,
    /// Its own memory; of an integrated one, what the firmware set aside.
    pub vram_bytes: Option<u64>,
    /// Whether it shares the machine's memory.
    pub integrated: Option<bool>,
    /// Whether the service's user could use it; `None` when nothing tells.
    pub usable: Option<bool>,
    /// Why not, and behind a colon what to do.
    pub why_not: Option<String>,
    /// The kind of `why_not`.
    #[serde(skip)]
    pub fault: Option<Fault>,
    /// The version of Vulkan that its maker's driver offers.
    #[serde(skip)]
    pub vulkan: Option<String>,
    /// Why ROCm cannot use it although Vulkan may.
    #[serde(skip)]
    pub rocm_why_not: Option<String>,
}

/// What this machine has of Vulkan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Vulkan {
    /// Whether the loader is there; `None` when nothing tells.
    pub loader: Option<bool>,
    /// The newest version that a driver of one of the GPUs offers.
    pub api: Option<String>,
    /// The manifests of drivers, without those that draw on the processor.
    pub icds: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Jetson {
    /// NVIDIA's Linux for Tegra, for example `36.4.7`.
    pub l4t: Option<String>,
    pub jetpack: Option<u8>,
    pub model: Option<String>,
}

impl Host {
    /// `linux-x86_64`: the target that releases are built for, by the native
    /// architecture. `None` where nothing we build can run or be named.
    pub fn target_name(&self) -> Option<String> {
        Some(format!("{}-{}", self.os?.name(), self.native_arch?.name()))
    }

    fn note(&mut self, fact: &str, source: impl Into<String>) {
        self.evidence.insert(fact.to_owned(), source.into());
    }
}

impl Default for Host {
    /// A computer of which nothing is known.
    fn default() -> Host {
        Host {
            v: 1,
            os: None,
            os_name: None,
            distribution: Vec::new(),
            kernel: None,
            arch: None,
            native_arch: None,
            machine: None,
            libc: None,
            cpu: Cpu::default(),
            memory_bytes: None,
            memory_limit: None,
            page_bytes: None,
            selinux: None,
            build: None,
            board: None,
            gpus: Vec::new(),
            vulkan: None,
            metal: None,
            wsl: None,
            jetson: None,
            container: None,
            init: None,
            elevated: None,
            libs: None,
            evidence: BTreeMap::new(),
        }
    }
}

impl Os {
    pub fn name(self) -> &'static str {
        match self {
            Os::Linux => "linux",
            Os::Macos => "macos",
            Os::Windows => "windows",
        }
    }

    /// By the system name of `uname`.
    pub fn from_sysname(sysname: &str) -> Option<Os> {
        match sysname {
            "Linux" => Some(Os::Linux),
            "Darwin" => Some(Os::Macos),
            "Windows" | "Windows_NT" => Some(Os::Windows),
            _ => None,
        }
    }
}

impl Arch {
    pub fn name(self) -> &'static str {
        match self {
            Arch::X86_64 => "x86_64",
            Arch::Aarch64 => "aarch64",
        }
    }

    /// By any of the names that `uname`, Windows and Rust use. 32-bit machines
    /// and others that nothing is built for are `None`.
    pub fn from_machine(machine: &str) -> Option<Arch> {
        match machine {
            "x86_64" | "amd64" | "AMD64" => Some(Arch::X86_64),
            "aarch64" | "arm64" | "ARM64" => Some(Arch::Aarch64),
            _ => None,
        }
    }
}

impl LibcKind {
    pub fn name(self) -> &'static str {
        match self {
            LibcKind::Glibc => "glibc",
            LibcKind::Musl => "musl",
        }
    }
}

impl Cpu {
    /// Whether every processor has this feature; `None` when it is not known.
    pub fn has(&self, feature: &str) -> Option<bool> {
        Some(self.features.as_ref()?.iter().any(|name| name == feature))
    }
}

#[cfg(test)]
mod tests;
