//! Each parser of facts by itself: the input is the text of its files, in a machine
//! that has what they need to be read at all. Several files stand behind each other
//! with a byte 0xFF between them, which no text has.

use crate::machine;
use offgrid_setup::host::{Capture, Node, Nodes, Tree};
use offgrid_setup::preflight::parse_disks;

const LINUX: &[(&str, &str)] = &[
    (".setup/uname", "Linux x86_64 6.8.0-45-generic"),
    ("dev/null", ""),
    ("usr/lib/x86_64-linux-gnu/libc.so.6", ""),
];
const NVIDIA: &[(&str, &str)] = &[
    ("sys/bus/pci/devices/0000:01:00.0/class", "0x030000\n"),
    ("sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n"),
    ("sys/bus/pci/devices/0000:01:00.0/device", "0x2684\n"),
    ("sys/bus/pci/devices/0000:01:00.0/driver", "-> ../../../../bus/pci/drivers/nvidia"),
    ("dev/nvidia0", ""),
    ("dev/nvidiactl", ""),
    ("dev/nvidia-uvm", ""),
    ("usr/lib/x86_64-linux-gnu/libcuda.so.1", ""),
];
const AMD: &[(&str, &str)] = &[
    ("sys/bus/pci/devices/0000:03:00.0/class", "0x030000\n"),
    ("sys/bus/pci/devices/0000:03:00.0/vendor", "0x1002\n"),
    ("sys/bus/pci/devices/0000:03:00.0/device", "0x744c\n"),
    ("sys/bus/pci/devices/0000:03:00.0/driver", "-> ../../../../bus/pci/drivers/amdgpu"),
    ("sys/class/drm/renderD128/device", "-> ../../../0000:03:00.0"),
    ("dev/kfd", ""),
    ("dev/dri/renderD128", ""),
];

/// The first bytes of a program of x86-64 that asks for glibc's loader.
fn program() -> Vec<u8> {
    let loader = b"/lib64/ld-linux-x86-64.so.2\0";
    let mut file = vec![0; 120];
    for (at, bytes) in [
        (0, b"\x7fELF\x02\x01".as_slice()),
        (18, &62u16.to_le_bytes()),
        (32, &64u64.to_le_bytes()),
        (54, &56u16.to_le_bytes()),
        (56, &1u16.to_le_bytes()),
        (64, &3u32.to_le_bytes()),
        (72, &120u64.to_le_bytes()),
        (96, &28u64.to_le_bytes()),
    ] {
        file[at..at + bytes.len()].copy_from_slice(bytes);
    }
    file.extend(loader);
    file
}

fn machine_of(parts: &[&[(&str, &str)]]) -> Nodes {
    let files = parts.iter().flat_map(|part| part.iter());
    let node = |text: &str| match text.strip_prefix("-> ") {
        Some(target) => Node::Link(target.to_owned()),
        None => Node::File(text.as_bytes().into()),
    };
    files.map(|(path, text)| (format!("/{path}"), node(text))).collect()
}

/// Gives the parts of the input to these files and asks for the rules: of the
/// machine, and of what a capture makes of it.
fn ask(mut nodes: Nodes, files: &[&str], input: &[u8]) {
    let mut parts = input.split(|byte| *byte == 0xff);
    for file in files {
        match parts.next() {
            Some(part) => drop(nodes.insert(format!("/{file}"), Node::File(part.into()))),
            None => break,
        }
    }
    both(&nodes);
}

fn both(nodes: &Nodes) {
    machine::probe(nodes);
    machine::probe(Capture::of(&Tree::held(nodes.clone())).nodes());
}

/// A program of the system.
pub(crate) fn elf(input: &[u8]) {
    let nodes = machine_of(&[LINUX]);
    ask(
        nodes,
        &["bin/sh"],
        &input.iter().map(|b| if *b == 0xff { 0xfe } else { *b }).collect::<Vec<_>>(),
    );
    let mut nodes = machine_of(&[LINUX]);
    nodes.insert("/bin/sh".to_owned(), Node::File(input.into()));
    both(&nodes);
}

/// C libraries, which say their version inside.
pub(crate) fn libc(input: &[u8]) {
    let mut nodes = machine_of(&[LINUX]);
    nodes.insert("/bin/sh".to_owned(), Node::File(program().into()));
    nodes.insert("/lib64/ld-linux-x86-64.so.2".to_owned(), Node::File([].into()));
    ask(nodes.clone(), &["lib/x86_64-linux-gnu/libc.so.6"], input);
    let mut musl = program();
    musl.truncate(120);
    musl[96..104].copy_from_slice(&26u64.to_le_bytes());
    musl.extend(b"/lib/ld-musl-x86_64.so.1\0\0");
    nodes.insert("/bin/sh".to_owned(), Node::File(musl.into()));
    ask(nodes, &["lib/ld-musl-x86_64.so.1"], input);
}

/// Processor, memory and its limits.
pub(crate) fn proc(input: &[u8]) {
    let files = [
        "proc/cpuinfo",
        "proc/meminfo",
        "proc/self/cgroup",
        "sys/fs/cgroup/memory.max",
        "sys/fs/cgroup/memory/memory.limit_in_bytes",
        "proc/1/cgroup",
        "sys/fs/cgroup/a.slice/memory.max",
        "sys/fs/cgroup/memory/a/memory.limit_in_bytes",
    ];
    ask(machine_of(&[LINUX]), &files, input);
}

/// Small texts of a Linux system.
pub(crate) fn texts(input: &[u8]) {
    let files = [
        "etc/os-release",
        "proc/1/cgroup",
        "run/.containerenv",
        "run/systemd/container",
        "proc/1/comm",
        "etc/nv_tegra_release",
        "proc/device-tree/compatible",
        "proc/device-tree/model",
        "proc/sys/kernel/osrelease",
        "sys/fs/selinux/enforce",
        "etc/selinux/config",
        "run/ostree-booted",
    ];
    ask(machine_of(&[LINUX]), &files, input);
    ask(machine_of(&[&[("proc/version", "Linux")]]), &files, input);
}

/// What captured trees say of themselves.
pub(crate) fn setup(input: &[u8]) {
    let files = [
        ".setup/uname",
        ".setup/dev",
        ".setup/user",
        ".setup/libc",
        "etc/group",
        ".setup/nvidia-smi.csv",
        ".setup/pagesize",
    ];
    ask(machine_of(&[LINUX, AMD, NVIDIA]), &files, input);
    disks(&String::from_utf8_lossy(input));
}

/// `.setup/disks`: read, written and read again it says the same, and nothing that a
/// terminal would obey.
fn disks(text: &str) {
    let disks = parse_disks(text);
    let again: String = disks.iter().map(|disk| format!("{disk}\n")).collect();
    assert_eq!(parse_disks(&again), disks, "{again:?}");
    for said in disks.iter().flat_map(|disk| [disk.line(), disk.evidence()]) {
        assert!(!said.contains(char::is_control), "{said:?}");
    }
}

/// PCI devices and their names.
pub(crate) fn pci(input: &[u8]) {
    let files = [
        "usr/share/hwdata/pci.ids",
        "sys/bus/pci/devices/0000:01:00.0/class",
        "sys/bus/pci/devices/0000:01:00.0/vendor",
        "sys/bus/pci/devices/0000:01:00.0/device",
    ];
    ask(machine_of(&[LINUX, NVIDIA, AMD]), &files, input);
    let mut parts = input.splitn(2, |byte| *byte == b'\n');
    let address = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let mut nodes = machine_of(&[LINUX]);
    for (file, text) in [("class", "0x030200\n"), ("vendor", "0x8086\n"), ("device", "0x56a0\n")] {
        if !address.contains('/') {
            let path = format!("/sys/bus/pci/devices/{address}/{file}");
            nodes.insert(path, Node::File(text.as_bytes().into()));
        }
    }
    both(&nodes);
}

/// NVIDIA's driver and its tool.
pub(crate) fn nvidia(input: &[u8]) {
    let files = [
        "proc/driver/nvidia/version",
        "proc/driver/nvidia/gpus/0000:01:00.0/information",
        ".setup/nvidia-smi.csv",
        "sys/module/nvidia/version",
    ];
    ask(machine_of(&[LINUX, NVIDIA]), &files, input);
    let wsl = [(".setup/uname", "Linux x86_64 5.15.1-microsoft-standard-WSL2"), ("dev/dxg", "")];
    let csv = input.split(|byte| *byte == 0xff).nth(2).unwrap_or(input);
    ask(machine_of(&[LINUX, &wsl]), &[".setup/nvidia-smi.csv"], csv);
}

/// AMD's compute nodes and memory.
pub(crate) fn amd(input: &[u8]) {
    let files = [
        "sys/class/kfd/kfd/topology/nodes/1/properties",
        "sys/bus/pci/devices/0000:03:00.0/mem_info_vram_total",
        "sys/bus/pci/devices/0000:03:00.0/mem_info_gtt_total",
        "sys/bus/pci/devices/0000:03:00.0/board_info",
    ];
    ask(machine_of(&[LINUX, AMD]), &files, input);
}

/// Manifests of Vulkan's drivers, and the loader's index.
pub(crate) fn vulkan(input: &[u8]) {
    let files = ["usr/share/vulkan/icd.d/a.json", "etc/ld.so.cache"];
    ask(machine_of(&[LINUX, AMD, NVIDIA]), &files, input);
}

/// Displays of Windows.
pub(crate) fn windows(input: &[u8]) {
    let base = [(".setup/uname", "Windows AMD64 10.0.22631"), ("Windows/System32/nvcuda.dll", "")];
    ask(machine_of(&[&base]), &[".setup/windows.json"], input);
}

/// `sysctl` of a Mac.
pub(crate) fn sysctl(input: &[u8]) {
    for uname in ["Darwin arm64 23.5.0", "Darwin x86_64 23.5.0"] {
        ask(machine_of(&[&[(".setup/uname", uname)]]), &[".setup/sysctl"], input);
    }
}

/// Any files: each is a path, a line end and what is in it; `-> ` begins a link.
pub(crate) fn machine(input: &[u8]) {
    let mut nodes = Nodes::new();
    for file in input.split(|byte| *byte == 0xff).take(64) {
        let mut parts = file.splitn(2, |byte| *byte == b'\n');
        let path = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
        let node = match parts.next() {
            None => Node::Folder,
            Some(text) => match text.strip_prefix(b"-> ") {
                Some(target) => Node::Link(String::from_utf8_lossy(target).into_owned()),
                None => Node::File(text.into()),
            },
        };
        let path = path.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
        if !path.is_empty() {
            nodes.insert(format!("/{path}"), node);
        }
    }
    both(&nodes);
}
