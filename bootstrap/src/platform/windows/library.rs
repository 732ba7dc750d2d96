//! Functions of system libraries that not every Windows has: asked for when they
//! are needed, from System32 alone (reference/trust.md L11), and never linked.

use std::ffi::CStr;
use windows_sys::Win32::Foundation::{FARPROC, HMODULE};
use windows_sys::Win32::System::LibraryLoader::{
    GetProcAddress, LOAD_LIBRARY_SEARCH_SYSTEM32, LoadLibraryExW,
};

use super::registry::wide;

/// A library; it stays loaded, because drivers that it brings may have threads.
pub(super) struct Library(HMODULE);

impl Library {
    /// `name` is a file name without a folder.
    #[expect(unsafe_code, reason = "a system call")]
    pub(super) fn load(name: &str) -> Option<Library> {
        let (name, none) = (wide(name), std::ptr::null_mut());
        // SAFETY: the name ends with a zero; only the system's own library is loaded.
        let found = unsafe { LoadLibraryExW(name.as_ptr(), none, LOAD_LIBRARY_SEARCH_SYSTEM32) };
        (!found.is_null()).then_some(Library(found))
    }

    /// The address of one of its functions, never null. Who calls it has to know what it takes.
    #[expect(unsafe_code, reason = "a system call")]
    pub(super) fn function(&self, name: &CStr) -> FARPROC {
        // SAFETY: the library is loaded, and the name ends with a zero.
        unsafe { GetProcAddress(self.0, name.as_ptr().cast()) }
    }
}
