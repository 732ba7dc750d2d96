//! A depot with keys and a small release, in a folder of its own.

use object::write::{Object, StandardSegment};
use object::{Architecture, BinaryFormat, Endianness, SectionKind};
use offgrid_depot::build::{self, Built};
use offgrid_depot::check::{self, Report};
use offgrid_depot::depot::Depot;
use offgrid_depot::keys::{Keyring, Password};
use offgrid_depot::publish::{self, Published};
use offgrid_depot::{init, stamp};
use offgrid_manifest::stamp::empty_section;
use offgrid_manifest::{Digest, Time};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub(crate) const NOW: &str = "2026-09-01T00:00:00Z";

pub(crate) fn now() -> Time {
    NOW.parse().unwrap()
}

/// Bytes that do not compress well and are the same each time.
pub(crate) fn noise(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..size).map(|i| if i % 3 == 0 { 0 } else { next() as u8 }).collect()
}

/// An ELF file with a stamp section that nobody has stamped.
pub(crate) fn elf(architecture: Architecture) -> Vec<u8> {
    let mut file = Object::new(BinaryFormat::Elf, architecture, Endianness::Little);
    let segment = file.segment_name(StandardSegment::Data).to_vec();
    let section = file.add_section(segment, b".ogstamp".to_vec(), SectionKind::ReadOnlyData);
    file.append_section_data(section, &empty_section(), 16);
    file.write().unwrap()
}

pub(crate) struct World {
    _dir: TempDir,
    pub(crate) root: PathBuf,
    pub(crate) depot: PathBuf,
    pub(crate) keys: PathBuf,
}

impl World {
    /// Keys: 2 of 3 for the root, 1 of 2 for releases, 1 for the head.
    pub(crate) fn new() -> World {
        World::with_release_keys((2, 1))
    }

    pub(crate) fn with_release_keys(release: (usize, usize)) -> World {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().to_owned();
        let (depot, keys) = (root.join("depot"), root.join("keys"));
        let world = World { _dir: dir, root, depot, keys };
        init::run(&world.init(release)).unwrap();
        world.sources();
        world
    }

    pub(crate) fn init(&self, release: (usize, usize)) -> init::Options {
        init::Options {
            dir: self.depot.clone(),
            keys: vec![self.keys.clone()],
            existing: false,
            root: (3, 2),
            release,
            head: (1, 1),
            min_bootstrap: "0.1.0".parse().unwrap(),
            password: Password::None,
            now: now(),
        }
    }

    /// The files that release.toml names.
    fn sources(&self) {
        self.write("app/offgrid", &noise(300_000, 1));
        self.write("app/VERSION", b"0.2.12\n");
        self.write("app/web/ui/index.html", b"<!doctype html>\n");
        self.write("llama/llama-server", &noise(280_000, 2));
        self.write("llama/libggml.so.1", &noise(400_000, 3));
        self.write("llama/notes.txt", b"small\n");
        self.write("LICENSE", b"MIT\n");
        self.write("tiny.gguf", &noise(5_000, 4));
        #[cfg(unix)]
        {
            use std::os::unix::fs::{PermissionsExt, symlink};
            for name in ["app/offgrid", "llama/llama-server"] {
                let path = self.root.join(name);
                fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
            }
            symlink("libggml.so.1", self.root.join("llama/libggml.so")).unwrap();
        }
        self.stamped("setup", Architecture::X86_64);
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// A stamped bootstrapper.
    pub(crate) fn stamped(&self, name: &str, architecture: Architecture) -> PathBuf {
        let binary = self.write("unstamped", &elf(architecture));
        let out = self.root.join(name);
        stamp::run(&stamp::Options {
            binary,
            root: self.depot.join("root/1.json"),
            sources: vec!["https://offgrid.example/depot".into(), "http://10.0.0.2/".into()],
            out: out.clone(),
            now: now(),
        })
        .unwrap();
        out
    }

    /// release.toml of this version, after `change`.
    pub(crate) fn spec(&self, version: &str, change: impl FnOnce(String) -> String) -> PathBuf {
        let text = format!(
            r#"version = "{version}"
app = "0.2.12"
engine = "b11158"
notes = "New: everything."

[source]
repo = "https://example.org/offgrid"
commit = "0123456789abcdef"
epoch = 1788220800

[setup]
version = "0.1.0"
[setup.files]
linux-x86_64 = "setup"

[[component]]
name = "app"
target = "linux-amd64"
from = "app"
into = "app/"
license = "LICENSE"

[[component]]
name = "llama-cpu"
target = "linux-x86_64"
from = "llama"
into = "llama/"
license = "LICENSE"

[[variant]]
id = "linux-x86_64-cpu"
target = "linux-x86_64"
rank = 100
components = ["app", "llama-cpu"]
needs = {{ glibc = ">=2.17", nvidia = [ {{ compute = ["8.6", "8.9"], driver = ">=550" }} ] }}

[[model]]
name = "tiny"
from = "tiny.gguf"
license = "Apache-2.0"
title = "Tiny"
default = true
"#
        );
        self.write("release.toml", change(text).as_bytes())
    }

    pub(crate) fn build_options(&self, spec: &Path) -> build::Options {
        build::Options {
            spec: spec.to_owned(),
            depot: self.depot.clone(),
            fast: true,
            unknown_needs: false,
            now: now(),
        }
    }

    pub(crate) fn build(&self, version: &str) -> Built {
        let spec = self.spec(version, |text| text);
        build::run(&self.build_options(&spec)).unwrap()
    }

    /// Builds a changed release.toml, which must fail; its error.
    pub(crate) fn refused(&self, change: impl FnOnce(String) -> String) -> build::Error {
        let spec = self.spec("0.3.0", change);
        build::run(&self.build_options(&spec)).unwrap_err()
    }

    pub(crate) fn publish_options(&self, version: &str) -> publish::Options {
        publish::Options {
            channel: "stable".parse().unwrap(),
            release: Some(version.parse().unwrap()),
            from: None,
            rollout: None,
            critical: false,
            minimum_safe: None,
            mirrors: Vec::new(),
            allow_downgrade: false,
            no_head: false,
            now: now(),
        }
    }

    pub(crate) fn publish(&self, options: &publish::Options) -> Result<Published, publish::Error> {
        let mut ring = Keyring::new(self.keys.clone(), Password::Ask);
        publish::run(&Depot::open(&self.depot).unwrap(), &mut ring, options)
    }

    /// Built and published.
    pub(crate) fn published(version: &str) -> World {
        let world = World::new();
        world.build(version);
        world.publish(&world.publish_options(version)).unwrap();
        world
    }

    pub(crate) fn check(&self) -> Report {
        check::run(self.depot.to_str().unwrap(), None, now()).unwrap()
    }

    /// Every published file: path in the depot, and bytes.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut all = BTreeMap::new();
        let mut folders = vec![self.depot.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(&self.depot).unwrap().to_str().unwrap().to_owned();
                if name == ".depot" {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else {
                    all.insert(name, fs::read(path).unwrap());
                }
            }
        }
        all
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.depot.join(name)).unwrap()
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()
}
