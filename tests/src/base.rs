//! What all worlds begin with, made once for each build of the programs: keys,
//! and depots with releases of a real engine and the app's stand-in.
//!
//! - `depot-1`: stable offers 0.1.0
//! - `depot-2`: stable offers 0.2.0, which shares the engine with 0.1.0; the
//!   channel `broken` offers 0.3.0, whose engine exits at once

use crate::programs::{engine, program, repo};
use offgrid_manifest::Digest;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder with `keys`, `depot-1`, `depot-2` and `offgrid-setup`, stamped.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let name = format!("base-{}", &key()[..16]);
        let parent = repo().join("target/e2e");
        fs::create_dir_all(&parent).unwrap();
        let folder = parent.join(name);
        // Several test processes may want it at once; the first one makes it.
        let lock = File::create(parent.join("lock")).unwrap();
        lock.lock().unwrap();
        if !folder.join("ready").exists() {
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder).unwrap();
            make(&folder);
            fs::write(folder.join("ready"), "").unwrap();
        }
        folder
    })
}

/// The keys of every depot here, without passwords: `root-1` to `root-3`, of which
/// two sign, `release-1` and `head-1`.
pub fn keys() -> &'static Path {
    static KEYS: OnceLock<PathBuf> = OnceLock::new();
    KEYS.get_or_init(|| folder().join("keys"))
}

/// Another one for other programs, another engine, or another recipe.
fn key() -> String {
    let mut text = fs::read_to_string(repo().join("tests/src/base.rs")).unwrap();
    for name in ["offgrid-setup", "offgrid-depot", "offgrid-standin", "make-probe-model"] {
        text.push_str(&stamp_of(&program(name)));
    }
    text.push_str(&stamp_of(&engine()));
    Digest::of(text.as_bytes()).to_string()
}

fn stamp_of(path: &Path) -> String {
    let meta = path.metadata().unwrap();
    format!("{} {} {:?}\n", path.display(), meta.len(), meta.modified().unwrap())
}

/// Runs the depot's program and stops the test when it fails.
pub fn depot(folder: &Path, words: &[&str]) -> String {
    let mut command = Command::new(program("offgrid-depot"));
    let output = command.args(words).current_dir(folder).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "offgrid-depot {words:?}\n{stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn make(folder: &Path) {
    depot(folder, &["init", "depot-1", "--keys", "keys", "--no-password"]);
    let setup = slim(folder);
    let words = ["--root", "depot-1/root/1.json", "--source", "http://127.0.0.1:9/", "-o"];
    let mut stamp = vec!["stamp", setup.to_str().unwrap()];
    stamp.extend(words);
    stamp.push("offgrid-setup");
    depot(folder, &stamp);
    payload(folder);
    release(folder, "depot-1", "0.1.0", "0.2.11", "llama");
    depot(folder, &["publish", "depot-1", "--channel", "stable", "--release", "0.1.0"]);
    copy_tree(&folder.join("depot-1"), &folder.join("depot-2"));
    release(folder, "depot-2", "0.2.0", "0.2.12", "llama");
    depot(folder, &["publish", "depot-2", "--channel", "stable", "--release", "0.2.0"]);
    release(folder, "depot-2", "0.3.0", "0.2.12", "llama-broken");
    depot(folder, &["publish", "depot-2", "--channel", "broken", "--release", "0.3.0"]);
}

/// The program without what only a debugger reads: it is copied, hashed and
/// started thousands of times. As it is where there is no `strip`.
fn slim(folder: &Path) -> PathBuf {
    let (whole, slim) = (program("offgrid-setup"), folder.join("offgrid-setup-slim"));
    let stripped = Command::new("strip").arg("-o").arg(&slim).arg(&whole).output();
    if stripped.is_ok_and(|output| output.status.success()) { slim } else { whole }
}

fn payload(folder: &Path) {
    let llama = folder.join("llama");
    fs::create_dir_all(llama.join("doc")).unwrap();
    fs::copy(engine(), llama.join("llama-server")).unwrap();
    // A link, small files and a folder: what a real bundle of libraries has.
    fs::write(llama.join("libnote.so.1"), "not a library\n").unwrap();
    std::os::unix::fs::symlink("libnote.so.1", llama.join("libnote.so")).unwrap();
    fs::write(llama.join("doc/README with space.txt"), "a small file\n").unwrap();
    let broken = folder.join("llama-broken");
    fs::create_dir_all(&broken).unwrap();
    let script = broken.join("llama-server");
    fs::write(&script, "#!/bin/sh\necho this engine is broken >&2\nexit 1\n").unwrap();
    set_mode(&script, 0o755);
    fs::write(folder.join("LICENSE"), "Licences of the parts: see their makers.\n").unwrap();
    let status =
        Command::new(program("make-probe-model")).arg(folder.join("probe.gguf")).output().unwrap();
    assert!(status.status.success());
}

fn release(folder: &Path, depot_name: &str, version: &str, app: &str, llama: &str) {
    let app_folder = format!("app-{app}");
    let at = folder.join(&app_folder);
    fs::create_dir_all(at.join("web/ui")).unwrap();
    fs::copy(program("offgrid-standin"), at.join("offgrid")).unwrap();
    fs::write(at.join("VERSION"), format!("{app}\n")).unwrap();
    fs::write(at.join("web/ui/index.html"), "<!doctype html><title>stand-in</title>\n").unwrap();
    let target = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    let component = |name: &str, from: &str, into: &str| {
        format!(
            "[[component]]\nname = \"{name}\"\ntarget = \"{target}\"\nfrom = \"{from}\"\n\
             into = \"{into}\"\nlicense = \"LICENSE\"\n"
        )
    };
    let text = format!(
        "version = \"{version}\"\napp = \"{app}\"\nengine = \"test\"\nnotes = \"For tests.\"\n\
         [setup]\nversion = \"0.1.0\"\n[setup.files]\n{target} = \"offgrid-setup\"\n{}{}{}\
         [[variant]]\nid = \"{target}-cpu\"\ntarget = \"{target}\"\nrank = 100\n\
         components = [\"app\", \"llama-cpu\", \"probe-model\"]\n\
         [[variant]]\nid = \"{target}-future\"\ntarget = \"{target}\"\nrank = 900\n\
         components = [\"app\", \"llama-cpu\"]\nneeds = {{ memory = \">=900000GiB\" }}\n\
         [[model]]\nname = \"tiny\"\nfile = \"tiny.gguf\"\nfrom = \"probe.gguf\"\n\
         license = \"MIT\"\ntitle = \"A tiny random model\"\n",
        component("app", &app_folder, "app/"),
        component("llama-cpu", llama, "llama/"),
        component("probe-model", "probe.gguf", "probe/"),
    );
    let name = format!("release-{version}.toml");
    fs::write(folder.join(&name), text).unwrap();
    depot(folder, &["build", &name, "--depot", depot_name, "--fast"]);
}

/// Copies a tree with its modes and links.
pub fn copy_tree(from: &Path, to: &Path) {
    let mut command = Command::new("cp");
    let status = command.args(["-a", "--reflink=auto"]).arg(from).arg(to).status();
    assert!(status.unwrap().success(), "could not copy {}", from.display());
}

/// Sets permission bits.
pub fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
