//! Whether NVIDIA's driver is new enough for the CUDA builds (gpu.md 2.1 and 2.2,
//! the floors of `server/templates/release.toml`).

use super::at_least;
use crate::host::{Arch, Gpu, Host, Os};

/// What a driver is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The newest build that there is for this card.
    Newest,
    /// CUDA 12; 13 would need this driver.
    Only12(&'static str),
    /// No build; the first would need this driver.
    Below(&'static str),
    /// There is no build for this card, whatever the driver.
    NoBuild,
}

/// Major and minor number of a compute capability.
fn compute(gpu: &Gpu) -> Option<(u32, u32)> {
    let (major, minor) = gpu.compute.as_deref()?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// CUDA 13: machine code for some, and for the others a driver that knows its PTX.
fn floor13(host: &Host, cc: (u32, u32)) -> Option<&'static str> {
    match cc {
        // On Windows for ARM there is only this chip.
        (12, 1) => Some("580"),
        _ if host.os == Some(Os::Windows) && host.native_arch == Some(Arch::Aarch64) => None,
        (8, 6 | 9) | (12, 0) => Some("580"),
        _ if cc >= (7, 5) => Some("615"),
        _ => None,
    }
}

/// CUDA 12: 12.8 on Linux, 12.4 on Windows, and none for ARM.
fn floor12(host: &Host, cc: (u32, u32)) -> Option<&'static str> {
    if host.native_arch != Some(Arch::X86_64) {
        return None;
    }
    let windows = host.os == Some(Os::Windows);
    match cc {
        (8, 6 | 9) => Some(if windows { "528.33" } else { "550" }),
        (12, 0) => Some("570"),
        _ if ((5, 0)..(12, 0)).contains(&cc) => Some(if windows { "551.61" } else { "570.26" }),
        _ => None,
    }
}

/// What the driver of this card is good for; `None` where that is not known. The
/// numbers of a Jetson's drivers mean something else.
pub(super) fn reach(host: &Host, gpu: &Gpu) -> Option<Reach> {
    if gpu.vendor != "nvidia" || host.jetson.is_some() {
        return None;
    }
    let (driver, cc) = (gpu.driver.as_deref()?, compute(gpu)?);
    let (new, old) = (floor13(host, cc), floor12(host, cc));
    let has = |floor: Option<&str>| floor.map_or(Some(false), |floor| at_least(driver, floor));
    if has(new)? {
        return Some(Reach::Newest);
    }
    Some(match (has(old)?, new, old) {
        // Driver 615 would bring little to a card that has its code in CUDA 12.
        (true, Some("580"), _) => Reach::Only12("580"),
        (true, ..) => Reach::Newest,
        (false, _, Some(floor)) | (false, Some(floor), None) => Reach::Below(floor),
        (false, None, None) => Reach::NoBuild,
    })
}

/// Whether driver 580 is the last for this card: Maxwell, Pascal, Volta.
pub(super) fn ends_at_580(gpu: &Gpu) -> bool {
    compute(gpu).is_some_and(|cc| ((5, 0)..(7, 5)).contains(&cc))
}

/// Whether CUDA 13 could run on it by card and driver.
pub(super) fn runs_13(host: &Host, gpu: &Gpu) -> bool {
    let floor = compute(gpu).and_then(|cc| floor13(host, cc));
    let new = floor.zip(gpu.driver.as_deref()).and_then(|(floor, have)| at_least(have, floor));
    host.jetson.is_none() && gpu.vendor == "nvidia" && new == Some(true)
}
