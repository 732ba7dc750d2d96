//! The executables under test, built once.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder with the executables of this build.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let exe = std::env::current_exe().unwrap();
        let folder = exe.parent().and_then(Path::parent).unwrap().to_owned();
        // scripts/test has built them; somebody who runs `cargo test` has not.
        if std::env::var_os("E2E_BUILT").is_none() {
            let words =
                ["build", "--quiet", "-p", "offgrid-setup", "-p", "offgrid-depot", "-p", "standin"];
            let status = Command::new(env!("CARGO")).args(words).current_dir(repo()).status();
            assert!(status.unwrap().success(), "the programs could not be built");
        }
        folder
    })
}

/// One of them.
pub fn program(name: &str) -> PathBuf {
    let path = folder().join(name);
    assert!(path.exists(), "{} is not there: run scripts/test", path.display());
    path
}

/// The repository.
pub fn repo() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A real llama-server: the one that scripts/engine found, or the one beside
/// the repository.
pub fn engine() -> PathBuf {
    let named = std::env::var_os("OFFGRID_TEST_ENGINE").map(PathBuf::from);
    let beside = repo().join("../shared/payload/llama-server");
    let found = named.into_iter().chain([beside]).find(|path| path.exists());
    found.expect("no llama-server: set OFFGRID_TEST_ENGINE=$(scripts/engine)")
}
