//! Versions and the platform's name. Owns the two ways in which the app knows
//! a version, which may differ: that of the release it lies in, and the file
//! in the working folder that `/health` shows. Never caches: files are small.

use std::path::Path;
use std::{env, fs};

/// The version of the release: the file `VERSION` in the folder of the
/// executable, so that two releases may hold the same binary; else its own.
pub(crate) fn of_release() -> String {
    env::current_exe()
        .ok()
        .and_then(|exe| read(exe.parent()?))
        .unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned())
}

/// What `/health` shows: `VERSION` in the working folder, else "unknown".
pub(crate) fn of_working_folder() -> String {
    read(Path::new(".")).unwrap_or_else(|| "unknown".to_owned())
}

fn read(folder: &Path) -> Option<String> {
    let text = fs::read_to_string(folder.join("VERSION")).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The processor as Go names it, because upstream prints Go's names.
pub(crate) fn go_arch() -> &'static str {
    match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    }
}

/// The system as Go names it.
pub(crate) fn go_os() -> &'static str {
    match env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}
