//! The depot of the drill, the computers that are installed from it, and the
//! thieves.

use e2e::{Outcome, World, base, programs, world::finish};
use offgrid_depot::keys::{Keyring, Password};
use offgrid_manifest::head::ChannelPin;
use offgrid_manifest::json::INTEGER_MAX;
use offgrid_manifest::{Digest, Head, Id, Root, json, layout, signature};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The commands of the page, by the heading they stand under.
pub(super) struct Page(pub(super) Vec<(String, Vec<String>)>);

impl Page {
    pub(super) fn read() -> Page {
        let text = fs::read_to_string(programs::repo().join("docs/TRUST.md")).unwrap();
        let mut sections: Vec<(String, Vec<String>)> = Vec::new();
        let mut block = None;
        for line in text.lines() {
            if let Some(kind) = line.strip_prefix("```") {
                block = if block.is_none() { Some(kind == "sh") } else { None };
            } else if block.is_none() && line.starts_with('#') {
                sections.push((line.trim_start_matches(['#', ' ']).to_owned(), Vec::new()));
            } else if block == Some(true) {
                sections.last_mut().unwrap().1.push(line.to_owned());
            }
        }
        Page(sections)
    }

    /// Every command of a section, of which there must be some.
    pub(super) fn of(&self, heading: &str) -> &[String] {
        let found = self.0.iter().find(|(name, _)| name == heading);
        let (_, commands) = found.unwrap_or_else(|| panic!("no section `{heading}`"));
        assert!(!commands.is_empty(), "no commands in `{heading}`");
        commands
    }
}

/// A depot and some computers that were installed from it.
pub(super) struct Drill {
    pub(super) world: World,
    pub(super) page: Page,
    pub(super) played: Vec<String>,
}

impl Drill {
    /// In a folder with what the page asks for.
    pub(super) fn new() -> Drill {
        let world = World::new();
        let base = base::folder();
        fs::remove_dir_all(world.depot()).unwrap();
        fs::remove_file(world.setup()).unwrap();
        base::copy_tree(&programs::program("offgrid-setup"), &world.setup());
        for name in ["LICENSE", "app-0.2.11", "app-0.2.12", "llama", "probe.gguf"] {
            base::copy_tree(&base.join(name), &world.path(name));
        }
        for version in ["0.1.0", "0.2.0"] {
            let text = fs::read_to_string(base.join(format!("release-{version}.toml"))).unwrap();
            let text = text.replace("\"offgrid-setup\"", "\"offgrid-setup.stamped\"");
            fs::write(world.path(&format!("release-{version}.toml")), text).unwrap();
        }
        fs::copy(world.path("release-0.1.0.toml"), world.path("release.toml")).unwrap();
        Drill { world, page: Page::read(), played: Vec::new() }
    }

    pub(super) fn shell(&self, line: &str) -> Outcome {
        let mut command = self.world.command("sh");
        let path = format!("{}:/usr/bin:/bin", programs::folder().display());
        command.args(["-c", line]).env("PATH", path);
        finish(command)
    }

    /// Types every command of a section.
    #[track_caller]
    pub(super) fn play(&mut self, heading: &str) {
        for line in self.page.of(heading) {
            self.shell(line).expect(0);
        }
        self.played.push(heading.to_owned());
    }

    /// A program on the computer of this name.
    pub(super) fn on(&self, name: &str, exe: PathBuf, words: &[&str]) -> Outcome {
        let mut command: Command = self.world.command(exe);
        command.env("HOME", self.world.path(name)).env("OFFGRID_SETUP_SOURCE", self.world.depot());
        command.args(words);
        finish(command)
    }

    #[track_caller]
    pub(super) fn install(&self, name: &str) {
        fs::create_dir(self.world.path(name)).unwrap();
        let setup = self.world.path("offgrid-setup.stamped");
        self.on(name, setup, &["install", "--yes"]).expect(0);
    }

    pub(super) fn offgrid(&self, name: &str, words: &[&str]) -> Outcome {
        self.on(name, self.world.path(name).join(".local/bin/offgrid"), words)
    }

    pub(super) fn update(&self, name: &str) -> Outcome {
        self.offgrid(name, &["update", "--yes", "--json"])
    }

    /// What this computer remembers: root, head and channel.
    #[track_caller]
    pub(super) fn remembers(&self, name: &str) -> [u64; 3] {
        let trust = &self.offgrid(name, &["self", "status", "--json"]).expect(0).json()["trust"];
        ["root", "head", "channel"].map(|what| trust[what].as_u64().unwrap())
    }

    /// Updates, which must work, and remembers this.
    #[track_caller]
    pub(super) fn follows(&self, name: &str, marks: [u64; 3]) {
        self.update(name).expect(0);
        assert_eq!(self.remembers(name), marks, "{name}");
    }

    pub(super) fn file(&self, path: &str) -> Vec<u8> {
        fs::read(self.world.depot().join(path)).unwrap()
    }

    pub(super) fn channel(&self, version: u64) -> Value {
        serde_json::from_slice(&self.file(&layout::channel(&stable(), version))).unwrap()
    }

    pub(super) fn head(&self) -> Head {
        json::read(&self.file(layout::HEAD)).unwrap()
    }

    /// The thief, with copies of these keys as they were under root `n`.
    pub(super) fn thief(&self, keys: &[&str], n: u64) -> Thief<'_> {
        let folders = keys.iter().map(|folder| self.world.path(folder)).collect();
        let password = Password::File(self.world.path("password"));
        let root = json::read(&self.file(&layout::root(n))).unwrap();
        Thief { drill: self, root, ring: Keyring::of(folders, password) }
    }

    /// A computer that never had anything refuses to install.
    #[track_caller]
    pub(super) fn refused_by_a_new_one(&self, code: &str) {
        let home = self.world.path("fresh");
        fs::create_dir(&home).unwrap();
        let setup = self.world.path("offgrid-setup.stamped");
        self.on("fresh", setup, &["install", "--yes", "--json"]).expect_error(5, code);
        fs::remove_dir_all(home).unwrap();
    }

    /// The depot as it is now, to be put back.
    pub(super) fn saved(&self) -> PathBuf {
        let copy = self.world.path("depot-saved");
        assert!(!copy.exists(), "one at a time");
        base::copy_tree(&self.world.depot(), &copy);
        copy
    }

    /// Exchanges the depot and this copy.
    pub(super) fn swap(&self, copy: &Path) {
        let aside = self.world.path("depot-aside");
        fs::rename(self.world.depot(), &aside).unwrap();
        fs::rename(copy, self.world.depot()).unwrap();
        fs::rename(aside, copy).unwrap();
    }

    pub(super) fn put_back(&self, copy: &Path) {
        fs::remove_dir_all(self.world.depot()).unwrap();
        fs::rename(copy, self.world.depot()).unwrap();
    }
}

/// Signs what it likes, with the keys that it has, under the root of that day.
pub(super) struct Thief<'a> {
    drill: &'a Drill,
    root: Root,
    ring: Keyring,
}

impl Thief<'_> {
    pub(super) fn put(&self, path: &str, bytes: &[u8]) {
        fs::write(self.drill.world.depot().join(path), bytes).unwrap();
    }

    pub(super) fn head(&mut self, edit: impl FnOnce(&mut Head)) {
        let mut head = self.drill.head();
        head.version = INTEGER_MAX;
        edit(&mut head);
        let bytes = serde_json::to_vec(&head).unwrap();
        let digest = Digest::of(&bytes);
        let comment = signature::comment("offgrid/head", "head", &head.version, &digest);
        let file = self.ring.sign(&self.root, &self.root.roles.head, &bytes, &comment).unwrap();
        self.put(&layout::head_signature(&digest), file.as_bytes());
        self.put(layout::HEAD, &bytes);
    }

    /// A channel document of this version that says something of the thief's.
    pub(super) fn channel(&mut self, version: u64) -> ChannelPin {
        let pinned = self.drill.head().channels[&stable()].version;
        let mut channel = self.drill.channel(pinned);
        channel["version"] = json!(version);
        channel["critical"] = json!(true);
        let bytes = serde_json::to_vec(&channel).unwrap();
        let (sha256, size) = (Digest::of(&bytes), bytes.len() as u64);
        let comment = signature::comment("offgrid/channel", "stable", &version, &sha256);
        let role = &self.root.roles.release;
        let file = self.ring.sign(&self.root, role, &bytes, &comment).unwrap();
        let place = layout::channel(&stable(), version);
        self.put(&layout::signature(&place), file.as_bytes());
        self.put(&place, &bytes);
        ChannelPin { version, sha256, size }
    }
}

pub(super) fn stable() -> Id {
    "stable".parse().unwrap()
}
