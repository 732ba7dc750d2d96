//! Where shared libraries lie: the folders of the distributions, and the
//! loader's own index. Looks for names; opens no library.

use super::super::tree::Tree;
use memchr::memmem;
use std::collections::BTreeSet;

/// Distributions, WSL, NixOS with what its nix-ld gives to programs of others, and Tegra
/// (gpu.md 3.1 row 5).
const FOLDERS: [&str; 15] = [
    "/usr/lib/wsl/lib",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu/nvidia",
    "/usr/lib/aarch64-linux-gnu/tegra",
    "/usr/lib64",
    "/usr/lib",
    "/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/lib64",
    "/lib",
    "/usr/lib64/nvidia",
    "/usr/local/lib",
    "/run/opengl-driver/lib",
    "/run/current-system/sw/share/nix-ld/lib",
];
const CACHE: &str = "/etc/ld.so.cache";
const CACHE_LIMIT: u64 = 16 << 20;

/// Where a library of this name is; WSL's own folder first.
pub(super) fn find(tree: &Tree, name: &str) -> Option<String> {
    let places = FOLDERS.iter().map(|folder| format!("{folder}/{name}"));
    places.into_iter().find(|path| tree.exists(path)).or_else(|| in_cache(tree, name))
}

/// The loader's index holds whole paths with a NUL behind each. Only one that is
/// still there counts.
fn in_cache(tree: &Tree, name: &str) -> Option<String> {
    let bytes = tree.read(CACHE, CACHE_LIMIT).ok()?;
    let wanted = format!("/{name}\0");
    memmem::find_iter(&bytes, wanted.as_bytes()).find_map(|at| {
        let start = memchr::memrchr(0, &bytes[..at]).map_or(0, |nul| nul + 1);
        let path = std::str::from_utf8(&bytes[start..at + wanted.len() - 1]).ok()?;
        (path.starts_with('/') && tree.exists(path)).then(|| path.to_owned())
    })
}

/// Whether this tree shows libraries at all: a captured one may leave them out,
/// and then a missing name says nothing.
pub(super) fn are_shown(tree: &Tree) -> bool {
    tree.is_live() || tree.exists(CACHE) || find(tree, "libc.so.6").is_some()
}

/// The names of all libraries: of the loader's index, and of the folders for
/// systems without one. `None` where the tree shows none.
pub(super) fn names(tree: &Tree) -> Option<BTreeSet<String>> {
    if !are_shown(tree) {
        return None;
    }
    let bytes = tree.read(CACHE, CACHE_LIMIT).unwrap_or_default();
    let listed = bytes.split(|&c| c == 0).filter(|text| text.first() == Some(&b'/'));
    let listed = listed.filter_map(|text| std::str::from_utf8(text).ok()?.rsplit('/').next());
    let mut found: BTreeSet<String> = listed.map(str::to_owned).collect();
    for folder in FOLDERS {
        // Of those that decide something, a link that leads nowhere is no library.
        let is_there = |name: &String| {
            name.contains(".so") && (!is_deciding(name) || tree.exists(&format!("{folder}/{name}")))
        };
        found.extend(tree.names(folder).unwrap_or_default().into_iter().filter(is_there));
    }
    Some(found)
}

/// Of Linux.
const STEMS: [&str; 40] = [
    "libc",
    "libm",
    "libdl",
    "libpthread",
    "librt",
    "libgcc_s",
    "libstdc++",
    "libgomp",
    "libomp",
    "libssl",
    "libcrypto",
    "libcurl",
    "libz",
    "libatomic",
    "libnuma",
    "libtbb",
    "libOpenCL",
    "libvulkan",
    "libcuda",
    "libcudart",
    "libcublas",
    "libcublasLt",
    "libcudnn",
    "libnccl",
    "libnvidia-ml",
    "libnvrtc",
    "libdrm",
    "libdrm_amdgpu",
    "libamdhip64",
    "libhipblas",
    "libhipblaslt",
    "librocblas",
    "librocsolver",
    "librccl",
    "libhsa-runtime64",
    "libze_loader",
    "libze_intel_gpu",
    "libsycl",
    "libopenvino",
    "libopenblas",
];

/// Of Windows; the first says that libraries are shown at all.
const DLLS: [&str; 12] = [
    "kernel32",
    "msvcp140",
    "vcruntime140",
    "vcruntime140_1",
    "nvcuda",
    "nvml",
    "vulkan-1",
    "opencl",
    "amdhip64_6",
    "amdhip64_7",
    "ze_loader",
    "d3d12",
];

/// Whether a capture tells that a library of this name is there: those that an
/// engine, its app or a driver may want. Of others not even the name is told.
pub(in super::super) fn is_deciding(name: &str) -> bool {
    let stem = name.split_once(".so").map(|(stem, _)| stem);
    let lower = name.to_ascii_lowercase();
    stem.is_some_and(|stem| STEMS.contains(&stem))
        || lower.strip_suffix(".dll").is_some_and(|stem| DLLS.contains(&stem))
        || name.starts_with("ld-")
}

/// The loader's index, with the deciding names of another one alone: `renamed`
/// says which path stands for which.
pub(in super::super) fn index_of(bytes: &[u8], mut renamed: impl FnMut(&str) -> String) -> Vec<u8> {
    let mut index = b"glibc-ld.so.cache1.1\0".to_vec();
    let paths = bytes.split(|&c| c == 0).filter(|text| text.first() == Some(&b'/'));
    for path in paths.filter_map(|text| std::str::from_utf8(text).ok()) {
        if path.rsplit('/').next().is_some_and(is_deciding) {
            index.extend(renamed(path).as_bytes());
            index.push(0);
        }
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_library_is_found_in_its_folder_or_in_the_index() {
        let dir = tempfile::tempdir().unwrap();
        let put = |path: &str, bytes: &[u8]| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        };
        put("usr/lib64/libvulkan.so.1", b"");
        let tree = Tree::sysroot(dir.path()).unwrap();
        assert_eq!(find(&tree, "libvulkan.so.1").as_deref(), Some("/usr/lib64/libvulkan.so.1"));
        assert!(!are_shown(&tree));
        put("opt/x/libcuda.so.1", b"");
        put(
            "etc/ld.so.cache",
            b"glibc-ld.so.cache1.1\0libcuda.so.1\0/gone/libcuda.so.1\0/opt/x/libcuda.so.1\0",
        );
        assert_eq!(find(&tree, "libcuda.so.1").as_deref(), Some("/opt/x/libcuda.so.1"));
        assert_eq!(find(&tree, "libcuda.so"), None);
        assert!(are_shown(&tree));
        let link = dir.path().join("usr/lib64/libgomp.so.1");
        crate::platform::make_link(&link, "libgomp.so.1.0.0".as_ref()).unwrap();
        let known = names(&tree).unwrap();
        assert!(known.contains("libvulkan.so.1") && !known.contains("libgomp.so.1"), "{known:?}");
    }
}
