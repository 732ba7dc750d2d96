//! Facts in, findings out.

use super::*;
use crate::host::{Arch, Fault, Gpu, Jetson, Libc, LibcKind, Os, Vulkan};

pub(super) fn gpu(vendor: &str) -> Gpu {
    Gpu {
        address: None,
        vendor: vendor.to_owned(),
        name: Some("a card".to_owned()),
        pci: None,
        driver: None,
        compute: None,
        gfx: None,
        vram_bytes: None,
        integrated: None,
        usable: Some(true),
        why_not: None,
        fault: None,
        vulkan: Some("1.3.0".to_owned()),
        rocm_why_not: None,
    }
}

fn nvidia(compute: &str, driver: &str) -> Gpu {
    Gpu { driver: Some(driver.into()), compute: Some(compute.into()), ..gpu("nvidia") }
}

/// A Debian with everything and these GPUs.
pub(super) fn host(gpus: Vec<Gpu>) -> Host {
    let libs = ["libgomp.so.1", "libssl.so.3", "libcrypto.so.3"];
    Host {
        os: Some(Os::Linux),
        arch: Some(Arch::X86_64),
        native_arch: Some(Arch::X86_64),
        distribution: vec!["debian".into()],
        libc: Some(Libc { kind: LibcKind::Glibc, version: Some("2.41".into()) }),
        libs: Some(libs.into_iter().map(str::to_owned).collect()),
        vulkan: Some(Vulkan { loader: Some(true), api: None, icds: Vec::new() }),
        gpus,
        ..Host::default()
    }
}

pub(super) fn words(host: &Host) -> Vec<&'static str> {
    judge(host).into_iter().map(|finding| finding.word).collect()
}

#[test]
fn a_machine_with_everything_has_no_finding() {
    let all = host(vec![gpu("amd"), gpu("intel"), nvidia("8.9", "580.95")]);
    assert_eq!(judge(&all), []);
    assert_eq!(text(&judge(&all)), "everything that this program needs is here");
    // What is not known is not judged.
    assert_eq!(words(&Host { os: Some(Os::Linux), ..Host::default() }), ["W_NO_GPU"]);
    let none = &judge(&host(Vec::new()))[0];
    assert_eq!((none.severity, &none.hint), (Severity::Advice, &None));
    assert!(none.text().starts_with("advice: no GPU was found"));
}

#[test]
fn drivers_are_judged_by_compute_capability() {
    let linux = |cc, driver| words(&host(vec![nvidia(cc, driver)]));
    for (cc, driver, word) in [
        ("8.9", "549.9", "W_CUDA_DRIVER"),
        ("8.9", "550.54.14", "W_CUDA13_DRIVER"),
        ("8.6", "579.99", "W_CUDA13_DRIVER"),
        ("12.0", "560.0", "W_CUDA_DRIVER"),
        ("12.0", "570.1", "W_CUDA13_DRIVER"),
        ("12.1", "570.1", "W_CUDA_DRIVER"),
        ("8.0", "570.25", "W_CUDA_DRIVER"),
        ("6.1", "470.256.02", "W_CUDA_DRIVER"),
        ("3.7", "470.256.02", "W_CUDA_CARD"),
    ] {
        assert_eq!(linux(cc, driver), [word], "{cc} {driver}");
    }
    for (cc, driver) in
        [("8.9", "580"), ("8.0", "570.26"), ("8.0", "615"), ("6.1", "580.1"), ("12.1", "580.9")]
    {
        assert!(linux(cc, driver).is_empty(), "{cc} {driver}");
    }
    // Windows has an older toolkit of CUDA 12, and its own floors.
    let windows = |cc, driver| {
        words(&Host { os: Some(Os::Windows), libs: None, ..host(vec![nvidia(cc, driver)]) })
    };
    assert_eq!(windows("8.6", "528.33"), ["W_CUDA13_DRIVER"]);
    assert_eq!(windows("8.6", "528.32"), ["W_CUDA_DRIVER"]);
    assert_eq!(windows("6.1", "551.60"), ["W_CUDA_DRIVER"]);
    assert!(windows("6.1", "551.61").is_empty());
    // A Jetson's numbers mean something else, and what is not known is not judged.
    let jetson = Some(Jetson::default());
    assert!(words(&Host { jetson, ..host(vec![nvidia("8.7", "540.4.0")]) }).is_empty());
    assert!(words(&host(vec![gpu("nvidia")])).is_empty());
    // The last driver for an old card is named; two cards of a kind are said once.
    let found = judge(&host(vec![nvidia("6.1", "470"), nvidia("6.1", "470")]));
    assert_eq!(found.len(), 1);
    let hint = found[0].hint.as_deref().unwrap();
    assert!(hint.contains("nvidia-driver") && hint.contains("580 is the last"), "{hint}");
}

#[test]
fn every_kind_of_unusable_gpu_has_its_word_and_what_to_type() {
    for (vendor, fault, word, typed) in [
        ("nvidia", Fault::Driver, "W_GPU_DRIVER", "nvidia-driver"),
        ("amd", Fault::Driver, "W_GPU_DRIVER", "modprobe amdgpu"),
        ("intel", Fault::Driver, "W_GPU_DRIVER", "modprobe i915"),
        ("amd", Fault::OldRadeon, "W_GPU_DRIVER", "amdgpu.si_support=1"),
        ("nvidia", Fault::Module, "W_GPU_MODULE", "its own words"),
        ("nvidia", Fault::Restart, "W_GPU_RESTART", "sudo reboot"),
        ("nvidia", Fault::Node, "W_GPU_NODE", "its own words"),
        ("nvidia", Fault::Container, "W_GPU_CONTAINER", "--gpus all"),
        ("amd", Fault::Container, "W_GPU_CONTAINER", "its own words"),
        ("amd", Fault::Group, "W_GPU_RIGHTS", "sudo usermod -aG render,video USER"),
        ("amd", Fault::Rights, "W_GPU_RIGHTS", "udev"),
        ("nvidia", Fault::SetAside, "W_GPU_SET_ASIDE", "nothing, if that is meant"),
        ("nvidia", Fault::Lent, "W_GPU_WSL", "its own words"),
        ("intel", Fault::Other, "W_GPU_OTHER", "its own words"),
    ] {
        let why_not = Some("it is so: its own words".to_owned());
        let one = Gpu { usable: Some(false), fault: Some(fault), why_not, ..gpu(vendor) };
        let found = judge(&host(vec![one]));
        assert_eq!((found.len(), found[0].word), (1, word), "{found:?}");
        assert_eq!(found[0].what, "a card is not used: it is so");
        assert!(found[0].hint.as_deref().unwrap().contains(typed), "{found:?}");
        let is_meant = fault == Fault::SetAside;
        assert_eq!(found[0].severity == Severity::Advice, is_meant, "{fault:?}");
    }
    // The driver's kernel part is seen in a container, its libraries are not lent.
    let why_not = Some("a library is missing".to_owned());
    let driver = Some("550.1".to_owned());
    let one =
        Gpu { usable: Some(false), fault: Some(Fault::Driver), why_not, driver, ..gpu("nvidia") };
    let inside = Host { container: Some("docker".into()), ..host(vec![one.clone()]) };
    assert_eq!(words(&inside), ["W_GPU_CONTAINER"]);
    // In WSL the driver is that of Windows.
    let found = judge(&Host { wsl: Some(2), ..host(vec![one]) });
    assert!(found[0].hint.as_deref().unwrap().contains("never in WSL"), "{found:?}");
}

#[test]
fn both_halves_of_vulkan_are_looked_for() {
    let without = |gpu: Gpu| {
        let vulkan = Some(Vulkan { loader: Some(false), api: None, icds: Vec::new() });
        judge(&Host { vulkan, ..host(vec![gpu]) })
    };
    let found = without(gpu("amd"));
    assert_eq!((found[0].word, found[0].severity), ("W_VULKAN_LOADER", Severity::Problem));
    // Where CUDA runs, it is only what is fallen back on.
    let found = without(nvidia("8.9", "580"));
    assert_eq!((found[0].word, found[0].severity), ("W_VULKAN_LOADER", Severity::Advice));
    for (vendor, hints) in [("amd", 1), ("intel", 1), ("nvidia", 0)] {
        let found = judge(&host(vec![Gpu { vulkan: None, ..gpu(vendor) }]));
        assert_eq!(found.len(), hints, "{vendor}: {found:?}");
        assert!(found.iter().all(|finding| {
            finding.word == "W_VULKAN_DRIVER"
                && finding.hint.as_deref() == Some("`sudo apt install mesa-vulkan-drivers`")
        }));
    }
    assert!(words(&Host { vulkan: None, ..host(vec![gpu("amd")]) }).is_empty());
}

#[test]
fn the_c_library_and_what_engines_take_from_the_system() {
    let with = |kind, version: &str, gpus| {
        words(&Host { libc: Some(Libc { kind, version: Some(version.into()) }), ..host(gpus) })
    };
    let amd = || vec![gpu("amd")];
    assert_eq!(with(LibcKind::Glibc, "2.34", amd()), ["W_GLIBC"]);
    assert!(with(LibcKind::Glibc, "2.35", amd()).is_empty());
    assert_eq!(with(LibcKind::Glibc, "2.37", vec![nvidia("8.9", "580")]), ["W_GLIBC_GPU"]);
    // A newer driver alone would not bring CUDA 13 here.
    assert!(with(LibcKind::Glibc, "2.37", vec![nvidia("8.9", "550")]).is_empty());
    assert!(with(LibcKind::Glibc, "2.38", vec![nvidia("8.9", "580")]).is_empty());
    assert_eq!(with(LibcKind::Musl, "1.2.5", amd()), ["W_MUSL"]);
    let bare = |arch| {
        judge(&Host {
            native_arch: Some(arch),
            libs: Some(std::iter::once("libc.so.6".to_owned()).collect()),
            ..host(amd())
        })
    };
    let [openmp, openssl] = &bare(Arch::X86_64)[..] else { panic!("{:?}", bare(Arch::X86_64)) };
    assert_eq!((openmp.word, openssl.word), ("W_OPENMP", "W_OPENSSL"));
    assert_eq!(openmp.hint.as_deref(), Some("`sudo apt install libgomp1`"));
    assert!(bare(Arch::X86_64).iter().all(|one| one.severity == Severity::Problem));
    assert!(bare(Arch::Aarch64).iter().all(|one| one.severity == Severity::Advice));
}

#[test]
fn windows_macos_and_wsl_have_their_own() {
    let windows = |names: &[&str]| {
        let libs = Some(names.iter().map(|name| (*name).to_owned()).collect());
        words(&Host { os: Some(Os::Windows), libs, ..host(vec![gpu("amd")]) })
    };
    let whole = ["msvcp140.dll", "vcruntime140.dll", "vcruntime140_1.dll"];
    assert!(windows(&whole).is_empty());
    assert_eq!(windows(&whole[..2]), ["W_VCRUNTIME"]);
    let mac = |kernel: &str| {
        let apple = gpu("apple");
        words(&Host { os: Some(Os::Macos), kernel: Some(kernel.into()), ..host(vec![apple]) })
    };
    assert_eq!(mac("22.3.0"), ["W_MACOS"]);
    assert!(mac("22.4.0").is_empty() && mac("").is_empty());
    let wsl = |version| words(&Host { wsl: Some(version), ..host(Vec::new()) });
    assert_eq!((wsl(1), wsl(2)), (vec!["W_WSL1"], vec!["W_NO_GPU"]));
}

#[test]
fn problems_come_first_and_preflight_s_findings_are_of_the_same_shape() {
    let bare = Host { libs: Some(Default::default()), ..host(Vec::new()) };
    assert_eq!(words(&bare), ["W_OPENMP", "W_OPENSSL", "W_NO_GPU"]);
    let stop = preflight::Finding {
        word: preflight::Word::Stop(offgrid_manifest::Code::Perm),
        what: "no programs".into(),
        hint: None,
    };
    let warn = preflight::Finding { word: preflight::Word::Warn("W_PORT"), ..stop.clone() };
    let both: Vec<Finding> = [warn, stop].into_iter().map(Finding::from).collect();
    let sorted: Vec<_> = in_order(both).into_iter().map(|one| one.word).collect();
    assert_eq!(sorted, ["E_PERM", "W_PORT"]);
    let shown = Finding::problem("W_X", "it is so", "do this");
    assert_eq!(shown.text(), "problem: it is so (W_X)\n    do this");
    let json = json!({"word": "W_X", "severity": "problem", "what": "it is so", "hint": "do this"});
    assert_eq!(shown.json(), json);
}

#[test]
fn versions_are_compared_by_numbers() {
    for (have, least, said) in [
        ("550.54.14", "550", Some(true)),
        ("550", "550.0.0", Some(true)),
        ("570.2", "570.26", Some(false)),
        ("2.9", "2.35", Some(false)),
        ("6.8.0-45-generic", "6.8", Some(true)),
        ("", "1", None),
        ("x", "1", None),
    ] {
        assert_eq!(at_least(have, least), said, "{have} {least}");
    }
}

#[test]
fn rocm_without_its_device_is_told_to_who_installed_it() {
    let of = |why: Option<&str>, usable, library: &str| {
        let one = Gpu { rocm_why_not: why.map(str::to_owned), usable, ..gpu("amd") };
        let mut host = host(vec![one]);
        host.libs.as_mut().unwrap().insert(library.to_owned());
        judge(&host)
    };
    let hip = "libamdhip64.so.7";
    let found = of(Some("/dev/kfd is missing"), Some(true), hip);
    assert_eq!((found.len(), found[0].word), (1, "W_ROCM"));
    assert_eq!(found[0].severity, Severity::Advice, "Vulkan is used anyway");
    assert!(found[0].what.ends_with("/dev/kfd is missing"), "{found:?}");
    assert!(found[0].hint.as_deref().unwrap().contains("amdgpu"), "{found:?}");
    let found = of(Some("/dev/kfd is only for render: `usermod`"), Some(true), hip);
    assert_eq!(found[0].hint.as_deref(), Some("`usermod`"));
    assert_eq!(of(None, Some(true), hip), []);
    assert_eq!(of(Some("/dev/kfd is missing"), Some(true), "libx.so.1"), [], "nobody wants it");
    let unusable = of(Some("/dev/kfd is missing"), Some(false), hip);
    assert_eq!((unusable.len(), unusable[0].word), (1, "W_GPU_OTHER"), "said already");
}
