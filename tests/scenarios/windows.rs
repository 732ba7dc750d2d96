//! The running Windows tells what a captured tree of it says: every machine of
//! Windows is entered into the registry of wine, and into stand-ins for DXGI and for
//! the list of devices (`tests/src/wine/`). The program asks all of them itself.

use e2e::wine::{self, Wine};
use e2e::world::finish;
use e2e::{Outcome, World, machine};
use serde_json::{Map, Value};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const CLASS: &str = "{4d36e968-e325-11ce-bfc1-08002be10318}";
const CONTROL: &str = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet";

/// Of drivers and of the runtime of Visual C++. wine has some of them itself.
const LIBRARIES: [&str; 8] = [
    "amdhip64_6.dll",
    "amdhip64_7.dll",
    "msvcp140.dll",
    "nvcuda.dll",
    "opencl.dll",
    "vcruntime140.dll",
    "vcruntime140_1.dll",
    "vulkan-1.dll",
];

/// One machine of Windows as captured, and as wine shows it.
struct Machine<'a> {
    wine: &'a Wine<'a>,
    exe: &'a Path,
    depot: PathBuf,
    tree: PathBuf,
    said: Value,
    file: PathBuf,
}

impl<'a> Machine<'a> {
    fn make(name: &str, world: &'a World, wine: &'a Wine<'a>, exe: &'a Path) -> Machine<'a> {
        let (tree, depot) = (world.path(name), world.depot());
        machine::make(name, &tree);
        let said = fs::read_to_string(tree.join(".setup/windows.json")).unwrap();
        let said = serde_json::from_str(&said).unwrap();
        let machine = Machine { wine, exe, depot, tree, said, file: world.path("machine.reg") };
        machine.enter_libraries();
        machine
    }

    fn list(&self, name: &str) -> Option<Vec<&Value>> {
        self.said[name].as_array().map(|all| all.iter().collect())
    }

    /// The name of a device with what tells it from another one of its kind.
    fn instance(entry: &Value) -> Option<String> {
        Some(format!(r"{}\4&1A2B3C4D&0&0008", entry["device"].as_str()?))
    }

    fn enter_registry(&self) {
        let class = format!(r"{CONTROL}\Control\Class\{CLASS}");
        let mut lines = vec!["REGEDIT4".to_owned(), format!("[-{class}]")];
        // What else is in it on every Windows.
        lines.push(format!(r"[{class}\Properties]"));
        lines.push(format!(r"[{class}\Configuration]"));
        for (index, entry) in self.list("display").unwrap_or_default().into_iter().enumerate() {
            lines.push(format!(r"[{class}\{index:04}]"));
            for key in ["DriverDesc", "ProviderName", "DriverVersion", "MatchingDeviceId"] {
                if let Some(text) = entry[key].as_str() {
                    lines.push(format!("\"{key}\"=\"{}\"", text.replace('\\', r"\\")));
                }
            }
            if let Some(bytes) = entry["qwMemorySize"].as_u64() {
                // Some drivers write it as plain bytes.
                let kind = if index % 2 == 0 { "hex(b)" } else { "hex" };
                let bytes = bytes.to_le_bytes().map(|byte| format!("{byte:02x}")).join(",");
                lines.push(format!("\"HardwareInformation.qwMemorySize\"={kind}:{bytes}"));
            }
            lines.push("\"HardwareInformation.MemorySize\"=dword:fff00000".to_owned());
            if let Some(name) = Machine::instance(entry) {
                lines.push(format!(r"[{CONTROL}\Enum\{name}]"));
                lines.push(format!("\"Driver\"=\"{}\\\\{index:04}\"", CLASS.to_uppercase()));
            }
        }
        fs::write(&self.file, lines.join("\r\n") + "\r\n").unwrap();
        let words = ["/S", &Wine::name(&self.file)];
        finish(self.wine.command(Path::new("regedit"), &words)).expect(0);
    }

    /// Enters the machine and asks; once more when wine, which does so whenever it
    /// thinks that screens have changed, has entered a display of its own meanwhile.
    fn until_kept<T>(&self, ask: impl Fn() -> Result<T, String>) -> T {
        for _ in 0..20 {
            self.enter_registry();
            let why = match ask() {
                Ok(answer) => return answer,
                Err(why) => why,
            };
            let class = format!(r"{CONTROL}\Control\Class\{CLASS}");
            let now = finish(self.wine.command(Path::new("reg"), &["query", &class, "/s"]));
            assert!(now.stdout.contains("Wine Adapter"), "{why}\n{}", now.stdout);
        }
        panic!("wine lets nothing stand in its registry");
    }

    /// Whether the running machine says what the captured one does, and whether both
    /// could be decided about.
    fn compare(&self, world: &World) -> Result<bool, String> {
        let same = |what: &str, here: &Value, there: &Value| {
            let tree = self.tree.display();
            let why = || format!("{tree}: {what}: under wine {here}, captured {there}");
            if here == there { Ok(()) } else { Err(why()) }
        };
        let tree = self.tree.to_str().unwrap();
        let into = world.path("captured");
        let _ = fs::remove_dir_all(&into);
        self.run(&["detect", "--capture", &Wine::name(&into)]).expect(0);
        let captured = fs::read_to_string(into.join(".setup/windows.json")).unwrap();
        let captured: Value = serde_json::from_str(&captured).unwrap();
        for part in ["display", "dxgi"] {
            same(part, &captured[part], &self.entered()[part])?;
        }
        let here = self.run(&["detect", "--json"]).expect(0).json();
        let there = world.run(&["detect", "--json", "--sysroot", tree]).expect(0).json();
        for fact in ["gpus", "vulkan"] {
            same(fact, &here[fact], &there[fact])?;
            same(fact, &here["evidence"][fact], &there["evidence"][fact])?;
        }
        if here["native_arch"] != there["native_arch"] {
            return Ok(false);
        }
        let here = self.run(&["plan", "--json"]);
        let there = world.run(&["plan", "--json", "--sysroot", tree]);
        same("decision", &decision(&here), &decision(&there))?;
        Ok(true)
    }

    fn enter_libraries(&self) {
        let shown = fs::read_dir(self.tree.join("Windows/System32")).unwrap();
        let shown = shown.map(|entry| entry.unwrap().file_name().to_str().unwrap().to_lowercase());
        let shown: Vec<String> = shown.collect();
        for name in LIBRARIES {
            let path = self.wine.system().join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
                _ => {}
            }
            if shown.iter().any(|other| other == name) {
                fs::write(path, "").unwrap();
            }
        }
    }

    /// The program on this machine.
    fn run(&self, words: &[&str]) -> Outcome {
        finish(self.command(words))
    }

    /// The GPUs of this machine while DXGI lists these, and where they were found.
    fn gpus_with(&self, adapters: &str) -> (Vec<Value>, String) {
        let mut command = self.command(&["detect", "--json"]);
        command.env("OFFGRID_TEST_ADAPTERS", adapters);
        let host = finish(command).expect(0).json();
        let seen = host["evidence"]["gpus"].as_str().unwrap().to_owned();
        (host["gpus"].as_array().unwrap().clone(), seen)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.wine.command(self.exe, words);
        command.env("WINEDLLOVERRIDES", "mscoree,mshtml=d;dxgi,cfgmgr32=n");
        command.env("OFFGRID_SETUP_SOURCE", Wine::name(&self.depot));
        self.tell(&mut command);
        command
    }

    fn tell(&self, command: &mut Command) {
        let devices = self.list("display").unwrap_or_default().into_iter().filter_map(|entry| {
            let problem = entry["problem"].as_i64().unwrap_or(-1);
            Some(format!("{problem} {}", Machine::instance(entry)?))
        });
        command.env("OFFGRID_TEST_DEVICES", devices.collect::<Vec<_>>().join("\n"));
        let Some(adapters) = self.list("dxgi") else { return };
        let adapters = adapters.into_iter().map(|entry| {
            let number = |key: &str| entry[key].as_u64().unwrap();
            let flags = 2 * u32::from(entry["software"].as_bool().unwrap());
            let name = entry["description"].as_str().unwrap();
            let (vendor, device) = (number("vendor_id"), number("device_id"));
            format!("{vendor:x} {device:x} {:x} {flags} {name}", number("dedicated_bytes"))
        });
        command.env("OFFGRID_TEST_ADAPTERS", adapters.collect::<Vec<_>>().join("\n"));
    }

    /// The display parts as they were entered, with null for what is not said.
    fn entered(&self) -> Value {
        let keys = [
            "DriverDesc",
            "ProviderName",
            "DriverVersion",
            "MatchingDeviceId",
            "qwMemorySize",
            "present",
            "device",
            "problem",
        ];
        let of = |entry: &&Value| -> Map<String, Value> {
            keys.iter().map(|key| ((*key).to_owned(), entry[*key].clone())).collect()
        };
        let display = self.list("display").unwrap();
        let display: Vec<_> = display.iter().map(of).collect();
        serde_json::json!({ "display": display, "dxgi": self.said["dxgi"] })
    }
}

/// The decision and every reason.
fn decision(plan: &Outcome) -> Value {
    let selection = &plan.events().pop().unwrap()["selection"];
    serde_json::json!([selection["variant"], selection["rejected"]])
}

#[test]
fn every_machine_says_the_same_under_wine_as_captured() {
    let Some(program) = wine::program() else { return };
    let world = World::new();
    fs::remove_dir_all(world.depot()).unwrap();
    e2e::base::copy_tree(&e2e::shipped::depot(), &world.depot());
    let Some(wine) = Wine::new(&world) else { return };
    wine.bring_graphics();
    let exe = wine::stamped(&world, &program);
    let (mut compared, mut decided) = (0, 0);
    for name in machine::names().iter().filter(|name| name.starts_with("win-")) {
        let machine = Machine::make(name, &world, &wine, &exe);
        decided += u32::from(machine.until_kept(|| machine.compare(&world)));
        compared += 1;
    }
    let machine = Machine::make("win-rtx3060", &world, &wine, &exe);
    let card = "10de 2504 2f5500000 0 NVIDIA GeForce RTX 3060";
    let lists = [
        ("one that is listed twice", format!("{card}\n10de 2504 2f5500000 0 again"), 1, "by DXGI"),
        ("two of one kind", format!("{card}\n{card}"), 2, "by DXGI"),
        ("half a list", format!("{card}\n8086 4680 0 0 broken"), 1, "by the registry alone"),
    ];
    for (what, adapters, count, by) in lists {
        machine.until_kept(|| {
            let (gpus, seen) = machine.gpus_with(&adapters);
            let as_listed = gpus.len() == count && seen.contains(by);
            if as_listed { Ok(()) } else { Err(format!("{what}: {seen}")) }
        });
    }
    assert!(decided >= 10 && compared > decided, "{compared} machines, {decided} decisions");
}
