//! A whole machine as files: whatever is in them, a probe does not panic, says
//! nothing that a terminal would obey, and knows no GPU but those that a file names.

use offgrid_setup::host::{Arch, Build, Gpu, Host, Node, Nodes, Os, Tree};
use serde_json::Value;

/// What every probe of these files must keep to; the facts, for who wants more.
pub fn probe(nodes: &Nodes) -> Host {
    let host = Host::probe(&Tree::held(nodes.clone()));
    let files = Files::of(nodes);
    let facts = serde_json::to_value(&host).expect("facts are JSON");
    plain(&facts);
    for (label, value) in host.describe() {
        assert!(!format!("{label}{value}").contains(char::is_control), "{label}: {value:?}");
    }
    for gpu in &host.gpus {
        is_named(gpu, &host, &files);
    }
    assert_eq!(host.metal == Some(true), host.gpus.iter().any(|gpu| gpu.vendor == "apple"));
    assert_eq!(host.wsl.is_some_and(|wsl| wsl > 2), false, "{:?}", host.wsl);
    if let Some(jetson) = &host.jetson {
        let seen = files.has("# R") || files.has("nvidia,tegra");
        assert!(seen, "no file speaks of a Jetson: {jetson:?}");
    }
    for icd in host.vulkan.iter().flat_map(|vulkan| &vulkan.icds) {
        draws_on_no_processor(icd, &files);
    }
    let limit = host.evidence.get("memory_limit").and_then(|limit| limit.split(' ').next());
    assert_eq!(limit, host.memory_limit.map(|limit| limit.to_string()).as_deref());
    assert!(host.usable_memory() <= host.memory_bytes.or(host.usable_memory()));
    special(&host, &files);
    if let Some(limit) = limit {
        assert!(files.has(limit), "no file sets a limit of {limit}");
    }
    if let Some(libc) = host.libc.as_ref().and_then(|libc| libc.version.as_deref()) {
        assert!(files.has(libc), "no file names a C library of {libc}");
    }
    host
}

/// What is special about a system stands in a file that says so.
fn special(host: &Host, files: &Files) {
    if let Some(bytes) = host.page_bytes {
        assert!(bytes.is_power_of_two() && files.has(&bytes.to_string()), "pages of {bytes}");
    }
    if let Some(board) = &host.board {
        assert!(!board.is_empty() && files.has(board), "no file names the board {board}");
    }
    if host.selinux.is_some() {
        assert!(files.tree.exists("/sys/fs/selinux/enforce"), "{:?}", host.selinux);
    }
    let seen = match host.build {
        None => true,
        Some(Build::Ostree) => files.tree.exists("/run/ostree-booted"),
        Some(Build::SteamOs) => files.has("steamos"),
        Some(Build::NixOs { nix_ld }) => {
            let marked = files.has("nixos") || files.tree.exists("/etc/NIXOS");
            marked && (!nix_ld || files.has("nix-ld"))
        }
    };
    assert!(seen, "no file speaks of {:?}", host.build);
}

/// No text has characters that a terminal obeys.
fn plain(value: &Value) {
    match value {
        Value::String(text) => assert!(!text.contains(char::is_control), "{text:?}"),
        Value::Array(all) => all.iter().for_each(plain),
        Value::Object(all) => all.iter().for_each(|(key, value)| {
            assert!(!key.contains(char::is_control), "{key:?}");
            plain(value);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The files of a machine as another reader sees them.
struct Files {
    tree: Tree,
    /// All their text and names without blanks, commas and control characters: a
    /// name may be cut, joined or shortened, and is still in here.
    text: String,
}

impl Files {
    fn of(nodes: &Nodes) -> Files {
        let mut text = String::new();
        for (path, node) in nodes {
            text += &squeezed(path);
            text.push('\n');
            match node {
                Node::File(bytes) => {
                    let whole = String::from_utf8_lossy(bytes);
                    text += &squeezed(&whole);
                    if path.ends_with(".json") {
                        let json = whole.strip_prefix('\u{feff}').unwrap_or(&whole);
                        let json = serde_json::from_str(json).unwrap_or_default();
                        strings(&json, &mut text);
                    }
                }
                Node::Link(target) => text += &squeezed(target),
                Node::Folder => {}
            }
            text.push('\n');
        }
        Files { tree: Tree::held(nodes.clone()), text }
    }

    fn has(&self, text: &str) -> bool {
        self.text.contains(&squeezed(text))
    }

    /// The number in a file of the kernel, as in `0x10de`.
    fn number(&self, path: &str) -> Option<u64> {
        let text = self.tree.text(path).ok()?;
        let digits = text.trim().strip_prefix("0x")?.trim_start_matches('+');
        u64::from_str_radix(digits, 16).ok()
    }
}

fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !c.is_whitespace() && *c != ',').collect()
}

fn strings(value: &Value, into: &mut String) {
    match value {
        Value::String(text) => {
            into.push_str(&squeezed(text));
            into.push('\n');
        }
        Value::Array(all) => all.iter().for_each(|one| strings(one, into)),
        Value::Object(all) => all.values().for_each(|one| strings(one, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn is_named(gpu: &Gpu, host: &Host, files: &Files) {
    let known = ["nvidia", "amd", "intel", "apple", "other"];
    assert!(known.contains(&gpu.vendor.as_str()), "{gpu:?}");
    assert_eq!(gpu.usable == Some(false), gpu.why_not.is_some(), "{gpu:?}");
    let name = gpu.name.as_deref().unwrap_or_default();
    assert!(files.has(name), "no file has the name of {gpu:?}");
    match host.os {
        Some(Os::Linux) => on_linux(gpu, files),
        Some(Os::Macos) => {
            let text = files.tree.text("/.setup/sysctl").unwrap_or_default();
            let is_on = |line: &str| {
                let words: Vec<&str> = line.split(':').map(str::trim).collect();
                words == ["hw.optional.arm64", "1"] || words == ["sysctl.proc_translated", "1"]
            };
            let said = host.arch == Some(Arch::Aarch64) || text.lines().any(is_on);
            assert!(said, "no Apple silicon: {gpu:?}");
        }
        Some(Os::Windows) => on_windows(gpu, files),
        None => panic!("a GPU of no system: {gpu:?}"),
    }
}

fn on_linux(gpu: &Gpu, files: &Files) {
    if let Some(driver) = &gpu.driver {
        assert!(files.has(driver), "no file has the driver of {gpu:?}");
    }
    let Some(address) = &gpu.address else {
        // Of Tegra, or lent by Windows.
        assert_eq!(gpu.vendor, "nvidia");
        let lent = files.tree.exists("/dev/dxg") && files.tree.exists("/.setup/nvidia-smi.csv");
        assert!(lent || files.has("# R") || files.has("nvidia,tegra"), "{gpu:?}");
        return;
    };
    let folder = "/sys/bus/pci/devices";
    let names = files.tree.names(folder).expect("devices");
    let same = |name: &&String| {
        let name = name.trim().to_ascii_lowercase();
        let short = |text: &str| text.trim_start_matches('0').to_owned();
        short(&name) == short(address) || format!("0000:{name}") == *address
    };
    let vendor = match gpu.vendor.as_str() {
        "nvidia" => 0x10de,
        "amd" => 0x1002,
        "intel" => 0x8086,
        other => panic!("{other} on PCI"),
    };
    let is_it = |name: &String| {
        let file = |file: &str| files.number(&format!("{folder}/{name}/{file}"));
        let class = file("class").map(|class| class >> 8);
        let id = file("device").map(|device| format!("{vendor:04x}:{device:04x}"));
        matches!(class, Some(0x300 | 0x302 | 0x380 | 0x1200))
            && file("vendor") == Some(vendor)
            && id == gpu.pci
    };
    assert!(names.iter().filter(same).any(is_it), "no device is {gpu:?} of {names:?}");
}

fn on_windows(gpu: &Gpu, files: &Files) {
    let text = files.tree.text("/.setup/windows.json").expect("windows.json");
    let json: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).expect("JSON");
    let pci = gpu.pci.as_deref().expect("an id");
    let (vendor, device) = pci.split_once(':').expect("two numbers");
    let list = |key: &str| json[key].as_array().cloned().unwrap_or_default();
    let number = |text: &str| u64::from_str_radix(text, 16).ok();
    let adapter = |one: &Value| {
        one["vendor_id"].as_u64() == number(vendor) && one["device_id"].as_u64() == number(device)
    };
    let driver = |one: &Value| {
        let is_named = ["device", "MatchingDeviceId"].iter().any(|key| {
            let id = one[*key].as_str().unwrap_or_default().to_ascii_lowercase();
            let id = squeezed(&id);
            id.contains(vendor) && id.contains(device)
        });
        // A card that DXGI does not list is one only when Windows says that it is there.
        let is_there =
            if json["dxgi"].is_array() { one["present"] == true } else { one["present"] != false };
        is_named && is_there
    };
    let named = list("dxgi").iter().any(adapter) || list("display").iter().any(driver);
    assert!(named, "Windows knows no {gpu:?}");
}

/// A manifest that counts as a GPU's is of no library that draws on the processor.
fn draws_on_no_processor(icd: &str, files: &Files) {
    let (folder, _) = icd.rsplit_once('/').expect("a path");
    let names = files.tree.names(folder).expect("a folder that was read");
    // It is told without the characters that a terminal obeys.
    let is_it = |path: &String| squeezed(path) == squeezed(icd);
    let path = names.iter().map(|name| format!("{folder}/{name}")).find(is_it);
    let text = files.tree.text(&path.expect("a manifest")).expect("one that was read");
    let json: Value = serde_json::from_str(&text).expect("JSON");
    let library = json["ICD"]["library_path"].as_str().expect("a library");
    let name = library.rsplit(['/', '\\']).next().unwrap_or_default();
    let software = ["lvp", "lavapipe", "swrast", "swiftshader", "dzn", "gfxstream", "virtio"];
    assert!(!software.iter().any(|word| name.contains(word)), "{icd} is {library}");
}
