//! GPUs of a Linux machine, put together from what the parsers beside this file
//! read.

use super::super::tree::Tree;
use super::super::{Fault, Gpu, Host};
use super::access::Access;
use super::amd::{self, Node};
use super::nvidia::{self, Information};
use super::pci::{self, Device, Maker};
use super::vulkan;
use super::{driver, library, render, smi};
use std::collections::BTreeMap;

/// Fills in `gpus` and `vulkan`, and says in the evidence what was looked at.
pub(in super::super) fn probe(tree: &Tree, host: &mut Host) {
    let access = Access::of(tree);
    host.note("user", access.user());
    let devices = match pci::devices(tree) {
        Ok(devices) => devices,
        Err(error) => {
            host.note("pci", error.to_string());
            Vec::new()
        }
    };
    let in_container = host.container.is_some();
    let sight =
        Sight { tree, access, in_container, renders: render::nodes(tree), nodes: nodes(tree) };
    let mut others = Vec::new();
    for device in &devices {
        match device.maker() {
            Some(Maker::Nvidia) => host.gpus.push(sight.nvidia(device)),
            Some(Maker::Amd) => host.gpus.push(sight.amd(device)),
            Some(Maker::Intel) => host.gpus.push(sight.intel(device)),
            None => others.push(format!("{} at {}", device.id(), device.address)),
        }
    }
    sight.beside_pci(host);
    driver::nvidia_facts(&sight, host);
    let none =
        if others.is_empty() { String::new() } else { format!("; no GPU: {}", others.join(", ")) };
    host.note("gpus", format!("{} found{none}", host.gpus.len()));
    vulkan::facts(tree, host);
    host.libs = library::names(tree);
}

/// What every GPU is looked at with.
pub(super) struct Sight<'a> {
    pub(super) tree: &'a Tree,
    access: Access<'a>,
    in_container: bool,
    /// Render nodes by PCI address: `renderD128`.
    renders: Option<BTreeMap<String, String>>,
    nodes: Vec<Node>,
}

impl Sight<'_> {
    fn gpu(&self, device: &Device, maker: Maker) -> Gpu {
        let mut gpu = Gpu {
            address: Some(device.address.clone()),
            pci: Some(device.id()),
            name: pci::name(self.tree, device),
            ..Gpu::of(maker.name())
        };
        match device.driver.as_deref() {
            Some("vfio-pci" | "pci-stub") => {
                gpu.refuse(Fault::SetAside, "it is set aside for virtual machines (vfio-pci)");
            }
            Some("nouveau") => gpu.refuse(
                Fault::Driver,
                "it is driven by nouveau, which cannot compute: install NVIDIA's own driver",
            ),
            Some("radeon") => gpu.refuse(
                Fault::OldRadeon,
                "it is driven by radeon, which has no Vulkan; cards from 2012 on can use amdgpu",
            ),
            Some("nvidia" | "amdgpu" | "i915" | "xe") => {}
            Some(other) => gpu
                .refuse(Fault::Other, format!("it is driven by {other}, not by a graphics driver")),
            // A capture may leave the links out altogether.
            None if self.shows_drivers() => gpu.refuse(
                Fault::Driver,
                match maker {
                    Maker::Nvidia => "no kernel driver is bound to it: install NVIDIA's driver",
                    Maker::Amd => "no kernel driver is bound to it: load amdgpu",
                    Maker::Intel => "no kernel driver is bound to it: load i915 or xe",
                },
            ),
            None => {}
        }
        gpu
    }

    fn shows_drivers(&self) -> bool {
        let folder = "/sys/bus/pci/devices";
        let names = self.tree.names(folder).unwrap_or_default();
        let is_bound = |name: &String| self.tree.link(&format!("{folder}/{name}/driver")).is_ok();
        names.iter().any(is_bound) || self.tree.is_live()
    }

    fn nvidia(&self, device: &Device) -> Gpu {
        let mut gpu = self.gpu(device, Maker::Nvidia);
        gpu.integrated = Some(false);
        gpu.compute = nvidia::compute_of_device(device.device).map(str::to_owned);
        let information = self.information(&device.address);
        gpu.name = information.model.clone().or(gpu.name);
        if information.excluded {
            gpu.refuse(
                Fault::SetAside,
                "NVIDIA's driver was told to leave it alone (GPU Excluded)",
            );
        }
        if gpu.usable.is_none() && self.access.are_shown() {
            let minor = information.minor;
            let own = minor.map(|minor| format!("/dev/nvidia{minor}"));
            let nodes = own.into_iter().chain(["/dev/nvidiactl".into(), "/dev/nvidia-uvm".into()]);
            match nodes.into_iter().find_map(|node| self.node_refused(&node, true)) {
                Some((fault, why)) => gpu.refuse(fault, why),
                None => gpu.usable = Some(true),
            }
        }
        gpu
    }

    /// By the folder of its address, which the driver may write in its own way.
    pub(super) fn information(&self, address: &str) -> Information {
        let folder = "/proc/driver/nvidia/gpus";
        let names = self.tree.names(folder).unwrap_or_default();
        let name = names.iter().find(|name| pci::address(name).as_deref() == Some(address));
        let text =
            name.and_then(|name| self.tree.text(&format!("{folder}/{name}/information")).ok());
        text.map(|text| nvidia::information(&text)).unwrap_or_default()
    }

    fn node_refused(&self, path: &str, is_nvidia: bool) -> Option<(Fault, String)> {
        if self.access.exists(path) {
            return self.access.why_not(path);
        }
        let fault = if self.in_container { Fault::Container } else { Fault::Node };
        let why = match (self.in_container, is_nvidia) {
            (true, true) => format!("{path} is missing: start the container with --gpus all"),
            (true, false) => format!("{path} is missing: start the container with --device {path}"),
            (false, true) => format!(
                "{path} is missing although the driver is there: `sudo nvidia-modprobe -u -c=0`"
            ),
            (false, false) => format!("{path} is missing"),
        };
        Some((fault, why))
    }

    fn amd(&self, device: &Device) -> Gpu {
        let mut gpu = self.gpu(device, Maker::Amd);
        let node = self.nodes.iter().find(|node| node.address == device.address);
        gpu.gfx = node.and_then(|node| node.gfx.clone());
        let memory = self.memory(&device.address);
        gpu.vram_bytes = memory.vram;
        gpu.integrated = amd::is_integrated(&memory, node);
        let render = node.and_then(|node| node.render_minor).map(|minor| format!("renderD{minor}"));
        self.render(&mut gpu, render);
        if self.access.are_shown() {
            gpu.rocm_why_not = self.node_refused("/dev/kfd", false).map(|(_, why)| why);
        }
        gpu
    }

    fn intel(&self, device: &Device) -> Gpu {
        let mut gpu = self.gpu(device, Maker::Intel);
        gpu.integrated = Some(device.is_on_root_bus());
        self.render(&mut gpu, None);
        gpu
    }

    /// Vulkan needs the render node.
    fn render(&self, gpu: &mut Gpu, known: Option<String>) {
        if gpu.usable.is_some() {
            return;
        }
        let of_address = |renders: &BTreeMap<_, _>| renders.get(gpu.address.as_deref()?).cloned();
        let name = known.or_else(|| self.renders.as_ref().and_then(of_address));
        match (name, &self.renders) {
            (Some(name), _) if self.access.are_shown() => {
                match self.node_refused(&format!("/dev/dri/{name}"), false) {
                    Some((fault, why)) => gpu.refuse(fault, why),
                    None => gpu.usable = Some(true),
                }
            }
            (None, Some(_)) => {
                gpu.refuse(Fault::Other, "the kernel made no render node for it in /dev/dri")
            }
            _ => {} // nothing tells
        }
    }

    fn memory(&self, address: &str) -> amd::Memory {
        let folder = format!("/sys/bus/pci/devices/{address}");
        let render = self.renders.as_ref().and_then(|renders| renders.get(address));
        let drm = render.map(|name| format!("/sys/class/drm/{name}/device"));
        let places: Vec<String> = drm.into_iter().chain([folder]).collect();
        let text = |file: &str| {
            places.iter().find_map(|place| self.tree.text(&format!("{place}/{file}")).ok())
        };
        let bytes = |file: &str| text(file)?.trim().parse().ok();
        amd::Memory {
            vram: bytes("mem_info_vram_total"),
            gtt: bytes("mem_info_gtt_total"),
            has_board: text("mem_info_vram_vendor").is_some() || text("board_info").is_some(),
        }
    }

    /// GPUs that are on no PCI bus: those that WSL lends, and Tegra's.
    fn beside_pci(&self, host: &mut Host) {
        if host.gpus.iter().any(|gpu| gpu.vendor == "nvidia") {
            return;
        }
        if host.wsl == Some(2) && self.tree.exists("/dev/dxg") {
            let (list, source) = smi::ask(self.tree);
            host.note("nvidia-smi", source);
            host.gpus.extend(list.into_iter().map(|found| self.of_wsl(found)));
        } else if host.jetson.is_some() {
            host.gpus.push(self.tegra(host));
        }
    }

    fn of_wsl(&self, found: nvidia::Smi) -> Gpu {
        let mut gpu = Gpu {
            name: Some(found.name),
            driver: found.driver,
            compute: found.compute,
            vram_bytes: found.memory_bytes,
            integrated: Some(false),
            usable: Some(true),
            ..Gpu::of("nvidia")
        };
        match library::find(self.tree, "libcuda.so.1") {
            Some(path) if path.starts_with("/usr/lib/wsl/") => {}
            Some(path) => gpu.refuse(Fault::Lent, format!(
                "{path} hides the library that Windows lends: remove NVIDIA's Linux driver from WSL"
            )),
            None => {
                gpu.refuse(Fault::Lent, "/usr/lib/wsl/lib/libcuda.so.1 is missing: update the driver in Windows")
            }
        }
        // A Linux driver beside it is found first by programs.
        let native = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib/aarch64-linux-gnu"];
        let native = native.map(|folder| format!("{folder}/libcuda.so.1"));
        if let Some(path) = native.iter().find(|path| self.tree.exists(path)) {
            gpu.refuse(Fault::Lent, format!(
                "{path} hides the library that Windows lends: remove NVIDIA's Linux driver from WSL"
            ));
        }
        gpu
    }

    fn tegra(&self, host: &Host) -> Gpu {
        let compatible = self.tree.text("/proc/device-tree/compatible").unwrap_or_default();
        let chip = compatible.split('\0').find_map(|name| name.strip_prefix("nvidia,tegra"));
        let compute = match chip.unwrap_or_default() {
            "210" => Some("5.3"),
            "186" => Some("6.2"),
            "194" => Some("7.2"),
            "234" => Some("8.7"),
            "264" => Some("11.0"),
            _ => None,
        };
        let mut gpu = Gpu {
            name: host.jetson.as_ref().and_then(|jetson| jetson.model.clone()),
            compute: compute.map(str::to_owned),
            integrated: Some(true),
            ..Gpu::of("nvidia")
        };
        let nodes = ["/dev/nvhost-gpu", "/dev/nvgpu/igpu0/ctrl"];
        if self.access.are_shown() {
            match nodes.iter().find(|node| self.access.exists(node)) {
                Some(node) => match self.access.why_not(node) {
                    Some((fault, why)) => gpu.refuse(fault, why),
                    None => gpu.usable = Some(true),
                },
                None => gpu.refuse(Fault::Node, "no device node of the Tegra GPU is in /dev"),
            }
        }
        gpu
    }
}

/// The GPUs that the compute driver of AMD knows; nodes that a container may not
/// see cannot be read and are left out.
fn nodes(tree: &Tree) -> Vec<Node> {
    let folder = "/sys/class/kfd/kfd/topology/nodes";
    let names = tree.names(folder).unwrap_or_default();
    let text = |name: &String| tree.text(&format!("{folder}/{name}/properties")).ok();
    names.iter().filter_map(text).filter_map(|text| amd::node(&text)).collect()
}
