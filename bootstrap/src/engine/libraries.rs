//! The files that an engine consists of: the program, the libraries in its folder, and
//! those of llama.cpp in the folders that its builds look into (reference/gpu.md 1.4).
//! Owns which files count and the two digests over them. Changes nothing.

use super::Refusal;
use crate::error::in_one_line;
use crate::{disk, fetch, platform};
use offgrid_manifest::{Digest, Hasher};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// All files of an engine: the program first.
pub(super) fn files(program: &Path, folders: &[PathBuf]) -> Result<Vec<PathBuf>, Refusal> {
    let mut found = BTreeSet::new();
    if let Some(own) = program.parent() {
        list(own, is_library, &mut found)?;
    }
    for folder in folders {
        list(folder, is_of_llama, &mut found)?;
    }
    found.remove(program);
    Ok([program.to_owned()].into_iter().chain(found).collect())
}

/// Folders beside the one of the program in which its libraries may lie: those of
/// distributions, of Homebrew, and whatever the engine itself has named.
pub(super) fn folders<'a>(
    program: &Path,
    named: impl Iterator<Item = &'a str>,
) -> Result<Vec<PathBuf>, Refusal> {
    let own = program.parent().unwrap_or(program);
    let mut roots = Vec::new();
    if let Some(above) = own.parent() {
        let triplet = format!("lib/{}-linux-gnu", std::env::consts::ARCH);
        roots.extend(["lib", "lib64", "libexec", &triplet].map(|name| above.join(name)));
    }
    // PREFIX/Cellar/llama.cpp/1/bin/llama-server: ggml is a formula of its own there.
    let cellar = program.ancestors().find(|part| part.file_name().is_some_and(|n| n == "Cellar"));
    if let Some(homebrew) = cellar.and_then(Path::parent) {
        roots.extend(["lib", "libexec"].map(|name| homebrew.join("opt/ggml").join(name)));
    }
    let mut all = BTreeSet::new();
    for root in roots {
        let ggml = root.join("ggml");
        for entry in entries(&ggml)? {
            all.insert(entry.path());
        }
        all.extend([root, ggml]);
    }
    let named = named.filter_map(|file| Path::new(file).parent()).filter(|path| path.is_absolute());
    all.extend(named.map(Path::to_owned));
    Ok(all.into_iter().filter(|path| path != own && path.is_dir()).collect())
}

/// What is in a folder; nothing where there is none.
fn entries(folder: &Path) -> Result<Vec<fs::DirEntry>, Refusal> {
    match fs::read_dir(folder) {
        Err(error) if disk::is_absent(&error) => Ok(Vec::new()),
        listed => {
            listed.and_then(|entries| entries.collect()).map_err(|error| unseen(folder, &error))
        }
    }
}

fn list(
    folder: &Path,
    counts: fn(&str) -> bool,
    found: &mut BTreeSet<PathBuf>,
) -> Result<(), Refusal> {
    for entry in entries(folder)? {
        if entry.file_name().to_str().is_some_and(counts) && entry.path().is_file() {
            found.insert(entry.path());
        }
    }
    Ok(())
}

/// `libx.so`, `libx.so.1.2`, `libx.dylib`, `x.dll`.
fn is_library(name: &str) -> bool {
    let end = |suffix: &str| {
        name.len()
            .checked_sub(suffix.len())
            .is_some_and(|at| name.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(suffix)))
    };
    end(".so") || name.contains(".so.") || end(".dylib") || end(".dll")
}

/// A library that llama.cpp brings, in a folder of many.
fn is_of_llama(name: &str) -> bool {
    let stem = name.strip_prefix("lib").unwrap_or(name);
    is_library(name) && ["ggml", "llama", "mtmd"].iter().any(|own| stem.starts_with(own))
}

/// Over the bytes of all files: a file that is another one, is gone or is new changes it.
pub(super) fn digest(files: &[PathBuf]) -> Result<Digest, Refusal> {
    let mut whole = Hasher::new();
    for path in files {
        // Several names of one library lead to one file; each name counts.
        let found = fetch::digest_of(path).map_err(|error| Refusal::Unseen(in_one_line(&error)))?;
        let sha256 = found.ok_or(Refusal::Changed)?;
        whole.update(format!("{sha256} ").as_bytes());
        whole.update(path.as_os_str().as_encoded_bytes());
        whole.update(b"\n");
    }
    Ok(whole.finish())
}

/// Over sizes and times alone, which costs next to nothing: other ones ask for
/// [`digest`].
pub(super) fn outlook(files: &[PathBuf]) -> Result<Digest, Refusal> {
    let mut whole = Hasher::new();
    for path in files {
        let meta = path.metadata().map_err(|error| unseen(path, &error))?;
        let time = meta.modified().map_err(|error| unseen(path, &error))?;
        let time = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        whole.update(format!("{} {time} ", meta.len()).as_bytes());
        whole.update(path.as_os_str().as_encoded_bytes());
        whole.update(b"\n");
    }
    Ok(whole.finish())
}

/// Whether nobody else can exchange one of them.
pub(super) fn are_safe(files: &[PathBuf], root_alone: bool) -> Result<(), Refusal> {
    for path in files {
        let why = platform::exchangeable(path, root_alone);
        if let Some(why) = why.map_err(|error| unseen(path, &error))? {
            return Err(Refusal::Exchangeable(why));
        }
        // The file that a link leads to, and what lies beside that.
        let real = path.canonicalize().map_err(|error| unseen(path, &error))?;
        if real == *path {
            continue;
        }
        let why = platform::exchangeable(&real, root_alone);
        if let Some(why) = why.map_err(|error| unseen(&real, &error))? {
            return Err(Refusal::Exchangeable(why));
        }
    }
    Ok(())
}

pub(super) fn unseen(path: &Path, error: &std::io::Error) -> Refusal {
    Refusal::Unseen(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_known_by_their_names() {
        for name in ["libggml.so", "libggml.so.0", "libggml-base.so.0.24.0", "x.dylib", "GGML.DLL"]
        {
            assert!(is_library(name), "{name}");
        }
        for name in ["llama-server", "libggml.a", "so", "dll", "README.so.txt~", "é"] {
            assert!(!is_library(name) || name.contains(".so."), "{name}");
        }
        assert!(is_of_llama("libggml-cuda.so") && is_of_llama("ggml-base.dll"));
        assert!(is_of_llama("libllama.so.0") && is_of_llama("libmtmd.dylib"));
        assert!(!is_of_llama("libc.so.6") && !is_of_llama("libggml.a"));
    }

    fn engine() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        for path in [
            "bin/llama-server",
            "bin/libown.so",
            "lib/libggml.so.0",
            "lib/libc.so.6",
            "lib/ggml/b0/libggml-cpu.so",
        ] {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, path.to_str().unwrap()).unwrap();
        }
        let program = dir.path().join("bin/llama-server");
        (dir, program)
    }

    #[test]
    fn the_libraries_of_its_folder_and_of_its_backends_count_and_no_others() {
        let (dir, program) = engine();
        let found = files(&program, &folders(&program, [].into_iter()).unwrap()).unwrap();
        let names: Vec<_> = found
            .iter()
            .map(|path| path.strip_prefix(dir.path()).unwrap().to_str().unwrap())
            .collect();
        assert_eq!(
            names,
            ["bin/llama-server", "bin/libown.so", "lib/ggml/b0/libggml-cpu.so", "lib/libggml.so.0"]
        );
    }

    #[test]
    fn another_byte_another_file_and_a_missing_one_change_the_digest() {
        let (dir, program) = engine();
        let now = || {
            let found = files(&program, &folders(&program, [].into_iter())?)?;
            Ok::<_, Refusal>((digest(&found)?, outlook(&found)?))
        };
        let first = now().unwrap();
        assert_eq!(now().unwrap(), first);
        let added = dir.path().join("lib/ggml/b0/libggml-new.so");
        fs::write(&added, "").unwrap();
        assert_ne!(now().unwrap().0, first.0);
        fs::remove_file(&added).unwrap();
        assert_eq!(now().unwrap().0, first.0);
        let library = dir.path().join("lib/libggml.so.0");
        let text = fs::read_to_string(&library).unwrap();
        fs::write(&library, text.replace("lib", "bil")).unwrap();
        assert_ne!(now().unwrap().0, first.0);
        assert_ne!(now().unwrap().1, first.1);
        fs::remove_file(&library).unwrap();
        assert_ne!(now().unwrap().0, first.0);
    }
}
