//! The shipped template as a depot: imported from stand-ins for upstream's assets,
//! built and published by the real program, with the keys of the base.

use crate::programs::{program, repo};
use crate::{base, standins};
use offgrid_manifest::Digest;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The number of its release.
pub const RELEASE: &str = "0.9.0";

/// The template.
pub fn template() -> PathBuf {
    repo().join("server/templates/release.toml")
}

/// A copy of this depot offers every variant of the template in `stable`. Made once
/// for each template and each build of the programs.
pub fn depot() -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let base = base::folder();
        let parent = base.parent().unwrap();
        let folder = parent.join(format!("shipped-{}", &key()[..16]));
        let lock = File::create(parent.join("lock-shipped")).unwrap();
        lock.lock().unwrap();
        if !folder.join("ready").exists() {
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder).unwrap();
            make(&folder);
            fs::write(folder.join("ready"), "").unwrap();
        }
        folder
    });
    folder.join("depot")
}

fn key() -> String {
    let mut text = base::folder().display().to_string();
    for file in [template(), repo().join("tests/src/standins.rs"), program("offgrid-depot")] {
        text.push_str(&Digest::of(&fs::read(file).unwrap()).to_string());
    }
    Digest::of(text.as_bytes()).to_string()
}

fn make(folder: &Path) {
    base::copy_tree(&base::folder().join("depot-1"), &folder.join("depot"));
    beside(folder);
    let stand_ins = folder.join("stand-ins");
    standins::engine(&stand_ins);
    standins::app(&stand_ins);
    standins::own(&stand_ins);
    let words = ["import", "--assets", "stand-ins", "--release", RELEASE, "--complete"];
    base::depot(folder, &words);
    base::depot(folder, &["build", "release.toml", "--depot", "depot", "--fast"]);
    let keys = base::keys().to_str().unwrap();
    base::depot(
        folder,
        &["publish", "depot", "--channel", "stable", "--release", RELEASE, "--keys", keys],
    );
}

/// What the template wants beside the assets: the stamped program for this machine,
/// licences, the probe model.
pub fn beside(folder: &Path) {
    let setup = format!("offgrid-setup-{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    base::copy_tree(&base::folder().join("offgrid-setup"), &folder.join(setup));
    base::copy_tree(&base::folder().join("probe.gguf"), &folder.join("probe.gguf"));
    fs::create_dir_all(folder.join("LICENSES")).unwrap();
    for part in ["app", "llama.cpp", "nvidia-cuda", "probe-model", "rocm"] {
        let text = format!("A stand-in for the licence of {part}.\n");
        fs::write(folder.join(format!("LICENSES/{part}.txt")), text).unwrap();
    }
}
