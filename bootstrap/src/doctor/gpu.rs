//! What is to be said of the GPUs: those that cannot be used, and those that could
//! be used better.

use super::advice::advice;
use super::cuda::{self, Reach};
use super::table::Thing;
use super::{Family, Finding, Severity, system};
use crate::host::{Fault, Gpu, Host, Os};

pub(super) fn judge(host: &Host, family: Family) -> Vec<Finding> {
    if host.gpus.is_empty() {
        return vec![none(host)];
    }
    let mut found = Vec::new();
    for gpu in &host.gpus {
        if gpu.usable == Some(false) {
            found.push(fault(host, family, gpu));
            continue;
        }
        let reach = cuda::reach(host, gpu);
        found.extend(reach.and_then(|reach| driver(host, family, gpu, reach)));
        found.extend(vulkan(host, family, gpu, reach));
        found.extend(rocm(host, gpu));
    }
    found
}

/// No GPU is nothing wrong; what is lent may still be missing.
fn none(host: &Host) -> Finding {
    let what = |why: &str| format!("no GPU was found: {why}");
    match (host.wsl, host.os) {
        (Some(1), _) => Finding::advice(
            "W_WSL1",
            what("WSL 1 lends none"),
            "in Windows: `wsl --set-version NAME 2`, with the name that `wsl --list` shows",
        ),
        (Some(_), _) => Finding::advice(
            "W_NO_GPU",
            what("Windows lends none to WSL, and engines use the processor"),
            "if this computer has one: update its driver in Windows, then `wsl --update`",
        ),
        _ => Finding {
            word: "W_NO_GPU",
            severity: Severity::Advice,
            what: what("engines use the processor"),
            hint: None,
        },
    }
}

fn name(gpu: &Gpu) -> String {
    let known = gpu.name.clone().or_else(|| gpu.pci.clone());
    known.unwrap_or_else(|| format!("the GPU of {}", gpu.vendor))
}

/// A GPU that cannot be used: the reason of the facts, and what to type here.
fn fault(host: &Host, family: Family, gpu: &Gpu) -> Finding {
    let why = gpu.why_not.as_deref().unwrap_or("nothing says why");
    let (why, own) = why.split_once(": ").map_or((why, None), |(why, own)| (why, Some(own)));
    let what = format!("{} is not used: {why}", name(gpu));
    let own = |instead: &str| own.unwrap_or(instead).to_owned();
    let container = "start the container with `--gpus all`".to_owned();
    let (word, hint) = match gpu.fault {
        Some(Fault::Driver) if host.container.is_some() && gpu.driver.is_some() => {
            ("W_GPU_CONTAINER", container)
        }
        Some(Fault::Driver) => ("W_GPU_DRIVER", maker(host, family, gpu)),
        Some(Fault::OldRadeon) => (
            "W_GPU_DRIVER",
            "for a card from 2012 on, start the kernel with `radeon.si_support=0 \
             radeon.cik_support=0 amdgpu.si_support=1 amdgpu.cik_support=1`; an older one cannot \
             compute"
                .to_owned(),
        ),
        Some(Fault::Module) => ("W_GPU_MODULE", own("restart")),
        Some(Fault::Restart) => ("W_GPU_RESTART", "`sudo reboot`".to_owned()),
        Some(Fault::Container) if gpu.vendor == "nvidia" => ("W_GPU_CONTAINER", container),
        Some(Fault::Container) => ("W_GPU_CONTAINER", own("start it with the device")),
        Some(Fault::Node) => ("W_GPU_NODE", own("restart; the driver makes it")),
        Some(Fault::Group) => (
            "W_GPU_RIGHTS",
            "`sudo usermod -aG render,video USER` with the name of the service's user, then log in \
             again"
                .to_owned(),
        ),
        Some(Fault::Rights) => (
            "W_GPU_RIGHTS",
            "a rule of udev has to give it to the group render, with mode 0660".to_owned(),
        ),
        Some(Fault::SetAside) => {
            let hint = "nothing, if that is meant; else give it back to its driver and restart";
            return Finding::advice("W_GPU_SET_ASIDE", what, hint);
        }
        Some(Fault::Lent) => ("W_GPU_WSL", own("update the driver in Windows")),
        Some(Fault::Other) | None => ("W_GPU_OTHER", own("install the driver of its maker")),
    };
    Finding::problem(word, what, hint)
}

/// How to get the driver of its maker.
fn maker(host: &Host, family: Family, gpu: &Gpu) -> String {
    let windows = host.os == Some(Os::Windows);
    match gpu.vendor.as_str() {
        "nvidia" => nvidia(host, family),
        "amd" if windows => {
            "get AMD's driver from https://www.amd.com/support, then restart".into()
        }
        "intel" if windows => {
            "get Intel's driver from https://www.intel.com/download-center, then restart".into()
        }
        "amd" => "`sudo modprobe amdgpu`; a card that is newer than the kernel needs a newer \
                  kernel"
            .into(),
        "intel" => "`sudo modprobe i915` or `sudo modprobe xe`; a card that is newer than the \
                    kernel needs a newer kernel"
            .into(),
        _ => "install the driver of its maker".into(),
    }
}

fn nvidia(host: &Host, family: Family) -> String {
    match host.wsl {
        Some(_) => "update NVIDIA's driver in Windows, never in WSL".to_owned(),
        None => advice(family, Thing::Nvidia, host.native_arch),
    }
}

/// A driver that is older than what CUDA builds need.
fn driver(host: &Host, family: Family, gpu: &Gpu, reach: Reach) -> Option<Finding> {
    let (name, have) = (name(gpu), gpu.driver.as_deref().unwrap_or_default());
    let last = match cuda::ends_at_580(gpu) {
        true => "; 580 is the last one for this card",
        false => "",
    };
    let hint = || format!("{}{last}", nvidia(host, family));
    match reach {
        Reach::Newest => None,
        // The system's glibc is too old for CUDA 13 anyway.
        Reach::Only12(_) if system::is_below_238(host) => None,
        Reach::Only12(floor) => Some(Finding::advice(
            "W_CUDA13_DRIVER",
            format!("{name} runs CUDA 12; CUDA 13 needs driver {floor}, and it has {have}"),
            hint(),
        )),
        Reach::Below(floor) => Some(Finding::problem(
            "W_CUDA_DRIVER",
            format!("{name} cannot run CUDA: that needs driver {floor}, and it has {have}"),
            hint(),
        )),
        Reach::NoBuild => Some(Finding {
            word: "W_CUDA_CARD",
            severity: Severity::Advice,
            what: format!("{name} is too old for CUDA; Vulkan is used where it can be"),
            hint: None,
        }),
    }
}

/// ROCm's libraries are there and its device is not for us: who installed them wants
/// to know.
fn rocm(host: &Host, gpu: &Gpu) -> Option<Finding> {
    let why = gpu.rocm_why_not.as_deref()?;
    let mut libs = host.libs.iter().flatten();
    libs.find(|name| name.starts_with("libamdhip64.so"))?;
    let (why, own) = why.split_once(": ").unwrap_or((
        why,
        "the kernel's driver amdgpu makes it, where it is built with HSA_AMD and knows the card; \
         until then Vulkan is used",
    ));
    let what = format!("ROCm is installed, and {} cannot be used by it: {why}", name(gpu));
    Some(Finding::advice("W_ROCM", what, own))
}

/// A half of Vulkan that is missing. Where CUDA runs, it is only what is fallen
/// back on.
fn vulkan(host: &Host, family: Family, gpu: &Gpu, reach: Option<Reach>) -> Option<Finding> {
    // WSL's and a Jetson's are not used through Vulkan.
    if gpu.vendor == "apple" || host.wsl.is_some() || host.jetson.is_some() {
        return None;
    }
    let found = host.vulkan.as_ref()?;
    let loader = found.loader?;
    let cuda = matches!(reach, Some(Reach::Newest | Reach::Only12(_)));
    let severity = if cuda { Severity::Advice } else { Severity::Problem };
    let (word, what, thing) = match gpu.vendor.as_str() {
        _ if !loader => ("W_VULKAN_LOADER", "its loader is missing", Thing::VulkanLoader),
        // On Windows no file tells; NVIDIA's comes with its driver.
        _ if host.os != Some(Os::Linux) || gpu.vulkan.is_some() => return None,
        "amd" => ("W_VULKAN_DRIVER", "its driver for this card is missing", Thing::VulkanAmd),
        "intel" => ("W_VULKAN_DRIVER", "its driver for this card is missing", Thing::VulkanIntel),
        _ => return None,
    };
    let what = format!("{} cannot be used through Vulkan: {what}", name(gpu));
    let hint = Some(advice(family, thing, host.native_arch));
    Some(Finding { word, severity, what, hint })
}
