//! Vulkan's drivers by their manifests (`icd.d/*.json`) and its loader. A
//! manifest proves no device; one for drawing on the processor counts as none.

use super::super::tree::{Tree, plain};
use super::super::{Host, Vulkan};
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

/// Vulkan of this machine, and the newest version for each GPU.
pub(super) fn facts(tree: &Tree, host: &mut Host) {
    let all = icds(tree);
    let (software, real): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|icd| icd.kind == Kind::NoGpu);
    for gpu in &mut host.gpus {
        let mine = |icd: &&Icd| matches!(icd.kind, Kind::Of(maker) if maker.name() == gpu.vendor);
        gpu.vulkan = newest(real.iter().filter(mine));
    }
    let api = host.gpus.iter().filter_map(|gpu| gpu.vulkan.clone()).max_by_key(|api| numbers(api));
    let loader = loader(tree);
    let ignored: Vec<&str> = software.iter().map(|icd| icd.path.as_str()).collect();
    let note = match ignored.is_empty() {
        true => format!("{} drivers", real.len()),
        false => format!("{} drivers; no GPU: {}", real.len(), ignored.join(", ")),
    };
    host.note("vulkan", note);
    host.vulkan =
        Some(Vulkan { loader, api, icds: real.into_iter().map(|icd| icd.path).collect() });
}

fn newest<'a>(icds: impl Iterator<Item = &'a Icd>) -> Option<String> {
    icds.filter_map(|icd| icd.api.clone()).max_by_key(|api| numbers(api))
}

fn numbers(version: &str) -> Vec<u64> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
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
