//! What Windows knows of graphics adapters, as plain data: the display parts of
//! `windows.json` (DESIGN 6). Judges nothing; `host/gpu/display.rs` does.

use serde_json::{Value, json};

use super::devices::{self, Device};
use super::dxgi;
use super::registry::Key;

/// The class of display devices (reference/gpu.md 3.2).
const CLASS: &str = "{4d36e968-e325-11ce-bfc1-08002be10318}";
const CLASSES: &str = r"SYSTEM\CurrentControlSet\Control\Class";

/// Both lists; null where Windows did not answer.
pub(super) fn json() -> String {
    json!({ "display": drivers(), "dxgi": dxgi::adapters() }).to_string()
}

/// One entry for each driver, also of cards that are gone. Other keys of the class
/// are no drivers, and one of them is closed to us.
fn drivers() -> Option<Vec<Value>> {
    let class = Key::open(&format!(r"{CLASSES}\{CLASS}"))?;
    let is_number = |name: &String| name.len() == 4 && name.bytes().all(|c| c.is_ascii_digit());
    let mut names: Vec<String> = class.names().into_iter().filter(is_number).collect();
    names.sort();
    let present = devices::present(CLASS);
    let entry = |name: &String| {
        let name = format!(r"{CLASS}\{name}");
        let key = Key::open(&format!(r"{CLASSES}\{name}"))?;
        Some(driver(&key, &name, present.as_deref()))
    };
    Some(names.iter().filter_map(entry).collect())
}

fn driver(key: &Key, name: &str, present: Option<&[Device]>) -> Value {
    let is_its = |device: &&Device| {
        device.driver.as_ref().is_some_and(|driver| driver.eq_ignore_ascii_case(name))
    };
    let device = present.and_then(|devices| devices.iter().find(is_its));
    json!({
        "DriverDesc": key.text("DriverDesc"),
        "ProviderName": key.text("ProviderName"),
        "DriverVersion": key.text("DriverVersion"),
        "MatchingDeviceId": key.text("MatchingDeviceId"),
        // Never `MemorySize`: it has 32 bits and wraps at 4 GiB.
        "qwMemorySize": key.number("HardwareInformation.qwMemorySize"),
        "present": present.map(|_| device.is_some()),
        "device": device.map(|device| &device.kind),
        "problem": device.and_then(|device| device.problem),
    })
}
