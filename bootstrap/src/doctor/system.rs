//! What is to be said of the system itself: its version, its C library and the
//! libraries that engines take from it.

use super::advice::advice;
use super::table::Thing;
use super::{Family, Finding, at_least, cuda, special};
use crate::host::{Arch, Gpu, Host, LibcKind, Os};

/// Darwin's number of macOS 13.3, the least that engines are built for (gpu.md 2.5).
const MACOS: &str = "22.4";

pub(super) fn judge(host: &Host, family: Family) -> Vec<Finding> {
    match host.os {
        Some(Os::Linux) => linux(host, family),
        Some(Os::Macos) => macos(host).into_iter().collect(),
        Some(Os::Windows) => runtime(host, family).into_iter().collect(),
        None => Vec::new(),
    }
}

fn linux(host: &Host, family: Family) -> Vec<Finding> {
    if let Some(narrow) = special::narrow(host) {
        return vec![narrow];
    }
    let libc = libc(host);
    let special = special::judge(host);
    let mut before = libc.iter().chain(&special);
    // What is built for another C library is not helped by these, and nix-ld brings them.
    let whole = before.any(|finding| ["W_MUSL", "W_NIXOS"].contains(&finding.word));
    let libraries = if whole { Vec::new() } else { linux_libraries(host, family) };
    libc.into_iter().chain(libraries).chain(special).collect()
}

fn macos(host: &Host) -> Option<Finding> {
    let kernel = host.kernel.as_deref()?;
    if at_least(kernel, MACOS)? {
        return None;
    }
    Some(Finding::problem(
        "W_MACOS",
        format!("this macOS is older than 13.3 (its kernel is {kernel}); engines do not start"),
        "System Settings, General, Software Update; or `softwareupdate --list`",
    ))
}

fn libc(host: &Host) -> Option<Finding> {
    let libc = host.libc.as_ref()?;
    if libc.kind == LibcKind::Musl {
        return Some(Finding::problem(
            "W_MUSL",
            "this system has musl, and engines are built for glibc",
            "use a system with glibc 2.35 or newer, for example Debian in a container",
        ));
    }
    let version = libc.version.as_deref()?;
    if !at_least(version, "2.35")? {
        return Some(Finding::problem(
            "W_GLIBC",
            format!("glibc {version} is older than 2.35, which engines need"),
            "it comes with the distribution: go to a newer release of it, or use one in a container",
        ));
    }
    if !is_below_238(host) || !gpu_needs_newer(host) {
        return None;
    }
    Some(Finding::advice(
        "W_GLIBC_GPU",
        format!("glibc {version} is older than 2.38, which the newest engine for this GPU needs"),
        "a newer release of the distribution has it; until then another engine is chosen",
    ))
}

/// Whether glibc is known to be older than what CUDA 13 is built for.
pub(super) fn is_below_238(host: &Host) -> bool {
    let version = host.libc.as_ref().and_then(|libc| libc.version.as_deref());
    version.and_then(|version| at_least(version, "2.38")) == Some(false)
}

/// Whether a build for one of the GPUs asks for glibc 2.38: CUDA 13, and every one
/// for ARM but a Jetson's own.
fn gpu_needs_newer(host: &Host) -> bool {
    let arm = host.native_arch == Some(Arch::Aarch64) && host.jetson.is_none();
    let needs = |gpu: &Gpu| gpu.usable != Some(false) && (arm || cuda::runs_13(host, gpu));
    host.gpus.iter().any(needs)
}

fn linux_libraries(host: &Host, family: Family) -> Vec<Finding> {
    let Some(libs) = &host.libs else { return Vec::new() };
    let has = |names: &[&str]| names.iter().all(|name| libs.contains(*name));
    let all: [(&str, Thing, &[&str], &str); 2] = [
        ("W_OPENMP", Thing::OpenMp, &["libgomp.so.1"], "OpenMP (libgomp.so.1)"),
        (
            "W_OPENSSL",
            Thing::OpenSsl,
            &["libssl.so.3", "libcrypto.so.3"],
            "OpenSSL 3 (libssl.so.3, libcrypto.so.3)",
        ),
    ];
    let missing = all.into_iter().filter(|(_, _, names, _)| !has(names));
    let finding = |(word, thing, _, name): (&'static str, Thing, _, &str)| {
        let hint = advice(family, thing, host.native_arch);
        match host.native_arch {
            // For ARM there are builds without them.
            Some(Arch::Aarch64) => {
                Finding::advice(word, format!("{name} is missing; some engines need it"), hint)
            }
            _ => Finding::problem(word, format!("{name} is missing; engines need it"), hint),
        }
    };
    missing.map(finding).collect()
}

fn runtime(host: &Host, family: Family) -> Option<Finding> {
    let libs = host.libs.as_ref()?;
    let names = ["msvcp140.dll", "vcruntime140.dll", "vcruntime140_1.dll"];
    let missing: Vec<&str> = names.into_iter().filter(|name| !libs.contains(*name)).collect();
    if missing.is_empty() {
        return None;
    }
    Some(Finding::problem(
        "W_VCRUNTIME",
        format!(
            "Microsoft's VC++ runtime is missing ({}); engines do not start",
            missing.join(", ")
        ),
        advice(family, Thing::VcRuntime, host.native_arch),
    ))
}
