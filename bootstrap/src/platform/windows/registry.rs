//! Reading the registry below `HKEY_LOCAL_MACHINE`. Never writes; what cannot be
//! read is not there, and a value of another type is no value.

use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::ERROR_SUCCESS;
use windows_sys::Win32::System::Registry::{
    HKEY, HKEY_LOCAL_MACHINE, KEY_READ, KEY_WOW64_64KEY, REG_BINARY, REG_QWORD, REG_SZ,
    REG_VALUE_TYPE, RegCloseKey, RegEnumKeyExW, RegOpenKeyExW, RegQueryValueExW,
};

/// The longest name that a key may have, and the zero behind it.
const NAME: usize = 256;
/// More bytes than any value that we ask for has.
const VALUE: usize = 2048;

/// One key that is open for reading.
pub(super) struct Key(HKEY);

impl Key {
    /// The key with this path, `SYSTEM\CurrentControlSet\...`.
    #[expect(unsafe_code, reason = "a system call")]
    pub(super) fn open(path: &str) -> Option<Key> {
        let (path, mut key) = (wide(path), null_mut());
        let rights = KEY_READ | KEY_WOW64_64KEY;
        // SAFETY: the path ends with a zero, and the handle outlives the call.
        let done =
            unsafe { RegOpenKeyExW(HKEY_LOCAL_MACHINE, path.as_ptr(), 0, rights, &raw mut key) };
        (done == ERROR_SUCCESS).then_some(Key(key))
    }

    /// The names of the keys in it.
    #[expect(unsafe_code, reason = "a system call")]
    pub(super) fn names(&self) -> Vec<String> {
        let next = |index: u32| {
            let (mut name, mut length) = ([0_u16; NAME], NAME as u32);
            // SAFETY: the name is as long as we say; what we do not ask for may be null.
            let done = unsafe {
                let (to, unused) = (name.as_mut_ptr(), null());
                let (class, time) = (null_mut(), null_mut());
                RegEnumKeyExW(self.0, index, to, &raw mut length, unused, class, null_mut(), time)
            };
            let name = name.get(..length as usize).filter(|_| done == ERROR_SUCCESS)?;
            Some(String::from_utf16_lossy(name))
        };
        (0..).map_while(next).collect()
    }

    /// A text, as far as it is one.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let (kind, bytes) = self.value(name)?;
        let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
        (kind == REG_SZ).then(|| String::from_utf16_lossy(&units))
    }

    /// A number of 64 bits; some drivers write one as plain bytes.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        let (kind, bytes) = self.value(name)?;
        let bytes = bytes.try_into().ok()?;
        [REG_QWORD, REG_BINARY].contains(&kind).then(|| u64::from_le_bytes(bytes))
    }

    #[expect(unsafe_code, reason = "a system call")]
    fn value(&self, name: &str) -> Option<(REG_VALUE_TYPE, Vec<u8>)> {
        let (name, mut kind) = (wide(name), 0);
        let (mut bytes, mut length) = (vec![0; VALUE], VALUE as u32);
        // SAFETY: the name ends with a zero, and there are as many bytes as we say.
        let done = unsafe {
            let (unused, to) = (null(), bytes.as_mut_ptr());
            RegQueryValueExW(self.0, name.as_ptr(), unused, &raw mut kind, to, &raw mut length)
        };
        bytes.truncate(length as usize);
        (done == ERROR_SUCCESS).then_some((kind, bytes))
    }
}

impl Drop for Key {
    #[expect(unsafe_code, reason = "a system call")]
    fn drop(&mut self) {
        // SAFETY: it is open, and nobody else has it.
        unsafe { RegCloseKey(self.0) };
    }
}

/// As Windows takes texts: with a zero behind it.
pub(super) fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}
