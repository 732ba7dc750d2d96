//! Which C library the programs of a Linux machine use, and its version.
//!
//! By the interpreter that system programs ask for, never by which loaders
//! exist (a Debian with musl's beside its own is common), and by the bytes of
//! the library, never by running anything.

use memchr::memmem;

use super::elf::{self, Elf, Interpreter};
use super::tree::{Tree, plain};
use super::{Arch, Libc, LibcKind};

/// The first of these that is a dynamic program speaks for the system.
const PROGRAMS: [&str; 6] =
    ["/bin/sh", "/usr/bin/env", "/bin/ls", "/bin/bash", "/usr/bin/getent", "/sbin/apk"];
/// Where interpreters nearly always are named, and where they are after patchelf.
const PROGRAM_LIMITS: [u64; 2] = [64 << 10, 4 << 20];
/// glibc's libc.so.6 has 2 MiB.
const LIBRARY_LIMIT: u64 = 4 << 20;

/// What a system program tells.
pub(super) struct SystemProgram {
    pub(super) path: &'static str,
    pub(super) arch: Option<Arch>,
    pub(super) interpreter: Option<String>,
}

/// The first dynamic system program, or else the first static one.
pub(super) fn system_program(tree: &Tree) -> Option<SystemProgram> {
    let mut fallback = None;
    for path in PROGRAMS {
        let Some(elf) = read_elf(tree, path) else { continue };
        let interpreter = match elf.interpreter {
            Interpreter::Path(name) => Some(name),
            Interpreter::None | Interpreter::Beyond => None,
        };
        let found = SystemProgram { path, arch: elf.arch, interpreter };
        if found.interpreter.is_some() {
            return Some(found);
        }
        fallback.get_or_insert(found);
    }
    fallback
}

fn read_elf(tree: &Tree, path: &str) -> Option<Elf> {
    let mut found = None;
    for limit in PROGRAM_LIMITS {
        found = elf::parse(&tree.read(path, limit).ok()?);
        if found.as_ref()?.interpreter != Interpreter::Beyond {
            break;
        }
    }
    found
}

/// The library behind an interpreter, and the file that told its version.
pub(super) fn of_interpreter(tree: &Tree, interpreter: &str) -> Option<(Libc, String)> {
    match kind(interpreter)? {
        LibcKind::Musl => {
            let bytes = tree.read(interpreter, LIBRARY_LIMIT).unwrap_or_default();
            let libc = Libc { kind: LibcKind::Musl, version: musl_version(&bytes) };
            Some((libc, interpreter.to_owned()))
        }
        LibcKind::Glibc => {
            let real = tree.canonical(interpreter).unwrap_or_else(|_| interpreter.to_owned());
            let read = |path: &str| {
                let bytes = tree.read(path, LIBRARY_LIMIT).ok()?;
                Some((glibc_version(&bytes)?, path.to_owned()))
            };
            let found = read(&real)
                .or_else(|| glibc_files(&real).iter().find_map(|path| read(path)))
                .or_else(|| Some((glibc_version_of_name(&real)?, real.clone())));
            let (version, source) = found.map_or((None, real), |(v, path)| (Some(v), path));
            Some((Libc { kind: LibcKind::Glibc, version }, source))
        }
    }
}

pub(super) fn kind(interpreter: &str) -> Option<LibcKind> {
    let name = interpreter.rsplit('/').next()?;
    if name.starts_with("ld-musl-") {
        return Some(LibcKind::Musl);
    }
    (name.starts_with("ld-linux") || glibc_version_of_name(name).is_some())
        .then_some(LibcKind::Glibc)
}

/// The library beside its loader, then the places of the distributions.
fn glibc_files(loader: &str) -> Vec<String> {
    let beside = loader.rsplit_once('/').map_or("", |(folder, _)| folder);
    let places = [
        beside,
        "/lib/x86_64-linux-gnu",
        "/lib/aarch64-linux-gnu",
        "/lib64",
        "/usr/lib64",
        "/lib",
        "/usr/lib",
    ];
    places.iter().map(|folder| format!("{folder}/libc.so.6")).collect()
}

/// `GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.`, or the
/// same of `ld.so`, which says it since 2.33.
pub(super) fn glibc_version(bytes: &[u8]) -> Option<String> {
    const WORDS: &[u8] = b" release version ";
    memmem::find_iter(bytes, WORDS).find_map(|at| {
        let before = bytes.get(at.saturating_sub(160)..at)?;
        let ours = memmem::find(before, b"GNU C Library").is_some()
            || memmem::find(before, b"ld.so (").is_some();
        let after = bytes.get(at + WORDS.len()..)?;
        number(after).filter(|_| ours)
    })
}

/// Digits and single dots at the start, at least two numbers.
fn number(bytes: &[u8]) -> Option<String> {
    let length = bytes.iter().take(24).take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    let text = std::str::from_utf8(bytes.get(..length)?).ok()?.trim_end_matches('.');
    let numbers = text.split('.').count();
    (numbers >= 2 && text.split('.').all(|part| !part.is_empty())).then(|| text.to_owned())
}

/// `ld-2.31.so`: how the loader was called before 2.34.
fn glibc_version_of_name(path: &str) -> Option<String> {
    let name = path.rsplit('/').next()?;
    let version = name.strip_prefix("ld-")?.strip_suffix(".so")?;
    number(version.as_bytes()).filter(|found| found == version)
}

/// musl keeps `1.2.4` or `1.2.4_git20230717` as a string of its own, apart
/// from the sentence that prints it. Two different ones would be a guess.
pub(super) fn musl_version(bytes: &[u8]) -> Option<String> {
    memmem::find(bytes, b"musl libc")?;
    let mut found: Option<String> = None;
    for text in bytes.split(|byte| *byte == 0).filter_map(musl_string) {
        if found.as_ref().is_some_and(|first| *first != text) {
            return None;
        }
        found = Some(text);
    }
    found
}

fn musl_string(bytes: &[u8]) -> Option<String> {
    if bytes.len() > 40 || !bytes.first()?.is_ascii_digit() {
        return None;
    }
    let version = number(bytes)?;
    let rest = bytes.get(version.len()..)?;
    let three = version.split('.').count() == 3;
    let tail = rest.is_empty() || matches!(rest.first(), Some(b'_' | b'-'));
    (three && tail).then(|| plain(&String::from_utf8_lossy(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glibc_says_its_version_in_a_sentence() {
        let of = |text: &str| glibc_version(text.as_bytes());
        let debian =
            "x\0GNU C Library (Debian GLIBC 2.36-9+deb12u14) stable release version 2.36.\n";
        assert_eq!(of(debian).as_deref(), Some("2.36"));
        let loader = "ld.so (Ubuntu GLIBC 2.39-0ubuntu8) stable release version 2.39.\n";
        assert_eq!(of(loader).as_deref(), Some("2.39"));
        let old = "GNU C Library stable release version 2.12, by Roland McGrath et al.";
        assert_eq!(of(old).as_deref(), Some("2.12"));
        let next = "GNU C Library (GNU libc) development release version 2.40.9000.";
        assert_eq!(of(next).as_deref(), Some("2.40.9000"));
        assert_eq!(of("other thing stable release version 9.9."), None);
        assert_eq!(of("GNU C Library stable release version "), None);
    }

    #[test]
    fn musl_keeps_its_version_alone() {
        let of = |text: &str| musl_version(text.as_bytes());
        let text = "\0musl libc (x86_64)\nVersion %s\n\x00127.0.0.1\0%d.%d\x001.2.4\0x";
        assert_eq!(of(text).as_deref(), Some("1.2.4"));
        let edge = "1.2.4_git20230717\0musl libc";
        assert_eq!(of(edge).as_deref(), Some("1.2.4_git20230717"));
        assert_eq!(of("musl libc\x001.2.4\x001.1.9\0"), None);
        assert_eq!(of("1.2.4\0"), None);
    }

    #[test]
    fn the_interpreter_names_the_kind() {
        assert_eq!(kind("/lib64/ld-linux-x86-64.so.2"), Some(LibcKind::Glibc));
        assert_eq!(
            kind("/nix/store/x-glibc-2.39/lib/ld-linux-aarch64.so.1"),
            Some(LibcKind::Glibc)
        );
        assert_eq!(kind("/lib/ld-2.31.so"), Some(LibcKind::Glibc));
        assert_eq!(kind("/lib/ld-musl-x86_64.so.1"), Some(LibcKind::Musl));
        assert_eq!(kind("/system/bin/linker64"), None);
        assert_eq!(glibc_version_of_name("/lib/ld-2.31.so").as_deref(), Some("2.31"));
        assert_eq!(glibc_version_of_name("/lib/ld-linux.so"), None);
    }
}
