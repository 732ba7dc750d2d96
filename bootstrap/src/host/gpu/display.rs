//! GPUs of a Windows machine: the display drivers of the registry, joined with
//! the adapters that DXGI lists. The registry keeps cards that are gone; DXGI
//! lists only what is there, and of that only what can draw. Pure but for the names
//! of a few system files.

use super::super::tree::{Tree, plain};
use super::super::{Fault, Gpu, Host, Vulkan};
use super::library::is_deciding;
use super::pci::Maker;
use serde_json::Value;
use std::collections::BTreeSet;

const SYSTEM: &str = "/Windows/System32";

/// Fills in `gpus` and `vulkan` from the display parts of `windows.json`, and `libs`.
pub(in super::super) fn probe(tree: &Tree, json: Option<&str>, host: &mut Host) {
    host.libs = libraries(tree);
    json.into_iter().for_each(|json| tree.say("windows.json", || json.to_owned()));
    let json = json.map(|text| text.strip_prefix('\u{feff}').unwrap_or(text));
    let value: Option<Value> = json.and_then(|text| serde_json::from_str(text).ok());
    let Some(value) = value else {
        return host.note("gpus", "no list of display drivers could be read");
    };
    let drivers: Vec<Driver> = list(&value["display"]).iter().filter_map(driver).collect();
    let adapters = value["dxgi"].as_array();
    let present = adapters.map(|all| all.iter().filter_map(adapter).collect::<Vec<_>>());
    let adapters = present.as_deref().unwrap_or_default();
    host.gpus = adapters.iter().map(|adapter| joined(adapter, &drivers)).collect();
    host.gpus.extend(unlisted(present.as_deref(), &drivers));
    let shown = tree.is_dir(SYSTEM);
    let has = |name: &str| tree.exists(&format!("{SYSTEM}/{name}"));
    for (index, gpu) in host.gpus.iter_mut().enumerate() {
        if gpu.vendor == "nvidia" && shown && !has("nvcuda.dll") {
            gpu.refuse(Fault::Driver, "nvcuda.dll is missing: install NVIDIA's driver");
        }
        if gpu.usable.is_none() && index < adapters.len() && (shown || tree.is_live()) {
            gpu.usable = Some(true);
        }
        if gpu.vendor == "amd" && shown && !has("amdhip64_7.dll") {
            let why = "amdhip64_7.dll is missing: install the newest Adrenalin driver";
            gpu.rocm_why_not = Some(why.to_owned());
        }
    }
    let stale = drivers.len().saturating_sub(host.gpus.len());
    let asked = drivers.iter().any(|driver| driver.present.is_some());
    let source = match &present {
        Some(adapters) if host.gpus.len() == adapters.len() => "DXGI",
        Some(_) => "DXGI and the list of devices",
        None if asked => "the registry and the list of devices",
        None => "the registry alone",
    };
    host.note("gpus", format!("{} found by {source}; {stale} other drivers", host.gpus.len()));
    let loader = if shown { Some(has("vulkan-1.dll")) } else { None };
    host.vulkan = Some(Vulkan { loader, api: None, icds: Vec::new() });
    host.note("vulkan", "the loader by its file; which version is in no file");
}

/// The names of all system libraries in small letters. `None` where they are not
/// shown: a captured tree may hold only those of graphics drivers.
fn libraries(tree: &Tree) -> Option<BTreeSet<String>> {
    let names = tree.names(SYSTEM).ok()?;
    if tree.is_remembering() {
        names.iter().filter(|name| is_deciding(name)).for_each(|name| {
            tree.exists(&format!("{SYSTEM}/{name}"));
        });
    }
    let names = names.into_iter().map(|name| name.to_ascii_lowercase());
    let names: BTreeSet<String> = names.filter(|name| name.ends_with(".dll")).collect();
    names.contains("kernel32.dll").then_some(names)
}

/// One subkey of the display class.
#[derive(Default)]
struct Driver {
    id: Option<(u16, u16)>,
    name: Option<String>,
    is_basic: bool,
    version: Option<String>,
    memory: Option<u64>,
    /// Whether its device is there.
    present: Option<bool>,
    /// The code of what Windows says is wrong with it; 0: nothing.
    problem: Option<u64>,
}

/// One adapter that is there.
struct Adapter {
    id: (u16, u16),
    name: Option<String>,
    memory: Option<u64>,
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(plain).filter(|text| !text.is_empty())
}

fn driver(value: &Value) -> Option<Driver> {
    value.as_object()?;
    Some(Driver {
        // The other one is what the driver is for, and that may be every display.
        id: id(&value["device"]).or_else(|| id(&value["MatchingDeviceId"])),
        name: text(&value["DriverDesc"]),
        is_basic: text(&value["ProviderName"]).as_deref() == Some("Microsoft"),
        version: text(&value["DriverVersion"]),
        memory: value["qwMemorySize"].as_u64().filter(|bytes| *bytes > 0),
        present: value["present"].as_bool(),
        problem: value["problem"].as_u64(),
    })
}

/// Vendor and device of `pci\ven_10de&dev_2504&...`.
fn id(value: &Value) -> Option<(u16, u16)> {
    let name = text(value)?.to_ascii_lowercase();
    let number = |key: &str| {
        let at = name.find(key)? + key.len();
        u16::from_str_radix(name.get(at..at + 4)?, 16).ok()
    };
    number("ven_").zip(number("dev_"))
}

fn adapter(value: &Value) -> Option<Adapter> {
    let id = |key: &str| u16::try_from(value[key].as_u64()?).ok();
    let adapter = Adapter {
        id: (id("vendor_id")?, id("device_id")?),
        name: text(&value["description"]),
        memory: value["dedicated_bytes"].as_u64().filter(|bytes| *bytes > 0),
    };
    let software = value["software"].as_bool() == Some(true);
    (!software && Maker::of(adapter.id.0).is_some()).then_some(adapter)
}

fn joined(adapter: &Adapter, drivers: &[Driver]) -> Gpu {
    // One of the same kind that was taken out keeps the driver that it had then.
    let mine = drivers.iter().filter(|driver| driver.id == Some(adapter.id));
    let mine = mine.rev().max_by_key(|driver| driver.present.map_or(1, |is| 2 * u8::from(is)));
    let mut gpu = of_driver(mine.unwrap_or(&Driver::default()), adapter.id);
    if gpu.usable.is_none() {
        gpu.name = gpu.name.or_else(|| adapter.name.clone());
    }
    gpu.vram_bytes = gpu.vram_bytes.or(adapter.memory);
    gpu.integrated = integrated(&gpu);
    gpu
}

/// What DXGI does not list. Where it says nothing at all, every driver but of what
/// is surely gone. Else what is surely there: a card that only computes (NVIDIA's
/// TCC), one that Windows has stopped, one that nothing but the basic driver is for.
fn unlisted(adapters: Option<&[Adapter]>, drivers: &[Driver]) -> Vec<Gpu> {
    let is_listed = |id| adapters.is_some_and(|all| all.iter().any(|one| one.id == id));
    let found = drivers.iter().filter_map(|driver| {
        let id = driver.id.filter(|id| Maker::of(id.0).is_some() && !is_listed(*id))?;
        let is_there = driver.present.unwrap_or(adapters.is_none());
        is_there.then(|| of_driver(driver, id))
    });
    found.collect()
}

fn of_driver(driver: &Driver, (vendor, device): (u16, u16)) -> Gpu {
    let maker = Maker::of(vendor);
    let mut gpu = Gpu {
        name: driver.name.clone(),
        pci: Some(format!("{vendor:04x}:{device:04x}")),
        vram_bytes: driver.memory,
        ..Gpu::of(maker.map_or("other", Maker::name))
    };
    gpu.driver = match maker {
        Some(Maker::Nvidia) => driver.version.as_deref().and_then(marketing),
        _ => driver.version.clone(),
    };
    if maker == Some(Maker::Nvidia) {
        gpu.compute = super::nvidia::compute_of_device(device).map(str::to_owned);
    }
    if driver.is_basic {
        // Both are those of the basic driver.
        (gpu.driver, gpu.name) = (None, None);
        gpu.refuse(
            Fault::Driver,
            "Windows drives it with its basic driver: install the maker's own",
        );
    }
    match driver.problem {
        None | Some(0) => {}
        Some(22) => gpu.refuse(
            Fault::SetAside,
            "it is switched off in the Device Manager: switch it on there",
        ),
        Some(14) => gpu.refuse(Fault::Other, "Windows asks for a restart: restart the computer"),
        Some(code) => gpu.refuse(
            Fault::Driver,
            format!("Windows has stopped it (code {code}): install its maker's newest driver"),
        ),
    }
    gpu.integrated = integrated(&gpu);
    gpu
}

/// By its name where makers have one for graphics inside a processor, and by its
/// own memory: a card of today has more than 1 GiB.
fn integrated(gpu: &Gpu) -> Option<bool> {
    let name = gpu.name.as_deref().unwrap_or_default();
    match gpu.vendor.as_str() {
        "nvidia" => Some(false),
        "intel" if name.contains("Arc") && gpu.vram_bytes? > 2 << 30 => Some(false),
        "intel" => Some(true),
        "amd" if name.ends_with("Graphics") => Some(true),
        "amd" => gpu.vram_bytes.map(|bytes| bytes <= 1 << 30),
        _ => None,
    }
}

/// The version that NVIDIA names its Windows drivers by: of `31.0.15.5161` the
/// last five digits, `551.61` (gpu.md 3.2).
pub(super) fn marketing(version: &str) -> Option<String> {
    let parts: Vec<u32> =
        version.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [_, _, third, fourth] = parts[..] else { return None };
    if fourth > 9999 {
        return None;
    }
    let number = third % 10 * 10_000 + fourth;
    Some(format!("{}.{:02}", number / 100, number % 100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_known_where_the_system_s_own_are_shown() {
        let dir = tempfile::tempdir().unwrap();
        let system = dir.path().join("Windows/System32");
        std::fs::create_dir_all(&system).unwrap();
        let tree = Tree::sysroot(dir.path()).unwrap();
        std::fs::write(system.join("nvcuda.dll"), "").unwrap();
        assert_eq!(libraries(&tree), None);
        for name in ["kernel32.dll", "MSVCP140.dll", "notepad.exe"] {
            std::fs::write(system.join(name), "").unwrap();
        }
        let names: Vec<String> = libraries(&tree).unwrap().into_iter().collect();
        assert_eq!(names, ["kernel32.dll", "msvcp140.dll", "nvcuda.dll"]);
    }

    #[test]
    fn windows_drivers_of_nvidia_have_another_name() {
        for (version, name) in [
            ("31.0.15.5161", "551.61"),
            ("31.0.15.2833", "528.33"),
            ("32.0.15.8065", "580.65"),
            ("32.0.15.8228", "582.28"),
            ("30.0.14.7212", "472.12"),
            ("27.21.14.5671", "456.71"),
            ("23.21.13.9077", "390.77"),
            ("32.0.16.1059", "610.59"),
        ] {
            assert_eq!(marketing(version).as_deref(), Some(name), "{version}");
        }
        for bad in ["", "31.0.15", "31.0.15.x", "31.0.15.51610", "1.2.3.4.5"] {
            assert_eq!(marketing(bad), None, "{bad}");
        }
    }
}
