//! What of a computer decides whether a variant works on it, as one digest: the
//! same as long as hardware and driver are. Pure.

use crate::host::{Gpu, Host};
use offgrid_manifest::Digest;
use serde_json::json;

/// The digest. What changes from day to day, like free space, is not in it, nor is
/// memory, of which a kernel reports a little more or less than the one before.
pub fn fingerprint(host: &Host) -> Digest {
    // The driver of AMD's and Intel's GPUs comes with the kernel.
    let with_kernel = host.gpus.iter().any(|gpu| gpu.driver.is_none());
    let kernel = host.kernel.as_deref().filter(|_| with_kernel).map(series);
    let gpu = |gpu: &Gpu| {
        json!([
            gpu.address,
            gpu.vendor,
            gpu.pci,
            gpu.driver,
            gpu.compute,
            gpu.gfx,
            gpu.vram_bytes,
            gpu.usable,
            gpu.vulkan,
            gpu.rocm_why_not.is_none(),
        ])
    };
    let facts = json!([
        host.os,
        host.native_arch,
        host.libc,
        host.cpu.features,
        host.gpus.iter().map(gpu).collect::<Vec<_>>(),
        host.vulkan.as_ref().map(|vulkan| (vulkan.loader, &vulkan.api)),
        host.metal,
        host.jetson,
        kernel,
    ]);
    Digest::of(facts.to_string().as_bytes())
}

/// `6.8` of `6.8.0-45-generic`.
fn series(kernel: &str) -> &str {
    let end = kernel.match_indices('.').nth(1).map_or(kernel.len(), |(at, _)| at);
    &kernel[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> Host {
        let gpu = Gpu { driver: Some("550.54".into()), ..gpu("nvidia") };
        Host { kernel: Some("6.8.0-45".into()), gpus: vec![gpu], ..Host::default() }
    }

    fn gpu(vendor: &str) -> Gpu {
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

    fn changed(change: impl FnOnce(&mut Host)) -> bool {
        let mut other = host();
        change(&mut other);
        fingerprint(&other) != fingerprint(&host())
    }

    #[test]
    fn hardware_and_driver_change_it_and_what_happens_every_day_does_not() {
        assert!(changed(|host| host.gpus[0].driver = Some("570.1".into())));
        assert!(changed(|host| host.gpus[0].usable = Some(false)));
        assert!(changed(|host| host.gpus.push(gpu("amd"))));
        assert!(changed(|host| host.gpus.clear()));
        assert!(changed(|host| host.cpu.features = Some(vec!["avx2".into()])));
        assert!(!changed(|host| host.kernel = Some("6.11.0".into())), "the driver has a number");
        assert!(!changed(|host| host.memory_bytes = Some(1)));
        assert!(!changed(|host| host.gpus[0].why_not = Some("other words".into())));
    }

    #[test]
    fn where_the_driver_comes_with_the_kernel_its_series_counts() {
        let with = |kernel: &str| {
            let gpus = vec![gpu("amd")];
            fingerprint(&Host { kernel: Some(kernel.into()), gpus, ..Host::default() })
        };
        assert_eq!(with("6.8.0-45-generic"), with("6.8.0-50-generic"));
        assert_ne!(with("6.8.0-45-generic"), with("6.11.0-1"));
        assert_eq!(series("6"), "6");
    }
}
