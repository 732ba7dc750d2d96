//! Which display devices are there, and what Windows says is wrong with them. The
//! registry keeps those that were taken out (reference/gpu.md 3.2), and says neither.

use super::library::Library;
use super::registry::{Key, wide};

/// Microsoft's "cfgmgr32.h": `CM_GETIDLIST_FILTER_CLASS` and `_PRESENT`, of Windows 7.
const PRESENT_OF_CLASS: u32 = 0x200 | 0x100;
/// `DN_HAS_PROBLEM`
const HAS_PROBLEM: u32 = 0x400;
/// More than the names of all display devices take.
const MAX_NAMES: u32 = 1 << 16;

type Size = unsafe extern "system" fn(*mut u32, *const u16, u32) -> u32;
type List = unsafe extern "system" fn(*const u16, *mut u16, u32, u32) -> u32;
type Locate = unsafe extern "system" fn(*mut u32, *const u16, u32) -> u32;
type Status = unsafe extern "system" fn(*mut u32, *mut u32, u32, u32) -> u32;

/// One that is there.
pub(super) struct Device {
    /// `PCI\VEN_10DE&DEV_2504&SUBSYS_397D1462&REV_A1`, without what tells it from
    /// another one of its kind.
    pub(super) kind: String,
    /// The key of its driver below `Class`.
    pub(super) driver: Option<String>,
    /// The code that the Device Manager shows; 0: none. `None`: not known.
    pub(super) problem: Option<u32>,
}

/// Those of a class. `None` where Windows does not tell; every Windows that shows
/// pictures has one, so none at all is no answer.
pub(super) fn present(class: &str) -> Option<Vec<Device>> {
    let library = Library::load("cfgmgr32.dll")?;
    let names = names(&library, class)?;
    let devices = names.into_iter().filter_map(|name| {
        let key = Key::open(&format!(r"SYSTEM\CurrentControlSet\Enum\{name}"));
        Some(Device {
            kind: name.rsplit_once('\\')?.0.to_owned(),
            driver: key.and_then(|key| key.text("Driver")),
            problem: problem(&library, &name),
        })
    });
    let devices: Vec<Device> = devices.collect();
    (!devices.is_empty()).then_some(devices)
}

#[expect(unsafe_code, reason = "functions of a system library")]
fn names(library: &Library, class: &str) -> Option<Vec<String>> {
    let size = library.function(c"CM_Get_Device_ID_List_SizeW")?;
    let list = library.function(c"CM_Get_Device_ID_ListW")?;
    let (class, mut length) = (wide(class), 0);
    // SAFETY: this is what functions of these names take; the class ends with a zero,
    // and there is as much room as we say.
    let names = unsafe {
        let size: Size = std::mem::transmute(size);
        let list: List = std::mem::transmute(list);
        if size(&raw mut length, class.as_ptr(), PRESENT_OF_CLASS) != 0 || length > MAX_NAMES {
            return None;
        }
        let mut names = vec![0_u16; length as usize];
        if list(class.as_ptr(), names.as_mut_ptr(), length, PRESENT_OF_CLASS) != 0 {
            return None;
        }
        names
    };
    let names = names.split(|unit| *unit == 0).filter(|name| !name.is_empty());
    Some(names.map(String::from_utf16_lossy).collect())
}

#[expect(unsafe_code, reason = "functions of a system library")]
fn problem(library: &Library, name: &str) -> Option<u32> {
    let locate = library.function(c"CM_Locate_DevNodeW")?;
    let status = library.function(c"CM_Get_DevNode_Status")?;
    let (name, mut node, mut flags, mut code) = (wide(name), 0, 0, 0);
    // SAFETY: this is what functions of these names take; the name ends with a zero,
    // and the numbers outlive the calls.
    let done = unsafe {
        let locate: Locate = std::mem::transmute(locate);
        let status: Status = std::mem::transmute(status);
        locate(&raw mut node, name.as_ptr(), 0) == 0
            && status(&raw mut flags, &raw mut code, node, 0) == 0
    };
    done.then_some(if flags & HAS_PROBLEM == 0 { 0 } else { code })
}
