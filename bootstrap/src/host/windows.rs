//! `.setup/windows.json` of a captured Windows machine, without its display
//! parts, which belong to the probing of GPUs. Pure; reads nothing.

use serde::Deserialize;
use serde_json::Value;

use super::tree::plain;
use super::{Arch, Cpu};

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Captured {
    pub(super) native_arch: Option<Arch>,
    pub(super) os_name: Option<String>,
    pub(super) memory_bytes: Option<u64>,
    pub(super) cpu: Cpu,
}

/// The keys as they may be: one of a wrong type must not hide the others.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Raw {
    native_arch: Value,
    os_name: Value,
    memory_bytes: Value,
    cpu: Value,
}

/// `native_arch`, and beside it the optional `os_name`, `memory_bytes` and
/// `cpu` with the names of `detect --json`: on Windows no file has them.
/// `None` if this is no JSON object.
pub(super) fn parse(text: &str) -> Option<Captured> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text); // PowerShell writes it
    let raw: Raw = serde_json::from_str(text).ok()?;
    let features = raw.cpu["features"].as_array();
    Some(Captured {
        native_arch: raw.native_arch.as_str().and_then(Arch::from_machine),
        os_name: string(&raw.os_name),
        memory_bytes: raw.memory_bytes.as_u64().filter(|bytes| *bytes > 0),
        cpu: Cpu {
            name: string(&raw.cpu["name"]),
            cores: raw.cpu["cores"].as_u64().and_then(|cores| u32::try_from(cores).ok()),
            features: features.map(|list| list.iter().filter_map(string).collect()),
        },
    })
}

fn string(value: &Value) -> Option<String> {
    value.as_str().map(plain).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_stands_for_itself() {
        let text = r#"{"native_arch":"x86_64","display":[{"DriverDesc":7}],"dxgi":[],
            "memory_bytes":17179869184,"cpu":{"name":"Ryzen","cores":"many","features":["avx2",1]}}"#;
        let found = parse(text).unwrap();
        assert_eq!(found.native_arch, Some(Arch::X86_64));
        assert_eq!(found.memory_bytes, Some(17179869184));
        assert_eq!((found.cpu.name.as_deref(), found.cpu.cores), (Some("Ryzen"), None));
        assert_eq!(found.cpu.features.as_deref().unwrap(), ["avx2"]);
        assert_eq!(parse("\u{feff}{\"native_arch\":5}"), Some(Captured::default()));
        assert_eq!(parse("{"), None);
        assert_eq!(parse("7"), None);
    }
}
