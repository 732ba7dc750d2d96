//! Releases that weigh next to nothing: the app is a shell script, and there is no
//! engine. For scenarios that install hundreds of times; what is tried there is
//! the installer, not what it installs.

use crate::{World, base};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Lets stable offer these releases one after the other; the last one is the
/// newest. `before` is what their app does, in shell, before it says its version.
pub fn publish(world: &World, versions: &[&str], before: &str) {
    let folder = world.path("light");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("LICENSE"), "Nobody's.\n").unwrap();
    for version in versions {
        app(&folder.join(version), version, before);
        let name = format!("{version}.toml");
        fs::write(folder.join(&name), recipe(world, version)).unwrap();
        let depot = world.depot();
        let depot = depot.to_str().unwrap();
        base::depot(&folder, &["build", &name, "--depot", depot, "--fast"]);
        base::depot(&folder, &["publish", depot, "--channel", "stable", "--release", version]);
    }
}

fn app(folder: &Path, version: &str, before: &str) {
    fs::create_dir_all(folder.join("web/ui")).unwrap();
    let script = format!("#!/bin/sh\n{before}\necho '{{\"version\":\"{version}\"}}'\n");
    fs::write(folder.join("offgrid"), script).unwrap();
    base::set_mode(&folder.join("offgrid"), 0o755);
    fs::write(folder.join("VERSION"), format!("{version}\n")).unwrap();
    // A blob of its own in each release, and one that they share.
    let lines = |word: &str| (0..40_000).map(|n| format!("{word} {n}\n")).collect::<String>();
    fs::write(folder.join("web/ui/own.txt"), lines(version)).unwrap();
    fs::write(folder.join("web/ui/shared.txt"), lines("shared")).unwrap();
}

fn recipe(world: &World, version: &str) -> String {
    let target = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    let setup = world.setup();
    format!(
        "version = \"{version}\"\napp = \"{version}\"\nengine = \"none\"\nnotes = \"Light.\"\n\
         [setup]\nversion = \"0.1.0\"\n[setup.files]\n{target} = \"{}\"\n\
         [[component]]\nname = \"app\"\ntarget = \"{target}\"\nfrom = \"{version}\"\n\
         into = \"app/\"\nlicense = \"LICENSE\"\n\
         [[variant]]\nid = \"{target}-cpu\"\ntarget = \"{target}\"\nrank = 100\n\
         components = [\"app\"]\n",
        setup.display()
    )
}

/// A release whose app answers, when it is tried, only after this was opened: a
/// moment in a run that lasts as long as a test wants.
pub struct Gate(PathBuf);

impl Gate {
    /// Lets stable offer it, as 1.0.0.
    pub fn publish(world: &World) -> Gate {
        let pipe = world.path("gate");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        publish(world, &["1.0.0"], &format!("read line <'{}'", pipe.display()));
        Gate(pipe)
    }

    /// For one try, as long as the value lives.
    pub fn open(&self) -> File {
        // Also for reading: then neither end waits for the other here.
        let mut pipe = fs::OpenOptions::new().read(true).write(true).open(&self.0).unwrap();
        pipe.write_all(b"go on\n").unwrap();
        pipe
    }
}
