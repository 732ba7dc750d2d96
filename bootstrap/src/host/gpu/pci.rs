//! PCI devices that show pictures or compute, as the kernel lists them in
//! `/sys/bus/pci/devices`. Says which of them are GPUs; judges none.

use super::super::tree::{Tree, TreeError, plain};

/// One device of a display or accelerator class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Device {
    /// `0000:01:00.0`; the domain may have five digits (VMD, some clouds).
    pub(super) address: String,
    /// The class without its programming interface: `0x0300`.
    pub(super) class: u16,
    pub(super) vendor: u16,
    pub(super) device: u16,
    /// The name of the kernel driver that is bound to it.
    pub(super) driver: Option<String>,
}

/// Whose GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Maker {
    Nvidia,
    Amd,
    Intel,
}

impl Maker {
    pub(super) fn of(vendor: u16) -> Option<Maker> {
        match vendor {
            0x10de => Some(Maker::Nvidia),
            0x1002 => Some(Maker::Amd),
            0x8086 => Some(Maker::Intel),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Maker::Nvidia => "nvidia",
            Maker::Amd => "amd",
            Maker::Intel => "intel",
        }
    }
}

impl Device {
    /// Whose GPU this is; `None` for what only draws a console: the display
    /// controllers of servers (ASPEED, Matrox), of virtual machines (bochs, QXL,
    /// virtio, VMware) and of Hyper-V, where `1414:008e` is no model of a GPU.
    pub(super) fn maker(&self) -> Option<Maker> {
        Maker::of(self.vendor)
    }

    /// `10de:2684`
    pub(super) fn id(&self) -> String {
        format!("{:04x}:{:04x}", self.vendor, self.device)
    }

    /// On the bus of the processor itself, where integrated graphics sit.
    pub(super) fn is_on_root_bus(&self) -> bool {
        self.address.split(':').nth(1) == Some("00")
    }
}

/// Every device of a display class (VGA, 3D, other display) and every processing
/// accelerator, which is what Instinct cards call themselves.
pub(super) fn devices(tree: &Tree) -> Result<Vec<Device>, TreeError> {
    let names = tree.names("/sys/bus/pci/devices")?;
    Ok(names.iter().filter_map(|name| device(tree, name)).collect())
}

fn device(tree: &Tree, name: &str) -> Option<Device> {
    let folder = format!("/sys/bus/pci/devices/{name}");
    let number = |file: &str| hex(&tree.text(&format!("{folder}/{file}")).ok()?);
    let class = u16::try_from(number("class")? >> 8).ok()?;
    if !matches!(class, 0x0300 | 0x0302 | 0x0380 | 0x1200) {
        return None;
    }
    let link = tree.link(&format!("{folder}/driver")).ok();
    let driver = link.and_then(|link| link.rsplit('/').next().map(plain));
    Some(Device {
        address: address(name)?,
        class,
        vendor: u16::try_from(number("vendor")?).ok()?,
        device: u16::try_from(number("device")?).ok()?,
        driver: driver.filter(|driver| !driver.is_empty()),
    })
}

/// `0x030000`
fn hex(text: &str) -> Option<u32> {
    u32::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok()
}

/// `[domain:]bus:device.function`, in lower case, with the domain.
pub(super) fn address(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let (rest, function) = text.rsplit_once('.')?;
    let parts: Vec<&str> = rest.split(':').collect();
    let (domain, bus, device) = match parts[..] {
        [domain, bus, device] => (domain, bus, device),
        [bus, device] => ("0000", bus, device),
        _ => return None,
    };
    let digits = |part: &str, length: std::ops::RangeInclusive<usize>| {
        length.contains(&part.len()) && part.bytes().all(|c| c.is_ascii_hexdigit())
    };
    let whole = digits(domain, 4..=8)
        && digits(bus, 2..=2)
        && digits(device, 2..=2)
        && digits(function, 1..=1);
    whole.then(|| {
        // nvidia-smi writes eight digits for what the kernel writes in four.
        let domain = domain.trim_start_matches('0');
        format!("{domain:0>4}:{bus}:{device}.{function}")
    })
}

/// What `pci.ids` of the system calls a device: the name in brackets, which is
/// the one that it is sold by, else all of it.
pub(super) fn name(tree: &Tree, device: &Device) -> Option<String> {
    const FILES: [&str; 3] =
        ["/usr/share/hwdata/pci.ids", "/usr/share/misc/pci.ids", "/usr/share/pci.ids"];
    const LIMIT: u64 = 8 << 20;
    let bytes = FILES.iter().find_map(|path| tree.read(path, LIMIT).ok())?;
    name_in(&String::from_utf8_lossy(&bytes), device)
}

fn name_in(ids: &str, device: &Device) -> Option<String> {
    let vendor = format!("{:04x}  ", device.vendor);
    let model = format!("\t{:04x}  ", device.device);
    let of_vendor = ids.lines().skip_while(|line| !line.starts_with(&vendor)).skip(1);
    let mut models = of_vendor.take_while(|line| line.starts_with(['\t', '#']) || line.is_empty());
    let text = plain(models.find_map(|line| line.strip_prefix(&model))?);
    let sold = text.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    Some(sold.map_or(text.clone(), |(name, _)| name.to_owned())).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_one_thing_however_they_are_written() {
        assert_eq!(address("00000000:01:00.0").as_deref(), Some("0000:01:00.0"));
        assert_eq!(address("0000:0A:00.0\n").as_deref(), Some("0000:0a:00.0"));
        assert_eq!(address("10000:01:00.0").as_deref(), Some("10000:01:00.0"));
        assert_eq!(address("01:00.0").as_deref(), Some("0000:01:00.0"));
        for bad in ["", "x", "0000:01:00", "0000:1:00.0", "0000:01:00.0.1", "000g:01:00.0"] {
            assert_eq!(address(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_device_is_called_what_it_is_sold_by() {
        let ids = "# comment\n1001  Other\n\t744c  not this\n1002  AMD\n\t7448  Navi 31\n\
                   \t744c  Navi 31 [Radeon RX 7900 XT/7900 XTX]\n\t\t1002 744c  a board\n1003  Next\n\t9999  no\n";
        let of = |vendor, device| {
            let (address, class) = ("0000:03:00.0".to_owned(), 0x0300);
            name_in(ids, &Device { address, class, vendor, device, driver: None })
        };
        assert_eq!(of(0x1002, 0x744c).as_deref(), Some("Radeon RX 7900 XT/7900 XTX"));
        assert_eq!(of(0x1002, 0x7448).as_deref(), Some("Navi 31"));
        assert_eq!(of(0x1002, 0x9999), None);
        assert_eq!(of(0x1004, 0x744c), None);
    }
}
