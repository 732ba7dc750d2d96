//! NVIDIA: what the driver's files and `nvidia-smi` say, and which compute
//! capability a device has by its PCI id. Pure parsers; reads nothing.

use super::super::tree::plain;

/// The driver's version by `/proc/driver/nvidia/version`: the first number of
/// that shape behind the words "Kernel Module", on the line of NVRM. The next
/// line names the C compiler, whose version looks the same (gpu.md 3.1).
pub(super) fn driver_of_proc(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with("NVRM version:"))?;
    let (_, rest) = line.split_once("Kernel Module")?;
    rest.split_whitespace().find(|word| is_driver(word)).map(str::to_owned)
}

/// Three digits, a dot and numbers: `550.54.14`, `580.95`.
pub(super) fn is_driver(word: &str) -> bool {
    let mut parts = word.split('.');
    let number = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
    parts.next().is_some_and(|major| major.len() == 3 && number(major))
        && (1..=2).contains(&parts.clone().count())
        && parts.all(number)
}

/// `/proc/driver/nvidia/gpus/<address>/information`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Information {
    pub(super) model: Option<String>,
    pub(super) uuid: Option<String>,
    pub(super) minor: Option<u32>,
    /// The driver was told to leave it alone. Old drivers call it "Blacklisted".
    pub(super) excluded: bool,
}

/// Lines of `key:`, blanks, value.
pub(super) fn information(text: &str) -> Information {
    let value = |keys: &[&str]| {
        text.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            let value = plain(value);
            // Who may not see it gets question marks.
            let known = !value.is_empty() && !value.contains("??");
            (keys.contains(&key.trim()) && known).then_some(value)
        })
    };
    Information {
        model: value(&["Model"]),
        uuid: value(&["GPU UUID"]),
        minor: value(&["Device Minor"]).and_then(|text| text.parse().ok()),
        excluded: value(&["GPU Excluded", "Blacklisted"]).as_deref() == Some("Yes"),
    }
}

/// One line of `nvidia-smi --query-gpu=index,uuid,name,driver_version,memory.total,compute_cap`
/// with `--format=csv,noheader,nounits`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Smi {
    pub(super) uuid: Option<String>,
    pub(super) name: String,
    pub(super) driver: Option<String>,
    /// MiB in the output.
    pub(super) memory_bytes: Option<u64>,
    pub(super) compute: Option<String>,
}

/// Split from both ends, because a name may hold a comma. Fields that a driver
/// does not know hold words in brackets or an error text.
pub(super) fn smi(csv: &str) -> Vec<Smi> {
    csv.lines().filter_map(smi_line).collect()
}

fn smi_line(line: &str) -> Option<Smi> {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let [index, uuid, name @ .., driver, memory, compute] = &fields[..] else { return None };
    index.parse::<u32>().ok()?;
    let name = plain(&name.join(", "));
    let mib: Option<u64> = memory.trim_end_matches(" MiB").parse().ok();
    Some(Smi {
        uuid: uuid.starts_with("GPU-").then(|| plain(uuid)),
        driver: is_driver(driver).then(|| (*driver).to_owned()),
        memory_bytes: mib.and_then(|mib| mib.checked_mul(1 << 20)).filter(|bytes| *bytes > 0),
        compute: is_compute(compute).then(|| (*compute).to_owned()),
        name: Some(name).filter(|name| !name.is_empty() && !name.starts_with('['))?,
    })
}

fn is_compute(text: &str) -> bool {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
    text.split_once('.').is_some_and(|(major, minor)| number(major) && number(minor))
}

/// Compute capability by PCI device id, coarse (gpu.md 3.1, from the ranges of
/// pci.ids). `None` for what is not in the table: a newer card, or one from before
/// 5.0, which no build of today runs on.
pub(super) fn compute_of_device(device: u16) -> Option<&'static str> {
    const TABLE: [(u16, u16, &str); 18] = [
        (0x1340, 0x13bf, "5.0"),
        (0x13c0, 0x1436, "5.2"),
        (0x15f0, 0x15ff, "6.0"),
        (0x1617, 0x1667, "5.2"),
        (0x17c2, 0x17fd, "5.2"),
        (0x1b00, 0x1d52, "6.1"),
        (0x1d81, 0x1dff, "7.0"),
        (0x1e02, 0x1fff, "7.5"),
        (0x20b0, 0x20ff, "8.0"),
        (0x2180, 0x21ff, "7.5"),
        (0x2200, 0x22ff, "8.6"),
        (0x2300, 0x23ff, "9.0"),
        (0x2414, 0x25ff, "8.6"),
        (0x2680, 0x28ff, "8.9"),
        (0x2900, 0x29ff, "10.0"),
        (0x2b80, 0x2dff, "12.0"),
        (0x2e00, 0x2e7f, "12.1"),
        (0x2e80, 0x2fff, "12.0"),
    ];
    TABLE.iter().find(|(from, to, _)| (from..=to).contains(&&device)).map(|(_, _, cc)| *cc)
}

/// The version in a library's file name: `libcuda.so.550.54.14`.
pub(super) fn driver_of_library(name: &str) -> Option<String> {
    let version = name.rsplit('/').next()?.strip_prefix("libcuda.so.")?;
    is_driver(version).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_driver_is_told_from_the_compiler() {
        let of = |text| driver_of_proc(text).unwrap_or_default();
        let old = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22 01:44:30 UTC 2024\nGCC version:  gcc version 112.4.0 (Ubuntu) \n";
        assert_eq!(of(old), "550.54.14");
        let open = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build  (dvs-builder@U22-I3-AM02-24-3)  Tue Sep 23 09:55:41 UTC 2025\n";
        assert_eq!(of(open), "580.95.05");
        let tegra =
            "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  540.4.0  Release Build\n";
        assert_eq!(of(tegra), "540.4.0");
        assert_eq!(of("GCC version:  gcc version 535.1.0\n"), "");
        for bad in ["55.1", "5500.1", "550", "550.", "550.1.2.3", "550.x", ""] {
            assert!(!is_driver(bad), "{bad}");
        }
    }

    #[test]
    fn information_has_tabs_or_spaces_and_an_old_word() {
        let new = information(
            "Model: \t\t NVIDIA GeForce RTX 4090\nGPU UUID: \t GPU-11\nBus Location: \t 0000:01:00.0\nDevice Minor: \t 3\nGPU Excluded:\t No\n",
        );
        assert_eq!(new.model.as_deref(), Some("NVIDIA GeForce RTX 4090"));
        assert_eq!(
            (new.uuid.as_deref(), new.minor, new.excluded),
            (Some("GPU-11"), Some(3), false)
        );
        let old = information(
            "Model:           Tesla V100\nGPU UUID:        GPU-????\nBlacklisted:     Yes\n",
        );
        assert_eq!((old.uuid, old.minor, old.excluded), (None, None, true));
        assert_eq!(information("nonsense"), Information::default());
    }

    #[test]
    fn a_name_with_a_comma_and_fields_that_a_driver_does_not_know() {
        let of = |line| smi(line).pop().unwrap();
        let whole = of("0, GPU-1, NVIDIA GeForce RTX 4090, 550.54.14, 24564, 8.9\n");
        assert_eq!(whole.memory_bytes, Some(24564 << 20));
        assert_eq!(
            (whole.driver.as_deref(), whole.compute.as_deref()),
            (Some("550.54.14"), Some("8.9"))
        );
        let comma = of("1, GPU-2, Quadro, with comma, 470.256.02, 6144, [Not Supported]");
        assert_eq!((comma.name.as_str(), comma.compute), ("Quadro, with comma", None));
        assert_eq!(of("0, GPU-3, Orin (nvgpu), 540.4.0, [N/A], 8.7").memory_bytes, None);
        assert_eq!(smi("NVIDIA-SMI has failed because it couldn't communicate\n\n0,1\n"), []);
    }

    #[test]
    fn compute_capability_by_device() {
        for (device, cc) in [
            (0x2684, Some("8.9")),
            (0x2b85, Some("12.0")),
            (0x1c03, Some("6.1")),
            (0x2504, Some("8.6")),
            (0x1db1, Some("7.0")),
            (0x2330, Some("9.0")),
            (0x2e12, Some("12.1")),
            (0x3000, None),
            (0x0001, None),
        ] {
            assert_eq!(compute_of_device(device), cc, "{device:04x}");
        }
        assert_eq!(
            driver_of_library("/usr/lib/libcuda.so.535.129.03").as_deref(),
            Some("535.129.03")
        );
        assert_eq!(driver_of_library("libcuda.so.1"), None);
    }
}
