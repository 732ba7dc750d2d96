//! L11: which libraries the program for Windows loads before its first line runs.
//! They are looked for beside the program first, unless the system has them open
//! already. From its first line on it looks in System32 alone (`harden` in
//! `bootstrap/src/platform/windows.rs`).

use e2e::programs::repo;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

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

/// Of the system, and looked for beside the program first on some of its versions:
/// what is open until the release carries a load configuration that says System32
/// (`DependentLoadFlags`), which GNU's linker cannot write. No name may join them.
const OPEN: &[&str] = &["bcrypt.dll", "crypt32.dll", "pdh.dll", "powrprof.dll", "userenv.dll"];

/// The newest build for Windows, if there is one.
fn program() -> Option<PathBuf> {
    let of = |profile: &str| format!("target/x86_64-pc-windows-gnu/{profile}/offgrid-setup.exe");
    let built = [of("dist"), of("release"), of("debug")];
    let all = built.into_iter().chain(["dist/offgrid-setup-windows-x86_64.exe".to_owned()]);
    let existing = all.map(|path| repo().join(path)).filter(|path| path.exists());
    existing.max_by_key(|path| path.metadata().unwrap().modified().unwrap())
}

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
    let Some(path) = program() else {
        eprintln!(
            "skipped: no program for Windows here: \
             cargo build -p offgrid-setup --target x86_64-pc-windows-gnu"
        );
        return;
    };
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
    let main = fs::read_to_string(repo().join("bootstrap/src/main.rs")).unwrap();
    let body = main.split_once("fn main()").unwrap().1;
    let first = body.lines().nth(1).unwrap().trim();
    assert_eq!(first, "offgrid_setup::platform::harden();", "it is not the first thing that runs");
}
