//! What a capture keeps, and what must not be in it.

use super::super::elf::tests::program;
use super::*;
use std::fs;

/// Things of somebody, wherever a computer has them.
const SECRETS: [&str; 18] = [
    "alice",
    "Alice",
    "wonder-pc",
    "10000000abcdef12",
    "8eaaebb8",
    "11673270660693242239",
    "0123456789abcdef",
    "95.02.3c",
    "4c4c4544",
    "tea-party",
    "10.0.0.7",
    "session-7",
    "user-1234",
    "secretlib",
    "unknown-tool",
    "S3R1AL",
    "C02XK",
    "1234",
];

fn held(files: &[(&str, &str)]) -> Nodes {
    let of = |(path, text): &(&str, &str)| {
        let node = match text.strip_prefix("-> ") {
            Some(target) => Node::Link(target.to_owned()),
            None => Node::File(text.as_bytes().into()),
        };
        ((*path).to_owned(), node)
    };
    files.iter().map(of).collect()
}

/// A workstation with everything in its files that is nobody else's business.
const WORKSTATION: &[(&str, &str)] = &[
    ("/.setup/uname", "Linux x86_64 6.8.0-45-generic"),
    ("/.setup/libc", "glibc 2.39"),
    ("/.setup/user", "1234 1234,44,109,5551"),
    ("/.setup/dev", "/dev/kfd 0660 0 109\n/dev/dri/renderD128 0660 0 109\n/dev/nvidia0 0666 0 0"),
    (
        "/.setup/nvidia-smi.csv",
        "0, GPU-8eaaebb8-1, NVIDIA GeForce RTX 4090, 550.54.14, 24564, 8.9\nFailed to initialize NVML on wonder-pc",
    ),
    (
        "/etc/os-release",
        "NAME=\"Ubuntu\"\nVERSION_ID=\"24.04\"\nHOME_URL=https://wonder-pc/\nSUPPORT=alice",
    ),
    (
        "/etc/group",
        "root:x:0:\nalice:x:1234:\nrender:x:109:alice,bob\nvideo:x:44:alice\ntea-party:x:5551:alice",
    ),
    ("/etc/hostname", "wonder-pc"),
    ("/etc/machine-id", "0123456789abcdef0123456789abcdef"),
    ("/sys/class/dmi/id/product_uuid", "4c4c4544-0042"),
    ("/sys/class/dmi/id/board_serial", "S3R1AL"),
    ("/proc/sys/kernel/hostname", "wonder-pc"),
    (
        "/proc/cpuinfo",
        "processor: 0\nmodel name: AMD Ryzen\nflags: sse2 avx2\nSerial\t: 10000000abcdef12\nHardware: wonder-pc",
    ),
    ("/proc/meminfo", "MemTotal: 65536000 kB\nMemFree: 1234 kB"),
    ("/proc/1/comm", "unknown-tool"),
    ("/proc/1/cgroup", "0::/"),
    ("/proc/self", "-> 4711"),
    (
        "/proc/4711/cgroup",
        "1:name=alice:/x\n0::/user.slice/user-1234.slice/session-7.scope/docker-0123456789abcdef.scope",
    ),
    ("/sys/fs/cgroup/user.slice/user-1234.slice/memory.max", "8589934592"),
    (
        "/run/.containerenv",
        "engine=\"podman-4.3.1\"\nname=\"tea-party\"\nid=\"0123456789abcdef\"\nimage=\"wonder-pc/x\"",
    ),
    (
        "/proc/driver/nvidia/version",
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.14  Release Build  (alice@wonder-pc)  Tue Sep 23\nGCC version:  gcc version 13 (alice)",
    ),
    (
        "/proc/driver/nvidia/gpus/0000:01:00.0/information",
        "Model: \t\t NVIDIA GeForce RTX 4090\nIRQ:   \t\t 155\nGPU UUID: \t GPU-8eaaebb8-1\nVideo BIOS: \t 95.02.3c.40.90\nDevice Minor: \t 0\nGPU Excluded:\t No",
    ),
    ("/sys/bus/pci/devices/0000:01:00.0", "-> ../../../devices/pci0000:00/0000:01:00.0"),
    ("/sys/devices/pci0000:00/0000:01:00.0/class", "0x030000\n"),
    ("/sys/devices/pci0000:00/0000:01:00.0/vendor", "0x10de\n"),
    ("/sys/devices/pci0000:00/0000:01:00.0/device", "0x2684\n"),
    ("/sys/devices/pci0000:00/0000:01:00.0/driver", "-> ../../../bus/pci/drivers/nvidia"),
    ("/sys/devices/pci0000:00/0000:01:00.0/serial", "S3R1AL"),
    ("/sys/bus/pci/devices/0000:03:00.0/class", "0x030000\n"),
    ("/sys/bus/pci/devices/0000:03:00.0/vendor", "0x1002\n"),
    ("/sys/bus/pci/devices/0000:03:00.0/device", "0x744c\n"),
    ("/sys/bus/pci/devices/0000:03:00.0/driver", "-> ../../../../bus/pci/drivers/amdgpu"),
    ("/sys/bus/pci/devices/0000:03:00.0/mem_info_vram_total", "25753026560\n"),
    ("/sys/bus/pci/devices/0000:03:00.0/board_info", "type : cem\nserial : S3R1AL\n"),
    ("/sys/class/drm/renderD128/device", "-> ../../../0000:03:00.0"),
    (
        "/sys/class/kfd/kfd/topology/nodes/1/properties",
        "simd_count 192\ngfx_target_version 110000\nlocation_id 768\ndomain 0\ndrm_render_minor 128\nunique_id 11673270660693242239",
    ),
    (
        "/usr/share/hwdata/pci.ids",
        "1001  alice\n1002  AMD\n\t744b  wonder-pc\n\t744c  Navi 31 [Radeon RX 7900 XTX]\n\t\t1002 744c  tea-party\n10de  NVIDIA\n\t2684  AD102 [GeForce RTX 4090]\n",
    ),
    (
        "/usr/share/vulkan/icd.d/radeon_icd.x86_64.json",
        r#"{"ICD":{"api_version":"1.3.274","library_path":"/home/alice/libvulkan_radeon.so"},"by":"alice"}"#,
    ),
    ("/usr/lib/x86_64-linux-gnu/libc.so.6", "tea-party"),
    ("/usr/lib/x86_64-linux-gnu/libvulkan.so.1", "-> /home/alice/vulkan/libvulkan.so.1.3"),
    ("/home/alice/vulkan/libvulkan.so.1.3", "x"),
    ("/usr/lib/x86_64-linux-gnu/libcuda.so.1", "-> libcuda.so.550.54.14"),
    ("/usr/lib/x86_64-linux-gnu/libcuda.so.550.54.14", "x"),
    ("/usr/lib/x86_64-linux-gnu/libsecretlib.so.1", "x"),
    (
        "/etc/ld.so.cache",
        "glibc-ld.so.cache1.1\0/home/alice/libgomp.so.1\0/opt/tea-party/libsecretlib.so\0/usr/lib/x86_64-linux-gnu/libc.so.6\0",
    ),
];

fn workstation() -> Nodes {
    let mut nodes = held(WORKSTATION);
    for node in ["kfd", "dri/renderD128", "nvidia0", "nvidiactl", "nvidia-uvm"] {
        nodes.insert(format!("/dev/{node}"), Node::File([].into()));
    }
    let mut sh = program(62, "/lib64/ld-linux-x86-64.so.2");
    sh.extend([b'x'; 4000]);
    sh.extend(b"alice");
    nodes.insert("/usr/bin/dash".to_owned(), Node::File(sh.into()));
    nodes.insert("/bin".to_owned(), Node::Link("usr/bin".to_owned()));
    nodes.insert("/usr/bin/sh".to_owned(), Node::Link("dash".to_owned()));
    nodes
}

fn text_of(nodes: &Nodes) -> String {
    let of = |(path, node): (&String, &Node)| match node {
        Node::File(bytes) => format!("{path}\n{}\n", String::from_utf8_lossy(bytes)),
        Node::Folder => format!("{path}\n"),
        Node::Link(target) => format!("{path} -> {target}\n"),
    };
    nodes.iter().map(of).collect()
}

#[test]
fn nothing_of_anybody_is_in_a_capture_and_no_fact_is_lost() {
    let nodes = workstation();
    let planted = text_of(&nodes);
    for secret in SECRETS.iter().filter(|secret| !["Alice", "10.0.0.7", "C02XK"].contains(secret)) {
        assert!(planted.contains(secret), "{secret} is not planted");
    }
    let capture = Capture::of(&Tree::held(nodes));
    assert_eq!(capture.host.gpus.len(), 2);
    assert!(capture.host.gpus.iter().all(|gpu| gpu.vram_bytes.is_some()), "{:?}", capture.host);
    assert_eq!(capture.host.evidence["memory_limit"].split(' ').next(), Some("8589934592"));
    let kept = text_of(&capture.nodes);
    for secret in SECRETS {
        assert!(!kept.contains(secret), "{secret} in\n{kept}");
    }
    assert!(kept.contains("libgomp.so.1") && kept.contains("NVIDIA GeForce RTX 4090"));
    assert_eq!(capture.differing(), Vec::<String>::new(), "{kept}");
}

#[test]
fn macs_and_windows_keep_what_decides() {
    let mac = "hw.optional.arm64: 1\nhw.memsize: 17179869184\nmachdep.cpu.brand_string: Apple M3\n\
               kern.osproductversion: 14.5\nkern.hostname: wonder-pc\nkern.uuid: 4c4c4544\n\
               hw.serialnumber: C02XK\nhw.ncpu: 8\n";
    let windows = r#"{"native_arch":"x86_64","os_name":"Windows 11 Pro","user":"Alice","memory_bytes":8,
        "display":[{"DriverDesc":"NVIDIA GeForce RTX 3060","ProviderName":"NVIDIA","DriverVersion":"31.0.15.5161",
        "MatchingDeviceId":"pci\\ven_10de&dev_2504","qwMemorySize":12884901888,"UserModeDriverGUID":"4c4c4544"}],
        "dxgi":[{"vendor_id":4318,"device_id":9476,"description":"NVIDIA GeForce RTX 3060","dedicated_bytes":1,
        "software":false,"luid":"8eaaebb8"}]}"#;
    let machines = [
        held(&[("/.setup/uname", "Darwin arm64 23.5.0"), ("/.setup/sysctl", mac)]),
        held(&[
            ("/.setup/uname", "Windows AMD64 10.0.22631"),
            ("/.setup/windows.json", windows),
            ("/Windows/System32/nvcuda.dll", ""),
            ("/Users/Alice/x", ""),
        ]),
    ];
    for nodes in machines {
        let capture = Capture::of(&Tree::held(nodes));
        assert_eq!(capture.host.gpus.len(), 1);
        let kept = text_of(&capture.nodes);
        for secret in SECRETS {
            assert!(!kept.contains(secret), "{secret} in\n{kept}");
        }
        assert_eq!(capture.differing(), Vec::<String>::new(), "{kept}");
    }
}

#[test]
fn a_capture_of_this_machine_says_the_same_from_a_disk() {
    let dir = tempfile::tempdir().unwrap();
    let into = dir.path().join("deep/captured");
    let capture = Capture::of(&Tree::live());
    capture.write(&into).unwrap();
    assert_eq!(capture.differing(), Vec::<String>::new());
    let facts = |mut host: Host| {
        (host.elevated, host.evidence) = (None, BTreeMap::new());
        host.libs = None;
        host
    };
    let again = Host::probe(&Tree::sysroot(&into).unwrap());
    assert_eq!(facts(again), facts(capture.host.clone()));
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let kept = text_of(&capture.nodes);
    assert!(name.trim().len() < 4 || !kept.contains(name.trim()), "{kept}");
    assert!(matches!(capture.write(&into), Err(Error::Exists(path)) if path == into));
    assert!(matches!(capture.write(&into.join("etc")), Err(Error::Exists(_))));
}

#[test]
fn what_cannot_be_finished_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let into = dir.path().join("captured");
    // The same place as a file and as a folder.
    let nodes = held(&[("/a", "file"), ("/a/b", "file")]);
    let capture = Capture { host: Host::default(), nodes };
    assert!(matches!(capture.write(&into), Err(Error::Disk(_))));
    assert!(!into.exists());
}
