//! The facts of the target computer, as plain data.
//!
//! Owns what a fact is called, its JSON (DESIGN section 6) and how it is read
//! from files. Never decides anything, never writes, never starts a program,
//! and never guesses: what could not be read is `None` and says so in
//! `evidence`.

mod captured;
mod cpuinfo;
mod describe;
mod elf;
mod libc;
mod linux;
pub(crate) mod macos;
mod meminfo;
mod os_release;
mod probe;
mod tree;
mod windows;

use std::collections::BTreeMap;

use serde::Serialize;

pub use captured::{DevNode, Uname, User};
pub use tree::{Tree, TreeError};

/// The facts of one computer. Serializes to exactly the JSON of `detect --json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Host {
    /// The version of this JSON.
    pub v: u32,
    pub os: Option<Os>,
    pub os_name: Option<String>,
    pub kernel: Option<String>,
    /// What system programs here are built for; on macOS and Windows, what this
    /// program runs as, which under Rosetta or Prism is not the native one.
    pub arch: Option<Arch>,
    /// What the kernel runs on: releases are chosen by this one.
    pub native_arch: Option<Arch>,
    /// Linux only: the library that the 64-bit system programs use.
    pub libc: Option<Libc>,
    pub cpu: Cpu,
    /// What the machine has. A smaller limit of a cgroup stands in
    /// `evidence["memory_limit"]`.
    pub memory_bytes: Option<u64>,
    /// Not probed yet: always empty, which does not mean "no GPU".
    pub gpus: Vec<Gpu>,
    /// Not probed yet: always `None`.
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

/// One GPU. Nothing makes one yet; the shape is the one of DESIGN section 6.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gpu {
    pub address: Option<String>,
    pub vendor: String,
    pub name: Option<String>,
    pub pci: Option<String>,
    pub driver: Option<String>,
    pub compute: Option<String>,
    pub gfx: Option<String>,
    pub vram_bytes: Option<u64>,
    pub integrated: Option<bool>,
    pub usable: Option<bool>,
    pub why_not: Option<String>,
}

/// What this machine has of Vulkan. Nothing makes one yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Vulkan {
    pub loader: bool,
    pub api: Option<String>,
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
            kernel: None,
            arch: None,
            native_arch: None,
            libc: None,
            cpu: Cpu::default(),
            memory_bytes: None,
            gpus: Vec::new(),
            vulkan: None,
            metal: None,
            wsl: None,
            jetson: None,
            container: None,
            init: None,
            elevated: None,
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
