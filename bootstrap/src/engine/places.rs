//! Where a llama.cpp may be on a machine (reference/gpu.md 4.1). Owns the list of
//! folders and whose they are; looks into those whose name has a version in it.

use super::Refusal;
use crate::env::Env;
use crate::host::Os;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// A folder that may hold one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) folder: PathBuf,
    /// Nothing but PATH names it.
    pub(super) through_path: bool,
}

/// More folders than any PATH has.
const PATHS: usize = 128;

/// Usual folders first, then those of PATH, each once.
pub(super) fn all(env: &Env, os: Os) -> Vec<Place> {
    let home = env.home();
    let in_home = |name: &str| home.as_ref().map(|home| home.join(name));
    let mut usual: Vec<PathBuf> = match os {
        Os::Linux => LINUX.iter().map(PathBuf::from).collect(),
        Os::Macos => MACOS.iter().map(PathBuf::from).collect(),
        Os::Windows => Vec::new(),
    };
    usual.extend(IN_HOME.iter().filter_map(|name| in_home(name)));
    if let Some(local) = var(env, "LOCALAPPDATA").map(PathBuf::from).filter(|p| p.is_absolute()) {
        usual.push(local.join("Microsoft/WinGet/Links"));
        usual.push(local.join("Programs/Ollama/lib/ollama"));
        usual.extend(matching(&local.join("Microsoft/WinGet/Packages"), "ggml.llamacpp_", ""));
    }
    let jan = ["Library/Application Support/Jan", "AppData/Roaming/Jan", ".config/Jan"];
    for data in [".local/share/Jan"].iter().chain(&jan).filter_map(|name| in_home(name)) {
        for version in matching(&data.join("data/llamacpp/backends"), "", "") {
            usual.extend(matching(&version, "", "build/bin"));
        }
    }
    for backends in [".lmstudio/extensions/backends", ".cache/lm-studio/extensions/backends"] {
        let all = in_home(backends).map(|backends| matching(&backends, "llama.cpp-", ""));
        usual.extend(all.into_iter().flatten());
    }
    let usual = usual.into_iter().map(|folder| Place { folder, through_path: false });
    let path = var(env, "PATH").map(std::env::split_paths).into_iter().flatten().take(PATHS);
    let path = path.filter(|folder| folder.is_absolute());
    let path = path.map(|folder| Place { folder, through_path: true });
    let mut places: Vec<Place> = Vec::new();
    for place in usual.chain(path) {
        if !places.iter().any(|known| known.folder == place.folder) {
            places.push(place);
        }
    }
    places
}

/// Windows says `Path`, and knows no case in names.
fn var<'a>(env: &'a Env, name: &str) -> Option<&'a OsString> {
    let any = || env.vars.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    env.var(name).or_else(|| any().map(|(_, value)| value))
}

const LINUX: &[&str] = &[
    "/usr/local/bin",
    "/usr/bin",
    "/opt/llama.cpp/bin",
    "/home/linuxbrew/.linuxbrew/bin",
    "/run/current-system/sw/bin",
    "/nix/var/nix/profiles/default/bin",
    "/snap/bin",
    "/usr/local/lib/ollama",
    "/usr/lib/ollama",
];

/// Homebrew on Apple silicon, Homebrew on Intel, MacPorts, Nix.
const MACOS: &[&str] = &[
    "/opt/homebrew/bin",
    "/usr/local/bin",
    "/opt/local/bin",
    "/run/current-system/sw/bin",
    "/nix/var/nix/profiles/default/bin",
    "/Applications/Ollama.app/Contents/Resources",
];

/// `llama.app`'s own installer, Nix, Homebrew, conda.
const IN_HOME: &[&str] = &[
    ".local/bin",
    ".nix-profile/bin",
    ".linuxbrew/bin",
    "miniconda3/bin",
    "miniforge3/bin",
    "anaconda3/bin",
    ".local/lib/ollama",
];

/// The folders in `folder` whose names begin so, each with `inner` behind it.
fn matching(folder: &Path, begin: &str, inner: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(PATHS);
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(begin));
    let within = |path: PathBuf| if inner.is_empty() { path } else { path.join(inner) };
    let mut found: Vec<PathBuf> = named.map(|entry| within(entry.path())).collect();
    found.sort();
    found
}

/// Whether a program belongs to another one, by any folder on the way to it.
pub(super) fn whose(path: &Path) -> Option<Refusal> {
    let parts: Vec<String> = path
        .parent()?
        .components()
        .map(|part| part.as_os_str().to_string_lossy().to_ascii_lowercase())
        .collect();
    let has = |names: &[&str]| parts.iter().any(|part| names.contains(&part.as_str()));
    let jan = parts.windows(4).any(|all| {
        all[0] == "jan" && all[1] == "data" && all[2] == "llamacpp" && all[3] == "backends"
    });
    if has(&["ollama", ".ollama", "ollama.app"]) {
        Some(Refusal::Theirs("Ollama"))
    } else if has(&[".lmstudio", "lm-studio", "lm studio", "lm studio.app"]) {
        Some(Refusal::Theirs("LM Studio"))
    } else {
        jan.then_some(Refusal::Lent("Jan"))
    }
}

/// Whether it is started by snapd: its name in `/snap/bin` leads to that.
pub(super) fn is_snap(real: &Path) -> bool {
    real.file_name() == Some(OsStr::new("snap"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(vars: &[(&str, &str)]) -> Env {
        let vars = vars.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Env { vars: vars.collect(), ..Env::default() }
    }

    #[test]
    fn usual_places_come_before_path_and_each_comes_once() {
        let path =
            std::env::join_paths(["/usr/bin", "/x", "relative", "/x"].map(Path::new)).unwrap();
        let env = env(&[("HOME", "/h"), ("PATH", path.to_str().unwrap())]);
        let places = all(&env, Os::Linux);
        let of = |name: &str| {
            let found: Vec<_> =
                places.iter().filter(|place| place.folder == Path::new(name)).collect();
            assert!(found.len() <= 1, "{name}");
            found.first().map(|place| place.through_path)
        };
        if Path::new("/h").is_absolute() {
            assert_eq!(of("/h/.local/bin"), Some(false));
            assert_eq!((of("/usr/bin"), of("/x"), of("relative")), (Some(false), Some(true), None));
        }
        assert_eq!(of("/opt/homebrew/bin"), None);
        assert!(all(&env, Os::Macos).iter().any(|p| p.folder == Path::new("/opt/homebrew/bin")));
    }

    #[test]
    fn the_engines_of_other_programs_are_theirs_wherever_they_lie() {
        for (path, name) in [
            ("/usr/local/lib/ollama/llama-server", "Ollama"),
            ("/Applications/Ollama.app/Contents/Resources/llama-server", "Ollama"),
            (
                "/h/.lmstudio/extensions/backends/llama.cpp-linux-x86_64-avx2-2.1/llama-server",
                "LM Studio",
            ),
            ("/h/.cache/lm-studio/extensions/backends/x/llama-server", "LM Studio"),
        ] {
            assert_eq!(whose(Path::new(path)), Some(Refusal::Theirs(name)), "{path}");
        }
        let jan = "/h/Library/Application Support/Jan/data/llamacpp/backends/b1/cpu/build/bin/llama-server";
        assert_eq!(whose(Path::new(jan)), Some(Refusal::Lent("Jan")));
        for free in ["/usr/bin/llama-server", "/home/jan/bin/llama-server", "/h/bin/ollama"] {
            assert_eq!(whose(Path::new(free)), None, "{free}");
        }
    }

    #[test]
    fn folders_with_a_version_in_their_name_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().to_str().unwrap();
        for name in [
            ".lmstudio/extensions/backends/llama.cpp-linux-x86_64-avx2-2.1",
            ".local/share/Jan/data/llamacpp/backends/b6673/linux-avx2-x64",
            "local/Microsoft/WinGet/Packages/ggml.llamacpp_Microsoft.Winget.Source_x",
        ] {
            fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        let local = dir.path().join("local");
        let env = env(&[("HOME", home), ("LOCALAPPDATA", local.to_str().unwrap())]);
        let places = all(&env, Os::Windows);
        for end in
            ["avx2-2.1", "linux-avx2-x64/build/bin", "ggml.llamacpp_Microsoft.Winget.Source_x"]
        {
            assert!(places.iter().any(|p| p.folder.to_string_lossy().ends_with(end)), "{end}");
        }
    }
}
