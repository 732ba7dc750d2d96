//! L11: which libraries the program for Windows loads before its first line runs.
//! They are looked for beside the program first, unless the system has them open
//! already. From its first line on it looks in System32 alone (`harden` in
//! `bootstrap/src/platform/windows.rs`). That the linked ones come from there too is in
//! its load configuration, which `stamp` enters into the header.
//!
//! wine 8 does not heed a load configuration (tried: with it and without, the same are
//! loaded from beside the program). So what it says is looked at here, and what wine
//! shows is everything else: what is loaded by name, and from the current folder.

use e2e::wine::{self, Wine};
use e2e::world::finish;
use e2e::{World, programs};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Never looked for in a folder: those that Windows names in `KnownDLLs`, what
/// these need themselves, and the names of API sets, which are no files.
const KNOWN: &[&str] = &[
    "advapi32.dll",
    "bcryptprimitives.dll",
    "combase.dll",
    "kernel32.dll",
    "kernelbase.dll",
    "msvcrt.dll",
    "ntdll.dll",
    "ole32.dll",
    "oleaut32.dll",
    "psapi.dll",
    "rpcrt4.dll",
    "shell32.dll",
    "ucrtbase.dll",
    "user32.dll",
    "ws2_32.dll",
];

/// Of the system, and looked for beside the program first where nobody heeds its load
/// configuration: Windows before 10 1607, and wine. No name may join them.
const OPEN: &[&str] = &["bcrypt.dll", "crypt32.dll", "userenv.dll"];

/// Loaded by name while a program runs, by it or by what it is linked to.
const LATER: &[&str] = &[
    "cfgmgr32.dll",
    "cryptbase.dll",
    "cryptsp.dll",
    "dbghelp.dll",
    "dnsapi.dll",
    "dwmapi.dll",
    "dxgi.dll",
    "iphlpapi.dll",
    "mswsock.dll",
    "ncrypt.dll",
    "netapi32.dll",
    "profapi.dll",
    "propsys.dll",
    "rsaenh.dll",
    "secur32.dll",
    "sspicli.dll",
    "uxtheme.dll",
    "version.dll",
    "winhttp.dll",
    "wininet.dll",
    "wintrust.dll",
];

/// A library that leaves a file beside itself when it is loaded.
const MARKER: &str = r#"
#include <windows.h>
BOOL WINAPI DllMain(HINSTANCE self, DWORD why, LPVOID reserved) {
    char name[MAX_PATH + 16];
    (void)reserved;
    if (why == DLL_PROCESS_ATTACH) {
        DWORD length = GetModuleFileNameA(self, name, MAX_PATH);
        lstrcpyA(name + length, ".loaded");
        CloseHandle(CreateFileA(name, GENERIC_WRITE, 0, 0, CREATE_ALWAYS, 0, 0));
    }
    return TRUE;
}
"#;

/// A PE file (Microsoft's "PE Format"), as far as its import table is concerned.
struct Pe(Vec<u8>);

impl Pe {
    fn u32(&self, at: usize) -> usize {
        u32::from_le_bytes(self.0[at..at + 4].try_into().unwrap()) as usize
    }

    fn u16(&self, at: usize) -> usize {
        usize::from(u16::from_le_bytes(self.0[at..at + 2].try_into().unwrap()))
    }

    /// Where in the file lies what has this address in memory.
    fn place(&self, address: usize) -> usize {
        let header = self.u32(0x3c);
        let (count, optional) = (self.u16(header + 6), self.u16(header + 20));
        let sections = (0..count).map(|n| header + 24 + optional + n * 40);
        let inside = |at: &usize| {
            let start = self.u32(at + 12);
            (start..start + self.u32(at + 16)).contains(&address)
        };
        let at = sections.into_iter().find(inside).expect("an address of no section");
        address - self.u32(at + 12) + self.u32(at + 20)
    }

    fn text(&self, address: usize) -> String {
        let at = self.place(address);
        let end = self.0[at..].iter().position(|byte| *byte == 0).unwrap();
        String::from_utf8(self.0[at..at + end].to_vec()).unwrap()
    }

    /// Every library that is loaded with the program, in small letters, and the
    /// names that are imported.
    fn imports(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let optional = self.u32(0x3c) + 24;
        assert_eq!(self.u16(optional), 0x20b, "no program of 64 bits");
        let mut at = self.place(self.u32(optional + 112 + 8));
        let (mut libraries, mut names) = (BTreeSet::new(), BTreeSet::new());
        while self.u32(at + 12) != 0 {
            libraries.insert(self.text(self.u32(at + 12)).to_lowercase());
            let mut entry = self.place(self.u32(at));
            while self.u32(entry) != 0 {
                // The highest bit says "by number"; a name follows a hint of two bytes.
                if self.u32(entry + 4) == 0 {
                    names.insert(self.text(self.u32(entry) + 2));
                }
                entry += 8;
            }
            at += 20;
        }
        (libraries, names)
    }
}

#[test]
fn l11_the_program_for_windows_is_linked_to_libraries_of_the_system_alone() {
    let Some(path) = wine::program() else { return };
    let (libraries, names) = Pe(fs::read(&path).unwrap()).imports();
    assert!(libraries.contains("kernel32.dll"), "nothing was read: {libraries:?}");
    for library in &libraries {
        let known = KNOWN.contains(&&**library) || library.starts_with("api-ms-win-");
        assert!(known || OPEN.contains(&&**library), "{}: {library}", path.display());
    }
    // Static C runtime, and the search narrowed before anything else happens.
    assert!(!libraries.iter().any(|name| name.starts_with("libgcc") || name.contains("pthread")));
    for name in ["SetDefaultDllDirectories", "SetDllDirectoryW"] {
        assert!(names.contains(name), "{name} is not called");
    }
    let main = fs::read_to_string(programs::repo().join("bootstrap/src/main.rs")).unwrap();
    let body = main.split_once("fn main()").unwrap().1;
    let first = body.lines().nth(1).unwrap().trim();
    assert_eq!(first, "offgrid_setup::platform::harden();", "it is not the first thing that runs");
}

#[test]
fn l11_the_header_says_that_linked_libraries_come_from_the_system_alone() {
    let Some(path) = wine::program() else { return };
    let world = World::new();
    let pe = Pe(fs::read(wine::stamped(&world, &path)).unwrap());
    let entry = pe.u32(0x3c) + 24 + 112 + 10 * 8;
    let (at, size) = (pe.place(pe.u32(entry)), pe.u32(entry + 4));
    assert_eq!((size, pe.u32(at)), (0x70, 0x70), "the size, in the header and in itself");
    assert_eq!(pe.u16(at + 0x4e), 0x800, "DependentLoadFlags: LOAD_LIBRARY_SEARCH_SYSTEM32");
    // Everything else in it asks for nothing.
    let rest = (4..0x70).filter(|n| !(0x4e..0x50).contains(n));
    assert_eq!(rest.map(|n| pe.0[at + n]).filter(|byte| *byte != 0).count(), 0);
}

/// The names in a folder, in small letters.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|e| e.unwrap().file_name().to_str().unwrap().to_lowercase()).collect()
}

#[test]
fn l11_libraries_that_lie_about_are_not_loaded_under_wine() {
    let world = World::new();
    let Some(path) = wine::program() else { return };
    let Some(wine) = Wine::new(&world) else { return };
    let (mut linked, _) = Pe(fs::read(&path).unwrap()).imports();
    // Windows has it open already (KnownDLLs); wine does not know it at all.
    linked.remove("bcryptprimitives.dll");
    let exe = wine::stamped(&world, &path);
    let (downloads, cwd) = (exe.parent().unwrap().to_owned(), world.path("current"));
    fs::create_dir(&cwd).unwrap();
    let marker = world.path("marker.dll");
    wine::library(&world, MARKER, &marker).unwrap();
    for name in linked.iter().map(String::as_str).chain(LATER.iter().copied()) {
        for folder in [&downloads, &cwd] {
            fs::copy(&marker, folder.join(name)).unwrap();
        }
    }
    let (beside, around) = (names(&downloads), names(&cwd));
    // Nobody answers at this address; sockets and certificates come before that.
    let install = ["install", "--yes", "--json", "--source", "http://127.0.0.1:9/"];
    for (words, exit) in [(&["version"][..], 0), (&["status"], 0), (&install, 4)] {
        let mut command = wine.command(&exe, words);
        command.current_dir(&cwd);
        finish(command).expect(exit);
    }
    wine.end();
    assert_eq!(names(&cwd), around, "something was loaded from the current folder");
    let new: Vec<String> = names(&downloads).difference(&beside).cloned().collect();
    let loaded = new.iter().map(|name| name.strip_suffix(".loaded").unwrap_or(name));
    let loaded: Vec<&str> = loaded.collect();
    let strays: Vec<&&str> = loaded.iter().filter(|name| !OPEN.contains(name)).collect();
    assert!(strays.is_empty(), "loaded from beside the program: {strays:?}");
    eprintln!("wine does not heed the load configuration: {loaded:?} were loaded from beside");
}
