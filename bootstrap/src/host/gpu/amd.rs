//! AMD: the nodes of the kernel's compute driver (KFD), the names of graphics
//! targets, and how much memory a card has. Pure parsers; reads nothing.

/// One node of `/sys/class/kfd/kfd/topology/nodes/<n>/properties` that is a GPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// PCI address without the function's kind: domain, bus, device and function.
    pub(super) address: String,
    /// `gfx1100`
    pub(super) gfx: Option<String>,
    /// Of `/dev/dri/renderD<minor>`.
    pub(super) render_minor: Option<u32>,
    /// A node with processor cores too is an APU.
    pub(super) has_cores: bool,
}

/// `key value` lines; a processor's node has no SIMD units and is `None`.
pub(super) fn node(properties: &str) -> Option<Node> {
    let value = |wanted: &str| -> Option<u64> {
        properties.lines().find_map(|line| {
            let (key, value) = line.split_once(char::is_whitespace)?;
            if key == wanted { value.trim().parse().ok() } else { None }
        })
    };
    if value("simd_count")? == 0 {
        return None;
    }
    let (location, domain) = (value("location_id")?, value("domain").unwrap_or(0));
    let (bus, device, function) = (location >> 8 & 0xff, location >> 3 & 0x1f, location & 7);
    Some(Node {
        address: format!("{domain:04x}:{bus:02x}:{device:02x}.{function:x}"),
        gfx: value("gfx_target_version").and_then(gfx),
        render_minor: value("drm_render_minor").and_then(|minor| minor.try_into().ok()),
        has_cores: value("cpu_cores_count").unwrap_or(0) > 0,
    })
}

/// 110000 is gfx1100, 90010 is gfx90a: the major number in decimal, minor and
/// stepping as hexadecimal digits.
pub(super) fn gfx(version: u64) -> Option<String> {
    let (major, minor, step) = (version / 10_000, version / 100 % 100, version % 100);
    let known = (1..=99).contains(&major) && minor < 16 && step < 16;
    known.then(|| format!("gfx{major}{minor:x}{step:x}"))
}

/// What the kernel's graphics driver says of a card's memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) vram: Option<u64>,
    /// What it may take of the machine's memory.
    pub(super) gtt: Option<u64>,
    /// Whether it names the maker of its memory chips or its board.
    pub(super) has_board: bool,
}

/// Whether it shares the machine's memory (gpu.md 3.1 row 7): a board of its own
/// is a card; little of its own and much of the machine's is an APU.
pub(super) fn is_integrated(memory: &Memory, node: Option<&Node>) -> Option<bool> {
    if memory.has_board {
        return Some(false);
    }
    if node.is_some_and(|node| node.has_cores) {
        return Some(true);
    }
    let (vram, gtt) = (memory.vram?, memory.gtt?);
    Some(vram <= 4 << 30 && gtt >= 8 << 30 && gtt / 4 >= vram)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graphics_targets_have_hexadecimal_digits() {
        for (version, name) in [
            (110000, "gfx1100"),
            (90010, "gfx90a"),
            (90012, "gfx90c"),
            (90402, "gfx942"),
            (100300, "gfx1030"),
            (110501, "gfx1151"),
            (120001, "gfx1201"),
            (90006, "gfx906"),
        ] {
            assert_eq!(gfx(version).as_deref(), Some(name));
        }
        for bad in [0, 7, 111600, 110016, 1_000_000, u64::MAX] {
            assert_eq!(gfx(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_node_is_found_by_where_it_is() {
        let found = node("cpu_cores_count 0\nsimd_count 192\ngfx_target_version 110000\nlocation_id 768\ndomain 0\ndrm_render_minor 128\n").unwrap();
        assert_eq!(
            (found.address.as_str(), found.gfx.as_deref()),
            ("0000:03:00.0", Some("gfx1100"))
        );
        assert_eq!((found.render_minor, found.has_cores), (Some(128), false));
        assert_eq!(node("cpu_cores_count 32\nsimd_count 0\ngfx_target_version 0\n"), None);
        assert_eq!(node("simd_count 2\n"), None, "nowhere");
        assert_eq!(node("simd_count 99999999999999999999\nlocation_id 1\n"), None);
    }

    #[test]
    fn an_apu_has_little_memory_of_its_own() {
        let of = |vram: u64, gtt: u64, has_board| {
            is_integrated(&Memory { vram: Some(vram << 20), gtt: Some(gtt << 20), has_board }, None)
        };
        assert_eq!(of(512, 16_000, false), Some(true));
        assert_eq!(of(24_560, 32_000, true), Some(false));
        assert_eq!(of(4_096, 8_192, false), Some(false), "a small card in a small machine");
        assert_eq!(of(8_192, 64_000, false), Some(false));
        assert_eq!(is_integrated(&Memory::default(), None), None);
    }
}
