//! Which GPUs of a machine are meant to be used. Pure.
//!
//! A card goes before graphics inside the processor; Intel's inside the processor
//! is used only when asked for, since it is hardly faster (reference/gpu.md 6.1).

use crate::host::{Gpu, Host};
use offgrid_manifest::needs;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Whose GPUs somebody wants (`--gpu`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wanted {
    /// Whatever is best.
    #[default]
    Auto,
    /// None at all.
    None,
    /// Those of one maker.
    Nvidia,
    /// Those of one maker.
    Amd,
    /// Those of one maker.
    Intel,
}

impl Wanted {
    /// All that can be asked for.
    pub const ALL: [Wanted; 5] =
        [Wanted::Auto, Wanted::None, Wanted::Nvidia, Wanted::Amd, Wanted::Intel];

    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Wanted::Auto => "auto",
            Wanted::None => "none",
            Wanted::Nvidia => "nvidia",
            Wanted::Amd => "amd",
            Wanted::Intel => "intel",
        }
    }
}

/// The GPUs to use, the strongest first, and why the others are not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct InUse {
    pub(super) gpus: Vec<needs::Gpu>,
    /// By vendor, in words.
    pub(super) unused: BTreeMap<String, String>,
}

/// Decides it for a machine.
pub(super) fn in_use(host: &Host, wanted: Wanted) -> InUse {
    let mut found = InUse::default();
    let able = |gpu: &&Gpu| gpu.usable != Some(false);
    let has_card = host.gpus.iter().filter(able).any(|gpu| gpu.integrated == Some(false));
    for gpu in &host.gpus {
        match why_not(gpu, wanted, has_card) {
            None => found.gpus.push(facts(gpu, host)),
            Some(why) => {
                let why = format!("{}: {why}", name(gpu));
                let all = found.unused.entry(gpu.vendor.clone()).or_default();
                if !all.is_empty() {
                    all.push_str("; ");
                }
                all.push_str(&why);
            }
        }
    }
    found.gpus.sort_by_key(|gpu| std::cmp::Reverse(strength(gpu)));
    found
}

fn why_not(gpu: &Gpu, wanted: Wanted, has_card: bool) -> Option<String> {
    let asked = gpu.vendor == wanted.name();
    match wanted {
        Wanted::None => return Some("GPUs are switched off (--gpu none)".to_owned()),
        Wanted::Auto => {}
        _ if !asked => return Some(format!("only {} is wanted (--gpu)", wanted.name())),
        _ => {}
    }
    if gpu.usable == Some(false) {
        return Some(gpu.why_not.clone().unwrap_or_else(|| "it cannot be used".to_owned()));
    }
    if asked || gpu.integrated != Some(true) {
        return None;
    }
    if has_card {
        return Some("it is part of the processor, and there is a card".to_owned());
    }
    (gpu.vendor == "intel").then(|| {
        "it is part of the processor and hardly faster than it; --gpu intel uses it".to_owned()
    })
}

pub(super) fn name(gpu: &Gpu) -> String {
    let known = gpu.name.clone().or_else(|| gpu.pci.clone());
    known.unwrap_or_else(|| format!("a GPU of {}", gpu.vendor))
}

fn facts(gpu: &Gpu, host: &Host) -> needs::Gpu {
    let jetpack = host.jetson.as_ref().filter(|_| gpu.vendor == "nvidia" && gpu.address.is_none());
    needs::Gpu {
        vendor: gpu.vendor.clone(),
        name: name(gpu),
        driver: gpu.driver.clone(),
        compute: gpu.compute.clone(),
        gfx: gpu.gfx.clone(),
        memory: gpu.vram_bytes,
        vulkan: gpu.vulkan.clone(),
        jetpack: jetpack
            .map(|jetson| jetson.jetpack.map_or_else(String::new, |number| number.to_string())),
        why_not: gpu.rocm_why_not.clone(),
    }
}

/// What makes one GPU the better one: what it can compute, then its memory.
fn strength(gpu: &needs::Gpu) -> (Vec<u64>, u64) {
    let compute = gpu.compute.as_deref().unwrap_or("0");
    (compute.split('.').map(|part| part.parse().unwrap_or(0)).collect(), gpu.memory.unwrap_or(0))
}

/// The variable that hides all but the first `kept` GPUs of a vendor from an
/// engine, as somebody would set it.
pub(super) fn hiding(vendor: &str, kept: usize) -> String {
    let variable = match vendor {
        "nvidia" => "CUDA_VISIBLE_DEVICES",
        "amd" => "ROCR_VISIBLE_DEVICES",
        _ => "GGML_VK_VISIBLE_DEVICES",
    };
    let list: Vec<String> = (0..kept).map(|index| index.to_string()).collect();
    format!("{variable}={}", list.join(","))
}
