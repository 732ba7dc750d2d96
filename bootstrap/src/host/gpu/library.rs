//! Where shared libraries lie: the folders of the distributions, and the
//! loader's own index. Looks for names; opens no library.

use super::super::tree::Tree;
use memchr::memmem;
use std::collections::BTreeSet;

/// Distributions, WSL, NixOS and Tegra (gpu.md 3.1 row 5).
const FOLDERS: [&str; 14] = [
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
        let names = tree.names(folder).unwrap_or_default();
        found.extend(names.into_iter().filter(|name| name.contains(".so")));
    }
    Some(found)
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
    }
}
