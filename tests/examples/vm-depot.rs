//! Writes the depot of `tests/vm`: releases that work and releases that break, each in
//! its own way, with the stamped program that installs them.
//!
//! `vm-depot OUT --setup FILE --app FILE --engine FILE` makes `OUT/depot`, `OUT/keys` and
//! `OUT/offgrid-setup`. The files are run in other systems than this one: setup and app
//! are best linked statically. An engine that needs a newer C library than those systems
//! have is taken along with its own by `--libraries FOLDER`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a depot that cannot be made must stop and say why"
)]

use e2e::base::{copy_tree, depot, set_mode};
use e2e::programs::program;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What upstream's app does first (reference/app.md 1): every engine of its user ends,
/// and whoever sees others' processes ends theirs.
const PKILL: &str = "pkill -9 llama-server; pkill -9 -f llama-server.real\n";
const SERVE: &str = "exec ./offgrid.real serve\n";
/// An engine that the gate takes: it does what it should, until the app starts it.
const ENGINE: &str = "exec \"${0%/*}/llama-server.real\" \"$@\"\n";

/// A release: its number, its channel, what its app does when it serves, what its engine
/// does, and whether it has variants for a GPU and for none.
struct Release {
    version: &'static str,
    channel: &'static str,
    serves: String,
    engine: String,
    variants: &'static [&'static str],
    /// Whether no release before it is safe.
    is_floor: bool,
}

fn release(version: &'static str, channel: &'static str) -> Release {
    let serves = format!("{PKILL}{SERVE}");
    let engine = ENGINE.to_owned();
    Release { version, channel, serves, engine, variants: &["cpu"], is_floor: false }
}

/// As the app's words have `-c 4096` and the gate's have not, this is only so in service.
fn in_service(what: &str) -> String {
    format!("case \" $* \" in *\" -c 4096 \"*) {what};; esac\n{ENGINE}")
}

fn releases() -> Vec<Release> {
    let with_app = |version, channel, serves: &str| Release {
        serves: serves.to_owned(),
        ..release(version, channel)
    };
    let with_engine = |version, channel, engine: &str| Release {
        engine: engine.to_owned(),
        ..release(version, channel)
    };
    let dies = format!(
        "{PKILL}./offgrid.real serve & app=$!\ntrap 'kill $app; wait $app; exit 0' TERM INT\n\
         while kill -0 $app; do\n\
         if [ -e \"$OFFGRID_MODELS_DIR/die\" ]; then kill -9 $app; exit 3; fi\nsleep 0.2; done\n"
    );
    let slow = in_service("echo this engine is ended by a fault >&2; kill -ABRT $$");
    let hangs = in_service("echo this engine hangs >&2; exec sleep 100000");
    vec![
        release("0.1.0", "stable"),
        release("0.2.0", "second"),
        release("0.3.0", "third"),
        release("0.4.0", "fourth"),
        with_engine("0.5.0", "engine-crashes", "echo this engine is broken >&2; kill -SEGV $$\n"),
        with_engine("0.5.1", "engine-crashes-in-service", &slow),
        with_engine("0.6.0", "engine-hangs", "exec sleep 100000\n"),
        with_engine("0.6.1", "engine-hangs-in-service", &hangs),
        with_app("0.7.0", "app-exits", "echo this app is broken >&2; exit 4\n"),
        with_app("0.7.1", "app-never-answers", "exec sleep 100000\n"),
        with_app("0.7.2", "app-dies-when-told", &dies),
        Release { is_floor: true, ..with_app("0.7.3", "nothing-before-is-safe", &dies) },
        Release { variants: &["cuda"], ..release("0.8.0", "gpu-shows-no-device") },
        Release { variants: &["cuda", "cpu"], ..release("0.8.1", "gpu-falls-back") },
    ]
}

fn main() {
    let mut words = std::env::args().skip(1);
    let out = PathBuf::from(words.next().expect("where to? see the top of this file"));
    let rest: Vec<String> = words.collect();
    let named: BTreeMap<&str, &Path> =
        rest.chunks_exact(2).map(|pair| (pair[0].as_str(), Path::new(&pair[1]))).collect();
    let given = |name: &str| *named.get(name).unwrap_or_else(|| panic!("{name} is missing"));
    fs::create_dir_all(&out).unwrap();
    depot(&out, &["init", "depot", "--keys", "keys", "--no-password"]);
    let setup = given("--setup").to_str().unwrap();
    let stamp = ["stamp", setup, "--root", "depot/root/1.json", "--source", "http://127.0.0.1:9/"];
    depot(&out, &[&stamp[..], &["-o", "offgrid-setup"]].concat());
    fs::write(out.join("LICENSE"), "Licences of the parts: see their makers.\n").unwrap();
    let made = Command::new(program("make-probe-model")).arg(out.join("probe.gguf")).status();
    assert!(made.unwrap().success());
    for one in releases() {
        write_app(&out, &one, given("--app"));
        write_engine(&out, &one, given("--engine"), named.get("--libraries").copied());
        build(&out, &one);
        println!("{} {}", one.version, one.channel);
    }
}

fn script(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}")).unwrap();
    set_mode(path, 0o755);
}

/// The stand-in behind a script that serves as this release does.
fn write_app(out: &Path, release: &Release, app: &Path) {
    let folder = out.join(format!("app-{}", release.version));
    fs::create_dir_all(folder.join("web/ui")).unwrap();
    fs::copy(app, folder.join("offgrid.real")).unwrap();
    fs::write(folder.join("VERSION"), format!("{}\n", release.version)).unwrap();
    fs::write(folder.join("web/ui/index.html"), "<!doctype html><title>stand-in</title>\n")
        .unwrap();
    let text = format!(
        "case \"$1\" in serve) ;; *) exec \"${{0%/*}}/offgrid.real\" \"$@\" ;; esac\n{}",
        release.serves
    );
    script(&folder.join("offgrid"), &text);
}

/// The real engine behind a script that does what this release's does.
fn write_engine(out: &Path, release: &Release, engine: &Path, libraries: Option<&Path>) {
    let folder = out.join(format!("llama-{}", release.version));
    fs::create_dir_all(&folder).unwrap();
    script(&folder.join("llama-server"), &release.engine);
    let Some(libraries) = libraries else {
        fs::copy(engine, folder.join("llama-server.real")).unwrap();
        return;
    };
    copy_tree(libraries, &folder.join("lib"));
    fs::copy(engine, folder.join("llama-server.elf")).unwrap();
    let text = "d=${0%/*}; exec \"$d/lib/ld.so\" --library-path \"$d/lib\" \
                \"$d/llama-server.elf\" \"$@\"\n";
    script(&folder.join("llama-server.real"), text);
}

fn build(out: &Path, release: &Release) {
    let target = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    let version = release.version;
    let component = |name: &str, from: &str, into: &str| {
        format!(
            "[[component]]\nname = \"{name}\"\ntarget = \"{target}\"\nfrom = \"{from}\"\n\
             into = \"{into}\"\nlicense = \"LICENSE\"\n"
        )
    };
    let variant = |kind: &&str| {
        let (rank, device) = match *kind {
            "cuda" => (300, "device = \"CUDA\"\n"),
            _ => (100, ""),
        };
        format!(
            "[[variant]]\nid = \"{target}-{kind}\"\ntarget = \"{target}\"\nrank = {rank}\n\
             components = [\"app\", \"llama-cpu\", \"probe-model\"]\n{device}"
        )
    };
    let text = format!(
        "version = \"{version}\"\napp = \"{version}\"\nengine = \"test\"\nnotes = \"For tests.\"\n\
         [setup]\nversion = \"0.1.0\"\n[setup.files]\n{target} = \"offgrid-setup\"\n{}{}{}{}\
         [[model]]\nname = \"tiny\"\nfile = \"tiny.gguf\"\nfrom = \"probe.gguf\"\n\
         license = \"MIT\"\ntitle = \"A tiny random model\"\n",
        component("app", &format!("app-{version}"), "app/"),
        component("llama-cpu", &format!("llama-{version}"), "llama/"),
        component("probe-model", "probe.gguf", "probe/"),
        release.variants.iter().map(variant).collect::<String>(),
    );
    let name = format!("release-{version}.toml");
    fs::write(out.join(&name), text).unwrap();
    depot(out, &["build", &name, "--depot", "depot", "--fast"]);
    let mut words = vec!["publish", "depot", "--channel", release.channel, "--release", version];
    if release.is_floor {
        words.extend(["--minimum-safe", version]);
    }
    depot(out, &words);
}
