//! What of each file a capture keeps. A file that has no rule here is kept empty.
//! Pure.

use super::super::captured::User;
use super::super::{Host, elf, linux, tree::plain};
use super::names::Names;
use serde_json::{Map, Value, json};

/// How a file is kept.
enum Rule {
    /// Nothing of it.
    Empty,
    /// The first line.
    Line,
    /// Lines whose key, up to a colon, is one of these.
    Keys(&'static [&'static str]),
    /// The same with `=` behind the key.
    Assigned(&'static [&'static str]),
    /// The same with a blank behind the key.
    Spaced(&'static [&'static str]),
    Whole,
    Elf,
    Driver,
    Information,
    Models,
    Groups,
    Cgroup,
    Podman,
    Process,
    Manifest,
}

const CPU: &[&str] =
    &["processor", "model name", "flags", "Features", "CPU implementer", "CPU part"];
const KFD: &[&str] = &[
    "cpu_cores_count",
    "simd_count",
    "gfx_target_version",
    "vendor_id",
    "device_id",
    "location_id",
    "domain",
    "drm_render_minor",
];

/// By the path that was asked for. The names of the parsers' keys, and no other.
fn rule(path: &str) -> Rule {
    let is_in = |folder: &str| path.starts_with(folder);
    let name = path.rsplit('/').next().unwrap_or_default();
    match name {
        "cpuinfo" => Rule::Keys(CPU),
        "meminfo" => Rule::Keys(&["MemTotal"]),
        "os-release" => {
            Rule::Assigned(&["ID", "ID_LIKE", "NAME", "VERSION_ID", "PRETTY_NAME", "VARIANT_ID"])
        }
        "properties" if is_in("/sys/class/kfd/") => Rule::Spaced(KFD),
        "class"
        | "vendor"
        | "device"
        | "mem_info_vram_total"
        | "mem_info_gtt_total"
        | "mem_info_vram_vendor"
        | "board_info"
        | "enforce"
            if is_in("/sys/") =>
        {
            Rule::Line
        }
        "memory.max" | "memory.limit_in_bytes" => Rule::Line,
        "ostype" | "osrelease" | "nv_tegra_release" | "WSLInterop" => Rule::Line,
        "version" if path == "/proc/driver/nvidia/version" => Rule::Driver,
        "version" if path == "/sys/module/nvidia/version" => Rule::Line,
        "information" => Rule::Information,
        "model" | "compatible" if is_in("/proc/device-tree/") => Rule::Whole,
        "container" if path == "/run/systemd/container" => Rule::Line,
        ".containerenv" => Rule::Podman,
        "cgroup" => Rule::Cgroup,
        "comm" => Rule::Process,
        "group" => Rule::Groups,
        "pci.ids" => Rule::Models,
        _ if name.ends_with(".json") => Rule::Manifest,
        _ if ["/bin/", "/usr/bin/", "/sbin/"].into_iter().any(is_in) => Rule::Elf,
        _ => Rule::Empty,
    }
}

/// What is kept of a file that was asked for by this path.
pub(super) fn file(asked: &str, bytes: &[u8], names: &mut Names) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let keys = |split: char, keys: &[&str]| lines(&text, split, keys).into_bytes();
    match rule(asked) {
        Rule::Empty => Vec::new(),
        Rule::Line => {
            text.lines().next().map(|line| format!("{line}\n")).unwrap_or_default().into()
        }
        Rule::Keys(known) => keys(':', known),
        Rule::Assigned(known) => keys('=', known),
        Rule::Spaced(known) => keys(' ', known),
        Rule::Whole => bytes.to_vec(),
        Rule::Elf => head(bytes).to_vec(),
        Rule::Driver => driver(&text).into_bytes(),
        Rule::Information => information(&text, names).into_bytes(),
        Rule::Models => models(&text, names).into_bytes(),
        Rule::Groups => groups(&text, names).into_bytes(),
        Rule::Cgroup => cgroup(&text, names).into_bytes(),
        Rule::Podman => format!("engine=\"{}\"\n", linux::container_of_env(&text)).into_bytes(),
        Rule::Process => linux::init_of_comm(&text).map_or("other\n".into(), |_| bytes.to_vec()),
        Rule::Manifest => manifest(&text).into_bytes(),
    }
}

/// What is kept of a file in `.setup/`.
pub(super) fn said(name: &str, lines: &[String], names: &mut Names) -> String {
    let all = || lines.iter().map(|line| format!("{line}\n")).collect();
    match name {
        "uname" | "libc" | "dev" | "pagesize" | "windows.json" => all(),
        "user" => {
            let user = lines.first().and_then(|line| User::parse(line));
            user.map(|user| format!("{}\n", names.user(&user))).unwrap_or_default()
        }
        "nvidia-smi.csv" => lines.iter().map(|line| card_line(line, names)).collect(),
        "sysctl" => {
            let kept = |line: &&String| is_sysctl(line.split(':').next().unwrap_or_default());
            lines.iter().filter(kept).map(|line| format!("{line}\n")).collect()
        }
        _ => String::new(),
    }
}

fn is_sysctl(key: &str) -> bool {
    const KEYS: [&str; 9] = [
        "sysctl.proc_translated",
        "hw.memsize",
        "hw.ncpu",
        "hw.logicalcpu",
        "hw.model",
        "hw.pagesize",
        "machdep.cpu.brand_string",
        "kern.osproductversion",
        "iogpu.wired_limit_mb",
    ];
    KEYS.contains(&key) || key.starts_with("hw.optional.")
}

fn lines(text: &str, split: char, keys: &[&str]) -> String {
    let known = |line: &&str| {
        let key = match split {
            ' ' => line.split_whitespace().next(),
            split => line.split_once(split).map(|(key, _)| key.trim()),
        };
        key.is_some_and(|key| keys.contains(&key))
    };
    text.lines().filter(known).map(|line| format!("{line}\n")).collect()
}

/// The first part of a program, as short as it may be to say the same.
fn head(bytes: &[u8]) -> &[u8] {
    let whole = elf::parse(bytes);
    let lengths = std::iter::successors(Some(128usize), |length| length.checked_mul(2));
    let heads = lengths.take(16).filter_map(|length| bytes.get(..length));
    if whole.is_none() {
        return &[];
    }
    heads.into_iter().find(|head| elf::parse(head) == whole).unwrap_or(bytes)
}

/// The line of the module, without whoever built it on which computer.
fn driver(text: &str) -> String {
    let Some(line) = text.lines().find(|line| line.starts_with("NVRM version:")) else {
        return String::new();
    };
    let line = line.split('(').next().unwrap_or(line).trim_end();
    format!("{line}\n")
}

fn information(text: &str, names: &mut Names) -> String {
    let known =
        lines(text, ':', &["Model", "GPU UUID", "Device Minor", "GPU Excluded", "Blacklisted"]);
    let renamed = known.lines().map(|line| match line.split_once(':') {
        Some((key, value)) if key.trim() == "GPU UUID" && !value.contains("??") => {
            format!("{key}: \t {}\n", names.card(&plain(value)))
        }
        _ => format!("{line}\n"),
    });
    renamed.collect()
}

/// A line of `nvidia-smi`, with another id.
fn card_line(line: &str, names: &mut Names) -> String {
    let mut fields: Vec<String> = line.split(',').map(|field| field.trim().to_owned()).collect();
    match fields.get_mut(1) {
        Some(id) if id.starts_with("GPU-") => *id = names.card(id),
        // An error text, which may name anything.
        _ => return String::new(),
    }
    fields.join(", ") + "\n"
}

/// The lines of `pci.ids` that name a GPU of this machine.
fn models(text: &str, names: &Names) -> String {
    let mut kept = String::new();
    for id in &names.models {
        let Some((vendor, device)) = id.split_once(':') else { continue };
        let (vendor, device) = (format!("{vendor}  "), format!("\t{device}  "));
        let mut of_vendor = text.lines().skip_while(|line| !line.starts_with(&vendor));
        let Some(first) = of_vendor.next() else { continue };
        let mut own = of_vendor.take_while(|l| l.starts_with(['\t', '#']) || l.is_empty());
        if let Some(model) = own.find(|line| line.starts_with(&device)) {
            kept += &format!("{first}\n{model}\n");
        }
    }
    kept
}

fn groups(text: &str, names: &Names) -> String {
    let known = |line: &str| {
        let mut fields = line.split(':');
        let (name, gid) = (fields.next()?, fields.nth(1)?);
        names.is_group(name, gid.parse().ok()?).then(|| format!("{name}:x:{gid}:\n"))
    };
    text.lines().filter_map(known).collect()
}

fn cgroup(text: &str, names: &mut Names) -> String {
    let renamed = text.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (number, kinds, group) = (fields.next()?, fields.next()?, fields.next()?);
        let kinds = if kinds.starts_with("name=") { "name=x" } else { kinds };
        Some(format!("{number}:{kinds}:{}\n", names.cgroup(group)))
    });
    renamed.collect()
}

/// A Vulkan driver's manifest, by its library's name alone.
fn manifest(text: &str) -> String {
    let whole: Value = serde_json::from_str(text).unwrap_or_default();
    let mut icd = Map::new();
    if let Some(path) = whole["ICD"]["library_path"].as_str() {
        let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
        icd.insert("library_path".into(), name.into());
    }
    if let Some(api) = whole["ICD"]["api_version"].as_str() {
        icd.insert("api_version".into(), api.into());
    }
    json!({ "ICD": icd }).to_string()
}

/// `windows.json` of a machine, with what the running one told by other ways.
pub(super) fn windows(display: &str, host: &Host) -> String {
    const DRIVER: [&str; 8] = [
        "DriverDesc",
        "ProviderName",
        "DriverVersion",
        "MatchingDeviceId",
        "qwMemorySize",
        "present",
        "device",
        "problem",
    ];
    const ADAPTER: [&str; 5] =
        ["vendor_id", "device_id", "description", "dedicated_bytes", "software"];
    let text = display.strip_prefix('\u{feff}').unwrap_or(display);
    let whole: Value = serde_json::from_str(text).unwrap_or_default();
    let list = |name: &str, keys: &[&str]| {
        let of = |one: &Value| {
            let known = keys.iter().filter_map(|key| Some(((*key).into(), one.get(key)?.clone())));
            Value::Object(known.collect())
        };
        whole[name].as_array().map(|all| all.iter().map(of).collect::<Vec<_>>())
    };
    let mut kept = json!({
        "native_arch": host.native_arch, "os_name": host.os_name,
        "memory_bytes": host.memory_bytes, "cpu": host.cpu,
    });
    for (name, keys) in [("display", &DRIVER[..]), ("dxgi", &ADAPTER)] {
        if let Some(list) = list(name, keys) {
            kept[name] = list.into();
        }
    }
    kept.to_string()
}
