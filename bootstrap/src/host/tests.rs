//! Whole machines as small captured trees.

use std::fs;
use std::path::Path;

use super::elf::tests::program;
use super::*;

const X86: u16 = 62;
const ARM: u16 = 183;
const ARM32: u16 = 40;

fn tree_of(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, content) in files {
        put(dir.path(), path, content);
    }
    dir
}

fn put(dir: &Path, path: &str, content: &[u8]) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn probe(dir: &tempfile::TempDir) -> Host {
    Host::probe(&Tree::sysroot(dir.path()).unwrap())
}

fn debian() -> Vec<(&'static str, Vec<u8>)> {
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        (".setup/uname", text("Linux x86_64 6.1.0-25-amd64\n")),
        (".setup/user", text("998 998,44\n")),
        ("etc/os-release", text("NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n")),
        ("bin/sh", program(X86, "/lib64/ld-linux-x86-64.so.2")),
        ("lib64/ld-linux-x86-64.so.2", vec![]),
        // Beside it, as on a real Debian, and it must not win.
        ("lib/ld-musl-x86_64.so.1", text("musl libc\x001.2.3\0")),
        (
            "lib/x86_64-linux-gnu/libc.so.6",
            text("\x7fELF\0GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.\n"),
        ),
        ("proc/cpuinfo", text("processor: 0\nmodel name: Xeon\nflags: sse2 avx2\n")),
        ("proc/meminfo", text("MemTotal:  8000000 kB\n")),
        ("proc/1/comm", text("systemd\n")),
        ("run/systemd/system/x", vec![]),
    ]
}

fn debian_tree() -> tempfile::TempDir {
    let files = debian();
    tree_of(&files.iter().map(|(path, bytes)| (*path, bytes.as_slice())).collect::<Vec<_>>())
}

#[test]
fn a_debian_machine_has_the_json_of_the_design() {
    let json = serde_json::to_string(&probe(&debian_tree())).unwrap();
    let expected = r#"{"v":1,"os":"linux","os_name":"Debian GNU/Linux 12","kernel":"6.1.0-25-amd64","arch":"x86_64","native_arch":"x86_64","libc":{"kind":"glibc","version":"2.36"},"cpu":{"name":"Xeon","cores":1,"features":["avx2","sse2"]},"memory_bytes":8192000000,"gpus":[],"vulkan":{"loader":false,"api":null,"icds":[]},"metal":false,"wsl":null,"jetson":null,"container":null,"init":"systemd","elevated":null,"evidence":{"#;
    assert_eq!(json.get(..expected.len()), Some(expected), "{json}");
    assert!(json.contains(r#""gpus":"0 found""#));
}

#[test]
fn every_missing_file_costs_only_its_own_facts() {
    let whole = serde_json::to_value(probe(&debian_tree())).unwrap();
    let lost = |path: &str| {
        let dir = debian_tree();
        fs::remove_file(dir.path().join(path)).unwrap();
        let left = serde_json::to_value(probe(&dir)).unwrap();
        let keys = whole.as_object().unwrap().keys();
        let differ = keys.filter(|key| *key != "evidence" && left[*key] != whole[*key]);
        let gone: Vec<String> = differ.cloned().collect();
        assert_eq!(left.as_object().unwrap().len(), whole.as_object().unwrap().len());
        (gone.join(" "), left)
    };
    assert_eq!(lost("proc/meminfo").0, "memory_bytes");
    assert_eq!(lost("etc/os-release").0, "os_name");
    assert_eq!(lost("proc/1/comm").0, "");
    let (gone, left) = lost("proc/cpuinfo");
    assert_eq!((gone.as_str(), left["cpu"]["cores"].is_null()), ("cpu", true));
    let (gone, left) = lost("lib/x86_64-linux-gnu/libc.so.6");
    // It also was the sign that this tree shows libraries at all.
    assert_eq!((gone.as_str(), &left["libc"]["kind"]), ("libc vulkan", &"glibc".into()));
    assert!(left["libc"]["version"].is_null());
    let (gone, left) = lost("bin/sh");
    assert_eq!((gone.as_str(), left["libc"].is_null()), ("libc", true));
    let (gone, left) = lost(".setup/uname");
    assert_eq!((gone.as_str(), left["kernel"].is_null()), ("kernel", true));
}

#[test]
fn an_empty_tree_is_a_machine_of_which_nothing_is_known() {
    let host = probe(&tree_of(&[]));
    assert_eq!(host.target_name(), None);
    assert_eq!(Host { evidence: BTreeMap::new(), ..host.clone() }, Host::default());
    assert!(host.describe().contains(&("System".to_owned(), "unknown (unknown)".to_owned())));
}

#[test]
fn alpine_is_musl() {
    let host = probe(&tree_of(&[
        (".setup/uname", b"Linux x86_64 6.6.1-0-lts"),
        ("etc/os-release", b"NAME=\"Alpine Linux\"\nVERSION_ID=3.18.4\n"),
        ("bin/sh", &program(X86, "/lib/ld-musl-x86_64.so.1")),
        ("lib/ld-musl-x86_64.so.1", b"\0musl libc (x86_64)\nVersion %s\n\x001.2.4\0"),
        ("run/openrc/softlevel", b"default"),
        ("proc/1/comm", b"init\n"),
    ]));
    let libc = host.libc.clone().unwrap();
    assert_eq!((libc.kind, libc.version.as_deref()), (LibcKind::Musl, Some("1.2.4")));
    assert_eq!(host.init.as_deref(), Some("openrc"));
    assert_eq!(host.os_name.as_deref(), Some("Alpine Linux 3.18.4"));
    assert!(host.describe().contains(&("C library".to_owned(), "musl 1.2.4".to_owned())));
}

#[test]
fn wsl_and_containers_are_seen() {
    let host = probe(&tree_of(&[
        (".setup/uname", b"Linux x86_64 5.15.153.1-microsoft-standard-WSL2"),
        ("proc/sys/fs/binfmt_misc/WSLInterop", b"enabled\n"),
        (".setup/libc", b"glibc 2.39\n"),
    ]));
    assert_eq!((host.wsl, host.container.as_deref()), (Some(2), None));
    assert_eq!(host.libc.unwrap().version.as_deref(), Some("2.39"));
    let host = probe(&tree_of(&[
        (".setup/uname", b"Linux x86_64 6.12.0-my-own"),
        ("proc/sys/fs/binfmt_misc/WSLInterop", b"enabled\n"),
    ]));
    assert_eq!(host.wsl, Some(2));

    let host = probe(&tree_of(&[
        (".setup/uname", b"Linux x86_64 6.8.0-45-generic"),
        (".dockerenv", b""),
        ("run/systemd/netif/x", b""), // of an image, where no systemd runs
        ("proc/meminfo", b"MemTotal: 8000000 kB\n"),
        ("proc/1/cgroup", b"0::/\n"),
        ("proc/1/comm", b"bash\n"),
        ("sys/fs/cgroup/memory.max", b"536870912\n"),
    ]));
    assert_eq!(host.container.as_deref(), Some("docker"));
    assert_eq!((host.init, host.memory_bytes), (None, Some(8_192_000_000)));
    assert_eq!(host.evidence["memory_limit"], "536870912 bytes (/sys/fs/cgroup/memory.max)");
    assert_eq!(host.evidence["init"], "process 1 is `bash`");
    assert_eq!(host.memory_limit, Some(536870912));
}

#[test]
fn arm_boards_and_their_32_bit_systems_are_told_apart() {
    let mut files: Vec<(&str, Vec<u8>)> = vec![
        (".setup/uname", b"Linux aarch64 5.15.148-tegra".to_vec()),
        ("bin/sh", program(ARM, "/lib/ld-linux-aarch64.so.1")),
        (
            "lib/ld-linux-aarch64.so.1",
            b"ld.so (Ubuntu GLIBC 2.35-0) stable release version 2.35.".into(),
        ),
        ("etc/nv_tegra_release", b"# R36 (release), REVISION: 4.7, GCID: 1\n".to_vec()),
        ("proc/device-tree/model", b"NVIDIA Jetson Orin Nano\0".to_vec()),
        (
            "proc/cpuinfo",
            b"processor: 0\nFeatures: fp asimddp\nCPU implementer: 0x41\nCPU part: 0xd42\n".into(),
        ),
    ];
    let of = |files: &[(&str, Vec<u8>)]| {
        probe(&tree_of(&files.iter().map(|(p, b)| (*p, b.as_slice())).collect::<Vec<_>>()))
    };
    let host = of(&files);
    assert_eq!(host.target_name().as_deref(), Some("linux-aarch64"));
    assert_eq!(host.libc.clone().unwrap().version.as_deref(), Some("2.35"));
    assert_eq!(host.cpu.name.as_deref(), Some("Cortex-A78AE"));
    assert_eq!(host.board.as_deref(), Some("NVIDIA Jetson Orin Nano"));
    assert!(!host.describe().iter().any(|(label, _)| label == "Board"), "said as the Jetson's");
    let jetson = host.jetson.unwrap();
    assert_eq!((jetson.l4t.as_deref(), jetson.jetpack), (Some("36.4.7"), Some(6)));
    assert_eq!(jetson.model.as_deref(), Some("NVIDIA Jetson Orin Nano"));

    files[1].1 = program(ARM32, "/lib/ld-linux-armhf.so.3");
    let host = of(&files);
    assert_eq!((host.arch, host.native_arch), (None, Some(Arch::Aarch64)));
    assert_eq!(host.libc, None);
}

#[test]
fn a_mac_is_read_from_its_sysctl() {
    let sysctl: &[u8] =
        b"hw.optional.arm64: 1\nsysctl.proc_translated: 1\nhw.memsize: 17179869184\n\
                   kern.osproductversion: 14.5\nmachdep.cpu.brand_string: Apple M3\n";
    let uname: &[u8] = b"Darwin x86_64 23.5.0\n";
    let host = probe(&tree_of(&[(".setup/sysctl", sysctl), (".setup/uname", uname)]));
    assert_eq!(host.target_name().as_deref(), Some("macos-aarch64"));
    assert_eq!((host.arch, host.metal), (Some(Arch::X86_64), Some(true)));
    assert_eq!(host.os_name.as_deref(), Some("macOS 14.5"));
    assert_eq!((host.memory_bytes, &host.libc), (Some(17179869184), &None));
    assert!(host.describe().contains(&("Runs as".to_owned(), "x86_64, translated".to_owned())));

    let host = probe(&tree_of(&[(".setup/uname", uname)]));
    assert_eq!((host.native_arch, host.metal), (Some(Arch::X86_64), None));
    let host = probe(&tree_of(&[(".setup/sysctl", sysctl)]));
    assert_eq!((host.os, host.native_arch), (Some(Os::Macos), Some(Arch::Aarch64)));
    assert_eq!((host.arch, host.kernel), (None, None));
}

#[test]
fn a_windows_machine_is_read_from_its_json() {
    let host = probe(&tree_of(&[
        (".setup/uname", b"Windows AMD64 10.0.22631\r\n"),
        (".setup/windows.json", br#"{"native_arch":"aarch64","display":[],"dxgi":[]}"#),
    ]));
    assert_eq!(host.target_name().as_deref(), Some("windows-aarch64"));
    assert_eq!(host.arch, Some(Arch::X86_64));
    assert_eq!(host.os_name.as_deref(), Some("Windows 10.0.22631"));
    assert_eq!((host.memory_bytes, host.metal), (None, Some(false)));

    let host = probe(&tree_of(&[(".setup/windows.json", b"{ garbage")]));
    assert_eq!((host.os, host.native_arch), (Some(Os::Windows), None));
}

#[test]
fn garbage_in_any_file_never_panics() {
    let mut paths: Vec<&str> = debian().iter().map(|(path, _)| *path).collect();
    paths.extend([
        ".setup/libc",
        ".setup/pagesize",
        "sys/fs/selinux/enforce",
        "proc/device-tree/model",
        ".setup/sysctl",
        ".setup/windows.json",
        "proc/self/cgroup",
        "etc/nv_tegra_release",
        "proc/device-tree/compatible",
        "run/systemd/container",
        "run/.containerenv",
        "proc/sys/kernel/osrelease",
    ]);
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    for round in 0..40 {
        let dir = debian_tree();
        for path in &paths {
            let old = fs::read(dir.path().join(path)).unwrap_or_default();
            let bytes = match next() % 4 {
                0 => (0..next() % 300).map(|_| next() as u8).collect(),
                1 => old[..next() as usize % (old.len() + 1)].to_vec(),
                2 => old.iter().map(|b| if next() % 9 == 0 { next() as u8 } else { *b }).collect(),
                _ => old,
            };
            put(dir.path(), path, &bytes);
        }
        let systems = ["Linux x86_64 6", "Darwin arm64 23", "Windows ARM64 10", "\u{1b}[2J a b"];
        put(dir.path(), ".setup/uname", systems[round % 4].as_bytes());
        let host = probe(&dir);
        let control = |text: &str| text.chars().any(char::is_control);
        let lines = host.describe();
        assert!(!lines.iter().any(|(_, value)| control(value)), "{lines:?}");
        assert!(!host.evidence.values().any(|value| control(value)), "{:?}", host.evidence);
    }
}

#[test]
fn the_running_machine_is_known() {
    let start = std::time::Instant::now();
    let host = Host::probe(&Tree::live());
    let took = start.elapsed();
    println!("{took:?}\n{}", serde_json::to_string_pretty(&host).unwrap());
    assert_eq!(host.os.map(Os::name), Some(std::env::consts::OS));
    assert_eq!(host.arch, Arch::from_machine(std::env::consts::ARCH));
    assert!(host.target_name().is_some() && host.kernel.is_some() && host.elevated.is_some());
    assert!(host.memory_bytes > Some(1 << 20) && host.cpu.cores > Some(0));
    assert!(host.libc.is_some() == (host.os == Some(Os::Linux)));
    assert!(host.page_bytes.is_some() == (host.os == Some(Os::Linux)), "{:?}", host.page_bytes);
}
