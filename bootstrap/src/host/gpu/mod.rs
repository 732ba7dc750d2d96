//! Which GPUs there are and whether they can be used, from files alone. What is
//! in no file is asked of `nvidia-smi`, and only where there is an NVIDIA GPU.
//!
//! A GPU is what a file names; nothing is made up. `usable` is `None` where no
//! file tells: the proof at activation decides then.

mod access;
mod amd;
mod display;
mod driver;
mod library;
mod linux;
mod nvidia;
mod pci;
mod render;
mod smi;
mod vulkan;

pub(super) use display::probe as probe_windows;
pub(super) use library::{index_of, is_deciding};
pub(super) use linux::probe as probe_linux;

use super::{Fault, Gpu, Host};

/// Apple silicon is one GPU with the memory of the machine (gpu.md 3.3).
pub(super) fn probe_macos(host: &mut Host) {
    if host.metal != Some(true) {
        return host.note("gpus", "no Apple silicon: engines for Intel Macs use the processor");
    }
    let name = host.cpu.name.clone();
    let of = Gpu { name, integrated: Some(true), usable: Some(true), ..Gpu::of("apple") };
    host.gpus.push(of);
    host.note("gpus", "sysctl: Apple silicon");
}

impl Gpu {
    /// One of this vendor, of which nothing else is known.
    pub(super) fn of(vendor: &str) -> Gpu {
        Gpu {
            address: None,
            vendor: vendor.to_owned(),
            name: None,
            pci: None,
            driver: None,
            compute: None,
            gfx: None,
            vram_bytes: None,
            integrated: None,
            usable: None,
            why_not: None,
            fault: None,
            vulkan: None,
            rocm_why_not: None,
        }
    }

    /// Says that it cannot be used; the first reason counts.
    pub(super) fn refuse(&mut self, fault: Fault, why: impl Into<String>) {
        self.usable = Some(false);
        if self.why_not.is_none() {
            (self.why_not, self.fault) = (Some(why.into()), Some(fault));
        }
    }
}
