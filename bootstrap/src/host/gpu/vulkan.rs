//! Vulkan's drivers by their manifests (`icd.d/*.json`) and its loader. A
//! manifest proves no device; one for drawing on the processor counts as none.

use super::super::tree::{Tree, plain};
use super::library;
use super::pci::Maker;
use serde::Deserialize;

/// In the order in which the loader looks, without what the environment adds.
const FOLDERS: [&str; 5] = [
    "/etc/xdg/vulkan/icd.d",
    "/etc/vulkan/icd.d",
    "/usr/local/share/vulkan/icd.d",
    "/usr/share/vulkan/icd.d",
    "/run/opengl-driver/share/vulkan/icd.d",
];

/// One driver's manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Icd {
    /// Where its manifest is.
    pub(super) path: String,
    /// `1.3.277`
    pub(super) api: Option<String>,
    pub(super) kind: Kind,
}

/// What a driver is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The GPUs of one maker.
    Of(Maker),
    /// Another kind of GPU, of boards and phones.
    Other,
    /// It draws on the processor, or hands everything to another system: never a
    /// GPU of this machine (gpu.md 2.4, 3.1 row 11).
    NoGpu,
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(rename = "ICD")]
    icd: Entry,
}

#[derive(Deserialize)]
struct Entry {
    library_path: String,
    api_version: Option<String>,
}

/// Every manifest that can be read, by folder and name.
pub(super) fn icds(tree: &Tree) -> Vec<Icd> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        for name in tree.names(folder).unwrap_or_default() {
            let path = format!("{folder}/{name}");
            if name.ends_with(".json")
                && let Some(icd) = tree.text(&path).ok().and_then(|text| parse(&path, &text))
            {
                found.push(icd);
            }
        }
    }
    found
}

fn parse(path: &str, text: &str) -> Option<Icd> {
    let Entry { library_path, api_version } = serde_json::from_str::<Manifest>(text).ok()?.icd;
    let api = api_version.map(|api| plain(&api)).filter(|api| is_version(api));
    let library = library_path.rsplit(['/', '\\']).next().unwrap_or_default();
    Some(Icd { path: plain(path), api, kind: kind(library) })
}

fn is_version(text: &str) -> bool {
    text.split('.').all(|part| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit()))
}

/// By the library that does the work: manifests may be called anything.
fn kind(library: &str) -> Kind {
    let has = |words: &[&str]| words.iter().any(|word| library.contains(word));
    if has(&["lvp", "lavapipe", "swrast", "swiftshader", "dzn", "gfxstream", "virtio"]) {
        Kind::NoGpu
    } else if has(&["nvidia", "nvoglv", "nouveau"]) {
        Kind::Of(Maker::Nvidia)
    } else if has(&["radeon", "amdvlk", "amdgpu", "amdvulkan"]) {
        Kind::Of(Maker::Amd)
    } else if has(&["intel", "igvk"]) {
        Kind::Of(Maker::Intel)
    } else {
        Kind::Other
    }
}

/// Whether the loader is there; `None` where the tree shows no libraries at all.
pub(super) fn loader(tree: &Tree) -> Option<bool> {
    match library::find(tree, "libvulkan.so.1") {
        Some(_) => Some(true),
        None => library::are_shown(tree).then_some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_are_told_apart_by_their_library() {
        let of = |library: &str| {
            let text = format!(
                r#"{{"file_format_version":"1.0.0","ICD":{{"library_path":"{library}","api_version":"1.3.274"}}}}"#
            );
            parse("x.json", &text).unwrap().kind
        };
        assert_eq!(of("libGLX_nvidia.so.0"), Kind::Of(Maker::Nvidia));
        assert_eq!(of("/usr/lib/x86_64-linux-gnu/libvulkan_radeon.so"), Kind::Of(Maker::Amd));
        assert_eq!(of("/opt/amdgpu/lib/amdvlk64.so"), Kind::Of(Maker::Amd));
        assert_eq!(of("libvulkan_intel_hasvk.so"), Kind::Of(Maker::Intel));
        assert_eq!(of("/home/radeon/libvulkan_lvp.so"), Kind::NoGpu);
        assert_eq!(of("libvulkan_dzn.so"), Kind::NoGpu);
        assert_eq!(of("libvulkan_virtio.so"), Kind::NoGpu);
        assert_eq!(of("libvulkan_broadcom.so"), Kind::Other);
    }

    #[test]
    fn a_manifest_without_a_version_or_a_library() {
        let icd = parse("a.json", r#"{"ICD":{"library_path":"x","api_version":"1.2; rm"}}"#);
        assert_eq!(icd.unwrap().api, None);
        assert_eq!(parse("a.json", r#"{"ICD":{}}"#), None);
        assert_eq!(parse("a.json", "[]"), None);
    }
}
