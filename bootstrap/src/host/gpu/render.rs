//! Render nodes: the device files through which a program draws and computes.

use super::super::tree::Tree;
use super::pci;
use std::collections::BTreeMap;

/// Render nodes by the address of their device; `None` when the kernel's list of
/// graphics devices is not in the tree.
pub(super) fn nodes(tree: &Tree) -> Option<BTreeMap<String, String>> {
    let names = tree.names("/sys/class/drm").ok()?;
    let of = |name: &String| {
        let link = tree.link(&format!("/sys/class/drm/{name}/device")).ok();
        // Live, the name itself is a link that leads through the device's address.
        let path = link.or_else(|| tree.link(&format!("/sys/class/drm/{name}")).ok())?;
        let address = path.rsplit('/').find_map(pci::address)?;
        Some((address, name.clone()))
    };
    let is_render = |name: &&String| {
        let number = name.strip_prefix("renderD").unwrap_or_default();
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut found: BTreeMap<_, _> = names.iter().filter(is_render).filter_map(of).collect();
    for name in names.iter().filter(is_render) {
        if let Ok(real) = tree.canonical(&format!("/sys/class/drm/{name}/device"))
            && let Some(address) = real.rsplit('/').next().and_then(pci::address)
        {
            found.insert(address, name.clone());
        }
    }
    Some(found)
}
